"""What a claim says about its price before it is paid, as numbers; and usual amounts by code.

Usual amounts are means of log(1 + paid) by code, pulled towards the overall mean where claims are few. For a
row that is learned from they are computed without its own fold of patients, otherwise the row would tell its
own price. Knows no file.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from training import completion_claims as claims

PULL = 10.0  # claims that the overall mean counts for beside a code's own
FOLDS = 5
CODED = (
    claims.DRG, claims.PRINCIPAL, claims.ADMITTING, *claims.OTHERS, *claims.PROCEDURES,
    claims.PROVIDER, *claims.DOCTORS[:2],
)  # fmt: skip
EPOCH = pd.Timestamp("2008-01-01")  # the first day of the data: any fixed day would do

type Doubles = npt.NDArray[np.float64]
type Labels = npt.NDArray[np.int64]
type Matrix = npt.NDArray[np.float32]


class Usual(NamedTuple):
    """Mean log amounts by code, one mapping per column of CODED, and the mean of all."""

    means: tuple[dict[str, float], ...]
    overall: float


def names() -> list[str]:
    """Return the names of the matrix' columns."""
    return [*_numbers(pd.DataFrame(columns=[*claims.COLUMNS, *claims.PERSON[1:]], dtype=str)), *(
        f"usual:{name}" for name in CODED
    )]  # fmt: skip


def learn(frame: pd.DataFrame, logs: Doubles) -> Usual:
    """Return usual amounts of these claims."""
    overall = float(logs.mean())
    means = []
    for name in CODED:
        found = pd.Series(logs).groupby(frame[name].to_numpy(dtype=object)).agg(["sum", "count"])
        pulled = (found["sum"] + PULL * overall) / (found["count"] + PULL)
        means.append({str(code): float(value) for code, value in pulled.items()})
    return Usual(tuple(means), overall)


def matrix(frame: pd.DataFrame, usual: Usual) -> Matrix:
    """Return the features of claims that `usual` has not seen."""
    coded = [
        [means.get(code, usual.overall) for code in frame[name].to_numpy(dtype=object)]
        for name, means in zip(CODED, usual.means, strict=True)
    ]
    columns = [*_numbers(frame).values(), *(np.array(column) for column in coded)]
    return np.column_stack(columns).astype(np.float32)


def learning_matrix(frame: pd.DataFrame, logs: Doubles, patients: Labels, seed: int) -> Matrix:
    """Return the features of claims that are learned from: usual amounts come from other patients."""
    fold = claims.folds(patients, FOLDS, seed + 1)  # not the split of whoever judges the model
    answer = np.zeros((len(frame), len(names())), dtype=np.float32)
    for number in range(FOLDS):
        others, mine = fold != number, fold == number
        if mine.any():
            usual = learn(frame[others], logs[others]) if others.any() else learn(frame, logs)
            answer[mine] = matrix(frame[mine], usual)
    return answer


def _numbers(frame: pd.DataFrame) -> dict[str, Doubles]:
    """Return the plain numbers of claims by name; absent ones are NaN, days count from a fixed day."""
    shares: dict[str, Doubles] = {name: _number(frame[name]) for name in claims.SHARES}
    begun, ended = _days(frame[claims.FROM]), _days(frame[claims.TO])
    born = _days(frame[claims.BORN])
    counted: dict[str, Doubles] = {
        "days": _number(frame[claims.DAYS]),
        "span": ended - begun,
        "begun": begun,
        "age": (begun - born) / 365.25,
        "diagnoses": _filled(frame, (claims.PRINCIPAL, *claims.OTHERS)),
        "procedures": _filled(frame, claims.PROCEDURES),
        "doctors": _filled(frame, claims.DOCTORS),
        "drg": _number(frame[claims.DRG]),
        "sex": _number(frame[claims.SEX]),
        "state": _number(frame[claims.STATE]),
        "renal": np.asarray(frame[claims.RENAL] == "Y", dtype=np.float64),
    }
    return counted | shares


def _number(column: pd.Series) -> Doubles:
    answer: Doubles = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)
    return answer


def _days(column: pd.Series) -> Doubles:
    """Return days since EPOCH of dates written YYYYMMDD, NaN where there is none."""
    dates = pd.to_datetime(column, format="%Y%m%d", errors="coerce")
    answer: Doubles = np.asarray((dates - EPOCH) / pd.Timedelta(days=1), dtype=np.float64)
    return answer


def _filled(frame: pd.DataFrame, columns: Sequence[str]) -> Doubles:
    return (frame[list(columns)] != "").sum(axis=1).to_numpy(dtype=np.float64)
