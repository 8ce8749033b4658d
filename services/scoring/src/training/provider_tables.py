"""The public provider table: its columns, and ratios of them that an investigator would look at.

Everything derived is arithmetic within one provider's row: no other provider's row and no label is looked at,
so the same columns come out whatever the rows are split into.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from chassis import errors
from training import public_bundles

LABEL, KEY = "Fraud", "Provider"
ONE_COLUMN = "TotalReimbursed"
COLUMNS = (
    "InpatientClaimCount", "UniqueInpatientBeneficiaries", "AvgInpatientReimbursement",
    "TotalInpatientReimbursement", "AvgLengthOfStay", "MaxLengthOfStay", "AvgDiagnosisCount",
    "OutpatientClaimCount", "UniqueOutpatientBeneficiaries", "AvgOutpatientReimbursement",
    "TotalOutpatientReimbursement", "AvgPatientAge", "AvgChronicConditions", "DeceasedRate",
    "AvgIPAnnualReimbursement", "AvgOPAnnualReimbursement", "UniqueBeneficiaries",
)  # fmt: skip


class Table(NamedTuple):
    """Features by provider in the order of the file, their names, the labels, and the file's sha256."""

    matrix: npt.NDArray[np.float32]
    names: tuple[str, ...]
    outcomes: npt.NDArray[np.bool_]
    sha256: str


def read(data: Path) -> Table:
    """Return the table of a CSV file, or of train.csv in a folder.

    Raises NotFound `data.missing`, Invalid `data.columns` or `data.numbers`.
    """
    path = data / "train.csv" if data.is_dir() else data
    try:
        frame = pd.read_csv(path)
    except FileNotFoundError as error:
        raise errors.NotFound("data.missing", f"{path.name} does not exist.") from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise errors.Invalid("data.unreadable", f"{path.name} is not a CSV table.") from error
    different = set(frame.columns) - {KEY} ^ {*COLUMNS, LABEL}
    if different:
        raise errors.Invalid("data.columns", f"Columns missing or not known: {', '.join(sorted(different))}.")
    try:
        numbers = frame[[*COLUMNS, LABEL]].astype(np.float64)
    except ValueError as error:
        raise errors.Invalid("data.numbers", "A column of the table holds something but numbers.") from error
    _refuse_gaps(numbers)
    features = derived(numbers[list(COLUMNS)])
    return Table(
        features.to_numpy(dtype=np.float32),
        tuple(features.columns),
        numbers[LABEL].to_numpy() == 1,
        public_bundles.digest([path]),
    )


def _refuse_gaps(numbers: pd.DataFrame) -> None:
    """Raise Invalid `data.numbers` naming the columns that hold something missing or infinite."""
    broken = numbers.columns[~np.isfinite(numbers).all(axis=0)].tolist()
    if broken:
        raise errors.Invalid("data.numbers", f"Missing or infinite numbers in {', '.join(broken)}.")


def derived(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the columns with sums and ratios; a provider without claims of a kind divides by one."""
    inpatient, outpatient = frame["InpatientClaimCount"], frame["OutpatientClaimCount"]
    stays, visits = frame["UniqueInpatientBeneficiaries"], frame["UniqueOutpatientBeneficiaries"]
    total = frame["TotalInpatientReimbursement"] + frame["TotalOutpatientReimbursement"]
    claims, patients = inpatient + outpatient, frame["UniqueBeneficiaries"]
    days = frame["AvgLengthOfStay"] * inpatient
    both = stays + visits - patients  # patients whom the provider saw in hospital and outside it
    return frame.assign(**{
        ONE_COLUMN: total,
        "Claims": claims,
        "ClaimsPerPatient": _per(claims, patients),
        "InpatientShare": _per(inpatient, claims),
        "ReimbursedPerPatient": _per(total, patients),
        "ReimbursedPerClaim": _per(total, claims),
        "InpatientClaimsPerPatient": _per(inpatient, stays),
        "OutpatientClaimsPerPatient": _per(outpatient, visits),
        "InpatientDays": days,
        "ReimbursedPerInpatientDay": _per(frame["TotalInpatientReimbursement"], days),
        "PatientsOfBothKinds": both,
        "ShareOfBothKinds": _per(both, patients),
        "Diagnoses": frame["AvgDiagnosisCount"] * claims,
        "LongestBeyondMean": frame["MaxLengthOfStay"] - frame["AvgLengthOfStay"],
        "DeceasedPatients": frame["DeceasedRate"] * patients,
        "ReimbursedInAnnualMeans": _per(total, frame["AvgIPAnnualReimbursement"]),
    })  # fmt: skip


def _per(part: pd.Series, whole: pd.Series) -> pd.Series:
    """Return a ratio whose divisor is at least one."""
    return part / whole.clip(lower=1)
