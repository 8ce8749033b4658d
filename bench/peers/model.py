"""The peers' model: boosting over a DataFrame of twenty columns, trained once on simulated claims."""

import json
import zlib
from datetime import date
from pathlib import Path

import pandas as pd
import xgboost

from peers import shapes

TREES = 300  # as many as a served model of this kind usually has


def features(claim: shapes.Claim) -> pd.DataFrame:
    """Return one row per line."""
    created = date.fromisoformat(claim.created[:10])
    coverage = claim.insurance[0].coverage
    born = claim.patient.birth_date or created
    rows = [
        {
            "type": zlib.crc32(claim.type.encode()) % 64,
            "payer": zlib.crc32(coverage.payer.encode()) % 64,
            "plan": zlib.crc32((coverage.plan or "").encode()) % 16,
            "provider": zlib.crc32(claim.provider.id.encode()) % 256,
            "kind": zlib.crc32((claim.provider.type or "").encode()) % 16,
            "age": (line.service_date - born).days / 365.25,
            "sex": claim.patient.sex == "female",
            "diagnosis": zlib.crc32(claim.diagnoses[0].code[:3].encode()) % 512 if claim.diagnoses else 0,
            "diagnoses": len(claim.diagnoses),
            "lines": len(claim.lines),
            "total": float(claim.total),
            "info": len(claim.supporting_info),
            "preauth": bool(claim.insurance[0].preauth_refs),
            "lag": (created - line.service_date).days,
            "code": zlib.crc32(line.code.encode()) % 1024,
            "quantity": float(line.quantity),
            "price": float(line.unit_price),
            "net": float(line.net),
            "share": float(line.patient_share),
            "pointers": len(line.diagnosis_sequences),
        }
        for line in claim.lines
    ]
    return pd.DataFrame(rows).astype("float32")


def train(folder: Path, out: Path) -> None:
    """Train on a folder that `ultrathink simulate` wrote; save as JSON."""
    frames, labels = [], []
    with (folder / "claims.ndjson").open() as claims, (folder / "adjudications.ndjson").open() as answers:
        for claim, answer in zip(claims, answers, strict=True):
            frames.append(features(shapes.Claim.model_validate_json(claim)))
            labels += [line["outcome"] != "approved" for line in json.loads(answer)["lines"]]
    model = xgboost.XGBClassifier(
        n_estimators=TREES, max_depth=5, learning_rate=0.1, n_jobs=1, tree_method="hist"
    )
    model.fit(pd.concat(frames), labels)
    model.save_model(out)


def load(path: Path) -> xgboost.XGBClassifier:
    """Return the model, one thread: more only fight with their neighbours."""
    model = xgboost.XGBClassifier(n_jobs=1)
    model.load_model(path)
    return model
