"""Each hidden family on a claim made by hand: one it must deny, and the nearest one it must leave alone."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

import payersim_support as made
from payersim.domain import adjudicator, catalogue, families

BY_NAME = {family.name: family for family in families.FAMILIES}
DEAR = "E0601"  # 3,100 riyals a piece, needs permission
BORN = made.DAY.replace(year=made.DAY.year - 40)

HITS: list[tuple[str, dict[str, Any]]] = [
    ("out-of-network", {"excluded": (made.PAYER.id, "PAYER-02")}),
    ("permission-missing", {"code": "G0422", "diagnoses": ("I10",), "permission": False}),
    ("filing-limit", {"waited": 31}),
    ("service-sex", {"code": "G0103", "diagnoses": ("Z12.5",), "sex": "female"}),
    ("diagnosis-service", {"diagnoses": ("I10", "J44.1")}),
    ("quantity", {"quantity": 3}),
    ("history-missing", {"code": "V2632", "diagnoses": ("H26.9",), "information": ("chief-complaint",)}),
    ("complaint-missing", {"information": ("history-of-present-illness",)}),
    ("too-soon", {"seen": {"G0108": made.DAY - timedelta(days=14)}}),
    ("contract-price", {"markup": 0.07}),
    ("service-age", {"code": "E0143", "diagnoses": ("M17.11",), "birth": BORN + timedelta(days=1)}),
    ("bundled", {"code": "G0444", "others": ("G0438",), "diagnoses": ("Z00.00",)}),
    ("setting", {"code": "J1250", "diagnoses": ("I10",)}),
    ("urgency", {"code": "G0378", "diagnoses": ("R10.9",), "subtype": "ip"}),
]
SPARED: list[tuple[str, dict[str, Any]]] = [
    ("out-of-network", {"excluded": ("PAYER-02",)}),
    ("permission-missing", {"code": "G0422", "diagnoses": ("I10",)}),
    ("permission-missing", {"permission": False}),
    ("filing-limit", {"waited": 30}),
    ("service-sex", {"code": "G0103", "diagnoses": ("Z12.5",), "sex": "male"}),
    ("diagnosis-service", {"diagnoses": ("I10", "E11.65")}),
    ("diagnosis-service", {"code": "G0463", "diagnoses": ("I10",)}),
    ("quantity", {"quantity": 2}),
    ("history-missing", {"code": "V2632", "diagnoses": ("H26.9",)}),
    ("history-missing", {"information": ("chief-complaint",)}),
    ("complaint-missing", {"information": (), "claim_type": "pharmacy"}),
    ("too-soon", {"seen": {"G0108": made.DAY - timedelta(days=15)}}),
    ("too-soon", {"seen": {"G0270": made.DAY}}),
    ("too-soon", {"seen": {"G0108": made.DAY + timedelta(days=1)}}),
    ("contract-price", {"markup": 0.05}),
    ("service-age", {"code": "E0143", "diagnoses": ("M17.11",), "birth": BORN}),
    ("bundled", {"code": "G0438", "others": ("G0444",), "diagnoses": ("Z00.00",)}),
    ("bundled", {"code": "G0444", "diagnoses": ("Z00.00",)}),
    ("setting", {"code": "J1250", "diagnoses": ("I10",), "subtype": "ip"}),
    ("urgency", {"code": "J2405", "diagnoses": ("A09",)}),
    ("urgency", {"code": DEAR, "diagnoses": ("J44.1",)}),
]


def applying(line: Any) -> set[str]:
    """Return the names of the families that apply to a line."""
    return {family.name for family in families.FAMILIES if family.applies(line)}


def test_no_family_applies_to_a_blameless_line() -> None:
    """The claim that the others are made from gives no reason for a denial."""
    assert applying(made.judged()) == set()


@pytest.mark.parametrize(("name", "change"), HITS, ids=[name for name, _ in HITS])
def test_a_family_applies_to_what_it_is_about(name: str, change: dict[str, Any]) -> None:
    """The one flaw put into a blameless claim is seen by its own family."""
    assert name in applying(made.judged(**change))


@pytest.mark.parametrize(
    ("name", "change"), SPARED, ids=[f"{name}-{n}" for n, (name, _) in enumerate(SPARED)]
)
def test_a_family_spares_the_nearest_claim_without_its_flaw(name: str, change: dict[str, Any]) -> None:
    """One day, one unit or one document less, and the family has nothing to say."""
    assert name not in applying(made.judged(**change))


def test_every_family_is_tried_both_ways() -> None:
    """A family added to the world cannot stay without a claim it must deny and one it must spare."""
    assert {name for name, _ in HITS} == {name for name, _ in SPARED} == set(BY_NAME)


def adjudicated(seed: int, month: int, **change: Any) -> list[dict[str, Any]]:
    """Return the first line's answer under sixty throws of the dice."""
    answers = []
    for number in range(60):
        line = made.judged(month=month, **change)
        rng = np.random.default_rng([seed, number])
        answers.append(adjudicator.adjudicate(rng, line.drawn, line.history)["lines"][0])
    return answers


@pytest.mark.parametrize(("name", "change"), HITS, ids=[name for name, _ in HITS])
def test_a_flaw_is_denied_for_its_reason_once_its_family_has_begun(name: str, change: dict[str, Any]) -> None:
    """Under a payer that always looks, the family bites often enough to be learned, with its own codes."""
    family = BY_NAME[name]
    bitten = [line for line in adjudicated(7, 20, **change) if line.get("family") == name]
    assert bitten
    assert {(line["nphies"], line["carc"]) for line in bitten} == {(family.nphies, family.carc)}


@pytest.mark.parametrize("name", [family.name for family in families.FAMILIES if family.since])
def test_a_late_family_denies_nothing_the_month_before_it_begins(name: str) -> None:
    """What the model must not have seen is not there to be seen."""
    change = dict(HITS)[name]
    before = adjudicated(7, BY_NAME[name].since - 1, **change)
    assert name not in {line.get("family") for line in before}


def test_only_families_that_may_cut_pay_half() -> None:
    """Too many units and too high a price are cut or denied; every other flaw is denied whole."""
    for name, change in HITS:
        outcomes = {line["outcome"] for line in adjudicated(3, 20, **change) if line.get("family") == name}
        assert outcomes == ({"partial", "denied"} if BY_NAME[name].partial else {"denied"}), name


def test_the_family_named_first_gives_the_reason() -> None:
    """A line with two flaws is denied for the one that payers look at first, when both bite."""
    change = {"excluded": (made.PAYER.id,), "waited": 90}
    reasons = [line.get("family") for line in adjudicated(5, 8, **change)]
    assert reasons.count("out-of-network") > reasons.count("filing-limit")


def test_a_payer_that_is_not_strict_never_denies_for_a_flaw() -> None:
    """Strictness scales every family's bite, down to nothing."""
    lenient = made.population.Payer("PAYER-01", 0.0, 30, 0.1, 0.2)
    line = made.judged(waited=90)
    patient = made.population.Patient("SIM-1", "male", date(1980, 1, 1), "metabolic", lenient, "M-1", "gold")
    drawn = made.generator.Drawn(line.drawn.claim, patient, *_rest(line.drawn))
    answers = [
        adjudicator.adjudicate(np.random.default_rng(seed), drawn, families.History()) for seed in range(40)
    ]
    assert {answer["outcome"] for answer in answers} == {"approved"}


def _rest(drawn: Any) -> tuple[Any, ...]:
    return drawn.provider, drawn.services, drawn.service_day, drawn.created_day, drawn.month


def test_the_payer_remembers_a_service_of_a_member() -> None:
    """The second claim for the same service within two weeks is seen as too soon, the first is not."""
    line = made.judged()
    adjudicator.adjudicate(np.random.default_rng(1), line.drawn, line.history)
    assert applying(line) == {"too-soon"}


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
    for seed in range(50):
        line = made.judged()
        decided = adjudicator.adjudicate(np.random.default_rng(seed), line.drawn, line.history)["decided_at"]
        waited = (date.fromisoformat(decided) - line.drawn.created_day).days
        assert adjudicator.DECISION_DAYS[0] <= waited < adjudicator.DECISION_DAYS[1]


def test_nothing_in_the_catalogue_is_flawed_by_itself() -> None:
    """A usual quantity is within its limit and some age is right, so each can be billed well."""
    for service in (*catalogue.SERVICES, catalogue.VISIT):
        assert 1 <= service.usual <= service.limit, service.code
        assert service.min_age < service.max_age, service.code
