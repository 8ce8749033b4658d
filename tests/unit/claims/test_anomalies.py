"""Anomalies in this room: put beside scores, carried into decisions, and no part of any verdict."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis import errors
from claims.domain import amounts, decisions, risk, verdicts
from claims.outbound import anomalies, columns
from formats import canonical, model
from ultrathink.scoring.v1 import anomaly_pb2, scoring_pb2

CHANCES = st.floats(0, 1)
PERCENTILES = st.floats(0, 100)


def claim(lines: int = 2) -> model.Claim:
    """Return a claim of ordinary kind with some lines."""
    line: dict[str, Any] = {
        "code": "G0103", "system": "hcpcs", "quantity": 1, "unit_price": 150, "net": 150, "patient_share": 0,
    }  # fmt: skip
    head = {
        "claim_id": "C-1", "type": "professional", "use": "claim", "currency": "SAR",
        "provider": {"id": "P"}, "patient": {"id": "M"}, "insurance": [{"sequence": 1, "focal": True}],
    }  # fmt: skip
    written = [line | {"sequence": number} for number in range(1, lines + 1)]
    return canonical.decode(msgspec.json.encode(head | {"lines": written}))


def anomaly(**changes: Any) -> anomaly_pb2.Anomaly:
    """Return an anomaly as scoring tells it."""
    said: dict[str, Any] = {
        "item": 0, "row": 1, "percentile": 99.6, "peers": 812,
        "peer_group": [anomaly_pb2.PeerKey(column="code", value="G0103")],
        "evidence": [anomaly_pb2.AnomalyEvidence(
            feature="unit_price_minor", value=48_000, typical=15_000, text_en="3.2 ×", text_ar="٣٫٢ ×")],
    }  # fmt: skip
    return anomaly_pb2.Anomaly(
        **{name: value for name, value in (said | changes).items() if value is not None}
    )


def answer(*told: anomaly_pb2.Anomaly) -> scoring_pb2.ScoreResponse:
    """Return what scoring answers when it was asked for anomalies."""
    info = scoring_pb2.ModelInfo(name="anomaly-demo", revision="f" * 64)
    return scoring_pb2.ScoreResponse(anomalies=told, anomaly_model=info)


def scored(**changes: Any) -> risk.Score:
    """Return a score of a claim with two lines."""
    said: dict[str, Any] = {"state": "scored", "probability": 0.1, "line_probabilities": [0.1, 0.1]}
    return risk.Score(**said | changes)


def test_a_line_is_told_with_peers_and_evidence() -> None:
    """The second line has percentile, named peers, their number and the evidence; the first nothing."""
    (score,) = anomalies.beside([scored()], answer(anomaly()), [2])
    assert isinstance(score, risk.Score)
    told = msgspec.to_builtins(risk.assess(score, claim(), amounts.add_up(claim())))
    assert "anomaly" not in told["lines"][0]
    assert told["lines"][1]["anomaly"] == {
        "percentile": 99.6,
        "peer_group": {"code": "G0103"},
        "peers": 812,
        "evidence": [
            {"feature": "unit_price_minor", "value": 48_000, "typical": 15_000, "en": "3.2 ×", "ar": "٣٫٢ ×"}
        ],
    }
    assert told["anomaly_model"]["name"] == "anomaly-demo"
    assert told["lines"][1]["probability"] == 0.1


def test_the_claim_as_a_whole_is_told_apart() -> None:
    """What is told without a row stands at the claim."""
    (score,) = anomalies.beside([scored()], answer(anomaly(row=None)), [2])
    assert isinstance(score, risk.Score)
    told = risk.assess(score, claim(), amounts.add_up(claim()))
    assert told.anomaly is not None
    assert all(line.anomaly is None for line in told.lines)


def test_who_could_not_be_judged_has_a_reason_and_no_number() -> None:
    """A line without peers says so."""
    (score,) = anomalies.beside([scored()], answer(anomaly(reason="peers.too_few", percentile=0.0)), [2])
    assert isinstance(score, risk.Score)
    told = msgspec.to_builtins(risk.assess(score, claim(), amounts.add_up(claim())))
    assert told["lines"][1]["anomaly"] == {"reason": "peers.too_few"}


def test_a_claim_outside_the_models_range_still_has_peers() -> None:
    """Where there is no probability every line is listed, the unusual one with what is told."""
    (score,) = anomalies.beside(
        [risk.Score(state="out_of_range", reason="above:line_net_log")], answer(anomaly()), [2]
    )
    assert isinstance(score, risk.Score)
    told = risk.assess(score, claim(), amounts.add_up(claim()))
    assert [line.sequence for line in told.lines] == [1, 2]
    assert all(line.probability is None and line.at_risk_minor is None for line in told.lines)
    assert told.lines[1].anomaly is not None
    assert verdicts.decide([], told, review_threshold=0.5) == "review"


def test_without_anomalies_nothing_changes() -> None:
    """A scorer that tells none leaves the score as it is."""
    scores: list[risk.Score | errors.Fault] = [scored()]
    assert anomalies.beside(scores, scoring_pb2.ScoreResponse(), [2]) is scores
    told = risk.assess(scored(), claim(), amounts.add_up(claim()))
    assert (told.anomaly, told.anomaly_model) == (None, None)


@pytest.mark.parametrize(("item", "row"), [(7, 0), (0, 2), (0, 4_000_000_000)])
def test_what_nobody_asked_about_is_left_out(item: int, row: int) -> None:
    """A place that is no claim or line of ours names nothing, and breaks nothing."""
    (score,) = anomalies.beside([scored()], answer(anomaly(item=item, row=row)), [2])
    assert score == scored()


def test_a_fault_stays_a_fault() -> None:
    """Beside a claim that could not be scored nothing is told."""
    fault = errors.Unavailable("scoring.away", "It is away.")
    found = anomalies.beside([fault, risk.not_scored("why")], answer(anomaly(), anomaly(item=1)), [2, 2])
    assert found == [fault, risk.not_scored("why")]


@given(CHANCES, CHANCES, PERCENTILES, st.integers(0, 1), st.floats(0, 1))
def test_an_anomaly_never_changes_the_verdict(
    chance: float, line: float, percentile: float, row: int, threshold: float
) -> None:
    """Whatever is told of a line or the claim: verdict, probability and money at risk are those without."""
    plain = scored(probability=chance, line_probabilities=[line, line])
    told = answer(anomaly(row=row, percentile=percentile), anomaly(row=None, percentile=percentile))
    (unusual,) = anomalies.beside([plain], told, [2])
    assert isinstance(unusual, risk.Score)
    ours, theirs = (risk.assess(one, claim(), amounts.add_up(claim())) for one in (unusual, plain))
    assert ours != theirs
    assert verdicts.decide([], ours, review_threshold=threshold) == verdicts.decide(
        [], theirs, review_threshold=threshold
    )
    assert (ours.probability, ours.at_risk_minor) == (theirs.probability, theirs.at_risk_minor)
    assert [one.at_risk_minor for one in ours.lines] == [one.at_risk_minor for one in theirs.lines]


def test_a_line_without_a_probability_is_recorded_as_such() -> None:
    """What storage keeps per line is NULL where only an anomaly is known."""
    assert columns.real(None) != columns.real(None)  # NaN, the contract's NULL
    line = decisions.LineRisk(sequence=1, anomaly=decisions.Anomaly(percentile=99.9))
    assert "probability" not in msgspec.to_builtins(line)
