"""Claims of every regime against the scrub packs: a claim without faults has no error, a faulty one may."""

import datetime as dt
import functools

import rules_support as support
from claims.domain.rules import engine
from formats import model
from payersim.domain import catalogue, families, generator, population
from payersim.usecases import simulate

AS_OF = dt.date(2026, 8, 2)


@functools.cache
def judged() -> list[tuple[generator.Drawn, set[str]]]:
    """Return claims of a world with the rules that find an error in them."""
    rules = engine.Engine(*support.committed())
    world = population.create(23, 500, families.NAMES)
    return [(drawn, _errors(rules, drawn.claim)) for drawn in simulate.sent(world, 500)]


def _errors(rules: engine.Engine, claim: model.Claim) -> set[str]:
    found = rules.evaluate(claim, as_of=AS_OF).findings
    return {one.rule for one in found if one.severity == "error"}


def test_the_packs_find_no_error_in_claims_without_faults() -> None:
    """In each regime, of every kind: what its exchange asks for is there and right."""
    clean = [(drawn, errors) for drawn, errors in judged() if not drawn.faults]
    assert {drawn.claim.regime for drawn, _ in clean} == {"base", "nphies", "x12-us"}
    assert {drawn.visit.kind for drawn, _ in clean if drawn.claim.regime == "nphies"} >= {
        "professional", "institutional", "oral", "pharmacy", "vision",
    }  # fmt: skip
    assert [(drawn.claim.claim_id, errors) for drawn, errors in clean if errors] == []


def test_the_packs_find_wrong_sums_and_missing_papers() -> None:
    """A clerk's slips in sums are found in Saudi claims, missing papers where the exchange asks for them."""
    for drawn, errors in judged():
        if drawn.claim.regime != "x12-us" and drawn.faults & {"arithmetic", "total"}:
            assert errors, drawn.faults
    missing = [bool(e) for d, e in judged() if d.claim.regime == "nphies" and "documents" in d.faults]
    assert sum(missing) > 0.5 * len(missing) > 0


def test_nphies_claims_carry_no_code_of_a_list_that_may_not_be_shared() -> None:
    """Numbers of services are ours and one to one; diagnoses are the ICD-10 that all countries share."""
    services = (*catalogue.SERVICES, catalogue.VISIT)
    for named in (catalogue.procedure_number, catalogue.trade_number):
        assert len({named(service) for service in services}) == len(services)
    for drawn, _ in judged():
        if drawn.claim.regime == "nphies":
            assert all(len(one.code or "") <= 5 for one in drawn.claim.diagnoses)
            assert {one.system for one in drawn.claim.diagnoses} == {"icd-10-am"}
            assert not {line.code for line in drawn.claim.lines} & {
                s.code for s in services if s.code[0] != "D"
            }


def test_american_claims_are_charges_without_prices() -> None:
    """X12 says what a line costs, not what a unit does, and nothing of a patient's share."""
    american = [drawn.claim for drawn, _ in judged() if drawn.claim.regime == "x12-us"]
    assert american
    for claim in american:
        assert all(line.unit_price is None and line.patient_share is None for line in claim.lines)
        assert claim.supporting_info == []
        assert claim.provider.id and len(claim.provider.id) == 10  # noqa: PT018 - one fact
