"""The first peers' model over the same twenty columns, and what contributed most to each flagged line.

`values` gives what `peers.model.features` gives, by numpy instead of a dictionary per line: less to do.
"""

import os
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import xgboost

from peers import model
from peers.equal import shapes, words

COLUMNS = (
    "type", "payer", "plan", "provider", "kind", "age", "sex", "diagnosis", "diagnoses", "lines", "total",
    "info", "preauth", "lag", "code", "quantity", "price", "net", "share", "pointers",
)  # fmt: skip
# Made once and of plain strings: of names given for each call pandas makes strings of its own kind, and a
# frame of few rows costs 300 µs more to make and a fifth more to predict from.
INDEX = pd.Index(COLUMNS, dtype=object)
FLAG = 0.27  # what our own model explains from: flag_threshold in packs/models/denial-demo/manifest.json
TOP = 3  # contributions told, the strongest first, as ours tells them
MISSING = float("nan")

NAMES = list(COLUMNS)

type Reasons = dict[int, list[tuple[str, float]]]  # by row: features with their log-odds


@dataclass(frozen=True, slots=True)
class Scores:
    """Probabilities of denial by row, and reasons for those at or above FLAG."""

    probabilities: list[float]
    reasons: Reasons


class Scorer:
    """The model, loaded once, one thread.

    It is asked with a DataFrame, as the first peers ask it. PEER_INPUT=matrix leaves the frame out, to show
    what it costs (bench/README.md).
    """

    def __init__(self, path: Path) -> None:
        self._model = model.load(path)
        self._booster = self._model.get_booster()
        self._plain = os.environ.get("PEER_INPUT") == "matrix"

    def score(self, rows: np.ndarray) -> Scores:
        """Return probabilities of rows, and the strongest contributions to the flagged."""
        chances = self.chances(rows)
        flagged = np.flatnonzero(chances >= FLAG)
        reasons = self._reasons(rows, flagged) if flagged.size else {}
        return Scores(chances.tolist(), reasons)

    def chances(self, rows: np.ndarray) -> np.ndarray:
        """Return the probability of denial of each row."""
        asked = rows if self._plain else pd.DataFrame(rows, columns=INDEX)
        found: np.ndarray = self._model.predict_proba(asked)[:, 1]
        return found

    def _reasons(self, rows: np.ndarray, flagged: np.ndarray) -> Reasons:
        matrix = xgboost.DMatrix(rows[flagged], nthread=1, feature_names=NAMES)
        shares = self._booster.predict(matrix, pred_contribs=True)[:, :-1]  # without the bias
        strongest = np.argsort(-np.abs(shares), axis=1)[:, :TOP].tolist()
        return {
            row: [(COLUMNS[at], float(mine[at])) for at in order]
            for row, mine, order in zip(flagged.tolist(), shares, strongest, strict=True)
        }


def values(claims: list[shapes.Claim]) -> np.ndarray:
    """Return a row of features per line of all claims."""
    return np.array([row for claim in claims for row in _rows(claim)], dtype=np.float32)


def _rows(claim: shapes.Claim) -> list[tuple[float, ...]]:
    created, born = claim.created.date() if claim.created else None, claim.patient.birth_date
    insurance = claim.insurance[0]
    coverage = insurance.coverage or shapes.Coverage()
    head = (
        _crc(claim.type) % 64, _crc(coverage.payer) % 64, _crc(coverage.plan) % 16,
        _crc(claim.provider.id) % 256, _crc(claim.provider.type) % 16,
    )  # fmt: skip
    about = (
        claim.patient.sex == "female",
        _crc((claim.diagnoses[0].code or "")[:3]) % 512 if claim.diagnoses else 0,
        len(claim.diagnoses), len(claim.lines), _number(claim.total), len(claim.supporting_info),
        bool(insurance.preauth_refs),
    )  # fmt: skip
    found: list[tuple[float, ...]] = []
    for line in claim.lines:
        served = words.day(line.service_date)
        age = (served - (born or created or served)).days / 365.25 if served else MISSING
        lag = (created - served).days if created and served else MISSING
        found.append(
            (
                *head, age, *about, lag, _crc(line.code) % 1024, _number(line.quantity),
                _number(line.unit_price), _number(line.net), _number(line.patient_share),
                len(line.diagnosis_sequences),
            )
        )  # fmt: skip
    return found


def _crc(text: str | None) -> int:
    return zlib.crc32((text or "").encode())


def _number(value: object) -> float:
    return MISSING if value is None else float(value)  # type: ignore[arg-type]  # a Decimal
