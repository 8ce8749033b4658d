"""A list's question: what is asked for, and nothing else, reaches a column."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis import errors
from storage.domain import ids, queries, views


def row(**changes: object) -> views.ClaimRow:
    """Return a list's row."""
    values = dict.fromkeys(views.ClaimRow.__struct_fields__) | {"id": "01900000-0000-7000-8000-000000000000"}
    return views.ClaimRow(**(values | changes))  # type: ignore[arg-type]  # a row of which only two fields matter


def reason_of(call: Callable[[], object]) -> str:
    """Return the reason a call is refused as invalid with, "" when it is not."""
    try:
        call()
    except errors.Invalid as refused:
        return refused.reason
    return ""


@given(
    st.sampled_from([sign + name for name in queries.SORTS for sign in ("", "-")]),
    st.one_of(st.none(), st.integers(-(2**53), 2**53), st.floats(0, 1)),
)
def test_a_cursor_leads_back_to_its_row(sort: str, value: float | None):
    """Whatever the sort and the value, the cursor of a row is read as that row's place."""
    question = queries.listing("demo", {}, sort, "", 10)
    columns = {} if question.column == "id" else {question.column: value}
    cursor = queries.cursor(question, row(**columns))
    after = queries.listing("demo", {}, sort, cursor, 10).after
    assert after == (None if question.column == "id" else value, row().id)


@given(st.text(max_size=80))
def test_no_text_breaks_the_reading_of_cursors(text: str):
    """Any text is a cursor of ours or is refused as invalid; nothing else happens."""
    assert reason_of(lambda: queries.listing("demo", {}, "", text, 10)) in {"", "cursor.invalid"}


@given(st.text(max_size=40))
def test_no_text_breaks_the_reading_of_ids(text: str):
    """Any text is a canonical id or is refused as invalid."""
    assert reason_of(lambda: queries.identifier_of(text)) in {"", "id.invalid"}


@given(st.text(max_size=30))
def test_no_text_breaks_the_reading_of_days(text: str):
    """Any text is a day or an instant, or is refused as a date."""
    asked = {"from": text, "to": text}
    assert reason_of(lambda: queries.listing("demo", asked, "", "", 10)) in {"", "filter.date"}


def test_a_day_ends_with_its_last_millisecond():
    """`to` of a day is the floor of the next day; `from` is its own."""
    found = queries.listing("demo", {"from": "2026-11-25", "to": "2026-11-25"}, "", "", 10)
    assert found.from_id is not None
    assert found.until_id is not None
    assert ids.ms_of(found.until_id) - ids.ms_of(found.from_id) == 86_400_000


@pytest.mark.parametrize(("asked", "given_"), [(0, 50), (1, 1), (1_000, 1_000), (4_000_000, 1_000)])
def test_a_page_is_bounded(asked: int, given_: int):
    """No limit means fifty rows; none is above a thousand."""
    assert queries.listing("demo", {}, "", "", asked).limit == given_


def test_empty_filters_filter_nothing():
    """A filter without a value is not one."""
    assert queries.listing("demo", {"verdict": "", "from": ""}, "", "", 5).equal == {}
