"""What a line leaves in history and asks of it: keys, marks, days and windows."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import claims_support
from claims.domain import histories, identities, windows
from formats import canonical, model

DAY = 20_666  # 2026-08-01


def claim(**overrides: Any) -> model.Claim:
    """Return a claim as it is read."""
    return canonical.decode(claims_support.body(**overrides))


def line(**overrides: Any) -> list[dict[str, Any]]:
    """Return the only line of a claim."""
    return [claims_support.LINE | overrides]


def traced(known: windows.Windows | None = None, **overrides: Any) -> identities.Trace:
    """Return the trace of the only line of a claim."""
    found = identities.identify(claim(**overrides), tenant="demo", key=claims_support.KEY, looking=known)
    (trace,) = found.traces
    assert trace is not None
    return trace


def test_keys_and_marks_have_the_length_storage_asks_for() -> None:
    """Twelve bytes each; what does not apply is empty."""
    trace = traced(claims_support.looking(14, 30), lines=line(preauth_ref="A-1"))
    assert {len(trace.service), len(trace.visit), len(trace.authorization), len(trace.mark)} == {12}
    bare = traced(lines=line(modifiers=["59"]))
    assert (bare.visit, bare.authorization, bare.mark) == (b"", b"", b"")


@pytest.mark.parametrize(
    "difference",
    [
        {"provider": {"id": "2"}},
        {"lines": line(code="g0103")},
        {"lines": line(service_date="2026-08-09T10:00:00+03:00", quantity=7, modifiers=["GT"], tooth="11")},
        {"insurance": [{"sequence": 1, "focal": True, "coverage": {"payer": "2"}}]},
        {"claim_id": "OTHER"},
        {"care_team": [{"sequence": 1, "practitioner": "PR-1"}], "lines": line(care_team_sequences=[1])},
    ],
)
def test_a_service_is_of_a_patient_and_a_code(difference: dict[str, Any]) -> None:
    """Provider, payer, day and particulars are not part of its key: they are compared afterwards."""
    assert traced().service == traced(**difference).service
    assert difference in ({"claim_id": "OTHER"}, {"lines": line(code="g0103")}) or (
        traced().mark != traced(**difference).mark
    )


@pytest.mark.parametrize(
    "difference",
    [
        {"lines": line(code="G0104")},
        {"lines": line(system="sbs")},
        {"patient": {"id": "1099999999", "id_type": "national_id"}},
    ],
)
def test_another_patient_or_code_is_another_service(difference: dict[str, Any]) -> None:
    """What is asked about one never meets the other."""
    assert traced().service != traced(**difference).service


def test_keys_of_different_kinds_and_tenants_never_meet() -> None:
    """A visit is not a service is not an authorisation, and a tenant's keys are its own."""
    trace = traced(claims_support.looking(14, None), lines=line(preauth_ref="A-1"))
    assert len({trace.service, trace.visit, trace.authorization}) == 3
    found = identities.identify(claim(lines=line(preauth_ref="A-1")), tenant="other", key=claims_support.KEY)
    (other,) = found.traces
    assert other is not None
    assert {other.service, other.authorization}.isdisjoint({trace.service, trace.authorization})


def test_the_end_of_a_mark_is_the_site() -> None:
    """Tooth, surface and site tell two services apart; where none is told the end is empty."""
    ends = [
        traced(lines=line(**site)).mark[identities.MARK_BYTES :]
        for site in ({}, {"tooth": "11"}, {"tooth": "12"}, {"sub_site": ["M"]}, {"body_site": "11"})
    ]
    assert ends[0] == identities.NO_SITE
    assert len(set(ends)) == 5
    assert traced(lines=line(modifiers=["GT"])).mark[identities.MARK_BYTES :] == identities.NO_SITE


@pytest.mark.parametrize(
    "overrides",
    [
        {"use": "preauthorization"},
        {"use": "predetermination"},
        {"newborn": True},
        {"frequency_code": "7"},
        {"frequency_code": "8"},
        {"related": [{"claim_id": "x", "relationship": "prior"}]},
        {"related": [{"claim_id": "x", "relationship": "appealing"}]},
        {"lines": line(code=None, description="thing")},
        {"lines": line(service_date=None)},
        {"patient": {"sex": "male"}},
    ],
)
def test_what_says_something_again_leaves_nothing(overrides: dict[str, Any]) -> None:
    """Other uses, restated claims and newborns do not count; without patient, code or day nothing can."""
    told = claim(**overrides)
    identity = identities.identify(
        told, tenant="demo", key=claims_support.KEY, looking=claims_support.looking(14, 30)
    )
    assert identity.traces == [None]
    assert list(histories.leaves(told, identity)) == []
    assert histories.ask(told, identity).keys == []


@pytest.mark.parametrize(
    "overrides",
    [{"frequency_code": "3"}, {"related": [{"claim_id": "x", "relationship": "extend"}]}],
)
def test_what_goes_on_counts_but_is_no_duplicate(overrides: dict[str, Any]) -> None:
    """A further bill of a course and an extension add to what was claimed, without a mark."""
    trace = traced(claims_support.looking(14, 30), **overrides)
    assert trace.service
    assert trace.mark == b""


def test_a_line_without_a_date_has_that_of_the_bill() -> None:
    """The period billed stands in, in the provider's calendar."""
    assert traced().day == DAY
    period = {"start": "2026-08-02T22:30:00Z", "end": "2026-08-05"}
    assert traced(lines=line(service_date=None), billable_period=period).day == DAY + 2


def test_the_whole_claim_may_rest_on_one_approval() -> None:
    """A line's own reference goes first; of several, none can be told to be the line's."""
    coverage = {"payer": "7001571327"}

    def under(*references: str, own: str | None = None) -> bytes:
        insurance = [
            {"sequence": 1, "focal": True, "coverage": coverage, "preauth_refs": list(references)},
            {"sequence": 2, "focal": False, "coverage": {"payer": "2"}, "preauth_refs": ["B-9"]},
        ]
        return traced(insurance=insurance, lines=line(preauth_ref=own)).authorization

    assert under("A-1") == under("A-2", own="A-1") == under(own="A-1")
    assert under("A-1") != under("A-2")
    assert under() == under("A-1", "A-2") == b""


def test_only_visits_are_asked_for_as_visits() -> None:
    """A code of the table asks within its days, another one not at all."""
    told = claim()
    visit = identities.identify(
        told, tenant="demo", key=claims_support.KEY, looking=claims_support.looking(14, None)
    )
    other = identities.identify(
        told, tenant="demo", key=claims_support.KEY, looking=claims_support.looking(None, None)
    )
    service, asked = histories.ask(told, visit).keys
    assert (asked.from_day, asked.to_day) == (DAY - 14, DAY)
    assert (service.from_day, service.to_day) == (DAY, DAY)
    assert len(histories.ask(told, other).keys) == 1


def test_frequency_is_asked_for_over_its_days() -> None:
    """Thirty days end with the day of service: it and the twenty-nine before."""
    told = claim()
    identity = identities.identify(
        told, tenant="demo", key=claims_support.KEY, looking=claims_support.looking(None, 30)
    )
    (asked,) = histories.ask(told, identity).keys
    assert (asked.from_day, asked.to_day) == (DAY - 29, DAY)


@pytest.mark.parametrize("days", [None, 0, -3])
def test_a_table_that_gives_no_days_gives_no_window(days: int | None) -> None:
    """No row, nought and nonsense are all no window."""
    assert traced(claims_support.looking(days, days)).window == windows.NONE


def test_outside_the_window_of_the_table_nothing_is_known() -> None:
    """A table of 2026 says nothing of a service of 2025, and a line without system has no key."""
    known = claims_support.looking(14, 30)
    assert traced(known, lines=line(service_date="2025-08-01")).window == windows.NONE
    assert traced(known, lines=line(system=None)).window == windows.NONE
    assert traced(known).window == windows.Window(14, 30)


def test_an_authorisation_is_asked_for_without_a_window() -> None:
    """Every claim under it counts, and no row is needed."""
    told = claim(lines=line(preauth_ref="A-1"))
    identity = identities.identify(told, tenant="demo", key=claims_support.KEY)
    _, asked = histories.ask(told, identity).keys
    assert (asked.from_day, asked.to_day, asked.most) == (-histories.EVER, histories.EVER, 0)


def test_rows_left_answer_to_the_keys_asked() -> None:
    """What one claim leaves is what the same claim would ask about, key by key."""
    told = claim(lines=[*line(preauth_ref="A-1"), claims_support.LINE | {"sequence": 2, "code": "A1"}])
    identity = identities.identify(
        told, tenant="demo", key=claims_support.KEY, looking=claims_support.looking(14, 30)
    )
    left = list(histories.leaves(told, identity))
    assert [row.key for row in left] == [key.key for key in histories.ask(told, identity).keys]
    assert [row.line for row in left] == [1, 1, 1, 2]
    assert [row.quantity for row in left] == [1, None, 1, 1]
    assert [bool(row.mark) for row in left] == [True, False, False, True]


@given(st.text("abc|", max_size=4), st.text("abc|", max_size=4))
def test_parts_of_a_service_do_not_run_into_each_other(system: str, code: str) -> None:
    """Moving text from system to code changes the key."""
    first = traced(lines=line(system=f"{system}a", code=f"x{code}"))
    second = traced(lines=line(system=system, code=f"ax{code}"))
    assert first.service != second.service


def test_a_window_asked_for_again_is_that_of_the_line_and_its_day() -> None:
    """What is remembered of one code or day is not told of another, beyond the number remembered too."""
    known = claims_support.looking(14, 30)
    inside = windows.Window(follow_up_days=14, frequency_days=30)
    for _ in range(2):
        for number in range(9_000):
            told = model.Line(sequence=1, code=f"X{number}", system="hcpcs")
            assert known.of(told, DAY) == windows.NONE
        plain = model.Line(sequence=1, code="G0103", system="hcpcs")
        assert [known.of(plain, day) for day in (DAY, DAY + 365, DAY)] == [inside, windows.NONE, inside]
