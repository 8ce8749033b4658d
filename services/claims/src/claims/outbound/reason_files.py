"""Reasons and their crosswalk from a directory: `<directory>/reasons/*.yaml`.

Room: outbound. `python -m claims.outbound.reason_files packs > docs/reasons.md` renews the written table.
"""

import sys
from pathlib import Path

from chassis import errors
from claims.domain import reason_documents, reasons, reasons_reference
from claims.outbound import yaml_files

FOLDER = "reasons"


def load(directory: Path) -> reasons.Book:
    """Return the book under a directory of packs.

    Raises Invalid `pack.invalid` with one violation per problem, NotFound `reasons.absent` for none.
    """
    found = find(directory)
    if found is None:
        raise errors.NotFound("reasons.absent", "There is no folder `reasons` in the packs' directory.")
    return found


def find(directory: Path) -> reasons.Book | None:
    """Return the book under a directory of packs, None where it has no reasons; raises as `load` does."""
    files = sorted((directory / FOLDER).glob("*.yaml"))
    return reason_documents.read([_document(file) for file in files]) if files else None


def _document(file: Path) -> tuple[str, object]:
    name = f"{FOLDER}/{file.name}"
    return name, yaml_files.parsed(name, yaml_files.content(file, yaml_files.MAX_TEXT_BYTES))


if __name__ == "__main__":
    sys.stdout.write(reasons_reference.markdown(load(Path(sys.argv[1]))))
