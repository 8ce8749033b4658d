"""Anomalies as scoring tells them, put beside the scores of their claims in this room's words."""

from collections.abc import Sequence

import msgspec

from chassis import errors
from claims.domain import decisions, risk
from ultrathink.scoring.v1 import anomaly_pb2, scoring_pb2


def beside(
    scores: list[risk.Score | errors.Fault],
    answer: scoring_pb2.ScoreResponse | scoring_pb2.ExplainResponse,
    lines: Sequence[int],
) -> list[risk.Score | errors.Fault]:
    """Return the scores, those of unusual claims with what is told; `lines` is how many each claim has.

    What is told of a line that was not asked about is left out, and so is what is told beside a fault:
    without a score a claim is looked at anyway.
    """
    if not answer.anomalies:
        return scores
    info = answer.anomaly_model
    named = decisions.Model(name=info.name, revision=info.revision)
    claims: dict[int, decisions.Anomaly] = {}
    rows: dict[int, dict[int, decisions.Anomaly]] = {}
    for told in answer.anomalies:
        if not told.HasField("row"):
            claims[told.item] = _anomaly(told)
        elif told.item < len(lines) and told.row < lines[told.item]:
            rows.setdefault(told.item, {})[told.row] = _anomaly(told)
    for item in claims.keys() | rows.keys():
        score = scores[item] if item < len(scores) else None
        if isinstance(score, risk.Score) and score.state != "not_scored":
            scores[item] = msgspec.structs.replace(
                score, anomaly=claims.get(item), line_anomalies=rows.get(item), anomaly_model=named
            )
    return scores


def _anomaly(told: anomaly_pb2.Anomaly) -> decisions.Anomaly:
    if told.reason:
        return decisions.Anomaly(reason=told.reason, isolation_percentile=_isolation(told))
    return decisions.Anomaly(
        percentile=told.percentile,
        peer_group={key.column: key.value for key in told.peer_group},
        peers=told.peers,
        evidence=[
            decisions.Evidence(
                feature=one.feature, value=one.value, typical=one.typical, en=one.text_en, ar=one.text_ar
            )
            for one in told.evidence
        ],
        isolation_percentile=_isolation(told),
    )


def _isolation(told: anomaly_pb2.Anomaly) -> float | None:
    return told.isolation_percentile if told.HasField("isolation_percentile") else None
