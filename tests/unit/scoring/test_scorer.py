"""The door: all four methods through generated stubs, over the in-process channel and a real socket."""

import json
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest

import scoring_support as support
from chassis import apps, errors, local
from chassis import testing as chassis_testing
from scoring import compose, settings
from ultrathink.common.v1 import common_pb2
from ultrathink.scoring.v1 import scoring_pb2, scoring_pb2_grpc

SETTINGS = settings.ScoringSettings(bundle_dir=support.BUNDLE)


@pytest.fixture
async def app() -> AsyncIterator[apps.App]:
    """The composed scoring app over the repository's bundle."""
    async with compose.compose(SETTINGS) as composed:
        yield composed


@pytest.fixture
async def stub(app: apps.App) -> "AsyncIterator[scoring_pb2_grpc.ScorerAsyncStub]":
    """A stub of the claims service on the in-process channel."""
    async with local.LocalChannel(app, caller="claims") as channel:
        yield scoring_pb2_grpc.ScorerStub(channel)


async def _requests(found: Iterable[scoring_pb2.ScoreRequest]) -> AsyncIterator[scoring_pb2.ScoreRequest]:
    for request in found:
        yield request


async def test_the_app_is_ready_once_composed(app: apps.App):
    """Readiness names the model and its revision."""
    ready = await app.ready()
    assert ready.ok
    assert support.bundle().model.revision[:12] in ready.detail


async def test_score_answers_in_the_order_of_the_contexts(stub: "scoring_pb2_grpc.ScorerAsyncStub"):
    """A unary batch of two gives two scores, each with its item id, and says which model it was."""
    answer = await stub.Score(support.request(support.claim(), support.costly()))
    assert answer.batch_id == 7
    assert [claim.item_id for claim in answer.claims] == ["0", "1"]
    assert answer.claims[0].probability < answer.claims[1].probability
    assert answer.model.revision == support.bundle().model.revision


async def test_the_served_numbers_are_those_of_the_trees(stub: "scoring_pb2_grpc.ScorerAsyncStub"):
    """Through the door, tables agree with the walked trees to 1e-6."""
    answer = await stub.Score(support.request(support.claim({}, {"quantity": 3}), support.costly()))
    for claim, expected in zip(
        answer.claims, support.scored(support.claim({}, {"quantity": 3}), support.costly()), strict=True
    ):
        assert claim.probability == pytest.approx(expected.probability, abs=1e-6)
        assert list(claim.line_probabilities) == pytest.approx(list(expected.line_probabilities), abs=1e-6)


@pytest.mark.parametrize("columnar", [False, True])
async def test_probabilities_alone_are_those_told_with_reasons(
    stub: "scoring_pb2_grpc.ScorerAsyncStub", *, columnar: bool
):
    """Who asks for nothing else gets the same states and chances, no reasons, and prints of 0."""
    request = support.request(support.claim(), support.costly(), support.claim(currency="EUR"))
    request.columnar = columnar
    whole = await stub.Score(request)
    request.probabilities_only = True
    bare = await stub.Score(request)
    assert [answer async for answer in stub.ScoreStream(_requests([request]))] == [bare]
    for claim, less in zip(whole.claims, bare.claims, strict=True):
        for field in ("line_reasons", "contributions", "feature_hash"):
            claim.ClearField(field)
        assert claim == less
    for part, fewer in zip(whole.parts, bare.parts, strict=True):
        assert part.flagged_rows
        for column in fewer.DESCRIPTOR.fields:
            if column.name.startswith(("flagged_", "row_", "claim_")):
                part.ClearField(column.name)  # type: ignore[arg-type]  # a name of its own kind
        part.feature_hashes = bytes(len(part.feature_hashes))
        assert part == fewer


async def test_a_bad_batch_on_the_stream_spoils_no_other(stub: "scoring_pb2_grpc.ScorerAsyncStub"):
    """Rows of another schema are refused item by item; batches before and after are scored."""
    good, bad = support.request(support.claim()), support.request(support.claim(), support.claim())
    bad.rows.schema_hash = "old"
    bad.batch_id = 8
    last = support.request(support.costly())
    last.batch_id = 9
    answers = {answer.batch_id: answer async for answer in stub.ScoreStream(_requests([good, bad, last]))}
    assert sorted(answers) == [7, 8, 9]
    assert [claim.error.reason for claim in answers[8].claims] == ["rows.schema_mismatch"] * 2
    assert answers[7].claims[0].state == answers[9].claims[0].state == scoring_pb2.SCORE_STATE_SCORED


async def test_a_bad_unary_batch_is_a_fault_of_the_call(stub: "scoring_pb2_grpc.ScorerAsyncStub"):
    """A single caller hears the refusal as the status of its call."""
    request = support.request(support.claim())
    request.rows.schema_hash = ""
    with pytest.raises(errors.Invalid) as refused:
        await stub.Score(request)
    assert "none" in str(refused.value)


async def test_an_item_without_time_is_refused_beside_others(stub: "scoring_pb2_grpc.ScorerAsyncStub"):
    """remaining_ms = 0 refuses that item; the next is scored."""
    request = support.request(support.claim(), support.claim())
    request.contexts[0].remaining_ms = 0
    first, second = (await stub.Score(request)).claims
    assert first.error.kind == common_pb2.ERROR_KIND_UNAVAILABLE
    assert second.state == scoring_pb2.SCORE_STATE_SCORED


async def test_keys_must_pair_with_claims(stub: "scoring_pb2_grpc.ScorerAsyncStub"):
    """Two keys for three claims choose nothing."""
    request = support.request(*[support.claim()] * 3)
    request.claim_keys.extend([1, 2])
    with pytest.raises(errors.Invalid) as refused:
        await stub.Score(request)
    assert refused.value.reason == "rows.keys_mismatch"


async def test_explain_explains_what_score_does_not(stub: "scoring_pb2_grpc.ScorerAsyncStub"):
    """An unflagged claim has contributions only in Explain."""
    request = support.request(support.claim())
    assert not (await stub.Score(request)).claims[0].contributions
    answer = await stub.Explain(scoring_pb2.ExplainRequest(contexts=request.contexts, rows=request.rows))
    assert answer.claims[0].contributions[-1].feature == "bias"
    assert answer.claims[0].line_reasons[0].contributions


async def test_get_model_returns_card_and_figures(stub: "scoring_pb2_grpc.ScorerAsyncStub"):
    """The card says simulated, and the figures are those in the bundle."""
    answer = await stub.GetModel(scoring_pb2.GetModelRequest())
    assert "Simulated" in answer.card
    assert json.loads(answer.metrics_json)["simulated"] is True
    assert answer.model.simulated


@pytest.mark.parametrize("caller", ["gateway", "storage", ""])
async def test_only_claims_and_cli_may_call(app: apps.App, caller: str):
    """The table of callers admits nobody else."""
    async with local.LocalChannel(app, caller=caller) as channel:
        with pytest.raises(errors.Denied):
            await scoring_pb2_grpc.ScorerStub(channel).Score(support.request(support.claim()))


async def test_it_works_over_a_socket(app: apps.App):
    """The same answer comes through a real server, unary and streaming."""
    async with chassis_testing.serve(app, caller="claims") as channel:
        stub = scoring_pb2_grpc.ScorerStub(channel)
        unary = await stub.Score(support.request(support.costly()))
        streamed = [
            answer async for answer in stub.ScoreStream(_requests([support.request(support.costly())]))
        ]
    assert streamed == [unary]


async def test_a_tampered_bundle_keeps_the_service_from_starting(tmp_path: Path):
    """Composition fails with a clear fault when a file is not what the manifest says."""
    for path in support.BUNDLE.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "calibration.json").write_text("{}")
    broken = settings.ScoringSettings(bundle_dir=tmp_path)
    with pytest.raises(errors.Invalid, match=r"calibration\.json") as refused:
        async with compose.compose(broken):
            pass
    assert refused.value.reason == "bundle.tampered"
