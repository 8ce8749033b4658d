"""Provider anomalies without a label: labels change no score, planted outliers come first."""

import shutil
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from chassis import errors
from training import anomaly, anomaly_providers, provider_tables

pytestmark = pytest.mark.slow

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


class Trained(NamedTuple):
    """A bundle, what it was trained on, and what training said."""

    bundle: Path
    table: Path
    figures: dict[str, Any]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """One training for the module: it judges five detectors on five foldings."""
    folder = tmp_path_factory.mktemp("providers")
    table = _table(folder)
    return Trained(folder / "bundle", table, anomaly.train(table, 0, folder / "bundle"))


def test_planted_outliers_come_first(trained: Trained):
    """Providers that bill a multiple are ranked above all others, better than chance and than no column."""
    figures = trained.figures
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
    first, second = (
        anomaly_providers.suspicion(anomaly_providers.grow(t, every, 0), t, every) for t in (one, two)
    )
    np.testing.assert_array_equal(first, second)


def test_training_again_gives_the_same_revision(trained: Trained, tmp_path: Path):
    """The same table and seed give the same bytes, whatever the folder."""
    again = anomaly.train(_table(tmp_path), 0, tmp_path / "again")
    assert again["revision"] == trained.figures["revision"]


def test_evaluate_judges_a_bundle_and_says_on_what(trained: Trained):
    """A bundle is judged beside the one column, and its own data is recognised."""
    found = anomaly.evaluate(trained.bundle, trained.table)
    assert found["n"] == COUNT
    assert found["positives"] == POSITIVE
    assert found["same_data_as_trained"] is True
    assert {"precision_at_100", "auc", "pr_auc"} <= set(found["baseline"])


def test_a_tampered_bundle_is_refused(trained: Trained, tmp_path: Path):
    """A changed file is named."""
    bundle = Path(shutil.copytree(trained.bundle, tmp_path / "bundle"))
    (bundle / "card.md").write_text("better")
    with pytest.raises(errors.Invalid, match=r"card\.md"):
        anomaly.evaluate(bundle, trained.table)
