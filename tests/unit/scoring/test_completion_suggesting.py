"""Diagnoses are suggested in order, with calibrated confidence and evidence, or refused when that is thin."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import completion_support as support
from scoring.domain import calibration, completion, completion_models
from scoring.domain import completion_diagnoses as diagnoses
from scoring.domain import completion_suggesting as suggesting
from scoring.domain import completion_tokens as tokens

SERVICES = sorted(support.SERVICES)


def _suggested(facts: completion.Facts, system: str = support.CM, **changes: Any) -> completion.Suggestion:
    found = suggesting.suggest(_bundle(**changes), facts, system)
    assert isinstance(found, completion.Suggestion), found
    return found


def _refused(facts: completion.Facts, **changes: Any) -> completion.Refusal:
    found = suggesting.suggest(_bundle(**changes), facts, support.CM)
    assert isinstance(found, completion.Refusal), found
    return found


def _bundle(**changes: Any) -> completion_models.Diagnoses:
    """Return the world's bundle, its models changed so."""
    bundle = support.diagnosing()
    hearings = tuple(one._replace(model=one.model._replace(**changes)) for one in bundle.hearings)
    return bundle._replace(hearings=hearings)


def _flat(rate: float) -> calibration.Table:
    """Return a table that says the same of every share."""
    return calibration.Table(np.array([0.0, 1.0]), np.array([rate, rate]))


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("system", [support.CM, support.AM])
def test_the_first_choice_is_what_the_service_is_mostly_for(service: str, system: str):
    """In the system that the claim is coded in, written as that system writes it."""
    found = _suggested(support.facts(service), system)
    assert found.first.value == support.SERVICES[service][0][0]
    assert found.first.system == system
    assert found.first.kind == "code"


@pytest.mark.parametrize("service", SERVICES)
def test_further_choices_are_less_sure_and_of_the_same_system(service: str):
    """At most five in all, none twice, the confidence falling."""
    found = _suggested(support.facts(service))
    every = [found.first, *found.alternatives]
    assert len(every) <= diagnoses.LISTED
    assert len({one.value for one in every}) == len(every)
    assert {one.system for one in every} == {support.CM}
    confidences = [one.confidence for one in every]
    assert confidences == sorted(confidences, reverse=True)
    assert all(0 < one <= 1 for one in confidences)


def test_confidence_is_near_how_often_such_a_claim_had_the_diagnosis():
    """Seven of ten claims for G0108 had E11.9."""
    found = _suggested(support.facts("G0108"))
    told = [code for facts, _, code in support.world() if facts.lines[0].code == "G0108"]
    assert found.first.confidence == pytest.approx(told.count("E11.9") / len(told), abs=0.12)


def test_a_category_may_be_surer_than_a_code():
    """E11.9 and E11.65 are one category: its confidence is the higher."""
    found = _suggested(support.facts("G0108"))
    assert found.group is not None
    assert (found.group.kind, found.group.value) == ("group", "E11")
    assert found.group.confidence >= found.first.confidence
    assert found.group.label.ar == "السكري من النوع الثاني"


def test_labels_are_of_the_code_or_its_category():
    """Where the bundle has none, there is none."""
    found = _suggested(support.facts("G0108"))
    assert found.first.label.en == "Type 2 diabetes"
    assert _suggested(support.facts("J7613")).first.label == completion.Label("", "")


def test_evidence_points_at_the_service_that_spoke():
    """Its place, how many claims learned from had it, how many of them with the answer, and in words."""
    found = _suggested(support.facts("G0403", "G0108", "G0108"))
    spoke = {one.path: one for one in found.evidence}
    assert "lines[1].code" in spoke or "lines[0].code" in spoke
    strongest = found.evidence[0]
    assert strongest.weight == max(one.weight for one in found.evidence) > 0
    assert 0 < strongest.agreeing <= strongest.cases
    for text in strongest.text:
        assert str(strongest.agreeing) in text
        assert found.first.value in text


def test_evidence_counts_are_those_of_the_world():
    """The numbers told can be counted again in the claims learned from."""
    found = _suggested(support.facts("V2020"))
    spoke = next(one for one in found.evidence if one.path == "lines[0].code")
    told = [(system, code) for facts, system, code in support.world() if facts.lines[0].code == "V2020"]
    assert spoke.cases == len(told)
    assert spoke.agreeing == told.count((support.CM, found.first.value))


def test_what_hardly_spoke_is_no_evidence():
    """Only what weighs a fifth of the strongest is named, and at most five."""
    found = _suggested(support.facts("G0108", "J7613", "V2020", "G0403"))
    assert len(found.evidence) <= suggesting.SHOWN_EVIDENCE
    least = suggesting.LEAST_SPOKEN * found.evidence[0].weight
    assert all(one.weight >= least for one in found.evidence)


def test_a_code_seen_only_by_its_beginning_is_told_as_such():
    """G0199 was never seen; services that begin so were."""
    facts = support.facts("G0108", "G0199")
    found = _suggested(facts)
    texts = {one.path: one.text.en for one in found.evidence}
    if "lines[1].code" in texts:
        assert "G01…" in texts["lines[1].code"]
    assert found.first.value == "E11.9"


def test_cases_are_counted():
    """How many claims the model learned from, and how many of them had the first choice."""
    found = _suggested(support.facts("G0108"))
    model = support.grown("services")
    assert found.cases == model.cases
    assert found.similar == model.frequency[model.classes.index(f"{support.CM}|E11.9")]


def test_a_claim_with_other_diagnoses_is_heard_by_the_model_that_hears_them():
    """And one without them by the model that was taught without: silence is not told as an answer."""
    bundle = support.diagnosing()
    other = support.facts("G0108", diagnoses=(completion.Code(1, support.CM, "I10"),))
    assert suggesting._listening(bundle, other).model.inputs == support.INPUTS["codes"]
    assert suggesting._listening(bundle, support.facts("G0108")).model.inputs == support.INPUTS["services"]


def test_codes_that_were_never_seen_are_refused_by_name():
    """Age and sex are known, and still nothing is concluded from them alone."""
    found = _refused(support.facts("Q9999"))
    assert found.reason == "completion.unseen_codes"
    assert "Q9999" in found.message.en
    assert "Q9999" in found.message.ar


def test_a_list_that_would_often_miss_is_refused():
    """When five choices cover less than half of the cases, the refusal says how many they cover."""
    found = _refused(support.facts("G0108"), listed=_flat(0.4))
    assert found.reason == "completion.unsure"
    assert "40%" in found.message.en
    assert "40%" in found.message.ar


def test_a_list_that_just_covers_enough_is_shown():
    """The bound itself is enough."""
    found = _suggested(support.facts("G0108"), listed=_flat(suggesting.LEAST_COVERED))
    assert found.covered == suggesting.LEAST_COVERED


def test_a_rare_diagnosis_is_refused_with_its_cases():
    """A first choice seen a few times only is a guess."""
    model = support.grown("services")
    rare = np.minimum(model.frequency, suggesting.LEAST_CASES - 1)
    found = _refused(support.facts("G0108"), frequency=rare)
    assert found.reason == "completion.few_cases"
    assert str(suggesting.LEAST_CASES) in found.message.en


def test_hopeless_alternatives_are_left_out():
    """What was right once in a thousand such cases is no help to anybody."""
    found = _suggested(support.facts("G0108"), others=_flat(0.001))
    assert found.alternatives == ()


def test_an_alternative_is_never_surer_than_the_first():
    """Two tables speak of first and further choices; the order of the list stays that of the shares."""
    found = _suggested(support.facts("G0108"), trust=_flat(0.3), others=_flat(0.9))
    assert {one.confidence for one in found.alternatives} == {0.3}


def test_groups_are_answered_without_a_group_beside_them():
    """A model of groups has nothing coarser to say."""
    bundle = _bundle()._replace(kind="group")
    found = suggesting.suggest(bundle, support.facts("G0108"), support.CM)
    assert isinstance(found, completion.Suggestion)
    assert found.group is None
    assert found.first.kind == "group"


@given(st.permutations(["G0108", "G0403", "V2020"]))
def test_the_order_of_lines_changes_no_choice(codes: list[str]):
    """Lines are a set of services to the model."""
    one, two = _suggested(support.facts(*codes)), _suggested(support.facts("G0108", "G0403", "V2020"))
    assert one.first.value == two.first.value
    assert one.first.confidence == pytest.approx(two.first.confidence, abs=1e-6)
    assert {choice.value for choice in one.alternatives} == {choice.value for choice in two.alternatives}


@given(st.sampled_from(SERVICES), st.sampled_from([support.CM, support.AM]))
def test_shares_are_those_of_the_models_own_words(service: str, system: str):
    """What serving says is what the functions of training say of the same words."""
    facts = support.facts(service)
    model = support.grown("services")
    words = [
        token.word for token in tokens.spell(facts, model.inputs, tokens.coarse(None))
    ]  # the claim says no diagnosis: the narrower model listens
    rows = tokens.encode([words], {word: place for place, word in enumerate(model.vocabulary)})
    allowed = np.array([[one.startswith(system) for one in model.classes]])
    told = diagnoses.shares(diagnoses.scores(model, rows, allowed))[0]
    served = suggesting.shares(support.diagnosing(), facts, system)
    assert np.abs(served - told).max() < 1e-6


def test_settings_are_told_in_words():
    """A circumstance that spoke is named as a person would name it, in both languages."""
    token = tokens.Token("C:sex=male", "setting", "patient.sex")
    assert suggesting._what(token) == completion.Label("Sex of the patient: male", "جنس المريض: ذكر")


@pytest.mark.parametrize(
    ("word", "name", "text"),
    [
        ("S:hcpcs|G0108", "services", "Service G0108"),
        ("S3:hcpcs|G01", "services", "Service G01…"),
        ("P:3606", "procedures", "Procedure 3606"),
        ("P1:3606", "procedures", "Procedure 3606"),
        ("PC:45", "procedures", "Procedure 45…"),
        ("A:R079", "admitting", "Admitting diagnosis R079"),
        ("D2:I10", "others", "Other diagnosis I10"),
        ("DC:I10", "others", "Other diagnosis I10…"),
        ("G:247", "drg", "DRG 247"),
    ],
)
def test_codes_are_told_in_words(word: str, name: str, text: str):
    """An exact code as it is, a coarser one with a sign that it is a beginning or a group."""
    told = suggesting._what(tokens.Token(word, name, ""))
    assert told.en == text
    assert told.ar != told.en
