"""How sure a duplicate is, from rows alone; and what is said where storage knows less than it was asked."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import claims_support
from claims.domain import histories, identities, past
from formats import canonical, model

DAY = 20_666
SITE, OTHER_SITE = b"site", b"else"
BYTES = st.binary(min_size=8, max_size=8)
SITES = st.sampled_from([identities.NO_SITE, SITE, OTHER_SITE])


def claim(**overrides: Any) -> model.Claim:
    """Return a claim as it is read."""
    return canonical.decode(claims_support.body(**overrides))


def asked(told: model.Claim) -> histories.Question:
    """Return the question of a claim."""
    return histories.ask(told, identities.identify(told, tenant="demo", key=claims_support.KEY))


def row(mark: bytes, **fields: Any) -> histories.Row:
    """Return a recorded row of the claim's day, provider and payer."""
    values: dict[str, Any] = {
        "id": "i", "claim_id": "OTHER", "line": 1, "day": DAY,
        "provider_id": "10000000000101", "payer_id": "7001571327",
    }  # fmt: skip
    return histories.Row(mark=mark, **(values | fields))


def strengths(*rows: histories.Row, **overrides: Any) -> tuple[int | None, int | None, int | None]:
    """Return the counts of a claim whose only line finds these rows."""
    told = claim(**overrides)
    known = histories.Known(past=[histories.Told(rows=list(rows))])
    (line,) = histories.of_lines(told, asked(told), known) or [past.LineHistory()]
    return line.exact, line.likely, line.possible


def own_mark() -> bytes:
    """Return the mark of the ordinary claim's line."""
    (trace,) = asked(claim()).traces
    assert trace is not None
    return trace.mark


@given(BYTES, SITES, st.sampled_from(["10000000000101", "2", ""]), st.sampled_from(["7001571327", "2", ""]))
def test_a_row_has_one_strength_at_most(told: bytes, site: bytes, provider: str, payer: str) -> None:
    """Whatever stands in the record, it is one kind of duplicate or none, and another payer's is none."""
    found = strengths(row(told + site, provider_id=provider, payer_id=payer))
    assert sum(count or 0 for count in found) <= 1
    if payer == "2":
        assert found == (0, 0, 0)


@given(BYTES)
def test_without_a_site_the_provider_decides(told: bytes) -> None:
    """Likely at the same provider, possible at another one, nothing where the provider is not told."""
    mark = told + identities.NO_SITE
    expected = (1, 0, 0) if mark[:8] == own_mark()[:8] else (0, 1, 0)
    assert strengths(row(mark)) == expected
    if expected == (0, 1, 0):
        assert strengths(row(mark, provider_id="2")) == (0, 0, 1)
        assert strengths(row(mark, provider_id="")) == (0, 0, 0)


def test_rows_of_other_days_are_no_duplicates() -> None:
    """A key may be asked about over weeks for its quantity; only the day itself makes a duplicate."""
    assert strengths(row(own_mark(), day=DAY - 1), row(own_mark(), day=DAY + 1)) == (0, 0, 0)


def test_a_row_without_a_mark_is_a_repeat_that_was_meant() -> None:
    """It is counted elsewhere and no duplicate of anything."""
    assert strengths(row(b""), row(own_mark())) == (1, 0, 0)


def test_sites_contradict_only_where_both_are_told() -> None:
    """A tooth against no tooth is likely; one tooth against another is another service."""
    plain = row(b"12345678" + identities.NO_SITE)
    tooth = row(b"12345678" + OTHER_SITE)
    lines = [claims_support.LINE | {"tooth": "11"}]
    assert strengths(plain, tooth) == (0, 2, 0)
    assert strengths(plain, tooth, lines=lines) == (0, 1, 0)


def test_without_an_answer_nothing_is_known() -> None:
    """Storage did not answer: not even zero."""
    told = claim()
    assert histories.of_lines(told, asked(told), None) is None


def test_a_storage_that_knows_no_keys_tells_exact_ones_only() -> None:
    """An older storage finds claims by service key; what it was not asked in its words stays unknown."""
    told = claim()
    question = asked(told)
    known = histories.Known(matches=[histories.Match(index=0, id="i", claim_id="OLD", line=1)])
    assert histories.of_lines(told, question, known) == [past.LineHistory(exact=1)]
    assert histories.of_lines(told, question, histories.Known()) == [past.LineHistory()]
    assert [one.claim_id for one in histories.duplicates(told, question, known)] == ["OLD"]


def test_claims_of_both_kinds_of_record_are_counted_together() -> None:
    """One found by service key and one by trace are two duplicates."""
    told = claim()
    question = asked(told)
    known = histories.Known(
        matches=[histories.Match(index=0, id="i", claim_id="OLD", line=1)],
        past=[histories.Told(rows=[row(own_mark())])],
    )
    (line,) = histories.of_lines(told, question, known) or []
    assert line.exact == 2
    assert [one.claim_id for one in histories.duplicates(told, question, known)] == ["OLD", "OTHER"]


def test_matches_belong_to_the_right_line() -> None:
    """The index of a match counts asked lines only; exempt lines do not shift it, one beyond is dropped."""
    lines = [
        claims_support.LINE | {"sequence": 3, "modifiers": ["59"]},
        claims_support.LINE | {"sequence": 7},
    ]
    told = claim(lines=lines)
    question = asked(told)
    assert question.lines == [7]
    known = histories.Known(
        matches=[histories.Match(index=place, id="i", claim_id="OTHER", line=1) for place in (0, 9)]
    )
    assert [(one.line, one.kind) for one in histories.duplicates(told, question, known)] == [(7, "exact")]


def test_answers_are_read_line_by_line() -> None:
    """A line asks by service and by authorisation; the next line's answers are not taken for its own."""
    lines = [
        claims_support.LINE | {"preauth_ref": "A-1"},
        claims_support.LINE | {"sequence": 2, "code": None, "description": "thing"},
        claims_support.LINE | {"sequence": 3, "code": "X1"},
    ]
    told = claim(lines=lines)
    known = histories.Known(
        past=[histories.Told(), histories.Told(quantity=Decimal(5)), histories.Told(rows=[row(b"")])]
    )
    first, second, third = histories.of_lines(told, asked(told), known) or []
    assert (first.exact, first.authorized_used) == (0, Decimal(5))
    assert second == past.LineHistory()
    assert (third.exact, third.authorized_used) == (0, None)


@pytest.mark.parametrize("use", ["preauthorization", "predetermination"])
def test_other_uses_ask_nothing_and_have_no_duplicates(use: str) -> None:
    """A request for approval is never the duplicate of a claim for money."""
    told = claim(use=use)
    assert asked(told).keys == []
    assert strengths(use=use) == (0, 0, 0)
