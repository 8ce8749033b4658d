"""Data files of tables: what spreadsheets write is read, and what is no table is told with its line."""

import contextlib
import lzma

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims.domain.rules import shapes
from claims.outbound import table_rows

SHAPE = shapes.Shape(
    key=("code",), columns={"price": "money", "note": "text"}, required=frozenset({"price"}),
    aliases={"السعر": "price"},
)  # fmt: skip
type Read = tuple[list[str], list[tuple[int, list[str]]]]

PLAIN = "code,price,note\nA,1.50,x\nB,2,\n"
LINES = [(2, ["A", "1.50", "x"]), (3, ["B", "2", ""])]


def read(data: bytes, name: str = "rows.csv", shape: shapes.Shape = SHAPE) -> Read:
    """The columns and the records of a file."""
    header, records = table_rows.read(name, data, shape)
    return list(header), [(line, list(cells)) for line, cells in records]


@pytest.mark.parametrize(
    "data",
    [
        PLAIN.encode(),
        b"\xef\xbb\xbf" + PLAIN.encode(),
        PLAIN.replace(",", ";").encode(),
        PLAIN.replace(",", "\t").encode(),
        PLAIN.replace("\n", "\r\n").encode(),
        PLAIN.replace("\n", "\r").encode(),
        PLAIN.rstrip("\n").encode(),
        PLAIN.replace("price", '" السعر "').encode(),
        PLAIN.replace("code,price,note", "CODE,Price,Note").encode(),
    ],
)
def test_what_a_spreadsheet_writes_is_read(data: bytes):
    """Marks, separators, line ends and words of other languages make no difference."""
    assert read(data) == (["code", "price", "note"], LINES)


def test_a_packed_file_is_read():
    """Large tables are kept packed."""
    assert read(lzma.compress(PLAIN.encode()), "rows.csv.xz") == (["code", "price", "note"], LINES)


def test_the_separator_that_excel_is_told_is_no_line():
    """`sep=;` in front is skipped, and lines keep their numbers in the file."""
    assert read(b"sep=;\r\ncode;price\r\nA;1\r\n") == (["code", "price"], [(3, ["A", "1"])])


def test_a_quoted_text_may_hold_separators_and_lines():
    """A record begins on the line where it begins, however many it has."""
    _, records = read(b'code,price,note\nA,1,"x, ""y""\nz"\nB,2,\n')
    assert records == [(2, ["A", "1", 'x, "y"\nz']), (4, ["B", "2", ""])]


@pytest.mark.parametrize(
    ("data", "message", "line"),
    [
        ("code,price\nA,1\nB\xe9,2\n".encode("latin-1"), "not UTF-8", 3),
        (PLAIN.encode("utf-16"), "UTF-16", 0),
        (b"", "header lacks columns: code, price", 1),
        (b"A,1.50,x\n", "unknown columns: `A`, `1.50`, `x`", 1),
        (b"code,price,cost\n", "unknown columns: `cost`", 1),
        (b"code,price,price\n", "columns twice: price", 1),
        (b"code,note\n", "lacks columns: price", 1),
        (b"price\n", "lacks columns: code", 1),
        (b'code,price\nA,"1\n', "quotation mark", 2),
        (b'code,price\nA,1\nB,"2"x\n', "quotation mark", 3),
    ],
)
def test_what_is_no_table_is_told_with_its_line(data: bytes, message: str, line: int):
    """The line, what is wrong, and what to do."""
    with pytest.raises(table_rows.Broken) as caught:
        read(data)
    assert message in caught.value.message
    assert (caught.value.line, bool(caught.value.remedy)) == (line, True)


def test_a_yaml_list_is_read_as_it_is_written():
    """Numbers keep their digits, days are texts, a list in a cell is joined, null is empty."""
    data = "- code: A\n  price: 1.50\n- {code: 007, السعر: 2, note: [x, y]}\n- {code: C, price: 3, note: ~}\n"
    header, records = read(data.encode(), "rows.yaml")
    assert header == ["code", "price", "note", "from", "to"]
    assert records == [
        (1, ["A", "1.50", "", "", ""]), (3, ["007", "2", "x;y", "", ""]), (4, ["C", "3", "", "", ""]),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "message", "line"),
    [
        ("code: A\n", "not a list of rows", 0),
        ("- A\n", "not a list of `column: value`", 1),
        ("- code: A\n  cost: 1\n", "`cost` is no column", 2),
        ("- code: A\n  code: B\n", "given twice", 2),
        ("- code: A\n  price: {x: 1}\n", "not one value", 2),
        ("- code: A\n  note: [[x]]\n", "not one value", 2),
        ("- ? [a]\n  : 1\n", "is no column", 1),
    ],
)
def test_a_yaml_row_that_is_none_is_told_with_its_line(data: str, message: str, line: int):
    """A row names columns, and each has one value."""
    with pytest.raises(table_rows.Broken) as caught:
        read(data.encode(), "rows.yaml")
    assert message in caught.value.message
    assert caught.value.line == line


@given(st.lists(st.tuples(st.text(min_size=1), st.text()), max_size=5), st.sampled_from([",", ";", "\t"]))
def test_cells_come_back_as_they_were_written(rows: list[tuple[str, str]], separator: str):
    """Whatever stands in a cell, quoted as CSV quotes it, is read again."""
    quoted = [[cell.replace('"', '""') for cell in row] for row in rows]
    body = "".join(f'"{code}"{separator}"{note}"{separator}1\n' for code, note in quoted)
    header = separator.join(["code", "note", "price"]) + "\n"
    _, records = read((header + body).encode("utf-8", "surrogatepass"))
    assert [cells[:2] for _, cells in records] == [list(row) for row in rows]


@given(st.binary(max_size=200), st.sampled_from(["rows.csv", "rows.csv.xz"]))
def test_no_bytes_end_in_a_stack_trace(data: bytes, name: str):
    """Any file is a table or is told as broken."""
    with contextlib.suppress(table_rows.Broken):
        read(data, name)
