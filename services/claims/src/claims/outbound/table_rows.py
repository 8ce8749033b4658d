"""The rows of a table's data file: CSV as spreadsheets write it, or a YAML list, to header and cells.

Room: outbound. UTF-8 with or without the mark that Excel puts in front, `,` `;` or tabulator between cells.
What is wrong is told with line and column.
"""

import csv
import io
import lzma
from collections.abc import Iterator, Sequence

import yaml

from claims.domain.rules import cells, shapes
from claims.outbound import yaml_files

MAX_DATA_BYTES = 64_000_000  # of one unpacked table; the whole of ICD-10-CM is a hundredth of it
_SEPARATORS = (",", ";", "\t")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_EXCEL = "sep="  # a first line by which Excel is told the separator
_NULL = "tag:yaml.org,2002:null"
_LIST_JOINT = ";"

type Content = tuple[Sequence[str], Iterator[cells.Record]]


class Broken(Exception):  # noqa: N818 - turned into a note by the caller
    """A file cannot be read as a table at all."""

    def __init__(self, message: str, remedy: str, *, line: int = 0) -> None:
        super().__init__(message)
        self.message, self.remedy, self.line = message, remedy, line


def read(name: str, data: bytes, shape: shapes.Shape) -> Content:
    """Return the columns of a data file and its records; raise Broken where there is no table.

    Records are read as they are asked for, so that Broken may come with any of them.
    """
    if name.endswith(".yaml"):
        return _listed(name, data, shape)
    return _separated(text(name, data), shape)


def text(name: str, data: bytes) -> str:
    """Return the text of a CSV file, unpacked; raise Broken where it is none."""
    if name.endswith(".xz"):
        data = _unpacked(data)
    if data.startswith(_UTF_16):
        raise Broken("The file is UTF-16 text.", "Save it as `CSV UTF-8`, not as `Unicode text`.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as cause:
        line = data.count(b"\n", 0, cause.start) + 1
        raise Broken("The text is not UTF-8.", "Save it as `CSV UTF-8`.", line=line) from cause


def _unpacked(data: bytes) -> bytes:
    try:
        unpacker = lzma.LZMADecompressor()
        found = unpacker.decompress(data, MAX_DATA_BYTES)
    except lzma.LZMAError as cause:
        raise Broken("The file's compression is broken.", "Pack it again with xz.") from cause
    if not unpacker.eof:
        raise Broken("The table is cut off, or too large when unpacked.", "Pack it again with xz.")
    return found


def _separated(whole: str, shape: shapes.Shape) -> Content:
    skipped = 0
    if whole[: len(_EXCEL)].casefold() == _EXCEL:
        whole, skipped = whole[len(_first_line(whole)) :], 1
    separator = _separator(_first_line(whole), shape)
    records = _records(whole, separator, skipped)
    line, words = next(records, (skipped + 1, ()))
    return _header(line, words, shape), records


def _first_line(whole: str) -> str:
    """Return the first line with its end, however lines end."""
    return next(io.StringIO(whole, newline=""), "")


def _separator(head: str, shape: shapes.Shape) -> str:
    """Return the separator under which most words of a header are known columns."""

    def known(separator: str) -> tuple[int, int]:
        try:
            words = next(csv.reader([head.rstrip("\r\n")], delimiter=separator), [])
        except csv.Error:  # told when the line is read as a record
            words = []
        return sum(shape.column(word) is not None for word in words), len(words)

    return max(_SEPARATORS, key=known)


def _records(whole: str, separator: str, skipped: int) -> Iterator[cells.Record]:
    """Yield the line on which each record begins, and its cells."""
    lines = csv.reader(io.StringIO(whole, newline=""), delimiter=separator, strict=True)
    while True:
        start = lines.line_num + skipped + 1
        try:
            found = next(lines, None)
        except csv.Error as cause:
            raise Broken(
                "A quotation mark is not closed, or stands inside a text.",
                "Put the text into quotation marks and double those inside it.",
                line=start,
            ) from cause
        if found is None:
            return
        yield start, found


def _header(line: int, words: Sequence[str], shape: shapes.Shape) -> list[str]:
    """Return the columns that a header names; raise Broken for unknown, doubled and missing ones."""
    named = [shape.column(word) for word in words]
    unknown = [word.strip() for word, name in zip(words, named, strict=True) if name is None]
    columns = [name for name in named if name is not None]
    expected = f"Columns: {', '.join((*shape.key, *shape.columns))}; `from` and `to` may follow."
    if unknown:
        shown = ", ".join(f"`{word}`" for word in unknown[:5])
        raise Broken(f"The header has unknown columns: {shown}.", expected, line=line)
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise Broken(f"The header has columns twice: {', '.join(twice)}.", "Remove one.", line=line)
    lacking = [
        name for name in (*shape.key, *shape.columns)
        if name not in columns and name not in shape.defaults
        and (name in shape.key or name in shape.required)
    ]  # fmt: skip
    if lacking:
        raise Broken(f"The header lacks columns: {', '.join(lacking)}.", expected, line=line)
    return columns


def _listed(name: str, data: bytes, shape: shapes.Shape) -> Content:
    if len(data) > yaml_files.MAX_TEXT_BYTES:
        raise Broken(f"The file is larger than {yaml_files.MAX_TEXT_BYTES} bytes.", "Write it as CSV.")
    node = yaml_files.composed(name, data)
    if not isinstance(node, yaml.SequenceNode):
        raise Broken("The file is not a list of rows.", "Begin each row with `- `.")
    return shape.names(), (_entry(entry, shape) for entry in node.value)


def _entry(node: yaml.Node, shape: shapes.Shape) -> cells.Record:
    line = node.start_mark.line + 1
    if not isinstance(node, yaml.MappingNode):
        raise Broken("The row is not a list of `column: value`.", "Write `- code: …`.", line=line)
    given: dict[str, str] = {}
    for key, value in node.value:
        column = shape.column(str(key.value)) if isinstance(key, yaml.ScalarNode) else None
        place = key.start_mark.line + 1
        if column is None or column in given:
            names = ", ".join(shape.names())
            raise Broken(f"`{key.value}` is no column, or is given twice.", f"Columns: {names}.", line=place)
        given[column] = _scalar(value, column)
    return line, [given.get(name, shape.defaults.get(name, "")) for name in shape.names()]


def _scalar(node: yaml.Node, column: str) -> str:
    """Return a value as it is written; a list of values is joined as in a CSV cell."""
    if isinstance(node, yaml.ScalarNode):
        return "" if node.tag == _NULL else str(node.value)
    if isinstance(node, yaml.SequenceNode) and all(isinstance(n, yaml.ScalarNode) for n in node.value):
        return _LIST_JOINT.join(str(part.value) for part in node.value)
    line = node.start_mark.line + 1
    raise Broken(f"`{column}` is not one value.", "Write a text, a number or a day.", line=line)
