"""Cells of a table's file: typed exactly, and each that does not fit is told with line, column and remedy."""

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rules_support as support
from claims.domain.rules import cells, shapes

SHAPE = shapes.Shape(
    key=("payer", "code"), columns={"price": "money", "days": "integer", "note": "text"},
    required=frozenset({"price"}),
)  # fmt: skip
HEADER = ("payer", "code", "price", "days", "note", "from", "to")


def day(text: str) -> int:
    """The day number of an ISO day."""
    return dt.date.fromisoformat(text).toordinal() - support.EPOCH


WINDOW = (day("2026-01-01"), day("2026-12-31"))
type Notes = list[tuple[int, str, str, str]]


def gather(
    *lines: tuple[str, ...], shape: shapes.Shape = SHAPE, header: tuple[str, ...] = HEADER
) -> tuple[cells.Gathered, Notes]:
    """The rows of these lines, and what was noted; the first line is line 2."""
    notes: Notes = []

    def note(line: int, column: str, message: str, remedy: str) -> None:
        notes.append((line, column, message, remedy))

    return cells.gather(shape, header, enumerate(lines, start=2), WINDOW, note), notes


def test_cells_become_typed_values():
    """Money stays exact, an empty cell is missing, blanks around a text do not count."""
    found, notes = gather(("P1", " a.1 ", "12.50", "", " مجاني ", "", ""), ("P1", "B", "3", "7", "", "", ""))
    assert notes == []
    assert found.rows == {"P1|A.1": (Decimal("12.50"), None, "مجاني"), "P1|B": (Decimal(3), 7, None)}
    assert str(found.rows["P1|A.1"][0]) == "12.50"


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("boolean", "1", True), ("boolean", "NO", False), ("boolean", "نعم", True), ("boolean", "لا", False),
        ("boolean", "TRUE", True), ("integer", "-7", -7), ("integer", "007", 7),
        ("number", "1250.50", Decimal("1250.50")), ("number", "+3", Decimal(3)),
        ("money", "0.000001", Decimal("0.000001")), ("date", "2026-02-28", day("2026-02-28")),
        ("text", "12345-00-10", "12345-00-10"),
    ],
)  # fmt: skip
def test_a_value_is_read_by_its_kind(kind: str, text: str, value: object):
    """Each kind of column has one plain way of writing."""
    assert cells.read(kind, text) == value


@pytest.mark.parametrize(
    ("kind", "text", "remedy"),
    [
        ("boolean", "maybe", "1 or 0"), ("boolean", "2", "1 or 0"), ("integer", "3.0", "digits only"),
        ("integer", "1_000", "digits only"), ("integer", "٣", "digits only"),
        ("integer", "1e3", "digits only"),
        ("integer", "9" * 16, "digits only"), ("number", "1,250.50", "point"), ("number", "12,5", "point"),
        ("number", "NaN", "point"), ("number", "1e9", "point"), ("number", "0.1234567", "point"),
        ("number", ".5", "point"), ("money", "SAR 5", "point"), ("date", "31/12/2026", "2026-01-31"),
        ("date", "2026-02-30", "2026-01-31"), ("date", "20260101", "2026-01-31"),
        ("date", "2026-1-1", "2026-01-31"), ("text", "x" * 1_001, "Shorten"),
    ],
)  # fmt: skip
def test_what_a_spreadsheet_made_of_a_value_is_refused(kind: str, text: str, remedy: str):
    """Nothing is guessed: the person is told how to write it."""
    with pytest.raises(cells.Problem) as caught:
        cells.read(kind, text)
    assert remedy in caught.value.remedy
    assert len(caught.value.message) < 120


def test_everything_wrong_is_told_with_its_place():
    """Several cells of several lines are told at once, and the sound lines do not hide them."""
    _, notes = gather(
        ("P1", "A", "", "x", "", "", ""),
        ("", "A", "1", "", "", "", ""),
        ("P|1", "A", "1", "", "", "", ""),
        ("P1", "B" * 201, "1", "", "", "", ""),
        ("P1", "C", "1", "", "", "2026-05-01", "2026-04-01"),
        ("P1", "D", "1", "", "", "soon", ""),
        ("P1", "E", "1", "", "", "2027-01-01", ""),
        ("P1", "F", "1"),
        ("P1", "G", "1", "", "", "", ""),
    )
    assert [(line, column) for line, column, _, _ in notes] == [
        (2, "price"), (2, "days"), (3, "payer"), (4, "payer"), (5, "code"), (6, "to"), (7, "from"),
        (8, "from"), (9, ""),
    ]  # fmt: skip
    assert all(message and remedy for _, _, message, remedy in notes)


def test_a_key_twice_on_one_day_is_an_error():
    """Two prices of one service on one day cannot both be right; the earlier line is named."""
    _, notes = gather(("P1", "A", "1", "", "", "", ""), ("p1", "a", "2", "", "", "", ""))
    assert [(line, message) for line, _, message, _ in notes] == [
        (3, "Line 2 has this key on the same days.")
    ]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("", ""), ("2026-07-01", "")),
        (("2026-07-01", ""), ("", "")),
        (("2026-01-01", "2026-06-30"), ("2026-06-30", "")),
        (("2026-03-01", "2026-03-31"), ("2026-01-01", "2026-12-01")),
    ],
)
def test_windows_of_a_key_may_not_overlap(first: tuple[str, str], second: tuple[str, str]):
    """A price that changes ends before the next begins."""
    _, notes = gather(("P1", "A", "1", "", "", *first), ("P1", "A", "2", "", "", *second))
    assert len(notes) == 1
    assert "same days" in notes[0][2]


def test_a_price_may_change_in_the_middle():
    """Windows side by side are two spans of one key."""
    found, notes = gather(
        ("P1", "A", "2", "", "", "2026-07-01", ""), ("P1", "A", "1", "", "", "", "2026-06-30"),
    )  # fmt: skip
    assert notes == []
    assert found.rows == {}
    assert [(span.first, span.last, span.row[0]) for span in found.spans["P1|A"]] == [
        (WINDOW[0], day("2026-06-30"), Decimal(1)), (day("2026-07-01"), WINDOW[1], Decimal(2)),
    ]  # fmt: skip


def test_a_window_of_the_whole_issue_is_none():
    """Days that repeat those of the issue make no span, so that the quick path serves the row."""
    found, _ = gather(("P1", "A", "1", "", "", "2026-01-01", "2026-12-31"))
    assert list(found.rows) == ["P1|A"]


def test_empty_lines_are_no_lines():
    """Spreadsheets leave lines of separators at the end."""
    found, notes = gather(("", "", "", "", "", "", ""), (" ",) * 7, ())
    assert (found.rows, notes) == ({}, [])


def test_problems_are_bounded():
    """A file of another kind does not make a report of ten thousand lines."""
    with pytest.raises(cells.TooMany):
        gather(*[("P1", str(at), "x", "", "", "", "") for at in range(1_000)])


def test_a_column_the_file_lacks_has_its_default():
    """A price list of one payer need not repeat the payer in every line."""
    shape = shapes.Shape(
        key=("payer", "code"), columns={"price": "money", "currency": "text"}, required=frozenset({"price"}),
        defaults={"payer": "7001", "currency": "SAR"},
    )  # fmt: skip
    found, notes = gather(("A", "5"), shape=shape, header=("code", "price"))
    assert notes == []
    assert found.rows == {"7001|A": (Decimal(5), "SAR")}


@given(
    st.lists(
        st.tuples(st.sampled_from("ABC"), st.integers(0, 364), st.integers(0, 364), st.integers(0, 9)),
        max_size=8,
    )
)
def test_on_each_day_a_key_has_at_most_one_row(drawn: list[tuple[str, int, int, int]]):
    """Either an overlap is noted, or every day of every key is answered as a search of the lines does."""
    first = dt.date(2026, 1, 1)
    lines = [
        ("P1", code, str(price), "", "", str(first + dt.timedelta(start)), str(first + dt.timedelta(end)))
        for code, start, end, price in drawn
        if start <= end
    ]
    found, notes = gather(*lines)
    overlapping = False
    for code in "ABC":
        for at in range(365):
            on = str(first + dt.timedelta(at))
            mine = [Decimal(line[2]) for line in lines if line[1] == code and line[5] <= on <= line[6]]
            overlapping = overlapping or len(mine) > 1
            if len(mine) <= 1 and not notes:
                number = WINDOW[0] + at
                spans = found.spans.get(f"P1|{code}", ())
                read = [span.row[0] for span in spans if span.first <= number <= span.last]
                whole = found.rows.get(f"P1|{code}")
                assert (read or ([whole[0]] if whole else [])) == mine
    assert overlapping == bool(notes)
