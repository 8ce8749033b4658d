"""Writes small files in the format of CMS DE-SynPUF, with relations between codes that a model can find."""

from pathlib import Path

import numpy as np
import pandas as pd

from training import completion_claims as claims

# Principal diagnosis (ICD-9-CM): its procedure, admitting diagnosis, DRG, companion and usual payment.
KINDS = {
    "41071": ("3606", "78650", "247", "4019", 14_000),
    "486": ("9604", "7862", "194", "496", 5_000),
    "82021": ("8152", "7295", "470", "73300", 9_000),
    "4280": ("8872", "78605", "291", "42731", 7_000),
}
CLAIMS_FILE = "DE1_0_2008_to_2010_Inpatient_Claims_Sample_{}.csv.xz"
PERSONS_FILE = "DE1_0_2008_Beneficiary_Summary_File_Sample_{}.csv.xz"


def write(folder: Path, seed: int, patients: int = 150, *, noise: float = 0.2, sample: int = 1) -> Path:
    """Write a claims file and a patients' file; each patient has one to three claims."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    names = [f"S{sample}P{number:05}" for number in range(patients)]
    rows = [_claim(name, rng, noise) for name in names for _ in range(int(rng.integers(1, 4)))]
    frame = pd.DataFrame([dict.fromkeys(claims.COLUMNS, "") | row for row in rows])
    frame.to_csv(folder / CLAIMS_FILE.format(sample), index=False)
    persons = {
        claims.PATIENT: names, claims.BORN: "19350101", claims.SEX: "2", claims.RENAL: "0",
        claims.STATE: "39",
    }  # fmt: skip
    pd.DataFrame(persons).to_csv(folder / PERSONS_FILE.format(sample), index=False)
    return folder


def _claim(patient: str, rng: np.random.Generator, noise: float) -> dict[str, str]:
    """Return one claim; each code is that of another kind with the probability `noise`."""
    truth = str(rng.choice(list(KINDS)))

    def code(position: int) -> str:
        kind = str(rng.choice(list(KINDS))) if rng.random() < noise else truth
        return str(KINDS[kind][position])

    days = int(rng.integers(1, 9))
    return {
        claims.PATIENT: patient,
        claims.PRINCIPAL: truth,
        claims.PROCEDURES[0]: code(0) if rng.random() < 0.7 else "",
        claims.ADMITTING: code(1),
        claims.DRG: code(2),
        claims.OTHERS[0]: code(3),
        claims.PAID: f"{float(KINDS[truth][4]) * (1 + days / 20) * rng.lognormal(0, 0.1):.2f}",
        claims.FROM: "20090301",
        claims.TO: f"200903{1 + days:02}",
        claims.DAYS: str(days),
        claims.PROVIDER: f"39{int(rng.integers(10)):02}AA",
    }
