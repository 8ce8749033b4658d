"""Reads inpatient claims of CMS DE-SynPUF, with what is known of the patients, as plain tables of text.

A folder holds claims files (`*Inpatient_Claims*`) and, if at hand, patients' files (`*Beneficiary_Summary*`);
`.xz` and `.gz` are read as they are. Yearly sums of money in patients' files are not read: they contain the
payment that is to be guessed.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from chassis import errors
from scoring.domain import completion
from training import public_bundles

PATIENT = "DESYNPUF_ID"
PRINCIPAL, ADMITTING, DRG, PAID = "ICD9_DGNS_CD_1", "ADMTNG_ICD9_DGNS_CD", "CLM_DRG_CD", "CLM_PMT_AMT"
OTHERS = tuple(f"ICD9_DGNS_CD_{number}" for number in range(2, 11))
PROCEDURES = tuple(f"ICD9_PRCDR_CD_{number}" for number in range(1, 7))
FROM, TO, DAYS, PROVIDER = "CLM_FROM_DT", "CLM_THRU_DT", "CLM_UTLZTN_DAY_CNT", "PRVDR_NUM"
DOCTORS = ("AT_PHYSN_NPI", "OP_PHYSN_NPI", "OT_PHYSN_NPI")
SHARES = (
    "NCH_PRMRY_PYR_CLM_PD_AMT", "CLM_PASS_THRU_PER_DIEM_AMT", "NCH_BENE_IP_DDCTBL_AMT",
    "NCH_BENE_PTA_COINSRNC_LBLTY_AM", "NCH_BENE_BLOOD_DDCTBL_LBLTY_AM",
)  # fmt: skip
COLUMNS = (
    PATIENT, PRINCIPAL, ADMITTING, DRG, PAID, *OTHERS, *PROCEDURES,
    FROM, TO, DAYS, PROVIDER, *DOCTORS, *SHARES,
)  # fmt: skip
BORN, SEX, RENAL, STATE = "BENE_BIRTH_DT", "BENE_SEX_IDENT_CD", "BENE_ESRD_IND", "SP_STATE_CODE"
PERSON = (PATIENT, BORN, SEX, RENAL, STATE)
SYSTEM, REGIME, CURRENCY = "icd-9-cm", "x12-us", "USD"  # what these claims are, in the claim model's words
TERMS = "CMS DE-SynPUF, synthetic: relations between codes are only partly those of real claims"


class Claims(NamedTuple):
    """One row per claim, all text, empty where absent; the patients by number; sha256 of the files."""

    frame: pd.DataFrame
    patients: npt.NDArray[np.int64]
    sha256: str


def read(data: Path) -> Claims:
    """Return the claims of a folder, or of one claims file and the patients' files beside it.

    Raises NotFound `data.missing`, Invalid `data.columns` or `data.unreadable`.
    """
    folder = data if data.is_dir() else data.parent
    claims = sorted(folder.glob("*Inpatient_Claims*")) if data.is_dir() else [data]
    if not claims or not claims[0].exists():
        raise errors.NotFound("data.missing", f"No file *Inpatient_Claims* is in {folder.name}.")
    persons = sorted(folder.glob("*Beneficiary_Summary*"))
    frame = pd.concat([_table(path, COLUMNS) for path in claims], ignore_index=True)
    known = frame.merge(_persons(persons), on=PATIENT, how="left").fillna("")
    numbers = pd.factorize(known[PATIENT])[0].astype(np.int64)
    return Claims(known, numbers, public_bundles.digest([*claims, *persons]))


def facts(claims: Claims) -> list[completion.Facts]:
    """Return the claims as what a model may know of them: codes, never the principal diagnosis.

    The principal diagnosis has the place 0 in a claim, so others begin at 1.
    """
    columns = [claims.frame[name].to_numpy(dtype=object) for name in (ADMITTING, DRG, *OTHERS, *PROCEDURES)]
    return [_facts(row) for row in zip(*columns, strict=True)]


def kept(claims: Claims, keep: npt.NDArray[np.bool_]) -> Claims:
    """Return the claims of a mask."""
    return claims._replace(frame=claims.frame[keep].reset_index(drop=True), patients=claims.patients[keep])


def folds(patients: npt.NDArray[np.int64], count: int, seed: int) -> npt.NDArray[np.int64]:
    """Return each row's fold; all claims of a patient are in one."""
    drawn = np.random.default_rng(seed).integers(0, count, int(patients.max(initial=0)) + 1)
    answer: npt.NDArray[np.int64] = drawn[patients]
    return answer


def _facts(row: tuple[str, ...]) -> completion.Facts:
    admitting, drg, others, procedures = row[0], row[1], row[2 : 2 + len(OTHERS)], row[2 + len(OTHERS) :]
    stated = [completion.Code(len(others) + 1, SYSTEM, admitting, admitting=True)] if admitting else []
    return completion.Facts(
        regime=REGIME,
        currency=CURRENCY,
        drg=drg,
        diagnoses=(*stated, *_coded(others, 1)),
        procedures=_coded(procedures, 0),
    )


def _coded(codes: tuple[str, ...], first: int) -> tuple[completion.Code, ...]:
    return tuple(completion.Code(place, SYSTEM, code) for place, code in enumerate(codes, first) if code)


def _persons(paths: list[Path]) -> pd.DataFrame:
    """Return one row per patient: what the earliest file in which they appear says."""
    if not paths:
        return pd.DataFrame(columns=list(PERSON), dtype=str)
    return pd.concat([_table(path, PERSON) for path in paths], ignore_index=True).drop_duplicates(PATIENT)


def _table(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    """Return these columns of a CSV file as text."""
    try:
        return pd.read_csv(path, dtype=str, keep_default_na=False, usecols=list(columns))[list(columns)]
    except ValueError as error:
        if isinstance(error, UnicodeDecodeError | pd.errors.ParserError | pd.errors.EmptyDataError):
            raise errors.Invalid("data.unreadable", f"{path.name} is not a CSV table.") from error
        raise errors.Invalid(
            "data.columns", f"{path.name} lacks columns: needed are {', '.join(columns)}."
        ) from error
