"""The drift job: what is compared, what is reviewed, and what is said when nothing can be judged."""

from typing import Any

import numpy as np
import pytest

from chassis import errors
from scoring.domain import drifting
from scoring.usecases import drift

COUNT = 2_000
RNG = np.random.default_rng(7)
CHANCES = RNG.uniform(0.05, 0.6, COUNT)
DENIED = RNG.random(COUNT) < CHANCES
REFERENCE = drifting.reference(
    {
        "claim.payer": np.array(["P1", "P2"] * (COUNT // 2), dtype=object),
        "line.net_minor": np.linspace(100, 10_000, COUNT),
        "claim.score": CHANCES,
        "claim.never_exported": np.zeros(COUNT),
    }
)
TRAINED = drift.Trained("mine", REFERENCE, 0.7)


def _export(**changes: Any) -> dict[str, drifting.Values]:
    """An export of claims with two lines each, as training saw them; columns changed."""
    claims = {
        "id": np.array([f"c{n}" for n in range(COUNT)], dtype=object),
        "payer_id": np.array(["P1", "P2"] * (COUNT // 2), dtype=object),
        "net_minor": np.linspace(100, 10_000, COUNT),
        "probability": CHANCES,
        "model_revision": np.array(["mine"] * COUNT, dtype=object),
        "business_status": np.where(DENIED, "rejected", "approved").astype(object),
    } | changes
    return {name: np.repeat(values, 2) for name, values in claims.items() if values is not None}


def test_claims_like_those_of_training_are_steady():
    """Features, calibration and ranking are judged, a claim counts once, and nobody has to act."""
    found = drift.drift(_export(), TRAINED)
    assert (found.rows, found.claims, found.scored) == (2 * COUNT, COUNT, COUNT)
    told = {one.name: (one.rows, one.state) for one in found.features}
    assert told == {
        "claim.payer": (COUNT, "steady"),
        "claim.score": (COUNT, "steady"),
        "line.net_minor": (2 * COUNT, "steady"),
    }
    assert found.calibration is not None
    assert found.ranking is not None
    assert (found.calibration.state, found.ranking.state) == ("steady", "steady")
    assert not found.review
    assert found.words == []


def test_another_population_is_reviewed_in_words():
    """Nine of ten claims of one payer: named, with shares of then and now."""
    payers = np.array(["P1"] * 1_800 + ["P2"] * 200, dtype=object)
    found = drift.drift(_export(payer_id=payers), TRAINED)
    assert found.review
    assert found.features[0].name == "claim.payer"
    assert "P2 50.0% → 10.0%" in found.words[0]


def test_denials_that_nobody_foretold_are_reviewed():
    """Twice the denials: probabilities are too low, and the remedy is said."""
    statuses = np.where(CHANCES > 0.2, "rejected", "approved").astype(object)
    found = drift.drift(_export(business_status=statuses), TRAINED)
    assert found.review
    assert any("calibrate" in sentence for sentence in found.words)


def test_scores_of_other_models_say_nothing_about_this_one():
    """Features are compared, outcomes are not, and it is said why."""
    others = np.array(["another"] * COUNT, dtype=object)
    found = drift.drift(_export(model_revision=others), TRAINED)
    assert (found.scored, found.calibration, found.ranking) == (0, None, None)
    assert {one.name for one in found.features} == {"claim.payer", "line.net_minor"}
    assert "No outcomes" in found.words[-1]


def test_claims_outside_what_training_saw_are_counted_not_averaged():
    """A claim without a number is in no histogram, no mean and no ranking; many of them are a finding."""
    beyond = np.where(np.arange(COUNT) % 10 == 0, np.nan, CHANCES)
    found = drift.drift(_export(probability=beyond), TRAINED)
    assert (found.scored, found.outside.claims, found.outside.state) == (
        COUNT * 9 // 10,
        COUNT // 10,
        "review",
    )
    assert found.calibration is not None
    assert found.calibration.claims == COUNT * 9 // 10
    assert found.calibration.mean_probability == pytest.approx(np.nanmean(beyond))
    assert {one.name: one.rows for one in found.features}["claim.score"] == COUNT * 9 // 10
    assert "10.0% of the claims lie outside" in found.words[0]
    assert found.review


@pytest.mark.parametrize(("every", "state"), [(1_000, "steady"), (50, "watch"), (10, "review")])
def test_few_claims_outside_are_no_finding(every: int, state: str):
    """One of a thousand is what training had; one of fifty is watched."""
    beyond = np.where(np.arange(COUNT) % every == 0, np.nan, CHANCES)
    assert drift.drift(_export(probability=beyond), TRAINED).outside.state == state


def test_claims_that_wait_for_the_payer_are_no_outcome():
    """A claim that is only recorded is neither paid nor denied."""
    statuses = np.where(np.arange(COUNT) < COUNT // 2, "recorded", "approved").astype(object)
    found = drift.drift(_export(business_status=statuses), TRAINED)
    assert found.calibration is not None
    assert found.calibration.claims == COUNT // 2
    assert found.ranking is None


def test_a_column_of_outcomes_is_believed_first():
    """Exports that say `denied` themselves need no status; a missing one is no outcome."""
    told = np.where(np.arange(COUNT) < 100, np.nan, DENIED.astype(np.float64))
    found = drift.drift(_export(denied=told, business_status=None), TRAINED)
    assert found.calibration is not None
    assert found.calibration.claims == COUNT - 100
    assert found.calibration.observed_rate == pytest.approx(DENIED[100:].mean())


def test_without_a_reference_it_is_said_and_outcomes_are_judged():
    """A bundle of before references is not taken for steady."""
    found = drift.drift(_export(), TRAINED._replace(reference=None))
    assert not found.reference
    assert found.features == []
    assert "No reference" in found.words[0]
    assert found.calibration is not None


def test_when_nothing_can_be_judged_it_is_no_clean_bill():
    """Neither reference nor outcomes: a fault, not an empty report."""
    with pytest.raises(errors.Invalid) as refused:
        drift.drift(_export(business_status=None), TRAINED._replace(reference=None))
    assert refused.value.reason == "drift.nothing"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"probability": None}, "drift.column"),
        ({"payer_id": np.zeros(COUNT)}, "drift.column"),
        ({"net_minor": np.array(["x"] * COUNT, dtype=object)}, "drift.column"),
    ],
)
def test_data_that_is_no_export_is_named(changes: dict[str, Any], reason: str):
    """A missing column, or one of another kind, is told by its name."""
    with pytest.raises(errors.Invalid) as refused:
        drift.drift(_export(**changes), TRAINED)
    assert refused.value.reason == reason


def test_an_empty_export_is_said():
    """No lines, nothing compared."""
    empty = {name: values[:0] for name, values in _export().items()}
    with pytest.raises(errors.Invalid) as refused:
        drift.drift(empty, TRAINED)
    assert refused.value.reason == "drift.empty"


def _by_line(**changes: Any) -> dict[str, drifting.Values]:
    """An export with the payer's answer per line: of a denied claim the second line is, never the first."""
    table = _export(business_status=None)
    second = np.arange(2 * COUNT) % 2 == 1
    table |= {
        "denied": (np.repeat(DENIED, 2) & second).astype(np.float64),
        "outcome_source": np.array(["payer"] * (2 * COUNT), dtype=object),
        "line_probability": np.where(second, np.repeat(CHANCES, 2), 0.0),
        "reviewer_outcome": np.array([""] * (2 * COUNT), dtype=object),
    }
    return table | changes


def test_a_claim_is_denied_when_one_of_its_lines_is():
    """Outcomes join by line: the first line alone says nothing of the claim."""
    found = drift.drift(_by_line(), TRAINED)
    assert found.calibration is not None
    assert found.calibration.claims == COUNT
    assert found.calibration.observed_rate == pytest.approx(DENIED.mean())
    assert not found.review


def test_lines_have_figures_of_their_own():
    """Their scores stand beside the answers to them, and what is off leads to review."""
    steady = drift.drift(_by_line(), TRAINED)
    assert steady.lines is not None
    assert steady.lines.calibration.claims == 2 * COUNT
    assert steady.lines.calibration.state == "steady"
    off = drift.drift(_by_line(line_probability=np.full(2 * COUNT, 0.9)), TRAINED)
    assert off.review
    assert any("lines were denied" in sentence for sentence in off.words)


def test_lines_that_rank_worse_than_in_training_are_reviewed():
    """Against the lines' own figure of training."""
    trained = drift.Trained("mine", REFERENCE, 0.7, line_auc=0.99)
    found = drift.drift(_by_line(line_probability=np.repeat(CHANCES, 2)), trained)
    assert any("outcomes of lines" in sentence for sentence in found.words)
    assert found.review


def test_reviewers_are_told_apart_and_never_a_reason_to_act():
    """Who decides doubtful claims only says little of the model: a figure beside, no verdict."""
    harsh = np.array(["denied"] * (2 * COUNT), dtype=object)
    found = drift.drift(_by_line(reviewer_outcome=harsh), TRAINED)
    assert found.reviewers is not None
    assert found.reviewers.calibration.observed_rate == 1.0
    assert found.calibration is not None
    assert found.calibration.observed_rate == pytest.approx(DENIED.mean())
    assert not found.review


def test_a_reviewers_word_is_no_payers_answer():
    """Where no payer has spoken, nothing is calibrated by it."""
    sources = np.array(["reviewer"] * (2 * COUNT), dtype=object)
    found = drift.drift(_by_line(outcome_source=sources), TRAINED)
    assert (found.calibration, found.lines) == (None, None)
    assert "No outcomes" in found.words[-1]


def test_claims_without_an_answer_are_no_approvals():
    """A missing answer is missing, not nought."""
    denied = _by_line()["denied"].copy()
    denied[: 2 * (COUNT // 2)] = np.nan
    found = drift.drift(_by_line(denied=denied), TRAINED)
    assert found.calibration is not None
    assert found.calibration.claims == COUNT // 2


def test_lines_that_lie_apart_join_their_claim():
    """An export in any order: the rows of a claim need not be adjacent."""
    order = np.random.default_rng(3).permutation(2 * COUNT)
    mixed = {name: values[order] for name, values in _by_line().items()}
    found, plain = drift.drift(mixed, TRAINED), drift.drift(_by_line(), TRAINED)
    assert found.calibration is not None
    assert plain.calibration is not None
    assert found.calibration.observed_rate == pytest.approx(plain.calibration.observed_rate)
    assert found.calibration.mean_probability == pytest.approx(plain.calibration.mean_probability)
