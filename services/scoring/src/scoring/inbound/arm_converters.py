"""Arms and their comparison to messages of scoring.proto. Decides nothing."""

from collections.abc import Iterable

from scoring.domain import pairs
from scoring.inbound import converters
from scoring.usecases import crew
from ultrathink.scoring.v1 import scoring_pb2

STATES = {
    "serving": scoring_pb2.ARM_STATE_SERVING,
    "off": scoring_pb2.ARM_STATE_OFF,
    "isolated": scoring_pb2.ARM_STATE_ISOLATED,
    "broken": scoring_pb2.ARM_STATE_BROKEN,
}


def to_arms(standings: Iterable[crew.Standing]) -> list[scoring_pb2.Arm]:
    """Return one message per arm."""
    return [_arm(standing) for standing in standings]


def to_comparison(lineup: crew.Lineup, report: pairs.Report) -> scoring_pb2.CompareArmsResponse:
    """Return the report on the shadow that sits in the line-up."""
    shadow = lineup.shadow
    return scoring_pb2.CompareArmsResponse(
        stable=converters.to_info(lineup.stable.candidate.model),
        shadow=converters.to_info(shadow.candidate.model, shadow.arm) if shadow else None,
        seen=report.seen,
        all=_compared(report.all),
        payers=[_compared(one) for one in report.payers],
        types=[_compared(one) for one in report.types],
    )


def _arm(standing: crew.Standing) -> scoring_pb2.Arm:
    seat = standing.seat
    counted = seat.candidate if seat else None
    return scoring_pb2.Arm(
        arm=standing.arm,
        state=STATES[standing.state],
        model=converters.to_info(counted.model, standing.arm) if counted else None,
        reason=standing.reason,
        share_percent=standing.percent,
        scored=counted.scored if counted else 0,
        failed=counted.failed if counted else 0,
        dropped=counted.dropped if counted else 0,
    )


def _compared(found: pairs.Comparison) -> scoring_pb2.ArmComparison:
    return scoring_pb2.ArmComparison(**found._asdict())
