"""Messages become facts and wishes without loss, wrong ones are refused, answers are told whole."""

import contextlib
import math
from typing import Any

import pytest
from google.protobuf import message
from hypothesis import given
from hypothesis import strategies as st

import completion_support as support
from chassis import errors
from scoring.domain import completion
from scoring.inbound import completion_converters as converters
from ultrathink.scoring.v1 import completion_pb2

DIAGNOSIS = completion_pb2.COMPLETION_KIND_PRINCIPAL_DIAGNOSIS
NET = completion_pb2.COMPLETION_KIND_LINE_NET
LABEL = completion.Label("Type 2 diabetes", "السكري من النوع الثاني")


def _claim(**changes: Any) -> completion_pb2.CompletionClaim:
    told: dict[str, Any] = {
        "type": "professional", "subtype": "op", "regime": "base", "currency": "SAR", "provider": "PR-1",
        "provider_type": "hospital", "payer": "PAYER-1", "plan": "gold", "specialty": "eye",
        "encounter_class": "AMB", "sex": "male", "drg": "247", "age_years": 0, "day": -1, "minor_digits": 3,
    }  # fmt: skip
    return completion_pb2.CompletionClaim(**told | changes)


def _line(place: int, **more: Any) -> completion_pb2.CompletionLine:
    return completion_pb2.CompletionLine(place=place, system="hcpcs", code="G0108", **more)


def test_what_is_said_arrives():
    """Every field of the message is a field of the facts; nought is a value."""
    facts = converters.to_facts(_claim())
    assert (facts.type, facts.subtype, facts.regime, facts.currency) == ("professional", "op", "base", "SAR")
    assert (facts.provider, facts.provider_type, facts.payer, facts.plan) == (
        "PR-1", "hospital", "PAYER-1", "gold",
    )  # fmt: skip
    assert (facts.specialty, facts.encounter_class, facts.sex, facts.drg) == ("eye", "AMB", "male", "247")
    assert (facts.age, facts.day, facts.digits) == (0.0, -1.0, 3)


def test_what_is_not_said_is_missing():
    """An absent number is no nought, an absent text is empty."""
    facts = converters.to_facts(completion_pb2.CompletionClaim())
    assert math.isnan(facts.age)
    assert math.isnan(facts.day)
    assert facts._replace(age=0.0, day=0.0) == completion.Facts(age=0.0, day=0.0, digits=0)


def test_codes_keep_their_place_and_their_kind():
    """An admitting diagnosis is marked, procedures are apart."""
    code = completion_pb2.CompletionCode(place=2, system="icd-10-cm", code="R07.9", admitting=True)
    other = completion_pb2.CompletionCode(place=4, system="icd-9-cm", code="3606")
    facts = converters.to_facts(_claim(diagnoses=[code], procedures=[other]))
    assert facts.diagnoses == (completion.Code(2, "icd-10-cm", "R07.9", admitting=True),)
    assert facts.procedures == (completion.Code(4, "icd-9-cm", "3606"),)


def test_lines_keep_their_place_and_numbers():
    """A quantity that is not said is missing, nought is nought."""
    facts = converters.to_facts(_claim(lines=[_line(3, quantity=0.0, factor=0.5), _line(5)]))
    assert facts.lines[0] == completion.Line(3, "hcpcs", "G0108", 0.0, 0.5)
    assert math.isnan(facts.lines[1].quantity)
    assert math.isnan(facts.lines[1].factor)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"lines": [_line(n) for n in range(1_001)]}, "completion.too_many"),
        ({"diagnoses": [completion_pb2.CompletionCode()] * 600,
          "procedures": [completion_pb2.CompletionCode()] * 401}, "completion.too_many"),
        ({"lines": [_line(0, quantity=math.inf)]}, "completion.not_finite"),
        ({"lines": [_line(0, factor=-math.inf)]}, "completion.not_finite"),
        ({"minor_digits": 5}, "completion.digits"),
    ],
)  # fmt: skip
def test_a_claim_that_is_none_is_refused(changes: dict[str, Any], reason: str):
    """With a reason of its own, before a model is asked."""
    with pytest.raises(errors.Invalid) as refused:
        converters.to_facts(_claim(**changes))
    assert refused.value.reason == reason


def test_a_thousand_lines_are_a_claim():
    """The largest there is."""
    assert len(converters.to_facts(_claim(lines=[_line(n) for n in range(1_000)])).lines) == 1_000


def test_wishes_are_read_in_their_order():
    """Each with its path, its kind and its line."""
    facts = support.facts("G0108", "G0403")
    wire = [
        completion_pb2.CompletionWish(path="lines[1].net", kind=NET, line=1),
        completion_pb2.CompletionWish(path="diagnoses[0].code", kind=DIAGNOSIS),
    ]
    assert converters.to_wishes(wire, facts) == [
        completion.Wish("lines[1].net", completion.NET, 1),
        completion.Wish("diagnoses[0].code", completion.DIAGNOSIS, 0),
    ]


@pytest.mark.parametrize(
    ("wish", "count", "reason"),
    [
        ({"kind": NET, "line": 2}, 1, "completion.wish"),
        ({"path": "lines[0].net"}, 1, "completion.wish"),
        ({"kind": 99}, 1, "completion.wish"),
        ({"kind": DIAGNOSIS}, 1_002, "completion.too_many"),
    ],
)
def test_a_wish_that_cannot_be_is_refused(wish: dict[str, Any], count: int, reason: str):
    """Of no kind, of a line that was not sent, or one too many."""
    wire = [completion_pb2.CompletionWish(**wish)] * count
    with pytest.raises(errors.Invalid) as refused:
        converters.to_wishes(wire, support.facts("G0108", "G0403"))
    assert refused.value.reason == reason


def _suggestion(**changes: Any) -> completion.Suggestion:
    first = completion.Choice("code", "E11.9", 0.5, "icd-10-cm", LABEL)
    evidence = completion.Evidence("lines[0].code", LABEL, 9, 4, 1.5)
    return completion.Suggestion(first, (first._replace(value="I10"),), (evidence,), 100, 40)._replace(
        **changes
    )


def test_a_suggestion_is_told_whole():
    """Choices in order, evidence in both languages, cases, and the model that spoke."""
    told = converters.to_response(
        [completion.Answer("diagnoses[0].code", _suggestion(covered=0.0), "r1")],
        [support.origin(revision="r1"), support.origin(revision="r2")],
    )
    (answer,) = told.answers
    assert (answer.path, answer.model_revision) == ("diagnoses[0].code", "r1")
    found = answer.suggestion
    assert (found.first.value, found.first.system, found.first.confidence) == ("E11.9", "icd-10-cm", 0.5)
    assert (found.first.label_en, found.first.label_ar) == LABEL
    assert [one.value for one in found.alternatives] == ["I10"]
    assert (found.evidence[0].cases, found.evidence[0].agreeing, found.evidence[0].weight) == (9, 4, 1.5)
    assert (found.training_cases, found.similar_cases) == (100, 40)
    assert found.HasField("covered")
    assert not found.HasField("group")
    assert not found.first.HasField("amount_minor")
    assert [model.revision for model in told.models] == ["r1"]


def test_a_group_is_told_beside_the_codes():
    """And absent where the model has none; so is what a list covers."""
    group = completion.Choice("group", "E11", 0.8)
    told = converters.to_response([completion.Answer("d", _suggestion(group=group))], []).answers[0]
    assert told.suggestion.group.value == "E11"
    assert not told.suggestion.HasField("covered")


def test_an_amount_is_told_in_minor_units_with_its_range():
    """Nought is an amount."""
    first = completion.Choice(
        "amount", "0.00", 0.9, amount_minor=0, currency="SAR", low=-1, high=2, share=0.8, tolerance=0.1
    )
    told = converters.to_response([completion.Answer("d", _suggestion(first=first))], []).answers[0]
    found = told.suggestion.first
    assert found.HasField("amount_minor")
    assert (found.amount_minor, found.low_minor, found.high_minor) == (0, -1, 2)
    assert (found.currency, found.range_share, found.tolerance) == ("SAR", 0.8, 0.1)


def test_a_refusal_is_told_in_both_languages():
    """Reason, why, and what would help."""
    refusal = completion.Refusal("completion.no_codes", LABEL, completion.Label("Code it.", "رمّزها."))
    told = converters.to_response([completion.Answer("d", refusal)], [support.origin()]).answers[0]
    assert told.WhichOneof("outcome") == "refusal"
    assert (told.refusal.message_en, told.refusal.message_ar) == LABEL
    assert (told.refusal.remedy_en, told.refusal.remedy_ar) == ("Code it.", "رمّزها.")
    assert told.model_revision == ""


def test_a_model_tells_what_it_knows():
    """In an order that does not change from answer to answer."""
    answer = completion.Answer("d", _suggestion(), "r")
    (model,) = converters.to_response([answer], [support.origin(revision="r")]).models
    assert (model.name, model.task, model.simulated) == ("diagnosis-completion", "diagnosis-completion", True)
    assert list(model.reads_systems) == ["hcpcs", "icd-10-am", "icd-10-cm"]
    assert list(model.answers_systems) == ["icd-10-am", "icd-10-cm"]
    assert (list(model.currencies), list(model.regimes)) == (["SAR"], ["base", "nphies"])
    assert model.data == "a made-up world"


@given(st.binary(max_size=200))
def test_bytes_that_are_no_message_end_in_facts_or_a_fault(noise: bytes):
    """Whatever parses as a message is read, or refused as invalid: nothing else happens."""
    wire = completion_pb2.CompleteRequest()
    with contextlib.suppress(message.DecodeError):  # the runtime refuses it before it reaches this room
        wire.ParseFromString(noise)
    with contextlib.suppress(errors.Invalid):
        facts = converters.to_facts(wire.claim)
        assert len(converters.to_wishes(wire.wishes, facts)) == len(wire.wishes)
