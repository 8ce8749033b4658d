"""Provider anomalies without a label: labels change no score, planted outliers come first."""

from pathlib import Path

import numpy as np
import pytest

from chassis import errors
from training import anomaly, anomaly_providers, provider_tables

COUNT, POSITIVE = 240, 24


def _table(folder: Path, *, labels: int = 1) -> Path:
    """Write a made-up provider table whose last rows bill many times what the others do."""
    rng = np.random.default_rng(2)
    numbers = rng.gamma(2.0, 30.0, size=(COUNT, len(provider_tables.COLUMNS))).round(2)
    numbers[-POSITIVE:] *= 8
    marks = [labels * int(row >= COUNT - POSITIVE) for row in range(COUNT)]
    head = ",".join([provider_tables.KEY, *provider_tables.COLUMNS, provider_tables.LABEL])
    rows = [
        ",".join([f"P{row}", *(str(value) for value in numbers[row]), str(mark)])
        for row, mark in enumerate(marks)
    ]
    path = folder / "train.csv"
    path.write_text("\n".join([head, *rows]) + "\n")
    return path


def test_planted_outliers_come_first(tmp_path: Path):
    """Providers that bill a multiple are ranked above all others, better than chance and than no column."""
    figures = anomaly.train(_table(tmp_path), 0, tmp_path / "bundle")
    ours = figures["detectors"]["peer groups and isolation forest"]
    assert ours["auc"]["mean"] > 0.99
    assert ours["precision_at_100"]["mean"] == pytest.approx(POSITIVE / 100)
    assert figures["detectors"]["chance"]["auc"]["mean"] < 0.8
    assert {"COPOD", "ECOD", "HBOS", "isolation forest"} <= set(figures["detectors"])


def test_labels_change_no_score(tmp_path: Path):
    """A table without a single positive teaches the same."""
    (tmp_path / "other").mkdir()
    one, two = (
        provider_tables.read(_table(tmp_path / where, labels=mark)) for where, mark in (("", 1), ("other", 0))
    )
    every = np.arange(COUNT)
    scores = [anomaly_providers.suspicion(anomaly_providers.grow(t, every, 0), t, every) for t in (one, two)]
    np.testing.assert_array_equal(*scores)


def test_training_again_gives_the_same_revision(tmp_path: Path):
    """The same table and seed give the same bytes."""
    table = _table(tmp_path)
    revisions = {anomaly.train(table, 0, tmp_path / name)["revision"] for name in ("one", "two")}
    assert len(revisions) == 1


def test_evaluate_judges_a_bundle_and_says_on_what(tmp_path: Path):
    """A bundle is judged beside the one column, and its own data is recognised."""
    table = _table(tmp_path)
    anomaly.train(table, 0, tmp_path / "bundle")
    found = anomaly.evaluate(tmp_path / "bundle", table)
    assert found["n"] == COUNT
    assert found["positives"] == POSITIVE
    assert found["same_data_as_trained"] is True
    assert {"precision_at_100", "auc", "pr_auc"} <= set(found["baseline"])


def test_a_tampered_bundle_is_refused(tmp_path: Path):
    """A changed file is named."""
    table = _table(tmp_path)
    anomaly.train(table, 0, tmp_path / "bundle")
    (tmp_path / "bundle" / "card.md").write_text("better")
    with pytest.raises(errors.Invalid, match=r"card\.md"):
        anomaly.evaluate(tmp_path / "bundle", table)
