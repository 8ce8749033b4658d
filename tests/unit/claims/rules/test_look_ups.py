"""Look-ups in columns answer as one by one: any table, any issues, any keys and days, missing ones too."""

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rules_support as support
from claims.domain.rules import tables, tree
from claims.domain.rules.columnar import look_ups, vectors, vocabularies, words

FIELDS = {"flag": "boolean", "count": "integer", "price": "money", "day": "date", "note": "text"}
CODES = ("A", "b.1", "B1", "C", "D|E")


def row() -> st.SearchStrategy[tables.Row]:
    """A row, some of its values missing."""
    values = [
        st.booleans(), st.integers(-5, 5), st.decimals(-9, 9, places=2), st.integers(0, 9),
        st.sampled_from("xyz"),
    ]  # fmt: skip
    return st.tuples(*(st.none() | value for value in values))


@st.composite
def issues(draw: st.DrawFn) -> tables.Table:
    """A table of up to three issues, some open, some extending, some rows with days of their own."""
    periods = []
    for _ in range(draw(st.integers(0, 3))):
        first, length = draw(st.integers(0, 20)), draw(st.none() | st.integers(0, 10))
        keys = draw(st.sets(st.sampled_from(CODES)))
        spans = {}
        for key in draw(st.sets(st.sampled_from(CODES))) - keys:
            turn = draw(st.integers(first, first + 10))
            later = tables.Span(turn + 1, turn + 5, draw(row()))
            spans[_normal(key)] = (tables.Span(first, turn, draw(row())), later)
        periods.append(
            tables.Period(
                first=_date(first), last=None if length is None else _date(first + length), revision="1",
                rows={_normal(key): draw(row()) for key in keys}, spans=spans, extends=draw(st.booleans()),
            )
        )  # fmt: skip
    return tables.Table(name="t", fields=FIELDS, dotless=True, periods=tuple(periods))


def _normal(key: str) -> str:
    return tables.normal(key, dotless=True)


def _date(day: int) -> dt.date:
    return dt.date.fromordinal(support.EPOCH + day)


def columns(
    keys: list[str | None], days: list[int | None]
) -> tuple[vocabularies.Vocabulary, vectors.Words, vectors.Numbers]:
    """Keys and days as a batch holds them, among words that are no keys."""
    vocabulary = vocabularies.Vocabulary()
    for word in ("other", "words"):
        vocabulary.code(word)
    null = np.array([day is None for day in days], np.bool_)
    data = np.array([day or 0 for day in days], np.int64)
    return vocabulary, vocabulary.coded(keys, len(keys)), vectors.Numbers(data, null if null.any() else None)


def plain(vocabulary: vocabularies.Vocabulary, found: vectors.Vector, count: int) -> list[Any]:
    """A vector as plain values."""
    return words.plain(vocabulary, found, count)


@given(
    issues(),
    st.lists(
        st.tuples(st.none() | st.sampled_from((*CODES, "Z", "a")), st.none() | st.integers(-3, 35)),
        min_size=1,
    ),
)
def test_many_look_ups_answer_as_one_by_one(table: tables.Table, asked: list[tuple[str | None, int | None]]):
    """Membership and every column, whatever the issues."""
    keys, days = [key for key, _ in asked], [day for _, day in asked]
    found = look_ups.Columns(table)
    vocabulary, coded, numbered = columns(keys, days)
    contains = table.membership()
    whole: list[object] = [None if key is None or day is None else contains(key, day) for key, day in asked]
    assert plain(vocabulary, found.contains(vocabulary, coded, numbered), len(asked)) == whole
    for field in FIELDS:
        read = table.reader(field)
        whole = [None if key is None or day is None else read(key, day) for key, day in asked]
        assert plain(vocabulary, found.read(vocabulary, field, coded, numbered), len(asked)) == whole


@pytest.mark.parametrize(
    ("keys", "days"), [(["A"], [5, 6, 40]), (["A", "Z", None], [5]), ([], []), (["A"], [5]), (["A"], [])]
)
def test_one_key_or_day_may_stand_for_all(keys: list[str | None], days: list[int | None]):
    """A constant beside a column, and no row at all."""
    period = tables.Period(first=_date(0), last=_date(30), revision="1", rows={"A": (Decimal("1.50"),)})
    table = tables.Table(name="t", fields={"price": "money"}, dotless=False, periods=(period,))
    vocabulary, coded, numbered = columns(keys, days)
    count = max(len(keys), len(days)) if keys and days else 0
    told = plain(vocabulary, look_ups.Columns(table).read(vocabulary, "price", coded, numbered), count)
    pairs = [(keys[min(at, len(keys) - 1)], days[min(at, len(days) - 1)]) for at in range(count)]
    assert told == [
        Decimal("1.50") if key == "A" and day is not None and day <= 30 else None for key, day in pairs
    ]


def test_the_columnar_form_of_a_table_is_made_once():
    """All programs share it."""
    known = tables.Tables([support.table()])
    assert known.derived("letters", look_ups.Columns) is known.derived("letters", look_ups.Columns)
    with pytest.raises(KeyError):
        known.derived("absent", look_ups.Columns)


def test_equal_rows_are_one():
    """A list of a hundred thousand codes of two kinds holds two rows."""
    found = look_ups.Columns(
        support.committed()[1].every()[support.committed()[1].names().index("icd-10-cm")]
    )
    assert len(found._rows) == 2
    assert found._table.kind("billable") is tree.Kind.BOOL
