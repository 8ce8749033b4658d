"""What a biller would expect of the demo's model: each common trouble is seen, named, and told in its words.

The numbers are the repository's bundle's, so a retrained bundle that lost one of these abilities fails here.
"""

from typing import Any

import numpy as np
import pytest

import scoring_support as support
from formats import model
from scoring.domain import labels, scores

PAPERS = [
    {"sequence": 1, "category": "chief-complaint", "value_string": "thirst"},
    {"sequence": 2, "category": "history-of-present-illness", "value_string": "weeks"},
    {"sequence": 3, "category": "vital-sign-systolic", "value_quantity": {"value": 120, "unit": "mm[Hg]"}},
]
WOMAN = {"id": "P-2", "birth_date": "1980-05-18", "sex": "female"}
TOO_MANY = {"quantity": 6, "net": 888, "patient_share": 177.6}
DOUBLE = {"unit_price": 296, "net": 296, "patient_share": 59.2}
FOR_WOMEN = {"code": "G0101", "unit_price": 158, "net": 158, "patient_share": 31.6}
NEEDS_PERMISSION = {"code": "J7321", "unit_price": 790, "net": 790, "patient_share": 158}
PERMITTED = [{**support.CLAIM["insurance"][0], "preauth_refs": ["PA-1"]}]


def _documented(*lines: dict[str, Any], **changes: Any) -> model.Claim:
    return support.claim(*lines, **({"supporting_info": PAPERS} | changes))


def _explained(claim: model.Claim) -> scores.ClaimScore:
    (found,) = support.scored(claim, depth="all")
    assert found.state == "scored", found.reason
    return found


def _strongest(found: scores.ClaimScore) -> list[str]:
    """Return the two human groups that raise the first line's score most."""
    order = np.argsort(-found.line_reasons[0].contributions[:-1])
    return [labels.GROUPS[place].name for place in order[:2]]


def test_a_clean_claim_has_a_low_probability():
    """Documented, ordinarily priced, for the right patient: far below the two in five that are denied.

    Not near nothing: opinion, cover and duplicates deny lines that nothing on the claim gives away.
    """
    assert _explained(_documented()).probability < 0.15


@pytest.mark.parametrize(
    ("claim", "reason", "group"),
    [
        pytest.param(_documented(TOO_MANY), "SE-1-9", "quantity", id="too many"),
        pytest.param(_documented(FOR_WOMEN), "AD-3-8", "service_for_patient", id="other sex"),
        pytest.param(_documented(NEEDS_PERMISSION), "BE-1-4", "authorization", id="no permission"),
        pytest.param(_documented(created="2025-06-15T09:00:00Z"), "AD-2-5", "timing", id="sent too late"),
    ],
)
def test_each_trouble_is_flagged_with_its_reason_and_group(claim: model.Claim, reason: str, group: str):
    """The line is flagged, the payer's reason is the first guess, the human group is among the strongest."""
    found = _explained(claim)
    threshold = support.bundle().model.flag_threshold
    assert found.line_probabilities[0] >= threshold
    assert found.probability >= threshold
    assert found.line_reasons[0].guesses[0].reason.nphies == reason
    assert group in _strongest(found)


@pytest.mark.parametrize(
    ("trouble", "cure"),
    [
        pytest.param(_documented(FOR_WOMEN), _documented(FOR_WOMEN, patient=WOMAN), id="right patient"),
        pytest.param(
            _documented(NEEDS_PERMISSION), _documented(NEEDS_PERMISSION, insurance=PERMITTED), id="permission"
        ),
        pytest.param(_documented(TOO_MANY), _documented(), id="usual quantity"),
        pytest.param(support.claim(supporting_info=[]), _documented(), id="documents"),
        pytest.param(_documented(created="2025-06-15T09:00:00Z"), _documented(), id="in time"),
    ],
)
def test_curing_the_trouble_lowers_the_probability(trouble: model.Claim, cure: model.Claim):
    """What a biller would fix makes the line and the claim safer."""
    before, after = _explained(trouble), _explained(cure)
    assert after.probability < before.probability
    assert after.line_probabilities[0] < before.line_probabilities[0]


def test_a_missing_document_is_told_as_documentation():
    """Between a claim with papers and one without, the documentation group moves most."""
    with_papers, without = _explained(_documented()), _explained(support.claim(supporting_info=[]))
    moved = without.line_reasons[0].contributions - with_papers.line_reasons[0].contributions
    assert labels.GROUPS[int(np.argmax(moved[:-1]))].name == "documentation"


def test_one_bad_line_does_not_flag_its_neighbours():
    """The line for the wrong patient is flagged, the ordinary line beside it is not."""
    bad, good = _explained(_documented(FOR_WOMEN, {})).line_probabilities
    threshold = support.bundle().model.flag_threshold
    assert good < threshold <= bad


def test_the_claims_probability_is_its_own():
    """It comes from its own model: not one minus the product over lines, nor their maximum."""
    found = _explained(_documented(FOR_WOMEN, {}, {}))
    product = 1 - np.prod([1 - p for p in found.line_probabilities])
    assert found.probability not in (pytest.approx(product, abs=1e-6), max(found.line_probabilities))


@pytest.mark.parametrize(
    ("claim", "reason"),
    [
        pytest.param(_documented(DOUBLE), "above:most_price_to_service", id="double price"),
        pytest.param(_documented(created="2026-09-15T09:00:00Z"), "above:days_to_created", id="a year late"),
        pytest.param(_documented(use="predetermination"), "unseen:use", id="an estimate"),
        pytest.param(_documented(currency="KWD"), "unseen:currency", id="another currency"),
    ],
)
def test_what_the_model_cannot_know_is_not_scored(claim: model.Claim, reason: str):
    """Numbers far from any learned, or of another meaning, go to a person without a probability."""
    (found,) = support.scored(claim)
    assert (found.state, found.reason) == ("out_of_range", reason)
    assert found.line_probabilities == ()
    assert found.line_reasons == ()


@pytest.mark.parametrize(
    "claim",
    [
        pytest.param(_documented(provider={"id": "new", "type": "clinic"}), id="new provider"),
        pytest.param(_documented({"code": "Z0000"}), id="new service"),
        pytest.param(_documented(insurance=[{"sequence": 1, "coverage": {"payer": "new"}}]), id="new payer"),
        pytest.param(_documented({"code": None, "description": "something"}), id="no code"),
        pytest.param(_documented(encounter={"class": "VR"}), id="new setting"),
        pytest.param(_documented({"patient_share": None}), id="no share"),
        pytest.param(_documented({"unit_price": None}), id="no unit price"),
        pytest.param(_documented(created=None), id="no date of creation"),
        pytest.param(_documented(regime="nphies"), id="another regime"),
    ],
)
def test_the_unseen_and_the_absent_are_scored(claim: model.Claim):
    """Training hid some of each, so strangers and gaps get a probability and are not turned away."""
    assert 0 < _explained(claim).probability < 1
