"""Tables: declared without data, keys of several parts, rows with windows of their own, issues in layers."""

import datetime as dt
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rules_support as support
from claims.domain.rules import engine, examples, tables


def day(text: str) -> int:
    """The day number of an ISO day."""
    return dt.date.fromisoformat(text).toordinal() - support.EPOCH


def period(
    rows: Mapping[str, tables.Row],
    first: str = "2026-01-01",
    last: str | None = "2026-12-31",
    *,
    spans: Mapping[str, tuple[tables.Span, ...]] | None = None,
    extends: bool = False,
) -> tables.Period:
    """One issue."""
    return tables.Period(
        first=dt.date.fromisoformat(first), last=None if last is None else dt.date.fromisoformat(last),
        revision="1", rows=rows, spans=spans or {}, extends=extends,
    )  # fmt: skip


def prices(*periods: tables.Period) -> tables.Table:
    """A table of prices by payer and code."""
    return tables.Table(
        name="prices", fields={"price": "integer", "since": "date"}, dotless=False, key=("payer", "code"),
        periods=periods,
    )  # fmt: skip


def test_a_declared_table_answers_nothing():
    """Rules may name it; a code is neither in it nor not."""
    found = prices()
    assert found.membership()("P|A", 20_000) is None
    assert found.reader("price")("P|A", 20_000) is None
    assert found.revisions() == []


def test_a_rule_over_a_declared_table_is_not_checked():
    """Without data a rule says so, and finds nothing."""
    known = tables.Tables([tables.Table(name="mine", fields={"most": "integer"}, dotless=False, periods=())])
    documents = [
        support.rule(id="R-1", violation="NOT in_codeset(code, 'mine', service_date)"),
        support.rule(id="R-2", violation="quantity > lookup('mine.most', code, service_date)"),
    ]
    claim, as_of = examples.build({})
    outcome = engine.Engine([support.pack(*documents, known=known)], known).evaluate(claim, as_of=as_of)
    assert outcome.findings == []
    assert [(found.rule, found.reason) for found in outcome.not_checked] == [
        ("R-1", "not checked: no table for this date"),
        ("R-2", "not checked: no table for this date"),
    ]
    assert outcome.code_sets == []


@pytest.mark.parametrize("key", ["P1|A.1", "p1|a.1", " P1 | A.1 ", "P1| a.1"])
def test_parts_of_a_key_compare_without_case_and_blanks(key: str):
    """A key of two columns is found however its parts are written."""
    contains = prices(period({"P1|A.1": (5, None)})).membership()
    assert contains(key, day("2026-05-01")) is True
    assert contains("P1A.1", day("2026-05-01")) is False


def test_a_row_may_change_within_its_issue():
    """A price holds from its first to its last day; between two rows there is none."""
    spans = {"P|A": (
        tables.Span(day("2026-01-01"), day("2026-03-31"), (5, None)),
        tables.Span(day("2026-06-01"), day("2026-12-31"), (7, day("2026-06-01"))),
    )}  # fmt: skip
    found = prices(period({"P|B": (1, None)}, spans=spans))
    read, contains = found.reader("price"), found.membership()
    days = ["2026-03-31", "2026-04-01", "2026-06-01", "2027-01-01"]
    assert [read("p|a", day(text)) for text in days] == [5, None, 7, None]
    assert [contains("p|a", day(text)) for text in days] == [True, False, True, None]
    assert found.reader("since")("P|A", day("2026-07-01")) == day("2026-06-01")
    assert found.periods[0].size == 3


def test_an_open_issue_ends_where_the_next_begins():
    """Nobody has to end a price list before the next one is known."""
    older, newer = period({"P|A": (5, None)}, last=None), period({"P|A": (6, None)}, "2026-07-01", None)
    found = tables.Tables([prices(newer), prices(older)]).find("prices")
    assert found is not None
    assert [found.reader("price")("P|A", day(text)) for text in ("2026-06-30", "2026-07-01")] == [5, 6]
    assert [(entry.from_, entry.to) for entry in found.revisions()] == [
        ("2026-01-01", "2026-06-30"), ("2026-07-01", None),
    ]  # fmt: skip


def test_an_upper_layer_answers_on_its_days():
    """A tenant's issue replaces ours on the days it covers, and no other tenant sees it."""
    ours = tables.Tables([prices(period({"P|A": (5, None), "P|B": (1, None)}))])
    laid = ours.under(tables.Tables([prices(period({"P|A": (9, None)}, "2026-07-01"))]))
    found, common = laid.find("prices"), ours.find("prices")
    assert found is not None
    assert common is not None
    assert [found.reader("price")("P|A", day(text)) for text in ("2026-06-30", "2026-07-01")] == [5, 9]
    assert [found.membership()("P|B", day(text)) for text in ("2026-06-30", "2026-07-01")] == [True, False]
    assert common.reader("price")("P|A", day("2026-07-01")) == 5


def test_an_extending_layer_leaves_the_rest_to_the_one_below():
    """Rows of one's own stand before ours, and ours still count."""
    ours = tables.Tables([prices(period({"P|A": (5, None), "P|B": (1, None)}))])
    laid = ours.under(tables.Tables([prices(period({"P|A": (9, None)}, last=None, extends=True))]))
    found = laid.find("prices")
    assert found is not None
    read, contains = found.reader("price"), found.membership()
    assert [read(key, day("2026-07-01")) for key in ("P|A", "P|B", "P|C")] == [9, 1, None]
    assert [contains("P|C", day(text)) for text in ("2026-07-01", "2027-07-01", "2025-01-01")] == [
        False, False, None,
    ]  # fmt: skip


def test_a_table_that_is_only_above_is_there():
    """A tenant may have tables that nobody else has."""
    laid = tables.Tables().under(tables.Tables([prices(period({}))]))
    assert laid.names() == ["prices"]
    assert [table.name for table in laid.every()] == ["prices"]


@given(st.text(max_size=20), st.booleans())
def test_a_normal_key_is_its_own_normal_form(text: str, dotless: bool):  # noqa: FBT001 - drawn
    """Normalising twice changes nothing, so that a key of a file and one of a claim meet."""
    once = tables.normal(text, dotless=dotless)
    assert tables.normal(once, dotless=dotless) == once


@given(
    st.dictionaries(st.sampled_from("ABCDEF"), st.integers(0, 9)),
    st.sampled_from("ABCDEFG"),
    st.integers(-5, 15),
)
def test_reading_agrees_with_a_plain_search(rows: dict[str, int], key: str, at: int):
    """A row is found on the days of its issue, exactly where a search through all rows finds it."""
    found = prices(
        tables.Period(
            first=dt.date(1970, 1, 1), last=dt.date(1970, 1, 11), revision="1",
            rows={f"P|{code}": (value, None) for code, value in rows.items()},
        )
    )  # fmt: skip
    inside = 0 <= at <= 10
    assert found.membership()(f"p|{key}", at) == ((key in rows) if inside else None)
    assert found.reader("price")(f"p|{key}", at) == (rows.get(key) if inside else None)


def test_what_was_missing_is_told_apart():
    """No issue for the day is one thing, a row or value that is not there another."""
    known = tables.Tables([
        tables.Table(
            name="mine", fields={"most": "integer"}, dotless=False,
            periods=(period({"A": (None,), "B": (5,)}),),
        )
    ])  # fmt: skip
    rule = support.rule(id="R-1", violation="quantity > lookup('mine.most', code, service_date)")
    judge = engine.Engine([support.pack(rule, known=known)], known)

    def told(code: str, on: str) -> list[str]:
        claim, as_of = examples.build({"lines": [{"code": code, "service_date": on, "quantity": 2}]})
        return [entry.reason for entry in judge.evaluate(claim, as_of=as_of).not_checked]

    lacking = ["not decidable: mine lacks a value for this key"]
    assert told("A", "2026-05-01") == lacking
    assert told("C", "2026-05-01") == lacking
    assert told("C", "2025-05-01") == ["not checked: no table for this date"]
    assert told("B", "2026-05-01") == []


def test_a_look_up_among_siblings_is_told_as_before():
    """Inside an aggregate it is asked for many rows at once."""
    known = tables.Tables([tables.Table(name="mine", fields={"most": "integer"}, dotless=False, periods=())])
    text = "SUM(lookup('mine.most', lines.code, lines.service_date)) > 1"
    rule = support.rule(
        id="R-1", applies={"scope": "claim"}, violation=text, path="lines", message={"en": "x", "ar": "س"}
    )
    claim, as_of = examples.build({})
    told = engine.Engine([support.pack(rule, known=known)], known).evaluate(claim, as_of=as_of)
    assert [entry.reason for entry in told.not_checked] == ["not checked: no table for this date"]
