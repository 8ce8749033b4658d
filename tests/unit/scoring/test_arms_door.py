"""Arms through the door: bundles of the settings, roles, promotion over a restart, bad input beside them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import scoring_support as support
from chassis import apps, errors, local
from chassis import testing as chassis_testing
from scoring import compose, settings
from scoring.outbound import arm_files, bundles
from ultrathink.common.v1 import common_pb2
from ultrathink.scoring.v1 import scoring_pb2, scoring_pb2_grpc

OPERATOR = common_pb2.Context(subject="ops", roles=["operator"])
STABLE = support.bundle().model.revision


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second sound bundle, with higher probabilities."""
    return support.other_bundle(tmp_path_factory.mktemp("bundles") / "other")


@asynccontextmanager
async def _door(**options: Any) -> "AsyncIterator[scoring_pb2_grpc.ScorerAsyncStub]":
    chosen = settings.ScoringSettings(bundle_dir=support.BUNDLE, **options)
    async with compose.compose(chosen) as app, local.LocalChannel(app, caller="cli") as channel:
        yield scoring_pb2_grpc.ScorerStub(channel)


async def _arms(stub: "scoring_pb2_grpc.ScorerAsyncStub") -> dict[str, scoring_pb2.Arm]:
    told = await stub.GetModel(scoring_pb2.GetModelRequest())
    return {arm.arm: arm for arm in told.arms}


async def test_every_score_names_its_arm_and_revision(other: Path):
    """With half the share, answers come from both models, each said, and the other model is described."""
    async with _door(canary_bundle_dir=other, canary_percent=50) as stub:
        request = support.request(support.claim(), support.costly(), support.claim({}, {}))
        request.claim_keys.extend([3, 5, 8])
        answer = await stub.Score(request)
        explained = await stub.Explain(
            scoring_pb2.ExplainRequest(contexts=request.contexts, rows=request.rows, claim_keys=[3, 5, 8])
        )
    revision = bundles.revision(other)
    said = {(claim.arm, claim.model_revision) for claim in answer.claims}
    assert said == {("stable", STABLE), ("canary", revision)}
    assert [claim.arm for claim in explained.claims] == [claim.arm for claim in answer.claims]
    assert (answer.model.revision, answer.model.arm) == (STABLE, "stable")
    assert [(one.revision, one.arm) for one in answer.candidates] == [(revision, "canary")]


async def test_the_shadows_report_is_an_operators(other: Path):
    """Pairs of what was answered and what the shadow says; its probabilities are higher throughout."""
    async with _door(shadow_bundle_dir=other) as stub:
        before = await stub.CompareArms(scoring_pb2.CompareArmsRequest(context=OPERATOR))
        assert (before.seen, before.all.pairs) == (0, 0)
        assert not before.all.HasField("rank_correlation")
        await stub.Score(support.request(support.claim(), support.costly()))
        told = before
        while told.seen < 2:  # the shadow follows in its own time; the test's own bound ends a failure
            told = await stub.CompareArms(scoring_pb2.CompareArmsRequest(context=OPERATOR))
        assert told.shadow.revision == bundles.revision(other)
        assert 0 < told.all.mean_difference <= 0.125
        assert told.all.rank_correlation == pytest.approx(1)
        assert len(told.all.quantiles) == 7
        for roles in ([], ["biller"]):
            with pytest.raises(errors.Denied):
                await stub.CompareArms(
                    scoring_pb2.CompareArmsRequest(context=common_pb2.Context(roles=roles))
                )


async def test_a_promotion_outlives_a_restart_and_so_does_its_roll_back(other: Path, tmp_path: Path):
    """Promote, restart, still promoted; roll back, restart, still rolled back and the canary still rests."""
    options = {"canary_bundle_dir": other, "canary_percent": 10, "arms_state_dir": tmp_path / "state"}
    revision = bundles.revision(other)
    async with _door(**options) as stub:
        request = scoring_pb2.PromoteArmRequest(context=OPERATOR, arm="canary", revision=revision)
        told = await stub.PromoteArm(request)
        assert told.durable
        assert [(arm.arm, arm.model.revision) for arm in told.arms] == [("stable", revision)]
    async with _door(**options) as stub:
        answer = await stub.Score(support.request(support.claim()))
        assert (answer.model.revision, answer.claims[0].model_revision) == (revision, revision)
        back = await stub.RollBack(scoring_pb2.RollBackRequest(context=OPERATOR))
        assert back.arms[0].model.revision == STABLE
    async with _door(**options) as stub:
        found = await _arms(stub)
        assert found["stable"].model.revision == STABLE
        assert found["canary"].state == scoring_pb2.ARM_STATE_OFF
        with pytest.raises(errors.Conflict):
            await stub.RollBack(scoring_pb2.RollBackRequest(context=OPERATOR))


async def test_without_a_folder_a_restart_returns_to_the_settings(other: Path):
    """The answer says that the promotion is not durable, and it is not."""
    async with _door(canary_bundle_dir=other, canary_percent=10) as stub:
        request = scoring_pb2.PromoteArmRequest(context=OPERATOR, arm="canary")
        assert not (await stub.PromoteArm(request)).durable
    async with _door(canary_bundle_dir=other, canary_percent=10) as stub:
        assert (await _arms(stub))["stable"].model.revision == STABLE


async def test_only_an_operator_decides(other: Path):
    """Neither promotion nor roll back is for anyone else, whichever service carries the call."""
    async with _door(canary_bundle_dir=other) as stub:
        nobody = common_pb2.Context(roles=["manager"])
        with pytest.raises(errors.Denied):
            await stub.PromoteArm(scoring_pb2.PromoteArmRequest(context=nobody, arm="canary"))
        with pytest.raises(errors.Denied):
            await stub.RollBack(scoring_pb2.RollBackRequest(context=nobody))
        assert (await _arms(stub))["stable"].model.revision == STABLE


def _tampered(folder: Path) -> None:
    (folder / "line.onnx").write_bytes(b"\0" + (folder / "line.onnx").read_bytes()[1:])


def _missing(folder: Path) -> None:
    (folder / "trees.npz").unlink()


def _other_schema(folder: Path) -> None:
    support.reseal(folder, row_schema_hash="0" * 64)


def _other_features(folder: Path) -> None:
    support.reseal(folder, features_hash="0" * 64)


def _no_model(folder: Path) -> None:
    (folder / "trees.npz").write_bytes(b"nothing")
    support.reseal(folder)


@pytest.mark.parametrize(
    ("arm", "spoil", "reason"),
    [
        ("canary", _tampered, "bundle.tampered"),
        ("canary", _missing, "bundle.file_missing"),
        ("canary", _other_schema, "arms.schema"),
        ("canary", _other_features, "bundle.features_mismatch"),
        ("canary", _no_model, "bundle.unreadable"),
        ("shadow", _tampered, "bundle.tampered"),
    ],
)
async def test_a_bad_bundle_on_trial_is_reported_and_the_stable_arm_serves(
    tmp_path: Path, arm: str, spoil: Any, reason: str
):
    """Tampered, incomplete, of other rows or features, unreadable: named by GetModel; claims are scored."""
    folder = support.other_bundle(tmp_path / "bad")
    spoil(folder)
    async with _door(**{f"{arm}_bundle_dir": folder, "canary_percent": 100}) as stub:
        found = await _arms(stub)
        assert (found[arm].state, found[arm].reason) == (scoring_pb2.ARM_STATE_BROKEN, reason)
        answer = await stub.Score(support.request(support.claim(), support.costly()))
        assert [claim.arm for claim in answer.claims] == ["stable", "stable"]
        with pytest.raises(errors.Conflict):
            await stub.PromoteArm(scoring_pb2.PromoteArmRequest(context=OPERATOR, arm=arm))


async def test_a_broken_state_file_keeps_the_process_from_guessing(tmp_path: Path):
    """Which model answers is not guessed: the start is refused, with file and setting named."""
    (tmp_path / arm_files.NAME).write_text("{")
    with pytest.raises(errors.Invalid) as refused:
        async with _door(arms_state_dir=tmp_path):
            pass
    assert refused.value.reason == "arms.state"


def _hundred_thousand(request: scoring_pb2.ScoreRequest) -> None:
    request.rows.line_offsets[1] = 100_000


def _whole_hundred_thousand(request: scoring_pb2.ScoreRequest) -> None:
    _hundred_thousand(request)
    for column in request.rows.line_columns:
        kind = column.WhichOneof("values")
        assert kind is not None
        setattr(column, kind, getattr(column, kind) * 100_000)


def _no_column(request: scoring_pb2.ScoreRequest) -> None:
    del request.rows.line_columns[:]


def _empty(request: scoring_pb2.ScoreRequest) -> None:
    request.ClearField("contexts")
    request.rows.CopyFrom(support.wire([]))


def _old_schema(request: scoring_pb2.ScoreRequest) -> None:
    request.rows.schema_hash = "old"


def _unknown_task(request: scoring_pb2.ScoreRequest) -> None:
    request.task = "weather"


BAD = (
    (_hundred_thousand, "rows.too_many"),
    (_no_column, "rows.missing_column"),
    (_empty, "rows.empty"),
    (_old_schema, "rows.schema_mismatch"),
    (_unknown_task, "task.unknown"),
)


async def test_bad_input_is_named_over_a_socket_and_the_arms_go_on(other: Path):
    """Whatever is wrong with a batch, its sender hears what, and the same arms score the next batch."""
    chosen = settings.ScoringSettings(
        bundle_dir=support.BUNDLE, canary_bundle_dir=other, canary_percent=100, shadow_bundle_dir=other
    )
    async with compose.compose(chosen) as app, chassis_testing.serve(app, caller="claims") as channel:
        stub = scoring_pb2_grpc.ScorerStub(channel)
        for spoil, reason in BAD:
            bad = support.request(support.claim())
            spoil(bad)
            with pytest.raises(errors.Fault) as refused:
                await stub.Score(bad)
            assert refused.value.reason == reason
            answer = await stub.Score(support.request(support.claim()))
            assert [claim.arm for claim in answer.claims] == ["canary"]
        assert {arm.state for arm in (await _arms(stub)).values()} == {scoring_pb2.ARM_STATE_SERVING}
        bad = support.request(support.claim())
        _whole_hundred_thousand(bad)
        with pytest.raises(errors.Fault) as refused:
            await stub.Score(bad)  # too large for the door itself, so that it is refused before it is read
        assert refused.value.kind == "exhausted"
        answer = await stub.Score(support.request(support.claim()))
        assert answer.claims[0].state == scoring_pb2.SCORE_STATE_SCORED


async def test_claims_may_score_but_not_decide(other: Path):
    """The service that scores claims has no say about arms."""
    chosen = settings.ScoringSettings(bundle_dir=support.BUNDLE, canary_bundle_dir=other)
    app: apps.App
    async with compose.compose(chosen) as app, local.LocalChannel(app, caller="claims") as channel:
        stub = scoring_pb2_grpc.ScorerStub(channel)
        with pytest.raises(errors.Denied):
            await stub.RollBack(scoring_pb2.RollBackRequest(context=OPERATOR))
