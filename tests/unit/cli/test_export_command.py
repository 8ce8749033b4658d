"""What `ultrathink export` and `drift` say of outcomes: counts, disagreement, lines and reviewers."""

from pathlib import Path
from typing import Any

import pytest

from scoring.domain import drifting
from scoring.usecases import drift
from training import cards, exports
from ultrathink_cli.inbound import audit, models


def state(**changes: Any) -> exports.State:
    """Return a finished export of ten claims."""
    told: dict[str, Any] = {
        "tenant": "demo", "complete": True, "files": ["demo-00001.parquet"], "claims": 10, "lines": 25,
        "agree": 8, "unchecked": 2,
    }  # fmt: skip
    return exports.State(**(told | changes))


def test_an_export_says_what_agrees_and_what_was_not_checked(capsys: pytest.CaptureFixture[str]) -> None:
    """Counts of claims and lines, where they are, and no word of disagreement where there is none."""
    audit._told_export(state(), Path("/out"))
    said = capsys.readouterr().out
    assert "10 claims, 25 lines → /out (1 files)" in said
    assert "8 claims" in said
    assert said.rstrip().endswith("2")
    assert "features_agree" not in said


def test_an_export_tells_of_features_that_are_others(capsys: pytest.CaptureFixture[str]) -> None:
    """How many, how to find them, and that nothing is learned from them."""
    audit._told_export(state(disagree=3), Path("/out"))
    said = capsys.readouterr().out
    assert "3 claims have other features than were scored" in said
    assert "training leaves them out" in said


def judged(*, review: bool) -> drift.Judged:
    """Return figures of scores beside outcomes."""
    word: drifting.State = "review" if review else "steady"
    return drift.Judged(
        calibration=drifting.Calibration(900, 0.25, 0.5, 0.01, word),
        ranking=drifting.Ranking(450, 450, 0.7, 0.02, None, "steady"),
    )


def test_a_report_shows_claims_lines_and_reviewers_apart(capsys: pytest.CaptureFixture[str]) -> None:
    """Reviewers' figures are told without a verdict of their own."""
    found = judged(review=True)
    report = drift.Report(
        revision="r" * 64, rows=2_000, claims=900, scored=900,
        outside=drifting.Outside(0, 0.0, "steady"), reference=True, features=[],
        calibration=found.calibration, ranking=found.ranking, lines=judged(review=False),
        reviewers=judged(review=True), review=True, words=["Calibrate it."],
    )  # fmt: skip
    models._tell(report)
    shown = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "calibration 900 says 25.0%, denied 50.0% review" in shown
    assert "calibration of lines 900 says 25.0%, denied 50.0% steady" in shown
    assert "calibration by reviewers 900 says 25.0%, denied 50.0% told" in shown
    assert "ranking by reviewers 900 AUC 0.700 ± 0.020 told" in shown


@pytest.mark.parametrize(("review", "state_"), [(True, "review"), (False, "steady")])
def test_figures_ask_for_a_look_when_one_of_them_does(*, review: bool, state_: str) -> None:
    """Either of them is enough; a ranking that could not be made asks for nothing."""
    found = judged(review=review)
    assert found.calibration.state == state_
    assert found.review is review
    assert drift.Judged(calibration=found.calibration, ranking=None).review is review


@pytest.mark.parametrize("simulated", [True, False])
def test_a_card_says_whose_answers_it_was_made_of(*, simulated: bool) -> None:
    """Simulated unless whoever exported said otherwise; then it is said that they said so."""
    figures = {"n": 1, "positives": 0, "spread": {}, "baselines": {}}
    spread = {name: {"mean": 0.5, "sd": None} for name in ("auc", "pr_auc")}
    lines = figures | {"spread": spread, "families": {}, "reasons": {}}
    metrics = {
        "judged": figures
        | {
            "spread": spread,
            "lines": lines,
            "strangers": {"providers": {"n": 0}, "patients": {"n": 0}},
            "outside_range": 0.0,
        }
    }
    manifest = {
        "name": "denial", "simulated": simulated, "command": "c", "row_schema_hash": "h",
        "flag_threshold": 0.3, "data": {"fingerprint": "f", "claims": 1, "lines": 1},
    }  # fmt: skip
    card = cards.denial(manifest, metrics, {}, "`ultrathink export`")
    assert ("**Simulated.**" in card) is simulated
    assert ("Who exported them said" in card) is not simulated
    assert ("(simulated)" in card) is simulated
