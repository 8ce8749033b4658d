"""Anomalies to messages of anomaly.proto. Decides nothing."""

from collections.abc import Iterable, Iterator, Sequence

from scoring.domain import anomalies
from ultrathink.scoring.v1 import anomaly_pb2, scoring_pb2


def to_anomalies(told: Iterable[Sequence[anomalies.Anomaly]]) -> Iterator[anomaly_pb2.Anomaly]:
    """Yield one message per anomaly, with the place of its claim."""
    for item, claim in enumerate(told):
        for one in claim:
            yield anomaly_pb2.Anomaly(
                item=item,
                row=one.row,
                reason=one.reason,
                percentile=one.percentile,
                peer_group=[anomaly_pb2.PeerKey(column=name, value=value) for name, value in one.peer_group],
                peers=one.peers,
                evidence=[_evidence(found) for found in one.evidence],
                isolation_percentile=one.isolation_percentile,
            )


def to_info(model: anomalies.Model) -> scoring_pb2.ModelInfo:
    """Return which bundle tells anomalies."""
    return scoring_pb2.ModelInfo(
        name=model.name,
        revision=model.revision,
        simulated=model.simulated,
        row_schema_hash=model.row_schema_hash,
    )


def _evidence(found: anomalies.Evidence) -> anomaly_pb2.AnomalyEvidence:
    return anomaly_pb2.AnomalyEvidence(
        feature=found.feature, value=found.value, typical=found.typical, text_en=found.en, text_ar=found.ar
    )
