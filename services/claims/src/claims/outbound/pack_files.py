"""Rule packs and code tables from a directory: the one place that knows their files.

Room: outbound. `<directory>/<pack>/pack.yaml` with `rules/*.yaml` beside it, `<directory>/code-sets/<name>/`
with a table (table_files), and `<directory>/tenants/<tenant>/` with the same inside for one tenant alone.
What is wrong is told with its file. Where reasons lie beside the packs, rules' codes are completed by them.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from chassis import errors
from claims.domain import reasons
from claims.domain.rules import coding, engines, packs, shapes, tables
from claims.outbound import label_files, reason_files, table_files, yaml_files

TENANTS = "tenants"


class Library(msgspec.Struct, frozen=True, kw_only=True):
    """A whole directory: what is common, the shapes of its tables, what each tenant's engine is made of."""

    common: engines.Book
    shapes: Mapping[str, shapes.Shape]
    tenants: Mapping[str, engines.Book]


def load(directory: Path, over: Sequence[Path] = ()) -> tuple[list[packs.Pack], tables.Tables]:
    """Return the common packs and tables of a directory, packs sorted by name.

    `over` are folders built alike whose tables are laid over those before them and whose packs are added.
    Raises Invalid with reason `pack.invalid` and one violation per problem, NotFound `pack.absent` for none.
    """
    found = book(directory, over)
    return list(found.packs), found.tables


def book(directory: Path, over: Sequence[Path] = ()) -> engines.Book:
    """Return what an engine is made of that serves everyone; see `load`."""
    found, _ = _common(directory, over)
    return found


def library(directory: Path, over: Sequence[Path] = ()) -> Library:
    """Return everything in a directory; raises as `load` does, for what is wrong in all tenants at once."""
    common, known = _common(directory, over)
    report = packs.Report()
    own: dict[str, engines.Book] = {}
    for folder in sorted(path for path in (directory / TENANTS).glob("*") if path.is_dir()):
        try:
            own[folder.name], _ = _laid(common, known, folder, f"{TENANTS}/{folder.name}/")
        except errors.Invalid as fault:
            report.extend(fault.violations)
    report.close()
    return Library(common=common, shapes=known, tenants=own)


def load_tenants(directory: Path) -> dict[str, tuple[list[packs.Pack], tables.Tables]]:
    """Return packs and tables of each tenant with its own folder, combined with the common ones."""
    found = library(directory).tenants
    return {tenant: (list(book.packs), book.tables) for tenant, book in found.items()}


def _common(directory: Path, over: Sequence[Path]) -> tuple[engines.Book, Mapping[str, shapes.Shape]]:
    loaded, said = table_files.load(directory), reason_files.find(directory)
    found = engines.Book(
        packs=_packs(directory, loaded.tables, said, ""),
        tables=loaded.tables,
        labels=label_files.load(directory, {}, loaded.tables),
        crosswalk=said,
    )
    if not found.packs:
        raise errors.NotFound("pack.absent", "There is no pack.yaml in any folder of the packs' directory.")
    known = loaded.shapes
    for folder in over:
        if not folder.is_dir():
            raise errors.NotFound("folder.not_found", f"There is no folder {folder}.")
        found, known = _laid(found, known, folder, f"{folder.name}/")
    return found, known


def _laid(
    below: engines.Book,
    known: Mapping[str, shapes.Shape],
    folder: Path,
    label: str,
) -> tuple[engines.Book, Mapping[str, shapes.Shape]]:
    """Return a book with a folder's tables laid over it and its packs added; messages begin with `label`."""
    loaded = table_files.load(folder, known, label)
    whole = below.tables.under(loaded.tables)
    added = _packs(folder, whole, below.crosswalk, label)
    _refuse_doubles(below.packs, added, label)
    labels = label_files.load(folder, below.labels, whole, label)
    laid = engines.Book(packs=[*below.packs, *added], tables=whole, labels=labels, crosswalk=below.crosswalk)
    return laid, loaded.shapes


def _refuse_doubles(below: Sequence[packs.Pack], added: Sequence[packs.Pack], label: str) -> None:
    ids = {rule.id: pack.id for pack in below for rule in pack.rules}
    report = packs.Report()
    for pack in added:
        for rule in pack.rules:
            if rule.id in ids:
                report.add(
                    f"{label}{pack.id}: {rule.id}", "rule.duplicate",
                    f"The pack {ids[rule.id]} holds a rule of this id.", "Give this one another id.",
                )  # fmt: skip
    report.close()


def _packs(directory: Path, known: tables.Tables, said: reasons.Book | None, label: str) -> list[packs.Pack]:
    found = [_pack(head, known, label) for head in sorted(directory.glob("*/pack.yaml"))]
    return found if said is None else [coding.completed(pack, said) for pack in found]


def _pack(head: Path, known: tables.Tables, label: str) -> packs.Pack:
    files = sorted(head.parent.glob("rules/*.yaml"))
    content = [
        (str(file.relative_to(head.parents[1])), yaml_files.content(file, yaml_files.MAX_TEXT_BYTES))
        for file in (head, *files)
    ]
    digest = yaml_files.digest(content)
    read = [(label + name, yaml_files.parsed(label + name, text)) for name, text in content]
    return packs.assemble(read[0], read[1:], known, sha256=digest)
