"""A customer's file becomes an issue of a table: `code-sets/<kind>-<revision>/` with table.yaml and rows.csv.

Room: outbound. The file is read as the loader reads it, so that what is added can be loaded; it is written as
plain UTF-8 CSV under the table's own column names.
"""

import csv
import datetime as dt
import io
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec
import yaml

from chassis import errors
from claims.domain.rules import documents, packs, shapes
from claims.outbound import pack_files, table_files, table_rows, yaml_files

DATA = "rows.csv"
_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")  # a name of a folder, never a way to another one


class Issue(msgspec.Struct, frozen=True, kw_only=True):
    """What a file does not say of itself; `defaults` are values of columns it lacks."""

    revision: str
    first: dt.date
    last: dt.date | None = None
    title: str = ""
    source: str = ""
    licence: str = "the customer's own"
    defaults: Mapping[str, str] = {}
    extends: bool | None = None


class Folder(msgspec.Struct, frozen=True, kw_only=True):
    """An issue ready to be written: its name, its table.yaml, its rows, and how many there are."""

    name: str
    head: str
    data: bytes
    size: int


def convert(file: Path, kind: str, known: Mapping[str, shapes.Shape], issue: Issue) -> Folder:
    """Return a customer's file as an issue of the table `kind`.

    Raises NotFound `table.unknown`, and Invalid `pack.invalid` with everything wrong in the file.
    """
    shape = known.get(kind)
    if shape is None:
        raise errors.NotFound(
            "table.unknown", f"There is no table `{kind}`; tables: {', '.join(sorted(known))}."
        )
    report = packs.Report()
    document = _document(file.name, kind, issue)
    head = report.read("options", document, documents.TableHead)
    report.close()
    if head is None:
        raise AssertionError("a report without violations has a head")
    own = shapes.resolve(
        head, shape, lambda field, message, remedy: report.add(field, "table.invalid", message, remedy)
    )
    if issue.last is not None and issue.last < issue.first:
        report.add("to", "table.invalid", "The last day is before the first.", "Correct one.")
    report.close()
    content = yaml_files.content(file, table_rows.MAX_DATA_BYTES)
    found = table_files.rows(file.name, content, own, (issue.first, issue.last), report)
    report.close()
    if found is None:
        raise AssertionError("a report without violations has rows")
    text = yaml.safe_dump(document, allow_unicode=True, sort_keys=False)
    size = len(found.rows) + sum(map(len, found.spans.values()))
    return Folder(name=f"{kind}-{issue.revision}", head=text, data=_plain(file.name, content, own), size=size)


def add(folder: Folder, directory: Path, tenant: str) -> Path:
    """Write an issue among a tenant's tables and return its folder; nothing stays if it cannot be loaded.

    Raises Conflict `table.exists`, Invalid `tenant.invalid`, Invalid `pack.invalid` where it contradicts the
    tables beside it.
    """
    if not _TENANT.fullmatch(tenant):
        raise errors.Invalid(
            "tenant.invalid", "A tenant's name is letters, digits, dots, dashes and underscores."
        )
    home = directory / pack_files.TENANTS / tenant / table_files.FOLDER
    target = home / folder.name
    home.mkdir(parents=True, exist_ok=True)
    try:
        target.mkdir()
    except FileExistsError as cause:
        raise errors.Conflict(
            "table.exists", f"{target} is there already; give the new issue another revision."
        ) from cause
    try:
        (target / DATA).write_bytes(folder.data)
        (target / table_files.HEAD).write_text(
            folder.head, encoding="utf-8"
        )  # last: it makes the folder a table
        pack_files.library(directory)
    except BaseException:
        shutil.rmtree(target)
        raise
    return target


def _document(name: str, kind: str, issue: Issue) -> dict[str, object]:
    """Return the table.yaml of an issue; fields that say nothing are left out."""
    said = {
        "name": kind,
        "title": issue.title or f"{kind}, {issue.revision}",
        "source": issue.source or f"the customer's file {name}",
        "licence": issue.licence,
        "revision": issue.revision,
        "from": issue.first,
        "to": issue.last,
        "extends": issue.extends,
        "defaults": dict(issue.defaults) or None,
        "data": DATA,
    }
    return {field: value for field, value in said.items() if value is not None}


def _plain(name: str, content: bytes, shape: shapes.Shape) -> bytes:
    """Return the rows as UTF-8 CSV under the table's own names of columns."""
    header, records = table_rows.read(name, content, shape)
    written = io.StringIO(newline="")
    lines = csv.writer(written, lineterminator="\n")
    lines.writerow(header)
    lines.writerows(_filled(cells for _, cells in records))
    return written.getvalue().encode()


def _filled(records: Iterable[Sequence[str]]) -> Iterable[list[str]]:
    """Yield the lines that hold something, without the blanks around it."""
    for cells in records:
        bare = [cell.strip() for cell in cells]
        if any(bare):
            yield bare
