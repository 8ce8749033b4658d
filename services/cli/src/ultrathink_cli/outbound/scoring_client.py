"""The scoring room as an operator's commands use it."""

import grpc

from ultrathink.common.v1 import common_pb2
from ultrathink.scoring.v1 import scoring_pb2, scoring_pb2_grpc

type Arm = scoring_pb2.Arm
type Comparison = scoring_pb2.CompareArmsResponse
type Figures = scoring_pb2.ArmComparison

STATES = {
    scoring_pb2.ARM_STATE_SERVING: "serving",
    scoring_pb2.ARM_STATE_OFF: "off",
    scoring_pb2.ARM_STATE_ISOLATED: "isolated",
    scoring_pb2.ARM_STATE_BROKEN: "broken",
}
OPERATOR = common_pb2.Context(item_id="arms", subject="cli", roles=["operator"])
SECONDS = 10.0  # for one answer: a decision is one small file


async def arms(channel: grpc.aio.Channel) -> list[Arm]:
    """Return every arm, the stable one first."""
    told = await scoring_pb2_grpc.ScorerStub(channel).GetModel(scoring_pb2.GetModelRequest(), timeout=SECONDS)
    return list(told.arms)


async def compare(channel: grpc.aio.Channel) -> Comparison:
    """Return how the shadow differs from the stable arm."""
    request = scoring_pb2.CompareArmsRequest(context=OPERATOR)
    return await scoring_pb2_grpc.ScorerStub(channel).CompareArms(request, timeout=SECONDS)


async def promote(channel: grpc.aio.Channel, arm: str, revision: str) -> tuple[list[Arm], bool]:
    """Make an arm's model stable; return the arms and whether a restart keeps it."""
    request = scoring_pb2.PromoteArmRequest(context=OPERATOR, arm=arm, revision=revision)
    told = await scoring_pb2_grpc.ScorerStub(channel).PromoteArm(request, timeout=SECONDS)
    return list(told.arms), told.durable


async def roll_back(channel: grpc.aio.Channel) -> tuple[list[Arm], bool]:
    """Take candidates out of the answers; return the arms and whether a restart keeps it."""
    request = scoring_pb2.RollBackRequest(context=OPERATOR)
    told = await scoring_pb2_grpc.ScorerStub(channel).RollBack(request, timeout=SECONDS)
    return list(told.arms), told.durable
