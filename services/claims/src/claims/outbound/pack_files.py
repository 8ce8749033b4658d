"""Rule packs and code tables from a directory: the one place that knows their files.

Room: outbound. `<directory>/<pack>/pack.yaml` with `rules/*.yaml` beside it, and
`<directory>/code-sets/<name>/table.yaml` with its data file. Files are bounded, YAML is read safely, and what
is wrong is told with its file.
"""

import csv
import hashlib
import io
import lzma
from collections.abc import Callable, Mapping
from pathlib import Path

import yaml

from chassis import errors
from claims.domain.rules import documents, packs, tables

MAX_TEXT_BYTES = 4_000_000  # of one YAML file; the base pack is a fiftieth of it
MAX_DATA_BYTES = 64_000_000  # of one unpacked table; the whole of ICD-10-CM is a hundredth of it
_TABLES = "code-sets"
_READERS: Mapping[str, Callable[[str], object]] = {
    "text": str, "integer": int, "number": tables.number,
    "boolean": {"1": True, "0": False}.__getitem__,
}  # fmt: skip


def load(directory: Path) -> tuple[list[packs.Pack], tables.Tables]:
    """Return the packs and tables under a directory, packs sorted by name.

    Raises Invalid with reason `pack.invalid` and one violation per problem, NotFound `pack.absent` for none.
    """
    known = tables.Tables([_table(head) for head in sorted((directory / _TABLES).glob("*/table.yaml"))])
    heads = sorted(directory.glob("*/pack.yaml"))
    if not heads:
        raise errors.NotFound("pack.absent", "There is no pack.yaml in any folder of the packs' directory.")
    return [_pack(head, known) for head in heads], known


def _pack(head: Path, known: tables.Tables) -> packs.Pack:
    files = sorted(head.parent.glob("rules/*.yaml"))
    content = [
        (str(file.relative_to(head.parents[1])), _bytes(file, MAX_TEXT_BYTES)) for file in (head, *files)
    ]
    digest = _digest(content)
    read = [(name, _yaml(name, text)) for name, text in content]
    return packs.assemble(read[0], read[1:], known, sha256=digest)


def _table(head: Path) -> tables.Table:
    name, text = f"{_TABLES}/{head.parent.name}/table.yaml", _bytes(head, MAX_TEXT_BYTES)
    report = packs.Report()
    found = report.read(name, _yaml(name, text), documents.TableHead)
    report.close()
    if found is None:
        raise AssertionError("a report without violations has a document")
    source = f"{_TABLES}/{head.parent.name}/{found.data}"
    data = _bytes(head.parent / found.data, MAX_DATA_BYTES)
    digest = _digest([("table.yaml", text), (found.data, data)])
    rows = _rows(source, found, _unpacked(source, data))
    period = tables.Period(
        first=found.from_, last=found.to, revision=packs.revision(found.revision, digest), rows=rows
    )
    return tables.Table(name=found.name, fields=dict(found.columns), dotless=found.dotless, periods=(period,))


def _rows(name: str, head: documents.TableHead, text: str) -> dict[str, tables.Row]:
    """Return the rows of a CSV text whose header is `code` and the table's columns, in that order."""
    lines = csv.reader(io.StringIO(text))
    if next(lines, []) != ["code", *head.columns]:
        raise _invalid(
            name, "The header is not `code` and the columns of table.yaml.", "Correct the first line."
        )
    readers = [_READERS[kind] for kind in head.columns.values()]
    shared: dict[tables.Row, tables.Row] = {}  # few distinct rows stand for many codes
    rows: dict[str, tables.Row] = {}
    for number, cells in enumerate(lines, start=2):
        try:
            code, *values = cells
            row = tuple(read(value) for read, value in zip(readers, values, strict=True))
        except (ValueError, KeyError, ArithmeticError) as cause:
            raise _invalid(name, f"Line {number} does not fit its columns.", "Correct the line.") from cause
        rows[tables.normal(code, dotless=head.dotless)] = shared.setdefault(row, row)
    return rows


def _unpacked(name: str, data: bytes) -> str:
    try:
        if name.endswith(".xz"):
            unpacker = lzma.LZMADecompressor()
            data = unpacker.decompress(data, MAX_DATA_BYTES)
            if not unpacker.eof:
                raise _invalid(name, "The table is cut off, or too large when unpacked.", "Build it again.")
        return data.decode("ascii")
    except (lzma.LZMAError, UnicodeDecodeError) as cause:
        raise _invalid(
            name, "The table is not ASCII text, or its compression is broken.", "Build it again."
        ) from cause


def _yaml(name: str, text: bytes) -> object:
    try:
        return yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as cause:
        mark = cause.problem_mark
        place = "" if mark is None else f" at line {mark.line + 1}, column {mark.column + 1}"
        raise _invalid(
            name, f"The file is not YAML{place}.", "Check indentation and quotation marks."
        ) from cause
    except (yaml.YAMLError, RecursionError, ValueError) as cause:
        raise _invalid(name, "The file is not YAML.", "Write it as UTF-8 text.") from cause


def _bytes(file: Path, most: int) -> bytes:
    try:
        with file.open("rb") as opened:
            content = opened.read(most + 1)
    except OSError as cause:
        raise _invalid(
            _name(file), "The file cannot be read.", "Check that it exists and may be read."
        ) from cause
    if len(content) > most:
        raise _invalid(_name(file), f"The file is larger than {most} bytes.", "Split it.")
    return content


def _name(file: Path) -> str:
    return f"{file.parent.name}/{file.name}"


def _digest(content: list[tuple[str, bytes]]) -> str:
    """Return the SHA-256 of names and contents, each led by its length so that no two lists share a text."""
    whole = hashlib.sha256()
    for name, text in content:
        for part in (name.encode(), text):
            whole.update(len(part).to_bytes(8, "big") + part)
    return whole.hexdigest()


def _invalid(name: str, message: str, remedy: str) -> errors.Invalid:
    violation = errors.Violation(name, "file.invalid", f"{message} {remedy}")
    return errors.Invalid("pack.invalid", f"{name}: {message} {remedy}", violations=(violation,))
