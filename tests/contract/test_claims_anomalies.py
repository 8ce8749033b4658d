"""The claims room and the scoring room about anomalies: over a socket, with the committed bundles."""

import anomaly_support
import claims_support as support
import scoring_support
from chassis import clock as clocks
from chassis import testing as chassis_testing
from claims import ports
from claims.domain import amounts, histories, risk
from claims.outbound import scorer
from formats import canonical, model
from scoring import compose as scoring_compose
from scoring import settings as scoring_settings
from ultrathink.scoring.v1 import scoring_pb2_grpc

KNOWN = histories.Known(provider_claims=30, provider_denied=5, patient_claims=1)


def _case(claim: model.Claim) -> ports.Case:
    left = clocks.SystemClock().monotonic() + 30
    return ports.Case(context=chassis_testing.context(deadline=left), claim=claim, known=KNOWN)


async def _asked(*claims: model.Claim) -> tuple[list[risk.Score], list[risk.Score]]:
    """Return scores and explanations of claims from a scoring room over a socket."""
    configured = scoring_settings.ScoringSettings(
        bundle_dir=scoring_support.BUNDLE, anomaly_bundle_dir=anomaly_support.BUNDLE
    )
    async with (
        scoring_compose.compose(configured) as app,
        chassis_testing.serve(app, caller="claims") as channel,
    ):
        made = scorer.GrpcScorer(scoring_pb2_grpc.ScorerStub(channel), clocks.SystemClock())
        try:
            cases = [_case(claim) for claim in claims]
            told = await made.score(cases, deadline=clocks.SystemClock().monotonic() + 20)
            explained = [await made.explain(case) for case in cases]
        finally:
            await made.aclose()
    scores = [one for one in told if isinstance(one, risk.Score)]
    assert len(scores) == len(claims)
    return scores, explained


async def test_a_dear_line_reaches_the_decision() -> None:
    """Percentile, peers, and their median in a sentence of both languages; nothing of the ordinary claim."""
    dear = anomaly_support.dear()
    (usual, unusual), _ = await _asked(anomaly_support.ordinary(), dear)
    assert usual.line_anomalies is None
    told = risk.assess(unusual, dear, amounts.add_up(dear))
    found = told.lines[1].anomaly
    assert found is not None
    assert found.percentile is not None
    assert found.percentile >= 99
    assert found.peer_group["code"] == "G0108"
    assert "× the median of" in found.evidence[0].en
    assert "الوسيط" in found.evidence[0].ar
    assert told.anomaly_model is not None
    assert told.anomaly_model.revision == anomaly_support.watcher().revision


async def test_an_explanation_tells_of_every_line_and_how_isolated_the_claim_is() -> None:
    """The same percentile as in the decision, the other lines' too, and the forest's word on the claim."""
    (scored,), (explained,) = await _asked(anomaly_support.dear())
    assert explained.line_anomalies is not None
    assert scored.line_anomalies is not None
    assert set(explained.line_anomalies) == {0, 1}
    assert explained.line_anomalies[1] == scored.line_anomalies[1]
    assert explained.anomaly is not None
    assert explained.anomaly.isolation_percentile is not None


async def test_what_the_model_does_not_know_still_has_peers() -> None:
    """A price beyond the model's range: no probability, and the line is told among its peers."""
    absurd = scoring_support.claim({"unit_price": 9_000_000, "net": 9_000_000})
    (score,), _ = await _asked(absurd)
    assert score.state == "out_of_range"
    told = risk.assess(score, absurd, amounts.add_up(absurd))
    assert told.lines[0].probability is None
    assert told.lines[0].anomaly is not None
    assert told.lines[0].anomaly.evidence[0].feature == "unit_price_minor"


async def test_a_code_without_peers_says_so() -> None:
    """Not judged, with the reason."""
    (score,), _ = await _asked(scoring_support.claim({"code": "ZZZ99"}))
    assert score.line_anomalies is not None
    assert score.line_anomalies[0].reason == "peers.too_few"


async def test_claims_of_another_world_are_answered() -> None:
    """A claim that no bundle was trained for is scored or out of range, judged among peers or not."""
    (score,), _ = await _asked(canonical.decode(support.body(1)))
    assert score.state in {"scored", "out_of_range"}
