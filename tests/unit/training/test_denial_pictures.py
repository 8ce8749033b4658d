"""The picture of a denial bundle: both curves, from its own figures, the same every time."""

import json
from pathlib import Path

import pytest

from chassis import errors
from training import denial_pictures

BINS = [{"forecast": 0.1, "rate": 0.12, "n": 50}, {"forecast": 0.6, "rate": 0.5, "n": 50}]


def test_both_curves_are_drawn_and_it_says_simulated(tmp_path: Path):
    """What is served stands beside the raw odds, so that calibration can be seen."""
    lines = {"reliability": BINS, "reliability_uncalibrated": BINS}
    (tmp_path / "metrics.json").write_text(json.dumps({"judged": {"lines": lines}}))
    drawn = denial_pictures.draw(tmp_path)
    assert "simulated" in drawn
    assert drawn.count("<polyline") == 2
    assert drawn == denial_pictures.draw(tmp_path)


def test_a_folder_without_figures_is_told_so(tmp_path: Path):
    """Another bundle, or none, has no such curve."""
    with pytest.raises(errors.NotFound, match="no figures"):
        denial_pictures.draw(tmp_path)
    (tmp_path / "metrics.json").write_text("{}")
    with pytest.raises(errors.NotFound):
        denial_pictures.draw(tmp_path)
