"""Open places of a claim are found, what a line states itself is not guessed, answers keep their order."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import completion_support as support
from claims.domain import completions, decisions
from claims.testing import suggestions
from formats import canonical, model

TEXT = decisions.Bilingual(en="Why.", ar="لماذا.")
PRICED = {"net": 296, "unit_price": 148}


def _diagnosis(sequence: int, code: str | None, *types: str) -> dict[str, Any]:
    told = {"sequence": sequence, "code": code, "system": "icd-10-cm", "type": list(types)}
    return {name: value for name, value in told.items() if value is not None}


def _paths(claim: model.Claim) -> list[str]:
    return [place.path for place in completions.places(claim)]


def _refusal(path: str) -> completions.Refusal:
    return completions.Refusal(path=path, wanted="line_net", reason="r", message=TEXT, remedy=TEXT)


@pytest.mark.parametrize(
    ("diagnoses", "path"),
    [
        ([], "diagnoses[0].code"),
        ([_diagnosis(1, "I10", "secondary")], "diagnoses[1].code"),
        ([_diagnosis(1, None, "principal")], "diagnoses[0].code"),
        ([_diagnosis(1, "I10", "secondary"), _diagnosis(2, None, "principal")], "diagnoses[1].code"),
        ([_diagnosis(1, None)], "diagnoses[0].code"),
        ([_diagnosis(1, "R07.9", "admitting"), _diagnosis(2, None, "secondary")], "diagnoses[2].code"),
    ],
)
def test_a_lacking_principal_diagnosis_has_a_place(diagnoses: list[dict[str, Any]], path: str):
    """An entry that waits for its code, else a new one at the end."""
    assert _paths(support.claim(PRICED, diagnoses=diagnoses)) == [path]


@pytest.mark.parametrize("diagnoses", [[_diagnosis(1, "I10", "principal")], [_diagnosis(1, "I10")]])
def test_a_claim_with_its_principal_diagnosis_lacks_none(diagnoses: list[dict[str, Any]]):
    """Said to be it, or the first of which nothing is said."""
    assert _paths(support.claim(PRICED, diagnoses=diagnoses)) == []


def test_each_line_without_a_net_is_open():
    """In the order of the claim, after the diagnosis."""
    claim = support.claim({}, PRICED, {"code": "G0403"})
    assert _paths(claim) == ["diagnoses[0].code", "lines[0].net", "lines[2].net"]
    assert [place.line for place in completions.places(claim)] == [None, 0, 2]


def test_a_net_of_nothing_is_a_net():
    """Nought was said; it is not open."""
    assert _paths(support.claim({"net": 0}, diagnoses=[_diagnosis(1, "I10")])) == []


@pytest.mark.parametrize(
    ("line", "currency", "net"),
    [
        ({"quantity": 2, "unit_price": 75.25}, "SAR", "150.50 SAR"),
        ({"quantity": 3, "unit_price": "33.35", "factor": "0.5", "tax": "7.50"}, "SAR", "57.53 SAR"),
        ({"quantity": 1, "unit_price": "1.005"}, "KWD", "1.005 KWD"),
        ({"quantity": "0.3333", "unit_price": 100}, "JPY", "33 JPY"),
        ({"quantity": 1, "unit_price": 10}, None, "10.00."),
    ],
)
def test_a_line_that_states_its_price_is_told_its_sum(line: dict[str, Any], currency: str | None, net: str):
    """Quantity × price × factor, rounded half up as the rules do, and tax; in both languages."""
    claim = support.claim(line, currency=currency)
    place = completions.places(claim)[1]
    found = completions.stated(claim, place)
    assert found is not None
    assert found.reason == completions.STATED
    assert (found.path, found.wanted) == ("lines[0].net", "line_net")
    assert net in found.remedy.en
    assert net in found.remedy.ar


@pytest.mark.parametrize("line", [{}, {"unit_price": 10, "quantity": None}, {"quantity": 2}])
def test_a_line_that_lacks_price_or_quantity_states_nothing(line: dict[str, Any]):
    """Then a model is asked."""
    claim = support.claim(line)
    assert completions.stated(claim, completions.places(claim)[1]) is None


def test_the_diagnosis_is_never_stated_by_a_sum():
    """Only amounts are."""
    claim = support.claim({"unit_price": 10, "quantity": 1})
    assert completions.stated(claim, completions.places(claim)[0]) is None


def test_a_sum_beyond_any_amount_is_left_to_the_model():
    """Nothing overflows; a quantity out of all reason is the model's to refuse."""
    line = model.Line(sequence=1, quantity=Decimal("9" * 20), unit_price=Decimal("9" * 13))
    claim = msgspec.structs.replace(support.claim({}), lines=[line])
    assert completions.stated(claim, completions.places(claim)[1]) is None


@given(
    st.integers(1, 10_000), st.decimals("0.01", "99999.99", places=2), st.decimals("0.01", "2", places=4),
    st.decimals("0", "999", places=2),
)  # fmt: skip
def test_the_sum_is_what_the_rule_of_sums_expects(
    quantity: int, price: Decimal, factor: Decimal, tax: Decimal
):
    """ROUND(quantity × price × factor) + tax: a claim completed so has no finding about its net."""
    line = model.Line(sequence=1, quantity=Decimal(quantity), unit_price=price, factor=factor, tax=tax)
    claim = msgspec.structs.replace(support.claim({}), lines=[line])
    found = completions.stated(claim, completions.places(claim)[1])
    assert found is not None
    cents = (quantity * price * factor * 100 + Decimal("0.5")).to_integral_value(rounding="ROUND_FLOOR")
    assert f"{cents / 100 + tax:.2f} SAR" in found.remedy.en


def test_answers_of_both_sources_stand_in_the_order_of_the_places():
    """What was settled without a model and what a model said, mixed as the claim has them."""
    claim = support.claim({}, {}, {})
    opened = completions.places(claim)
    told = completions.Told(
        answers=[_refusal(opened[0].path), _refusal(opened[2].path)], models=[suggestions.MODEL]
    )
    found = completions.merged(opened, [_refusal(opened[1].path), _refusal(opened[3].path)], told)
    assert [one.path for one in found.answers] == [place.path for place in opened]
    assert found.models == [suggestions.MODEL]


def _document(claim: model.Claim, told: completions.Told) -> dict[str, Any]:
    opened = completions.places(claim)
    found: dict[str, Any] = msgspec.json.decode(completions.document(claim, opened, told))
    return found


def test_the_document_says_what_is_open_suggested_and_refused():
    """With the claim's own id and regime, and never the claim."""
    claim = support.claim({})
    suggested = completions.Suggestion(
        path="diagnoses[0].code", wanted="principal_diagnosis",
        first=completions.Choice(kind="code", value="I10", confidence=0.5, system="icd-10-cm"),
        training_cases=10, similar_cases=5, model="m",
    )  # fmt: skip
    told = _document(
        claim, completions.Told(answers=[suggested, _refusal("lines[0].net")], models=[suggestions.MODEL])
    )
    assert set(told) == {"claim_id", "regime", "open", "suggestions", "refusals", "models"}
    assert (told["claim_id"], told["regime"]) == ("T-1", "base")
    assert [one["path"] for one in told["open"]] == ["diagnoses[0].code", "lines[0].net"]
    (found,) = told["suggestions"]
    assert found["first"] == {"kind": "code", "value": "I10", "confidence": 0.5, "system": "icd-10-cm"}
    assert [one["path"] for one in told["refusals"]] == ["lines[0].net"]
    assert told["refusals"][0]["remedy"] == {"en": "Why.", "ar": "لماذا."}
    assert told["models"][0]["knows"]["reads"] == ["hcpcs"]
    assert told["models"][0]["simulated"] is True


def test_fields_that_say_nothing_are_not_written():
    """An amount has no system, a code no currency; a label has the languages it has."""
    claim = support.claim(PRICED)
    choice = completions.Choice(
        kind="group", value="122", confidence=0.4, system="ccs", label=completions.Label(en="Pneumonia")
    )
    suggested = completions.Suggestion(
        path="diagnoses[0].code", wanted="principal_diagnosis", first=choice, training_cases=1,
        similar_cases=1, model="m",
    )  # fmt: skip
    (found,) = _document(claim, completions.Told(answers=[suggested], models=[]))["suggestions"]
    assert found["first"] == {
        "kind": "group", "value": "122", "confidence": 0.4, "system": "ccs", "label": {"en": "Pneumonia"},
    }  # fmt: skip
    assert not {"group", "covered", "line"} & set(found)


def test_a_claim_is_not_changed_by_being_asked_about():
    """Its canonical form is the same before and after."""
    claim = support.claim({}, {"unit_price": 10, "quantity": 1})
    before = canonical.encode(claim)
    for place in completions.places(claim):
        completions.stated(claim, place)
    assert canonical.encode(claim) == before
