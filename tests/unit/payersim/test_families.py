"""Each hidden family on a claim made by hand: one it must deny, and the nearest one it must leave alone."""

import functools
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import payersim_support as made
from payersim.domain import adjudicator, catalogue, families

BY_NAME = {family.name: family for family in families.FAMILIES}
OPINION = {"necessity"}  # bites anywhere
BORN = made.DAY.replace(year=made.DAY.year - 40)
EXCLUDING = made.payer(excluded=frozenset({("gold", "metabolic")}))
UNLISTING = made.payer(unlisted=frozenset({("gold", "A4253")}))

HITS: list[tuple[str, dict[str, Any]]] = [
    ("out-of-network", {"excluded": (made.PAYER.id, "PAYER-02")}),
    ("cover", {"covered": made.DAY + timedelta(days=1)}),
    ("duplicate", {"faults": ("duplicate",), "seen": {"G0108": made.DAY}}),
    ("filing-limit", {"waited": 31}),
    ("calculation", {"off": Decimal("0.01")}),
    ("service-sex", {"code": "G0103", "diagnoses": ("Z12.5",), "sex": "female"}),
    ("diagnosis-sex", {"diagnoses": ("C61",), "code": "Q0083"}),
    ("not-covered", {"payer": EXCLUDING}),
    ("formulary", {"code": "A4253", "payer": UNLISTING}),
    ("permission", {"code": "G0422", "diagnoses": ("I10",), "permission": False}),
    ("diagnosis-service", {"diagnoses": ("I10", "J44.1")}),
    ("specialty-service", {"specialty": "eye"}),
    ("quantity", {"quantity": 3}),
    ("history", {"code": "V2632", "diagnoses": ("H26.9",), "information": ("chief-complaint",)}),
    ("complaint", {"information": ("history-of-present-illness",)}),
    ("vitals", {"kind": "emergency", "information": ("chief-complaint",)}),
    ("too-soon", {"seen": {"G0108": made.DAY - timedelta(days=14)}}),
    ("follow-up", {"code": "G0463", "seen": {"G0463": made.DAY - timedelta(days=14)}}),
    ("contract-price", {"markup": 0.2}),
    ("share", {"share": Decimal(0)}),
    ("service-age", {"code": "E0143", "diagnoses": ("M17.11",), "birth": BORN + timedelta(days=1)}),
    ("bundled", {"code": "G0444", "others": ("G0438",), "diagnoses": ("Z00.00",)}),
    ("setting", {"code": "J1250", "diagnoses": ("I10",)}),
    ("urgency", {"code": "G0378", "diagnoses": ("R10.9",), "kind": "institutional"}),
    ("refill", {"kind": "pharmacy", "code": "A4253", "seen": {"A4253": made.DAY - timedelta(days=28)}}),
    ("results", {"code": "G0422", "diagnoses": ("I10",), "information": made.PAPERS[:3]}),
    ("necessity-dear", {"code": "J9355", "diagnoses": ("C50.911",)}),
    ("necessity", {}),
]
SPARED: list[tuple[str, dict[str, Any]]] = [
    ("out-of-network", {"excluded": ("PAYER-02",)}),
    ("cover", {"covered": made.DAY}),
    ("duplicate", {"seen": {"G0108": made.DAY}}),
    ("filing-limit", {"waited": 30}),
    ("calculation", {"others": ("G0270",)}),
    ("service-sex", {"code": "G0103", "diagnoses": ("Z12.5",), "sex": "male"}),
    ("diagnosis-sex", {"diagnoses": ("C61",), "code": "Q0083", "sex": "male"}),
    ("not-covered", {"payer": made.payer(excluded=frozenset({("basic", "metabolic")}))}),
    ("formulary", {"code": "A4259", "payer": UNLISTING}),
    ("permission", {"code": "G0422", "diagnoses": ("I10",)}),
    ("permission", {"permission": False}),
    ("diagnosis-service", {"diagnoses": ("I10", "E11.65")}),
    ("diagnosis-service", {"code": "G0463", "diagnoses": ("I10",)}),
    ("specialty-service", {"specialty": "metabolic"}),
    ("quantity", {"quantity": 2}),
    ("history", {"code": "V2632", "diagnoses": ("H26.9",)}),
    ("history", {"information": ("chief-complaint",)}),
    ("complaint", {"information": (), "kind": "pharmacy"}),
    ("vitals", {"kind": "professional", "information": ("chief-complaint",)}),
    ("too-soon", {"seen": {"G0108": made.DAY - timedelta(days=15)}}),
    ("too-soon", {"seen": {"G0270": made.DAY - timedelta(days=3)}}),
    ("too-soon", {"seen": {"G0108": made.DAY + timedelta(days=1)}}),
    ("follow-up", {"code": "G0463", "seen": {"G0463": made.DAY - timedelta(days=15)}}),
    ("contract-price", {"markup": 0.05}),
    ("share", {"share": Decimal(0), "payer": made.payer(copay=0.0)}),
    ("service-age", {"code": "E0143", "diagnoses": ("M17.11",), "birth": BORN}),
    ("bundled", {"code": "G0438", "others": ("G0444",), "diagnoses": ("Z00.00",)}),
    ("bundled", {"code": "G0444", "diagnoses": ("Z00.00",)}),
    ("setting", {"code": "J1250", "diagnoses": ("I10",), "kind": "institutional"}),
    ("urgency", {"code": "J2405", "diagnoses": ("A09",)}),
    ("refill", {"kind": "pharmacy", "code": "A4253", "seen": {"A4253": made.DAY - timedelta(days=29)}}),
    ("results", {"code": "G0422", "diagnoses": ("I10",)}),
    ("necessity-dear", {"code": "G0108"}),
]


def applying(line: Any) -> set[str]:
    """Return the names of the families that apply to a line, those of pure opinion left out."""
    return {family.name for family in families.FAMILIES if family.applies(line)} - OPINION


def test_there_are_at_least_twelve_families_in_the_payers_codes() -> None:
    """Many reasons, each with a code of nphies and a CARC, some only after training."""
    assert len({family.nphies for family in families.FAMILIES}) >= 20
    assert all(family.carc and family.nphies for family in families.FAMILIES)
    assert sum(family.since == families.LATE_MONTH for family in families.FAMILIES) >= 4


def test_no_family_applies_to_a_blameless_line() -> None:
    """The claim that the others are made from gives no reason for a denial."""
    assert applying(made.judged()) == set()


@pytest.mark.parametrize(("name", "change"), HITS, ids=[name for name, _ in HITS])
def test_a_family_applies_to_what_it_is_about(name: str, change: dict[str, Any]) -> None:
    """The one flaw put into a blameless claim is seen by its own family."""
    assert BY_NAME[name].applies(made.judged(**change))


@pytest.mark.parametrize(
    ("name", "change"), SPARED, ids=[f"{name}-{n}" for n, (name, _) in enumerate(SPARED)]
)
def test_a_family_spares_the_nearest_claim_without_its_flaw(name: str, change: dict[str, Any]) -> None:
    """One day, one unit or one document less, and the family has nothing to say."""
    assert not BY_NAME[name].applies(made.judged(**change))


def test_every_family_is_tried_both_ways() -> None:
    """A family added to the world cannot stay without a claim it must deny and one it must spare."""
    assert {name for name, _ in HITS} == set(BY_NAME)
    assert {name for name, _ in SPARED} == set(BY_NAME) - OPINION


def judgements(seed: int, month: int, **change: Any) -> list[adjudicator.Judgement]:
    """Return the judgements of a claim under a hundred throws of the dice."""
    found = []
    for number in range(100):
        line = made.judged(month=month, **change)
        office = adjudicator.Office(np.random.default_rng([seed, number]))
        office.history = line.history
        found.append(office.adjudicate(line.drawn))
    return found


@pytest.mark.parametrize(
    ("name", "change"), [hit for hit in HITS if hit[0] not in {"necessity", "necessity-dear"}]
)
def test_a_flaw_is_denied_for_its_reason_once_its_family_has_begun(name: str, change: dict[str, Any]) -> None:
    """Under a payer that always looks, the family bites often enough to be learned, with its own codes."""
    family = BY_NAME[name]
    bitten = [
        one.answer["lines"][0]
        for one in judgements(7, 20, **change)
        if one.truth["lines"][0]["family"] == name
    ]
    assert bitten
    assert {(line["nphies"], line["carc"]) for line in bitten} == {(family.nphies, family.carc)}


@pytest.mark.parametrize("name", [family.name for family in families.FAMILIES if family.since])
def test_a_late_family_denies_nothing_the_month_before_it_begins(name: str) -> None:
    """What the model must not have seen is not there to be seen."""
    line = made.judged(month=BY_NAME[name].since - 1, **dict(HITS)[name])
    assert BY_NAME[name].bite(line, 1.0) == 0.0
    assert BY_NAME[name].bite(made.judged(month=BY_NAME[name].since, **dict(HITS)[name]), 1.0) > 0.0


def test_only_families_that_may_cut_pay_half() -> None:
    """Too many units, a price, a share: cut or denied; every other flaw is denied whole."""
    for name, change in HITS[:-2]:
        outcomes = {
            one.answer["lines"][0]["outcome"]
            for one in judgements(3, 20, **change)
            if one.truth["lines"][0]["family"] == name
        }
        assert outcomes == ({"partial", "denied"} if BY_NAME[name].partial else {"denied"}), name


def test_the_answer_holds_nothing_that_a_payer_would_not_say() -> None:
    """The family and the true probability stand in the truth and nowhere else."""
    (one, *_) = judgements(3, 20, waited=90)
    assert set(one.answer) == {"claim_id", "payer", "outcome", "decided_at", "lines"}
    said = {"sequence", "outcome", "nphies", "carc", "paid_minor"}
    assert all(set(line) <= said for line in one.answer["lines"])
    assert set(one.truth["lines"][0]) == {"probability", "applies", "family"}


@pytest.mark.parametrize("change", [{}, {"quantity": 3}, {"waited": 90}, {"markup": 0.2}])
def test_the_true_probability_is_how_often_the_line_is_denied(change: dict[str, Any]) -> None:
    """Over many throws the rate of denials is what the truth says, within three standard errors."""
    found = judgements(11, 8, **change)
    told = np.array([one.truth["lines"][0]["probability"] for one in found])
    denied = np.array([one.answer["lines"][0]["outcome"] != "approved" for one in found])
    error = np.sqrt((told * (1 - told)).sum()) / len(told)
    assert abs(denied.mean() - told.mean()) <= 3 * error + 0.01


@given(st.sampled_from(HITS), st.floats(0.1, 5), st.floats(0, 1), st.integers(0, 23))
def test_a_bite_is_a_probability(
    hit: tuple[str, dict[str, Any]], mood: float, strictness: float, month: int
) -> None:
    """Whatever the mood, the strictness and the month, no family is surer than a machine."""
    payer = made.payer(strictness=strictness)
    line = made.judged(**{**hit[1], "month": month, "payer": hit[1].get("payer", payer)})
    for family in families.FAMILIES:
        assert 0.0 <= family.bite(line, mood) <= families.CERTAIN


def test_a_payer_that_is_not_strict_reviews_nothing() -> None:
    """Strictness scales every review down to nothing; machines do not care for it."""
    lenient = made.payer(strictness=0.0)
    for name, change in HITS:
        line = made.judged(month=20, **{**change, "payer": change.get("payer", lenient)})
        if line.payer is lenient:
            assert bool(BY_NAME[name].bite(line, 1.0)) is BY_NAME[name].edit, name


def test_a_policy_makes_a_payer_read_papers_harder_from_its_month_on() -> None:
    """Before it nothing changes; after it the families of papers bite more, others as before."""
    strict = made.payer(policy_month=10, policy=1.5)
    papers = functools.partial(made.judged, kind="emergency", information=("chief-complaint",), payer=strict)
    family = BY_NAME["vitals"]
    before, after = (family.bite(papers(month=month), 1.0) for month in (9, 10))
    assert after == pytest.approx(1.5 * before)
    other = BY_NAME["too-soon"]
    line = functools.partial(made.judged, payer=strict, seen={"G0108": made.DAY - timedelta(days=3)})
    assert other.bite(line(month=9), 1.0) == other.bite(line(month=10), 1.0)


def test_the_payer_remembers_a_service_and_forgets_it_in_time() -> None:
    """What was billed is remembered for some weeks, and gone after them: memory does not grow."""
    line = made.judged()
    history = families.History()
    history.remember(line.drawn)
    history.forget(made.DAY + timedelta(days=families.MEMORY_DAYS))
    assert len(history.last) == 1
    history.forget(made.DAY + timedelta(days=families.MEMORY_DAYS + 1))
    assert not history.last
    assert 2 * max(families.FOLLOW_UP_DAYS, families.REFILL_DAYS) < families.MEMORY_DAYS


@pytest.mark.parametrize(
    ("lines", "outcome"),
    [
        (["approved", "approved"], "approved"),
        (["denied", "denied"], "rejected"),
        (["approved", "denied"], "partial"),
        (["partial", "partial"], "partial"),
        (["denied", "partial"], "partial"),
    ],
)
def test_a_claims_outcome_is_what_its_lines_say(lines: list[str], outcome: str) -> None:
    """Approved or rejected only when every line is; anything between is partial."""
    assert adjudicator._outcome(lines) == outcome


def test_the_answer_comes_after_the_claim_within_three_weeks() -> None:
    """No payer answers before it is asked, and none keeps a sender waiting for longer than stated."""
    for one in judgements(1, 8):
        waited = (date.fromisoformat(one.answer["decided_at"]) - made.DAY).days - 5
        assert adjudicator.DECISION_DAYS[0] <= waited < adjudicator.DECISION_DAYS[1]


def test_nothing_in_the_catalogue_is_flawed_by_itself() -> None:
    """A usual quantity is within its limit and some age is right, so each can be billed well."""
    for service in (*catalogue.SERVICES, catalogue.VISIT):
        assert 1 <= service.usual <= service.limit, service.code
        assert service.min_age < service.max_age, service.code
