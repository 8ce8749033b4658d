"""Trains the anomaly model on a folder of claims and writes its bundle; payers' answers are not read into it.

Learned are the claims before the judged months, those of kept-out providers left out: who is a peer of whom,
how far peers lie apart, and an isolation forest over what that says of each claim.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from sklearn import ensemble

from chassis import errors
from scoring.domain import anomalies, isolation, peer_books, peers, rows, schemas
from scoring.outbound import anomaly_bundles, bundles
from training import (
    anomaly_cards,
    anomaly_evaluation,
    anomaly_fitting,
    cards,
    conversions,
    fitting,
    histories,
    public_bundles,
    splits,
    writing,
)

NAME = "anomaly-demo"
MIN_CLAIMS = 2_000  # below, hardly any group has a hundred members
TREES, TREE_ROWS = 100, 256  # as published; more of either changed nothing but the size
SAMPLE_CLAIMS = 64

type Progress = Callable[[int], None]


class _Manifest(msgspec.Struct, frozen=True):
    judge: int
    seed: int


def train(data: Path, seed: int, out: Path, progress: Progress | None = None) -> dict[str, Any]:
    """Write the bundle and return its figures; the same data, seed and packages give the same bytes.

    Raises NotFound `data.missing`, Invalid `data.unpaired`, Invalid `data.too_small`, Conflict
    `bundle.elsewhere`.
    """
    history = histories.read(data, progress)
    judge = splits.cuts(history, data).judge
    strange, _ = splits.strangers(history)
    learned = (history.created < judge) & ~strange
    if learned.sum() < MIN_CLAIMS:
        raise errors.Invalid("data.too_small", f"Training needs at least {MIN_CLAIMS} claims to learn from.")
    model = fit(fitting.subset(history.rows, learned), seed)
    manifest = {
        "task": anomaly_bundles.TASK,
        "name": NAME,
        "simulated": (data / "meta.json").exists(),
        "row_schema_hash": history.rows.schema_hash,
        "seed": seed,
        "judge": judge,
        "data": {
            "fingerprint": history.fingerprint,
            "claims": history.rows.items,
            "lines": history.rows.size,
        },
        "command": f"ultrathink train anomaly --data DATA --seed {seed} --out DIR",
    }
    sample = _sample(model, history, judge)
    figures: dict[str, Any] = writing.rounded(anomaly_evaluation.judge(model, history, data, judge, seed))
    card = anomaly_cards.claims(manifest, figures, cards.origin(data))
    write(model._replace(card=card), manifest, figures, sample, out)
    return figures | {"revision": bundles.revision(out)}


def evaluate(bundle: Path, data: Path) -> dict[str, Any]:
    """Return the figures of a bundle on a folder of claims: on those after the months it learned from."""
    model = anomaly_bundles.load(bundle)
    manifest = msgspec.json.decode((bundle / bundles.MANIFEST).read_bytes(), type=_Manifest)
    history = histories.read(data)
    found: dict[str, Any] = writing.rounded(
        anomaly_evaluation.judge(model, history, data, manifest.judge, manifest.seed)
    )
    return found | {"bundle": model.revision}


def fit(batch: rows.Rows, seed: int) -> anomalies.Model:
    """Return the model of a training batch, without a name."""
    book = anomaly_fitting.fit(batch)
    seen = anomaly_evaluation.seen(book, batch).matrix
    grown = ensemble.IsolationForest(n_estimators=TREES, max_samples=TREE_ROWS, random_state=seed).fit(seen)
    alone = isolation.Isolation(
        conversions.from_isolation(grown), isolation.usual_path(min(TREE_ROWS, len(seen))), np.zeros(0)
    )
    alone = alone._replace(knots=np.quantile(isolation.scores(alone, seen), peers.SHARES))
    return anomalies.Model("", "", True, batch.schema_hash, book, alone, "", "")


def write(
    model: anomalies.Model,
    manifest: dict[str, Any],
    figures: dict[str, Any],
    sample: dict[str, Any],
    out: Path,
) -> None:
    """Write a bundle into an empty or absent folder, replacing an earlier bundle."""
    public_bundles.clear(out)
    document, numbers = peer_books.dump(model.book)
    (out / anomaly_bundles.BOOK).write_bytes(document + b"\n")
    writing.arrays(out / anomaly_bundles.NUMBERS, numbers)
    alone = model.isolation
    trees = {f"{anomaly_bundles.FOREST}.{name}": array for name, array in alone.forest._asdict().items()}
    writing.arrays(
        out / anomaly_bundles.TREES, trees | {"usual_path": np.array(alone.usual_path), "knots": alone.knots}
    )
    writing.arrays(out / anomaly_bundles.SAMPLE, sample)
    writing.document(out / "metrics.json", figures)
    (out / "card.md").write_text(model.card)
    files = {path.name: public_bundles.digest([path]) for path in sorted(out.iterdir())}
    hashed = {"features_hash": schemas.hashed(document, numbers)}
    versions = {"packages": writing.versions(("numpy", "scikit-learn")), "files": files}
    writing.document(out / bundles.MANIFEST, manifest | hashed | versions)


def _sample(model: anomalies.Model, history: histories.History, judge: int) -> dict[str, Any]:
    """Return what training says of some judged claims, by which serving is compared with it."""
    later = history.created >= judge
    batch = fitting.subset(history.rows, later & (np.cumsum(later) <= SAMPLE_CLAIMS))
    found = anomaly_evaluation.seen(model.book, batch)
    columns = {f"claim.{name}": batch.claims[name] for name in peers.CLAIM_MEASURES}
    columns |= {f"line.{name}": batch.lines[name] for name in peers.LINE_MEASURES}
    return columns | {
        "offsets": batch.offsets,
        "ranks": peers.ranked(model.book.words, model.book.ranks, batch),
        "line_distances": found.lines.distance,
        "claim_distances": found.claims.distance,
        "isolation": isolation.scores(model.isolation, found.matrix),
    }
