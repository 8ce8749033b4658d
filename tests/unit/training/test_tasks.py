"""The registry of tasks, and the provider task on a table made for the test."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from chassis import errors
from training import provider_fraud, tasks

COLUMNS = (
    "InpatientClaimCount", "UniqueInpatientBeneficiaries", "AvgInpatientReimbursement",
    "TotalInpatientReimbursement", "OutpatientClaimCount", "TotalOutpatientReimbursement",
    "UniqueBeneficiaries",
)  # fmt: skip


def _table(path: Path, seed: int, count: int = 400) -> Path:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.gamma(2.0, 50.0, size=(count, len(COLUMNS))).round(), columns=list(COLUMNS))
    frame.insert(0, "Provider", [f"P{number}" for number in range(count)])
    risk = frame["TotalInpatientReimbursement"] + rng.normal(0, 40, size=count)
    frame["Fraud"] = (risk > np.quantile(risk, 0.85)).astype(int)
    frame.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A provider bundle trained on a made-up table."""
    folder = tmp_path_factory.mktemp("provider")
    provider_fraud.train(_table(folder / "train.csv", 1), 1, folder / "bundle")
    return folder / "bundle"


def test_tasks_are_found_by_name():
    """Each task of the registry has both halves."""
    for name in ("denial", "provider-fraud"):
        assert callable(tasks.find(name).train)
        assert callable(tasks.find(name).evaluate)


def test_an_unknown_task_lists_the_known():
    """The refusal says which tasks there are."""
    with pytest.raises(errors.NotFound, match="provider-fraud") as refused:
        tasks.find("weather")
    assert refused.value.reason == "task.unknown"


def test_a_provider_bundle_judges_another_table(bundle: Path, tmp_path: Path):
    """Figures on a table it has not seen, beside the one-column baseline, the terms of the data stated."""
    found = provider_fraud.evaluate(bundle, _table(tmp_path / "other.csv", 2))
    assert set(found) >= {"n", "positives", "auc", "pr_auc", "brier", "ece", "f1", "baseline"}
    assert found["n"] == 400
    assert found["auc"] > 0.8
    assert "unknown origin" in found["data"]
    assert found["same_data_as_trained"] is False


def test_judging_its_own_table_is_said_to_be_so(bundle: Path):
    """Figures on the table it learned from are marked, because they flatter."""
    assert provider_fraud.evaluate(bundle, bundle.parent)["same_data_as_trained"] is True


def test_the_provider_bundle_is_reproducible(bundle: Path, tmp_path: Path):
    """The same table and seed give the same bytes."""
    told: list[int] = []
    provider_fraud.train(bundle.parent / "train.csv", 1, tmp_path, told.append)
    for path in bundle.iterdir():
        assert path.read_bytes() == (tmp_path / path.name).read_bytes(), path.name
    assert told == [1, 2, 3, 4, 5]


def test_other_columns_are_refused(bundle: Path, tmp_path: Path):
    """A table that lacks columns, or has others, is named as such."""
    (tmp_path / "bad.csv").write_text("Provider,Fraud\nP1,0\n")
    with pytest.raises(errors.Invalid) as refused:
        provider_fraud.read(tmp_path / "bad.csv")
    assert refused.value.reason == "data.columns"
    frame = pd.read_csv(bundle.parent / "train.csv").assign(Extra=1)
    frame.to_csv(tmp_path / "more.csv", index=False)
    with pytest.raises(errors.Invalid) as refused:
        provider_fraud.evaluate(bundle, tmp_path / "more.csv")
    assert refused.value.reason == "data.columns"


def test_missing_data_and_bundles_are_not_found(bundle: Path, tmp_path: Path):
    """Absent files are named, not raised as the library's own error."""
    with pytest.raises(errors.NotFound):
        provider_fraud.read(tmp_path)
    with pytest.raises(errors.NotFound):
        provider_fraud.evaluate(tmp_path, bundle.parent)
