"""Scores in columns are read claim by claim, and what cannot be a score is a fault of its claims alone."""

import datetime as dt
from typing import Any

import numpy as np
import pytest

import reasons_support
from chassis import errors
from claims.domain import risk
from claims.outbound import opinions
from ultrathink.common.v1 import common_pb2
from ultrathink.scoring.v1 import scoring_pb2

TODAY = dt.date(2026, 3, 1)
LINES = [1, 2, 1]
STATES = (
    scoring_pb2.SCORE_STATE_SCORED,
    scoring_pb2.SCORE_STATE_SCORED,
    scoring_pb2.SCORE_STATE_OUT_OF_RANGE,
)


def doubles(*values: float) -> bytes:
    """Values as a column."""
    return np.array(values, "<f8").tobytes()


def places(*values: int) -> bytes:
    """Places as a column."""
    return np.array(values, "<u4").tobytes()


def info(revision: str = "r", *, words: bool = True) -> scoring_pb2.ModelInfo:
    """A model with two groups and two reasons."""
    told = scoring_pb2.ModelInfo(name="m", revision=revision, simulated=True)
    if words:
        told.groups.add(feature="price", label_en="Price", label_ar="السعر")
        told.groups.add(feature="payer", label_en="Payer", label_ar="الدافع")
        told.reasons.add(nphies="BE-1-4", label_en="a", label_ar="ا")
        told.reasons.add(carc="29", label_en="b", label_ar="ب")
    return told


def part(**changes: Any) -> scoring_pb2.ScoredPart:
    """Two scored claims, the second flagged with its second line, and one out of range."""
    fields: dict[str, Any] = {
        "arm": "stable", "model_revision": "r", "states": bytes(STATES),
        "probabilities": doubles(0.1, 0.8, 0.9), "line_probabilities": doubles(0.1, 0.2, 0.7, 0.9),
        "feature_hashes": np.array([11, -12, 13], "<i8").tobytes(),
        "flagged_rows": places(2), "row_groups": bytes([1, 0]), "row_shares": doubles(-0.5, 0.25),
        "row_reasons": bytes([1, 0]), "row_chances": doubles(0.6, 0.3),
        "flagged_claims": places(1), "claim_groups": bytes([0, 1]), "claim_shares": doubles(1.5, 0.0),
        "unscored": [scoring_pb2.Unscored(item=2, reason="above:net_log")],
    }  # fmt: skip
    return scoring_pb2.ScoredPart(**fields | changes)


def answer(*parts: scoring_pb2.ScoredPart, **fields: Any) -> scoring_pb2.ScoreResponse:
    """An answer of parts by a model whose words come along."""
    return scoring_pb2.ScoreResponse(model=fields.pop("model", info()), parts=parts, **fields)


@pytest.fixture
def reader() -> opinions.Opinions:
    """A reader with the committed crosswalk."""
    return opinions.Opinions(reasons_support.committed())


def test_every_claim_gets_what_its_place_says(reader: opinions.Opinions) -> None:
    """Chances, prints, contributions and reasons find their claim and line; a claim hears of no other."""
    first, second, third = reader.read(answer(part()), LINES, TODAY)
    assert isinstance(first, risk.Score)
    assert isinstance(second, risk.Score)
    assert isinstance(third, risk.Score)
    assert (first.probability, first.line_probabilities, first.feature_hash) == (0.1, [0.1], 11)
    assert (first.line_reasons, first.contributions) == ([], [])
    assert (second.probability, second.line_probabilities, second.feature_hash) == (0.8, [0.2, 0.7], -12)
    assert [(one.feature, one.log_odds) for one in second.contributions] == [("price", 1.5)]
    (reason,) = second.line_reasons
    assert reason.row == 1
    assert [(one.feature, one.log_odds) for one in reason.contributions] == [("payer", -0.5), ("price", 0.25)]
    assert [(one.nphies, one.carc, one.probability) for one in reason.guesses] == [
        ("AD-2-5", "29", 0.6), ("BE-1-4", "197", 0.3),
    ]  # fmt: skip
    assert reason.fix is not None
    assert (third.state, third.reason, third.probability, third.feature_hash) == (
        "out_of_range", "above:net_log", None, 13,
    )  # fmt: skip
    assert {one.model.revision for one in (first, second, third) if one.model} == {"r"}
    assert first.simulated is True


def test_parts_of_two_arms_are_put_in_order(reader: opinions.Opinions) -> None:
    """Each claim is read with the words of the arm that answered it."""
    lone = {"states": bytes(STATES[:1]), "unscored": [], "flagged_rows": b"", "flagged_claims": b""}
    canary = part(
        **lone, items=[1], model_revision="c", probabilities=doubles(0.4), feature_hashes=bytes(8),
        line_probabilities=doubles(0.3, 0.2),
    )  # fmt: skip
    stable = part(
        **lone | {"states": bytes(STATES[:1] * 2)}, items=[0, 2], probabilities=doubles(0.1, 0.2),
        line_probabilities=doubles(0.1, 0.2), feature_hashes=bytes(16),
    )  # fmt: skip
    told = reader.read(answer(stable, canary, candidates=[info("c")]), LINES, TODAY)
    scores = [one for one in told if isinstance(one, risk.Score)]
    assert [one.model.revision for one in scores if one.model] == ["r", "c", "r"]
    assert [one.probability for one in scores] == [0.1, 0.4, 0.2]
    assert sorted(reader.known(TODAY)) == ["c", "r"]


def test_words_are_asked_for_once(reader: opinions.Opinions) -> None:
    """Before the first answer none are known; after it columns of the same revision come without."""
    assert reader.known(TODAY) == []
    reader.read(answer(part()), LINES, TODAY)
    assert reader.known(TODAY) == ["r"]
    (_, second, _) = reader.read(answer(part(), model=info(words=False)), LINES, TODAY)
    assert isinstance(second, risk.Score)
    assert second.contributions[0].label.en == "Price"


def test_an_answer_over_midnight_is_read(reader: opinions.Opinions) -> None:
    """What was asked yesterday without words is read today: words stay, what helps is looked up anew."""
    reader.read(answer(part()), LINES, TODAY)
    later = reader.read(answer(part(), model=info(words=False)), LINES, TODAY + dt.timedelta(days=1))
    assert all(isinstance(one, risk.Score) for one in later)


def test_columns_of_an_unknown_revision_are_faults(reader: opinions.Opinions) -> None:
    """Places that point to words never told are not guessed."""
    told = reader.read(answer(part(), model=info(words=False)), LINES, TODAY)
    assert [one.reason for one in told] == ["scoring.nonsense"] * 3


@pytest.mark.parametrize(
    "changes",
    [
        {"states": bytes(STATES[:2])},
        {"probabilities": doubles(0.1, 0.8)},
        {"line_probabilities": doubles(0.1, 0.2, 0.7)},
        {"line_probabilities": b"\0" * 31},
        {"feature_hashes": b""},
        {"items": [0, 1]},
        {"items": [0, 1, 3]},
        {"flagged_rows": places(4)},
        {"row_groups": bytes([1, 2])},
        {"row_groups": bytes([1, 0, 1])},
        {"row_reasons": bytes([2, 0])},
        {"row_shares": doubles(0.5)},
        {"row_chances": b""},
        {"flagged_claims": places(3)},
        {"claim_groups": bytes([9, 1])},
        {"claim_shares": doubles(1.0, 2.0, 3.0)},
    ],
)
def test_columns_that_do_not_fit_are_faults_of_their_part(
    reader: opinions.Opinions, changes: dict[str, Any]
) -> None:
    """Another length, a place beyond the end, words that are none: no claim of the part has a score."""
    told = reader.read(answer(part(**changes)), LINES, TODAY)
    assert [isinstance(one, errors.Internal) for one in told] == [True] * 3


@pytest.mark.parametrize("chance", [float("nan"), -0.1, 1.1, float("inf")])
def test_what_is_no_probability_is_a_fault_of_its_claim(reader: opinions.Opinions, chance: float) -> None:
    """A claim's or a line's: the others keep their scores."""
    for changes in (
        {"probabilities": doubles(0.1, chance, 0.9)},
        {"line_probabilities": doubles(0.1, chance, 0.7, 0.9)},
    ):
        first, second, third = reader.read(answer(part(**changes)), LINES, TODAY)
        assert isinstance(second, errors.Internal)
        assert second.reason == "scoring.nonsense"
        assert isinstance(first, risk.Score)
        assert isinstance(third, risk.Score)


def test_a_claim_that_no_part_holds_is_a_fault(reader: opinions.Opinions) -> None:
    """Every claim asked about has an answer, were it that there is none."""
    short = part(
        items=[0], states=bytes(STATES[:1]), probabilities=doubles(0.1), line_probabilities=doubles(0.1),
        feature_hashes=bytes(8), flagged_rows=b"", flagged_claims=b"", unscored=[],
    )  # fmt: skip
    first, *others = reader.read(answer(short), LINES, TODAY)
    assert isinstance(first, risk.Score)
    assert [one.reason for one in others] == ["scoring.nonsense"] * 2


def test_faults_and_states_of_claims_are_their_own(reader: opinions.Opinions) -> None:
    """An error stays an error of its kind, not scored keeps its reason, and has one where none was told."""
    late = common_pb2.Error(kind=common_pb2.ERROR_KIND_UNAVAILABLE, reason="deadline.exceeded")
    told = part(
        states=bytes([scoring_pb2.SCORE_STATE_NOT_SCORED] * 3),
        unscored=[
            scoring_pb2.Unscored(item=0, error=late), scoring_pb2.Unscored(item=1, reason="arm.failed"),
        ],
    )  # fmt: skip
    first, second, third = reader.read(answer(told), LINES, TODAY)
    assert isinstance(first, errors.Unavailable)
    assert isinstance(second, risk.Score)
    assert isinstance(third, risk.Score)
    assert (second.state, second.reason) == ("not_scored", "arm.failed")
    assert (third.state, third.reason) == ("not_scored", "scoring.not_scored")
