"""Claims of DE-SynPUF are read from folders and files, joined with patients, or refused by name."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import synpuf
from chassis import errors
from training import completion_claims as claims


def test_a_folder_reads_whole(tmp_path: Path):
    """All claims files are read, all patients joined, numbers of patients run across files."""
    synpuf.write(tmp_path, 1, 20, sample=1)
    synpuf.write(tmp_path, 2, 20, sample=2)
    found = claims.read(tmp_path)
    assert found.patients.max() == 39
    assert set(found.frame[claims.SEX]) == {"2"}
    assert len(found.frame) == len(found.patients)


def test_a_single_file_finds_the_patients_beside_it(tmp_path: Path):
    """A claims file by itself is joined with the patients' files of its folder, if there are any."""
    synpuf.write(tmp_path, 1, 20)
    path = tmp_path / synpuf.CLAIMS_FILE.format(1)
    assert set(claims.read(path).frame[claims.BORN]) == {"19350101"}
    (tmp_path / synpuf.PERSONS_FILE.format(1)).unlink()
    assert set(claims.read(path).frame[claims.BORN]) == {""}


def test_the_fingerprint_is_of_the_content(tmp_path: Path):
    """The same files elsewhere have the same sha256, other files another."""
    one, two, three = (
        claims.read(synpuf.write(tmp_path / str(n), seed, 10)) for n, seed in enumerate((1, 1, 2))
    )
    assert one.sha256 == two.sha256
    assert one.sha256 != three.sha256


def test_sums_of_money_of_patients_are_not_read(tmp_path: Path):
    """Yearly reimbursements would tell the payment that is to be guessed."""
    frame = claims.read(synpuf.write(tmp_path, 1, 10)).frame
    assert not [name for name in frame.columns if name.startswith(("MEDREIMB", "BENRES", "PPPYMT"))]


def test_a_folder_without_claims_is_not_found(tmp_path: Path):
    """The message says which file was looked for."""
    with pytest.raises(errors.NotFound, match="Inpatient_Claims"):
        claims.read(tmp_path)
    with pytest.raises(errors.NotFound):
        claims.read(tmp_path / "absent.csv")


def test_a_file_of_other_columns_is_refused(tmp_path: Path):
    """The message names the columns that are needed."""
    (tmp_path / "x_Inpatient_Claims.csv").write_text("A,B\n1,2\n")
    with pytest.raises(errors.Invalid, match="CLM_PMT_AMT") as refused:
        claims.read(tmp_path)
    assert refused.value.reason == "data.columns"


def test_an_empty_file_is_refused(tmp_path: Path):
    """Nothing at all is no table."""
    (tmp_path / "x_Inpatient_Claims.csv").write_text("")
    with pytest.raises(errors.Invalid) as refused:
        claims.read(tmp_path)
    assert refused.value.reason == "data.unreadable"


@given(st.lists(st.integers(0, 50), min_size=1, max_size=200), st.integers(1, 7), st.integers(0, 99))
def test_all_claims_of_a_patient_are_in_one_fold(patients: list[int], count: int, seed: int):
    """Whatever the patients, two claims of one are never on both sides of a split."""
    numbers = np.array(patients)
    fold = claims.folds(numbers, count, seed)
    assert ((fold >= 0) & (fold < count)).all()
    for patient in set(patients):
        assert len(set(fold[numbers == patient].tolist())) == 1
