"""Helpers of the anomaly tests: the repository's bundle, and claims that stand out or do not."""

import functools
from typing import Any

import scoring_support as support
from formats import model
from scoring.domain import anomalies, peers, rows
from scoring.outbound import anomaly_bundles

BUNDLE = support.ROOT / "packs" / "models" / "anomaly-demo"
USUAL: dict[str, Any] = {"unit_price": 177, "net": 177, "patient_share": 35.4}
DEAR: dict[str, Any] = {"unit_price": 592, "net": 592, "patient_share": 118.4}  # 3.4 times the usual


@functools.cache
def watcher() -> anomalies.Model:
    """Return the repository's anomaly model, loaded once per process."""
    return anomaly_bundles.load(BUNDLE)


def dear(**changes: Any) -> model.Claim:
    """Return an ordinary claim whose second line costs 3.4 times what its peers cost."""
    usual = {"code": "G0270", "unit_price": 146, "net": 146, "patient_share": 29.2}
    return support.claim(usual, DEAR, **changes)


def ordinary(**changes: Any) -> model.Claim:
    """Return a claim like many of its peers."""
    return support.claim(USUAL, **changes)


def told(*claims: model.Claim, everything: bool = False) -> list[tuple[anomalies.Anomaly, ...]]:
    """Return what is told of claims."""
    return anomalies.judge(watcher(), support.batch(*claims), everything=everything)


def judged(batch: rows.Rows) -> peers.Judged:
    """Return what is known of a batch's lines."""
    book = watcher().book
    return peers.judge_lines(book, peers.ranked(book.words, book.ranks, batch), batch.lines)
