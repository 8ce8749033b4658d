"""Expected amounts: learned, honest, with a range that holds, reproducible, sealed."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import synpuf
from chassis import errors
from training import amount_completion, amount_features
from training import completion_claims as claims


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle trained on a small made-up sample, beside the sample."""
    folder = tmp_path_factory.mktemp("amount")
    amount_completion.train(synpuf.write(folder / "data", 1, 250), 1, folder / "bundle")
    return folder / "bundle"


def test_a_bundle_judges_claims_it_has_not_seen(bundle: Path, tmp_path: Path):
    """R² and absolute error stand beside those of the DRG's mean; the range holds about as often as told."""
    found = amount_completion.evaluate(bundle, synpuf.write(tmp_path, 2, 250))
    assert set(found) >= {"n", "r2_log", "mae", "baseline"}
    assert found["r2_log"] > found["baseline"]["r2_log"]
    assert found["mae"] < found["baseline"]["mae"]
    assert 0.6 < found["in_range"] < 0.95
    assert found["same_data_as_trained"] is False


def test_the_bundle_is_reproducible_and_tells_its_progress(bundle: Path, tmp_path: Path):
    """The same data and seed give the same bytes."""
    told: list[int] = []
    amount_completion.train(bundle.parent / "data", 1, tmp_path / "again", told.append)
    for path in bundle.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes(), path.name
    assert told == [1, 2, 3, 4, 5]


def test_claims_that_were_not_paid_are_left_out_and_counted(bundle: Path, tmp_path: Path):
    """Nothing paid, and money taken back, are another question."""
    path = synpuf.write(tmp_path, 3, 40) / synpuf.CLAIMS_FILE.format(1)
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    frame.loc[:1, claims.PAID] = ["0.00", "-200.00"]
    frame.to_csv(path, index=False)
    found = amount_completion.evaluate(bundle, tmp_path)
    assert (found["left_out"], found["n"]) == (2, len(frame) - 2)


@pytest.mark.parametrize(
    ("amount", "reason"), [("", "data.numbers"), ("much", "data.numbers"), ("0", "data.empty")]
)
def test_amounts_that_are_none_are_refused(bundle: Path, tmp_path: Path, amount: str, reason: str):
    """An amount that is missing or worded is named; a file without any payment cannot be judged."""
    path = synpuf.write(tmp_path, 3, 10) / synpuf.CLAIMS_FILE.format(1)
    frame = pd.read_csv(path, dtype=str, keep_default_na=False).assign(**{claims.PAID: amount})
    frame.to_csv(path, index=False)
    with pytest.raises(errors.Invalid) as refused:
        amount_completion.evaluate(bundle, tmp_path)
    assert refused.value.reason == reason


def test_a_row_that_is_learned_from_does_not_tell_its_own_price(tmp_path: Path):
    """Changing one patient's payments leaves the features of that patient's rows as they were."""
    source = claims.read(synpuf.write(tmp_path, 4, 60))
    logs = np.log1p(source.frame[claims.PAID].astype(float).to_numpy())
    mine = source.patients == 7
    before = amount_features.learning_matrix(source.frame, logs, source.patients, 0)
    after = amount_features.learning_matrix(source.frame, logs + 3.0 * mine, source.patients, 0)
    assert np.array_equal(before[mine], after[mine], equal_nan=True)
    assert not np.array_equal(before[~mine], after[~mine], equal_nan=True)


def test_the_payment_is_not_among_the_features(tmp_path: Path):
    """Other payments of claims that are judged change no feature of theirs."""
    frame = claims.read(synpuf.write(tmp_path, 5, 20)).frame
    usual = amount_features.learn(frame, np.log1p(frame[claims.PAID].astype(float).to_numpy()))
    changed = frame.assign(**{claims.PAID: "1.00"})
    one, two = (amount_features.matrix(each, usual) for each in (frame, changed))
    assert np.array_equal(one, two, equal_nan=True)
    assert one.shape[1] == len(amount_features.names())


def test_unseen_codes_and_missing_dates_have_defined_features(tmp_path: Path):
    """A code never seen has the overall mean; a date that is absent or no date is missing."""
    frame = claims.read(synpuf.write(tmp_path, 6, 20)).frame
    usual = amount_features.learn(frame, np.full(len(frame), 9.0))
    blank = frame.assign(**{claims.DRG: "never", claims.FROM: "soon", claims.TO: ""})
    found = dict(zip(amount_features.names(), amount_features.matrix(blank, usual).T, strict=True))
    assert np.allclose(found[f"usual:{claims.DRG}"], 9.0)
    assert np.isnan(found["span"]).all()
    assert np.isnan(found["age"]).all()


def test_a_tampered_bundle_is_refused(bundle: Path, tmp_path: Path):
    """Trees that are not those trained are not walked."""
    for path in bundle.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "trees.npz").unlink()
    with pytest.raises(errors.Invalid, match=r"trees\.npz"):
        amount_completion.evaluate(tmp_path, bundle.parent / "data")


def test_too_few_patients_are_refused(tmp_path: Path):
    """A split of a handful of patients would judge nothing; the message says how many are needed."""
    with pytest.raises(errors.Invalid, match="50 patients") as refused:
        amount_completion.train(synpuf.write(tmp_path / "data", 7, 20), 0, tmp_path / "bundle")
    assert refused.value.reason == "data.few"


def test_slices_cover_all_claims(bundle: Path, tmp_path: Path):
    """Stays of every length are in one slice; claims with and without procedures add up."""
    found = amount_completion.evaluate(bundle, synpuf.write(tmp_path, 8, 60))
    counted = {name: one["n"] for name, one in found["slices"].items()}
    assert sum(n for name, n in counted.items() if name.endswith("days")) == found["n"]
    assert counted["with procedures"] + counted["without procedures"] == found["n"]
