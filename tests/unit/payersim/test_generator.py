"""Habits of the simulated senders: they differ as stated, make the mistakes stated, and no others."""

import functools
from datetime import date
from decimal import Decimal

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from payersim.domain import catalogue, families, generator, papers, population, tariffs, visits
from payersim.usecases import simulate


@functools.cache
def many() -> list[generator.Drawn]:
    """Return enough claims of one world for a habit to show."""
    return list(simulate.sent(population.create(17, 1_500, families.NAMES), 1_500))


def few(seed: int) -> list[generator.Drawn]:
    """Return some claims of a seeded world."""
    return list(simulate.sent(population.create(seed, 6, families.NAMES), 6))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
@example(50)  # a house that claims seldom sends one again
def test_dates_of_a_claim_follow_each_other(seed: int) -> None:
    """Born, treated, then billed; the month told is the one the service day lies in; claims come in order."""
    found = few(seed)
    for drawn in found:
        assert drawn.patient.birth < drawn.service_day < drawn.created_day
        assert 0 <= drawn.month < population.WORLD_MONTHS
        assert drawn.month == visits.month_of(drawn.service_day)
        assert (drawn.claim.created or "")[:10] == drawn.created_day.isoformat()
    assert [drawn.created_day for drawn in found] == sorted(drawn.created_day for drawn in found)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_what_a_claim_points_at_is_in_it(seed: int) -> None:
    """Lines name only diagnoses, people and papers that the claim holds, and services only once."""
    for drawn in few(seed):
        claim = drawn.claim
        assert len(claim.lines) == len(drawn.services)
        for line in claim.lines:
            assert set(line.diagnosis_sequences) <= {one.sequence for one in claim.diagnoses}
            assert set(line.care_team_sequences) <= {one.sequence for one in claim.care_team}
            assert set(line.information_sequences) <= {one.sequence for one in claim.supporting_info}
        assert len({line.code for line in claim.lines}) == len(claim.lines)
        assert [line.sequence for line in claim.lines] == list(range(1, len(claim.lines) + 1))
        assert sum(one.type == ["principal"] for one in claim.diagnoses) == 1


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_sums_add_up_unless_a_clerk_slipped(seed: int) -> None:
    """Net is quantity times price and the total the sum of nets, to the halala, or the fault is named."""
    for drawn in few(seed):
        claim = drawn.claim
        off = [
            line.unit_price is not None and line.net != line.unit_price * (line.quantity or 0)
            for line in claim.lines
        ]
        assert not any(off) or "arithmetic" in drawn.faults
        assert all((line.patient_share or Decimal(0)) <= (line.net or Decimal(0)) for line in claim.lines)
        summed = sum((line.net or Decimal(0) for line in claim.lines), Decimal(0))
        assert (claim.total != summed) == ("total" in drawn.faults)


def test_the_kind_of_house_decides_the_kind_of_claim() -> None:
    """A pharmacy bills no visit, nobody outside a hospital a stay, and X12 carries no teeth and glasses."""
    kinds: dict[str, set[str]] = {}
    for drawn in many():
        kinds.setdefault(drawn.provider.type, set()).add(drawn.visit.kind)
    assert kinds == {
        "hospital": {"professional", "emergency", "institutional"},
        "polyclinic": {"professional"},
        "pharmacy": {"pharmacy"},
        "dental": {"oral"},
        "optician": {"vision"},
    }
    for drawn in many():
        assert (drawn.claim.regime == "x12-us") == (drawn.claim.currency == "USD")
        if drawn.visit.kind == "pharmacy" and "diagnosis" not in drawn.faults:
            assert all(service.drug for service in drawn.services)


def test_every_regime_and_type_is_there() -> None:
    """Both Saudi regimes know all types, X12 two; the five types of claims are all written."""
    found = {(drawn.claim.regime, drawn.claim.type) for drawn in many()}
    for regime in ("base", "nphies"):
        for kind in ("professional", "institutional", "oral", "pharmacy", "vision"):
            assert (regime, kind) in found
    assert {kind for regime, kind in found if regime == "x12-us"} == {"professional", "institutional"}


def test_careful_providers_document_more() -> None:
    """The half of providers that takes more care leaves documents out less often."""
    read = [d for d in many() if d.visit.kind == "professional" and d.provider.regime == "nphies"]
    middle = float(np.median([drawn.provider.care for drawn in read]))
    missing = [
        np.mean(["documents" in d.faults for d in read if (d.provider.care > middle) is careful])
        for careful in (True, False)
    ]
    assert missing[0] < missing[1]
    full = [len(d.claim.supporting_info) for d in read if "documents" not in d.faults]
    assert set(full) == {len(papers.FULL)}


def test_dear_providers_bill_more_for_the_same_service() -> None:
    """A provider's markup shows in its prices against what senders usually ask."""
    ratios = []
    for drawn in many():
        for line, service in zip(drawn.claim.lines, drawn.services, strict=True):
            if line.unit_price is not None:
                asked = tariffs.listed(service, drawn.patient.payer, drawn.month)
                ratios.append((drawn.provider.markup, float(line.unit_price * 100) / asked))
    assert np.corrcoef(np.array(ratios).T)[0, 1] > 0.5


def test_slow_providers_file_later() -> None:
    """A provider's habit decides how long after the service a claim is written."""
    sent = [d for d in many() if "duplicate" not in d.faults]
    waits = [((d.created_day - d.service_day).days, d.provider.lag_days) for d in sent]
    slow = [wait for wait, lag in waits if lag > 7]
    quick = [wait for wait, lag in waits if lag <= 7]
    assert np.mean(slow) > 1.5 * np.mean(quick)


def test_most_claims_are_faultless_and_every_fault_happens() -> None:
    """There are clean claims and faulty ones, and each named mistake is made by somebody."""
    assert 0.4 < np.mean([not drawn.faults for drawn in many()]) < 0.9
    named = set().union(*(drawn.faults for drawn in many()))
    assert named == {
        *visits.CLERICAL, "quantity", "permission", "person", "setting", "diagnosis", "diagnosis-sex",
        "documents", "duplicate",
    }  # fmt: skip


def test_a_claim_sent_again_differs_in_number_and_day_only() -> None:
    """The second sending is the first one under another number on a later day."""
    first = many()[0]
    again = generator.resent(np.random.default_rng(1), first, 999, first.created_day)
    assert again.created_day > first.created_day
    assert again.claim.claim_id == "SIM-00000999"
    same = msgspec.structs.replace(again.claim, claim_id=first.claim.claim_id, created=first.claim.created)
    assert same == first.claim
    assert "duplicate" in again.faults
    late = date(2030, 1, 1)
    assert generator.resent(np.random.default_rng(1), first, 999, late).created_day == late


@pytest.mark.parametrize(
    ("code", "sex", "years", "fitting"),
    [
        ("G0103", "male", 40, True),
        ("G0103", "male", 39, False),
        ("G0103", "female", 60, False),
        ("J7298", "female", 52, True),
        ("J7298", "female", 53, False),
        ("G0108", "male", 0, True),
    ],
)
def test_a_service_is_meant_for_a_sex_and_ages(code: str, sex: str, years: int, fitting: bool) -> None:  # noqa: FBT001 - a table of cases
    """Both bounds of the age belong to those a service is meant for."""
    assert visits.fits(catalogue.BY_CODE[code], sex, years) is fitting


@given(st.dates(date(1936, 1, 1), date(2020, 1, 1)), st.dates(date(2020, 1, 2), date(2030, 1, 1)))
def test_age_rises_by_one_a_year(birth: date, day: date) -> None:
    """Nobody's age goes down from one day to the next, and a year later it is one more."""
    years = visits.age(birth, day)
    assert 0 <= years <= 94
    later = date(day.year + 1, day.month, min(day.day, 28))
    assert visits.age(birth, later) - years in ({1} if day.day <= 28 else {0, 1})


def test_a_patient_is_the_same_person_at_every_visit() -> None:
    """Patients are made from their number; nothing of them is kept, nothing of them changes."""
    world = population.create(5, 600, families.NAMES)
    assert world.people == 100
    assert population.create(5, 1, families.NAMES).people == 20
    assert all(population.patient(world, n) == population.patient(world, n) for n in range(20))
    assert len({population.patient(world, n).id for n in range(100)}) == 100


def test_a_house_number_checks_itself() -> None:
    """Invented NPIs pass the check of the real ones, and no two houses share one."""
    numbers = [population.npi(n) for n in range(500)]
    assert len(set(numbers)) == 500
    for number in numbers:
        digits = [int(digit) for digit in "80840" + number]
        doubled = [two * 2 - 9 if two > 4 else two * 2 for two in digits[-2::-2]]
        assert (sum(doubled) + sum(digits[-1::-2])) % 10 == 0
        assert len(number) == 10


def test_contracts_rise_once_a_year_and_senders_every_month() -> None:
    """Just before January a sender asks more than the contract allows, just after it no more."""
    world = population.create(3, 1, families.NAMES)
    payer, service = world.payers[0], catalogue.VISIT
    assert tariffs.listed(service, payer, 0) == tariffs.agreed(service, payer, 0)
    assert tariffs.listed(service, payer, 5) > tariffs.agreed(service, payer, 5)
    assert tariffs.listed(service, payer, 6) < tariffs.agreed(service, payer, 6)
    dollars = tariffs.agreed(service, world.payers[-1], 0)
    assert dollars < tariffs.agreed(service, payer, 0) / 3
