"""Rule packs and code tables from a directory: the one place that knows their files.

Room: outbound. `<directory>/<pack>/pack.yaml` with `rules/*.yaml` beside it, and
`<directory>/code-sets/<name>/table.yaml` with its data file (table_files).
"""

from pathlib import Path

from chassis import errors
from claims.domain.rules import packs, tables
from claims.outbound import table_files, yaml_files


def load(directory: Path) -> tuple[list[packs.Pack], tables.Tables]:
    """Return the packs and tables under a directory, packs sorted by name.

    Raises Invalid with reason `pack.invalid` and one violation per problem, NotFound `pack.absent` for none.
    """
    known = table_files.load(directory).tables
    heads = sorted(directory.glob("*/pack.yaml"))
    if not heads:
        raise errors.NotFound("pack.absent", "There is no pack.yaml in any folder of the packs' directory.")
    return [_pack(head, known) for head in heads], known


def _pack(head: Path, known: tables.Tables) -> packs.Pack:
    files = sorted(head.parent.glob("rules/*.yaml"))
    content = [
        (str(file.relative_to(head.parents[1])), yaml_files.content(file, yaml_files.MAX_TEXT_BYTES))
        for file in (head, *files)
    ]
    digest = yaml_files.digest(content)
    read = [(name, yaml_files.parsed(name, text)) for name, text in content]
    return packs.assemble(read[0], read[1:], known, sha256=digest)
