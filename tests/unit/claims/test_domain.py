"""The domain of claims: verdicts, money, risk, roles, masking, documents."""

import datetime as dt
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import claims_support
from chassis import errors
from claims.domain import amounts, decisions, documents, masking, risk, roles, verdicts, zones
from formats import canonical, model

SCORED = decisions.Risk(state="scored", probability=0.1)


def claim(**overrides: Any) -> model.Claim:
    """Return a claim as it is read."""
    return canonical.decode(claims_support.body(**overrides))


def line(sequence: int = 1, **overrides: Any) -> dict[str, Any]:
    """Return a line of a claim."""
    return claims_support.LINE | {"sequence": sequence} | overrides


def test_an_error_rejects_whatever_the_model_says() -> None:
    """A finding of severity error rejects a claim of any probability, scored or not."""
    for state in (SCORED, decisions.Risk(state="not_scored")):
        found = [claims_support.finding("warning"), claims_support.finding("error")]
        assert verdicts.decide(found, state, review_threshold=0.5) == "reject"


@pytest.mark.parametrize(
    ("told", "verdict"),
    [
        (decisions.Risk(state="scored", probability=0.49), "accept"),
        (decisions.Risk(state="scored", probability=0.5), "review"),
        (decisions.Risk(state="scored", probability=1.0), "review"),
        (decisions.Risk(state="scored"), "review"),
        (decisions.Risk(state="not_scored"), "review"),
        (decisions.Risk(state="out_of_range"), "review"),
    ],
)
def test_a_model_sends_to_review_and_never_rejects(told: decisions.Risk, verdict: str) -> None:
    """At the threshold, or without a score, a person is asked."""
    assert verdicts.decide([], told, review_threshold=0.5) == verdict


def test_warnings_alone_change_nothing() -> None:
    """Warnings and infos accept; a finding marked for review does not."""
    mild = [claims_support.finding("warning"), claims_support.finding("info")]
    assert verdicts.decide(mild, SCORED, review_threshold=0.5) == "accept"
    marked = [claims_support.finding("warning", review=True)]
    assert verdicts.decide(marked, SCORED, review_threshold=0.5) == "review"


severities = st.sampled_from(["error", "warning", "info"])


@given(
    st.lists(st.tuples(severities, st.booleans())),
    st.sampled_from(["scored", "not_scored", "out_of_range"]),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_only_an_error_rejects(found: Any, state: Any, chance: float, threshold: float) -> None:
    """For any findings and score: reject exactly when an error was found."""
    told = [claims_support.finding(severity, review=review) for severity, review in found]
    danger = decisions.Risk(state=state, probability=chance if state == "scored" else None)
    verdict = verdicts.decide(told, danger, review_threshold=threshold)
    assert (verdict == "reject") == any(severity == "error" for severity, _ in found)
    if state != "scored":
        assert verdict != "accept"


def test_amounts_are_exact_sums_of_lines() -> None:
    """The payer's share is the nets less the patient's shares; details are not added."""
    detail = {"sequence": 1, "code": "X", "net": 70.0}
    sums = amounts.add_up(
        claim(lines=[line(1, net=0.10, patient_share=0.03, details=[detail]), line(2, net=0.20)], total=0.30)
    )
    assert (sums.submitted, sums.tax, sums.patient_share, sums.payer_share) == (30, 0, 3003, 30 - 3003)


def test_missing_amounts_stay_missing() -> None:
    """Without every net there is no payer's share; without a total the nets are the submitted amount."""
    bare = {"sequence": 2, "code": "X"}
    sums = amounts.add_up(claim(lines=[line(), bare]))
    assert (sums.submitted, sums.payer_share) == (15000, None)
    assert sums.lines[1].exposure is None
    both = amounts.add_up(canonical.decode(msgspec.json.encode(without(claims_support.claim(), "total"))))
    assert both.submitted == 15000


def without(whole: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a document that lacks a field."""
    return {key: value for key, value in whole.items() if key != name}


def test_three_decimals_are_kept_where_the_currency_has_them() -> None:
    """A Kuwaiti amount is in thousandths and shown with three decimals."""
    sums = amounts.add_up(claim(currency="KWD", lines=[line(net=1.234, patient_share=0.0)], total=1.234))
    assert sums.payer_share == 1234
    assert amounts.shown(sums).payer_share == Decimal("1.234")


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**6)), min_size=1, max_size=20))
def test_the_payers_share_is_what_is_left(parts: list[tuple[int, int]]) -> None:
    """For any nets and shares: payer's share and patient's share add up to the nets, to the halala."""
    lines = [
        line(number, net=f"{net / 100:.2f}", patient_share=f"{share / 100:.2f}")
        for number, (net, share) in enumerate(parts, start=1)
    ]
    sums = amounts.add_up(claim(lines=lines))
    assert sums.payer_share is not None
    assert sums.patient_share is not None
    assert sums.payer_share + sums.patient_share == sum(net for net, _ in parts)


@given(st.floats(0, 1), st.integers(-(10**6), 10**12))
def test_money_at_risk_is_within_the_exposure(chance: float, exposure: int) -> None:
    """For any chance and exposure: whole minor units within the exposure, nearest to the product."""
    told = risk.at_risk(chance, exposure)
    assert told is not None
    assert 0 <= told <= max(0, exposure)
    if exposure > 0:
        assert abs(told - Decimal(chance) * exposure) <= Decimal("0.501")


def test_halves_round_up() -> None:
    """Half a halala at risk counts as one; nothing known is nothing said."""
    assert risk.at_risk(0.5, 1) == 1
    assert risk.at_risk(0.5, None) is None
    assert risk.at_risk(None, 100) is None


def test_risk_names_money_only_where_money_is_asked_for() -> None:
    """A pre-authorisation has probabilities but nothing at risk."""
    score = risk.Score(state="scored", probability=0.5, line_probabilities=[0.25])
    asks = claim()
    told = risk.assess(score, asks, amounts.add_up(asks))
    assert (told.at_risk_minor, told.currency, told.lines[0].at_risk_minor) == (6000, "SAR", 3000)
    permits = claim(use="preauthorization")
    told = risk.assess(score, permits, amounts.add_up(permits))
    assert (told.at_risk_minor, told.currency, told.lines[0].at_risk_minor) == (None, None, None)
    assert told.lines[0].probability == 0.25


def test_a_likely_reason_is_always_marked_predicted() -> None:
    """The likeliest guess of a flagged line is shown, with the mark in its JSON."""
    guess = decisions.LikelyReason(
        carc="50",
        label=decisions.Bilingual(en="Not necessary", ar="غير ضروري"),
        probability=0.7,
        predicted=True,
    )
    score = risk.Score(
        state="scored",
        probability=0.6,
        line_probabilities=[0.6],
        line_reasons=[risk.LineReason(row=0, guesses=[guess])],
    )
    told = risk.assess(score, claim(), amounts.add_up(claim()))
    assert msgspec.to_builtins(told)["lines"][0]["likely_reason"]["predicted"] is True


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("biller", {"submit", "check", "read", "watch"}),
        ("integrator", {"submit", "check", "read", "watch"}),
        ("manager", {"submit", "check", "decide", "read", "watch"}),
        ("reviewer", {"check", "decide", "read", "watch"}),
        ("auditor", {"read", "watch"}),
        ("operator", {"read", "watch"}),
        ("scientist", {"read"}),
        ("nobody", set()),
    ],
)
def test_each_role_may_do_its_own(role: str, allowed: set[roles.Permission]) -> None:
    """The table of permissions, read from the side of a person."""
    every: tuple[roles.Permission, ...] = ("submit", "check", "decide", "read", "watch")
    for permission in every:
        if permission in allowed:
            roles.require([role], permission)
        else:
            with pytest.raises(errors.Denied, match=r"role\.not_allowed"):
                roles.require([role], permission)


def test_scientists_and_operators_see_no_patient() -> None:
    """One role that sees patients is enough; none of the others is."""
    assert not roles.sees_patients(["scientist", "operator", "nobody"])
    assert roles.sees_patients(["scientist", "biller"])


def test_masking_hides_what_names_a_person() -> None:
    """No name, id, member, free text or unknown field passes; the year of birth and codes do."""
    whole = claims_support.claim(
        notes=["Secret note"],
        supporting_info=[{"sequence": 1, "category": "chief-complaint", "text": "Secret thirst"}],
        surprise={"Secret": 1},
    )
    shown = masking.claim(whole)
    text = msgspec.json.encode(shown).decode()
    assert "Secret" not in text
    assert "MEMBER-000001" not in text
    assert "1000000001" not in text.replace("10000000000101", "")
    assert shown["patient"] == {"birth_date": "1984", "sex": "male"}
    assert shown["lines"][0]["code"] == "G0103"
    assert shown["insurance"][0]["coverage"] == {"payer": "7001571327"}


def test_masked_decisions_quote_nothing() -> None:
    """A finding keeps rule and place and loses its words and values."""
    told = msgspec.to_builtins(claims_support.finding(actual="1984-05-02"))
    shown = masking.decision({"id": "1", "findings": [told], "duplicates": [{"claim_id": "Secret"}]})
    assert shown == {
        "id": "1",
        "findings": [{"rule": "T-1", "severity": "error", "path": "lines[0].net", "line": 1}],
    }


def test_a_document_is_amended_without_touching_the_rest() -> None:
    """Replacing a field keeps every other byte, exact decimals included."""
    document = b'{"claim_id":"a","amounts":{"submitted":150.00},"verdict":"review"}'
    assert documents.amend(document, verdict="accept", revision=2) == (
        b'{"claim_id":"a","amounts":{"submitted":150.00},"verdict":"accept","revision":2}'
    )
    assert documents.with_id(document, "x").startswith(b'{"id":"x","claim_id":"a"')


def test_instants_are_told_in_utc() -> None:
    """RFC 3339 with milliseconds, whatever zone the instant was in."""
    riyadh = dt.timezone(dt.timedelta(hours=3))
    assert documents.instant(dt.datetime(2026, 8, 1, 2, 30, tzinfo=riyadh)) == "2026-07-31T23:30:00.000Z"


def test_a_day_begins_in_the_markets_zone() -> None:
    """At 22:00 UTC it is tomorrow in Riyadh and still today in New York."""
    late = dt.datetime(2026, 8, 1, 22, 0, tzinfo=dt.UTC)
    assert zones.day(late, "nphies") == dt.date(2026, 8, 2)
    assert zones.day(late, "base") == dt.date(2026, 8, 2)
    assert zones.day(late, "x12-us") == dt.date(2026, 8, 1)
