"""A wish goes to a model that knows regime, systems and currency; else the refusal says what is known."""

from typing import Any

import pytest

import completion_support as support
from scoring.domain import completion, completion_models
from scoring.domain import completion_routing as routing

HCPCS = frozenset({"hcpcs"})


def _bundle(revision: str = "a", kind: str = "code", **known: Any) -> completion_models.Diagnoses:
    """Return a bundle that is only asked what it knows."""
    origin = support.origin(revision=revision, knows=known)
    return support.diagnosing()._replace(origin=origin, kind=kind)


def _refused(found: object) -> completion.Refusal:
    assert isinstance(found, completion.Refusal)
    for text in (found.message, found.remedy):
        assert text.en
        assert text.ar
        assert "{" not in text.en + text.ar
    return found


def _routed(found: object) -> routing.Route:
    assert isinstance(found, routing.Route)
    return found


def test_without_a_model_nothing_is_guessed():
    """No bundle of the task: the refusal says so, whatever else is served."""
    assert _refused(routing.diagnosis([], support.facts("G0108"))).reason == "completion.no_model"
    assert _refused(routing.diagnosis([support.pricing()], support.facts("G0108"))).reason == (
        "completion.no_model"
    )
    told = routing.amount([support.diagnosing()], support.facts("G0108"), support.line())
    assert _refused(told).reason == "completion.no_model"


@pytest.mark.parametrize(("regime", "system"), [("base", support.CM), ("nphies", support.AM)])
def test_a_claim_without_diagnoses_is_answered_in_the_system_of_its_regime(regime: str, system: str):
    """What claims of this regime usually had."""
    found = _routed(routing.diagnosis([_bundle()], support.facts("G0108", regime=regime)))
    assert found.system == system


def test_a_claim_with_diagnoses_is_answered_in_their_system():
    """The claim itself says which system it is coded in."""
    other = completion.Code(0, support.AM, "I10")
    found = routing.diagnosis([_bundle()], support.facts("G0108", regime="base", diagnoses=(other,)))
    assert _routed(found).system == support.AM


def test_a_system_that_no_model_answers_in_is_refused_by_name():
    """An ICD-9 claim gets no ICD-10 code, and is told which systems are known."""
    other = completion.Code(0, "icd-9-cm", "4019")
    found = _refused(routing.diagnosis([_bundle()], support.facts("G0108", diagnoses=(other,))))
    assert found.reason == "completion.unknown_system"
    assert "icd-9-cm" in found.message.en
    assert support.AM in found.message.ar


def test_codes_of_unknown_systems_are_refused_by_name():
    """A model of HCPCS is not asked about codes it cannot read."""
    facts = support.facts("99213")
    facts = facts._replace(lines=(facts.lines[0]._replace(system="cpt"),))
    found = _refused(routing.diagnosis([_bundle()], facts))
    assert (found.reason, "cpt" in found.message.en) == ("completion.unknown_system", True)


def test_codes_without_a_system_are_refused_with_the_remedy():
    """Their system is asked for."""
    facts = support.facts("G0108")
    facts = facts._replace(lines=(facts.lines[0]._replace(system=""),))
    found = _refused(routing.diagnosis([_bundle()], facts))
    assert "?" in found.message.en
    assert "system" in found.remedy.en


@pytest.mark.parametrize("regime", ["x12-us", ""])
def test_a_regime_nobody_learned_from_is_refused(regime: str):
    """And the known ones are listed."""
    found = _refused(routing.diagnosis([_bundle()], support.facts("G0108", regime=regime)))
    assert found.reason == "completion.unknown_regime"
    assert "base, nphies" in found.message.en
    told = routing.amount([support.pricing()], support.facts("G0108", regime=regime), support.line())
    assert _refused(told).reason == "completion.unknown_regime"


def test_a_claim_without_any_code_is_refused():
    """Age and sex alone suggest nothing."""
    assert _refused(routing.diagnosis([_bundle()], support.facts(""))).reason == "completion.no_codes"
    assert _refused(routing.diagnosis([_bundle()], support.facts())).reason == "completion.no_codes"


def test_a_drg_alone_is_something_to_conclude_from():
    """It is a code, though of no line."""
    assert _routed(routing.diagnosis([_bundle()], support.facts(drg="247"))).bundle.kind == "code"


def test_the_model_that_reads_most_of_the_claim_is_asked():
    """Two models know the regime; the one that understands more of the codes answers."""
    facts = support.facts("G0108", "G0403")
    lines = (facts.lines[0], facts.lines[1]._replace(system="sbs"))
    narrow = _bundle("n", reads=HCPCS)
    wide = _bundle("w", reads=HCPCS | {"sbs"})
    for served in ([narrow, wide], [wide, narrow]):
        found = _routed(routing.diagnosis(served, facts._replace(lines=lines)))
        assert found.bundle.origin.revision == "w"


def test_of_equals_the_first_of_the_settings_is_asked():
    """An operator decides by the order."""
    facts = support.facts("G0108")
    for one, two in (("x", "y"), ("y", "x")):
        found = _routed(routing.diagnosis([_bundle(one), _bundle(two)], facts))
        assert found.bundle.origin.revision == one


def test_old_claims_and_new_ones_find_their_own_models():
    """A customer's ICD-9 model of groups stands beside the ICD-10 one; each claim meets the right one."""
    old = _bundle("old", "group", reads=frozenset({"icd-9-cm"}), answers=("ccs",), regimes={"x12-us": "ccs"})
    new = _bundle("new", regimes={"x12-us": support.CM})
    procedure = completion.Code(0, "icd-9-cm", "3606")
    past = support.facts(regime="x12-us", procedures=(procedure,))
    found = _routed(routing.diagnosis([new, old], past))
    assert (found.bundle.origin.revision, found.system) == ("old", "ccs")
    found = _routed(routing.diagnosis([old, new], support.facts("G0108", regime="x12-us")))
    assert (found.bundle.origin.revision, found.system) == ("new", support.CM)


def test_groups_are_answered_whatever_the_other_diagnoses_are_coded_in():
    """A group is of no system of codes; only what is read has to be known."""
    old = _bundle("old", "group", reads=frozenset({"icd-9-cm"}), answers=("ccs",), regimes={"x12-us": "ccs"})
    other = completion.Code(1, "icd-9-cm", "4019")
    found = _routed(routing.diagnosis([old], support.facts(regime="x12-us", diagnoses=(other,))))
    assert found.system == "ccs"


def test_an_amount_goes_to_a_model_of_its_currency_and_system():
    """The first that knows regime, currency and system."""
    riyal, dollar = support.pricing(), support.pricing(currencies=frozenset({"USD"}))
    found = routing.amount([riyal, dollar], support.facts("G0108", currency="USD"), support.line())
    assert found is dollar


@pytest.mark.parametrize(
    ("facts", "line", "reason"),
    [
        ({}, {"code": ""}, "completion.no_code"),
        ({"currency": "KWD"}, {}, "completion.unknown_currency"),
        ({"currency": ""}, {}, "completion.unknown_currency"),
        ({}, {"system": "sbs"}, "completion.unknown_system"),
        ({}, {"system": ""}, "completion.unknown_system"),
    ],
)
def test_amounts_nobody_can_know_are_refused(facts: dict[str, Any], line: dict[str, Any], reason: str):
    """Each lack has its own reason, and its own remedy in both languages."""
    told = routing.amount([support.pricing()], support.facts("G0108", **facts), support.line(**line))
    assert _refused(told).reason == reason


def test_a_refused_currency_names_what_is_known():
    """A biller sees at once that only riyals were learned."""
    told = routing.amount([support.pricing()], support.facts("G0108", currency="KWD"), support.line())
    assert "SAR" in _refused(told).message.en
    assert "KWD" in _refused(told).message.ar
