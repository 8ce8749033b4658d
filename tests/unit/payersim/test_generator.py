"""Habits of the simulated senders: they differ as stated, make the mistakes stated, and no others."""

import functools
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payersim.domain import catalogue, generator, population


def drawn_claims(seed: int, count: int) -> list[generator.Drawn]:
    """Return claims of one seeded world."""
    rng = np.random.default_rng(seed)
    world = population.create(rng, count)
    return [generator.draw(rng, world, number) for number in range(count)]


@functools.cache
def many() -> list[generator.Drawn]:
    """Return enough claims of one world for a habit to show."""
    return drawn_claims(17, 1_500)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_dates_of_a_claim_follow_each_other(seed: int) -> None:
    """Born, treated, then billed; the month told is the one the service day lies in."""
    for drawn in drawn_claims(seed, 4):
        assert drawn.patient.birth < drawn.service_day < drawn.created_day
        assert 0 <= drawn.month < population.WORLD_MONTHS
        since = (drawn.service_day - population.WORLD_START).days
        assert (
            int(drawn.month * generator.DAYS_PER_MONTH)
            <= since
            < (drawn.month + 1) * generator.DAYS_PER_MONTH
        )
        assert (drawn.claim.created or "")[:10] == drawn.created_day.isoformat()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_what_a_claim_points_at_is_in_it(seed: int) -> None:
    """Lines name only diagnoses, people and papers that the claim holds, and services only once."""
    for drawn in drawn_claims(seed, 4):
        claim = drawn.claim
        for line, service in zip(claim.lines, drawn.services, strict=True):
            assert line.code == service.code
            assert set(line.diagnosis_sequences) <= {one.sequence for one in claim.diagnoses}
            assert set(line.care_team_sequences) <= {one.sequence for one in claim.care_team}
            assert set(line.information_sequences) <= {one.sequence for one in claim.supporting_info}
        assert len({line.code for line in claim.lines}) == len(claim.lines)
        assert [line.sequence for line in claim.lines] == list(range(1, len(claim.lines) + 1))
        assert sum(one.type == ["principal"] for one in claim.diagnoses) == 1


def test_a_pharmacy_bills_no_visit_and_nobody_outside_a_hospital_an_admission() -> None:
    """The kind of provider decides the kind of claim."""
    kinds = {drawn.provider.type: set[tuple[str, str | None]]() for drawn in many()}
    for drawn in many():
        kinds[drawn.provider.type].add((str(drawn.claim.type), drawn.claim.subtype))
    assert kinds == {
        "hospital": {("professional", "op"), ("institutional", "ip")},
        "polyclinic": {("professional", "op")},
        "pharmacy": {("pharmacy", "op")},
    }


def test_careful_providers_document_more() -> None:
    """The half of providers that takes more care sends markedly more papers with a claim."""
    middle = float(np.median([drawn.provider.care for drawn in many()]))
    papers = [
        np.mean([len(d.claim.supporting_info) for d in many() if (d.provider.care > middle) is careful])
        for careful in (True, False)
    ]
    assert papers[0] > papers[1] * 1.1


def test_dear_providers_bill_more_for_the_same_service() -> None:
    """A provider's markup shows in its prices against the payer's tariff."""
    ratios = []
    for drawn in many():
        for line, service in zip(drawn.claim.lines, drawn.services, strict=True):
            tariff = service.price_minor * (1 - drawn.patient.payer.discount)
            ratios.append((drawn.provider.markup, float((line.unit_price or 0) * 100) / tariff))
    assert np.corrcoef(np.array(ratios).T)[0, 1] > 0.5


def test_slow_providers_file_later() -> None:
    """A provider's habit decides how long after the service a claim is written."""
    waits = [((drawn.created_day - drawn.service_day).days, drawn.provider.lag_days) for drawn in many()]
    slow = [wait for wait, lag in waits if lag > 7]
    quick = [wait for wait, lag in waits if lag <= 7]
    assert np.mean(slow) > 1.5 * np.mean(quick)


def test_mistakes_happen_about_as_often_as_stated() -> None:
    """Over-quantity and services for the wrong person are there to be found, and are exceptions."""
    pairs = [
        (d, line, service) for d in many() for line, service in zip(d.claim.lines, d.services, strict=True)
    ]
    over = np.mean([(line.quantity or 0) > service.limit for _, line, service in pairs])
    wrong = np.mean(
        [
            not generator.fits(service, d.patient.sex, generator.age(d.patient.birth, d.service_day))
            for d, _, service in pairs
        ]
    )
    assert generator.OVER_QUANTITY_RATE / 2 < over < generator.OVER_QUANTITY_RATE * 3
    assert 0 < wrong < generator.WRONG_PERSON_RATE


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
    assert generator.fits(catalogue.BY_CODE[code], sex, years) is fitting


@given(st.dates(date(1936, 1, 1), date(2020, 1, 1)), st.dates(date(2020, 1, 2), date(2030, 1, 1)))
def test_age_rises_by_one_a_year(birth: date, day: date) -> None:
    """Nobody's age goes down from one day to the next, and a year later it is one more."""
    years = generator.age(birth, day)
    assert 0 <= years <= 94
    later = date(day.year + 1, day.month, min(day.day, 28))
    assert generator.age(birth, later) - years in ({1} if day.day <= 28 else {0, 1})


def test_a_world_has_room_for_its_claims_and_no_twin_patients() -> None:
    """Small worlds still have twenty patients, large ones grow, and ids are unique."""
    for claims, patients in ((1, 20), (600, 100)):
        world = population.create(np.random.default_rng(1), claims)
        assert len(world.patients) == patients
        assert len({patient.id for patient in world.patients}) == patients
        assert len({provider.id for provider in world.providers}) == len(world.providers)
        assert all(0 < provider.care < 1 for provider in world.providers)
