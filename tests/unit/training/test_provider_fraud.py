"""The provider task on tables made for the test: columns, calibration, no leak, reproducible bundles."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis import errors
from training import measures, provider_fraud, provider_tables, provider_voices

pytestmark = pytest.mark.slow


def _table(path: Path, seed: int, count: int = 240) -> Path:
    rng = np.random.default_rng(seed)
    names = list(provider_tables.COLUMNS)
    frame = pd.DataFrame(rng.gamma(2.0, 50.0, size=(count, len(names))).round(), columns=names)
    frame.insert(0, "Provider", [f"P{number}" for number in range(count)])
    risk = frame["TotalInpatientReimbursement"] + rng.normal(0, 40, size=count)
    frame["Fraud"] = (risk > np.quantile(risk, 0.8)).astype(int)
    frame.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A provider bundle trained on a made-up table."""
    folder = tmp_path_factory.mktemp("provider")
    provider_fraud.train(_table(folder / "train.csv", 1), 1, folder / "bundle")
    return folder / "bundle"


def test_a_provider_bundle_judges_another_table(bundle: Path, tmp_path: Path):
    """Figures on a table it has not seen, beside the one-column baseline, the terms of the data stated."""
    found = provider_fraud.evaluate(bundle, _table(tmp_path / "other.csv", 2))
    assert set(found) >= {"n", "positives", "auc", "pr_auc", "brier", "ece", "f1", "baseline"}
    assert found["n"] == 240
    assert found["auc"] > 0.8
    assert sum(one["n"] for one in found["slices"].values()) == 240
    assert "unknown origin" in found["data"]
    assert found["same_data_as_trained"] is False


def test_judging_its_own_table_is_said_to_be_so(bundle: Path):
    """Figures on the table it learned from are marked, because they flatter."""
    assert provider_fraud.evaluate(bundle, bundle.parent)["same_data_as_trained"] is True


def test_the_provider_bundle_is_reproducible(bundle: Path, tmp_path: Path):
    """The same table and seed give the same bytes; each fold is told."""
    told: list[int] = []
    provider_fraud.train(bundle.parent / "train.csv", 1, tmp_path, told.append)
    for path in bundle.iterdir():
        assert path.read_bytes() == (tmp_path / path.name).read_bytes(), path.name
    assert told == [1, 2, 3, 4, 5]


def test_a_bundle_with_a_changed_tree_is_refused(bundle: Path, tmp_path: Path):
    """A byte of the model that is not the one trained stops the evaluation."""
    for path in bundle.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "model.json").write_bytes(
        (bundle / "model.json").read_bytes().replace(b"boosted", b"boasted")
    )
    with pytest.raises(errors.Invalid) as refused:
        provider_fraud.evaluate(tmp_path, bundle.parent)
    assert refused.value.reason == "bundle.tampered"


def test_other_columns_are_refused(bundle: Path, tmp_path: Path):
    """A table that lacks columns, or has others, is told which."""
    (tmp_path / "bad.csv").write_text("Provider,Fraud\nP1,0\n")
    with pytest.raises(errors.Invalid, match="UniqueBeneficiaries") as refused:
        provider_tables.read(tmp_path / "bad.csv")
    assert refused.value.reason == "data.columns"
    frame = pd.read_csv(bundle.parent / "train.csv").assign(Extra=1)
    frame.to_csv(tmp_path / "more.csv", index=False)
    with pytest.raises(errors.Invalid, match="Extra"):
        provider_fraud.evaluate(bundle, tmp_path / "more.csv")


@pytest.mark.parametrize("bad", [np.nan, np.inf, "many"])
def test_what_is_no_number_is_refused(tmp_path: Path, bad: float | str):
    """Missing, infinite and worded numbers are refused instead of guessed."""
    frame = pd.read_csv(_table(tmp_path / "train.csv", 1, 20)).astype({"AvgPatientAge": object})
    frame.loc[3, "AvgPatientAge"] = bad
    frame.to_csv(tmp_path / "train.csv", index=False)
    with pytest.raises(errors.Invalid) as refused:
        provider_tables.read(tmp_path)
    assert refused.value.reason == "data.numbers"


def test_missing_data_and_bundles_are_not_found(bundle: Path, tmp_path: Path):
    """Absent files are named, not raised as the library's own error."""
    with pytest.raises(errors.NotFound):
        provider_tables.read(tmp_path)
    with pytest.raises(errors.NotFound):
        provider_fraud.evaluate(tmp_path, bundle.parent)
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(errors.Invalid, match=r"empty\.csv"):
        provider_tables.read(tmp_path / "empty.csv")


def test_derived_columns_of_a_row_do_not_depend_on_other_rows(tmp_path: Path):
    """A provider's features are the same alone and among others: nothing can leak between folds."""
    whole = provider_tables.read(_table(tmp_path / "all.csv", 3, 30))
    frame = pd.read_csv(tmp_path / "all.csv")
    frame.iloc[7:8].to_csv(tmp_path / "one.csv", index=False)
    assert np.array_equal(provider_tables.read(tmp_path / "one.csv").matrix[0], whole.matrix[7])


def test_the_label_is_not_among_the_features(tmp_path: Path):
    """Turning all labels around changes no feature."""
    one = provider_tables.read(_table(tmp_path / "one.csv", 4, 30))
    frame = pd.read_csv(tmp_path / "one.csv")
    frame.assign(Fraud=1 - frame["Fraud"]).to_csv(tmp_path / "two.csv", index=False)
    two = provider_tables.read(tmp_path / "two.csv")
    assert np.array_equal(one.matrix, two.matrix)
    assert np.array_equal(one.outcomes, ~two.outcomes)


def test_the_calibration_of_a_fold_has_not_seen_its_outcomes():
    """Turning the outcomes of a held-out fold around leaves that fold's forecasts as they were."""
    rng = np.random.default_rng(5)
    margins, outcomes = rng.normal(size=200), rng.random(200) < 0.4
    folds = [(np.arange(100), np.arange(100, 200)), (np.arange(100, 200), np.arange(100))]
    held = np.arange(200) >= 100
    before = provider_fraud.calibrated(margins, outcomes, folds)
    after = provider_fraud.calibrated(margins, outcomes ^ held, folds)
    assert np.array_equal(before[held], after[held])
    assert not np.array_equal(before[~held], after[~held])


def test_the_logistic_voice_is_the_library_regression():
    """Weights with the scaling folded in give the log-odds the library gives."""
    rng = np.random.default_rng(6)
    matrix = rng.gamma(2.0, 9.0, size=(200, 3)).astype(np.float32)
    outcomes = matrix[:, 0] > 18
    voice = provider_voices.grow(matrix, outcomes, 0).logistic
    assert measures.ranking(outcomes, provider_voices.logistic_margin(voice, matrix))["auc"] > 0.95
    negative = np.array([[-5.0, 0.0, 0.0]], dtype=np.float32)
    assert provider_voices.logistic_margin(voice, negative)[0] == pytest.approx(voice.shift)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1_000), st.floats(0.3, 3), st.floats(-2, 2))
def test_calibration_repairs_a_bent_forecast(seed: int, slope: float, shift: float):
    """Whatever bent the log-odds, calibrated log-loss is not above the bent one, and the order holds."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(0, 1.5, size=400)
    outcomes = rng.random(400) < 1 / (1 + np.exp(-truth))
    if outcomes.all() or not outcomes.any():
        return
    bent = slope * truth + shift
    weights = provider_fraud.fit_beta(bent, outcomes)
    repaired = provider_fraud.probability(bent, weights)
    before = measures.binary(outcomes, 1 / (1 + np.exp(-bent)))["log_loss"]
    assert measures.binary(outcomes, repaired)["log_loss"] <= before + 1e-3
    assert (np.diff(repaired[np.argsort(bent)]) >= -1e-12).all()
