"""Between what goes through the gateway and claims' messages; bodies pass as they are."""

from chassis import clock as clocks
from chassis import contexts, deadlines, errors, faults
from gateway.domain import exchanges
from ultrathink.claims.v1 import claims_pb2
from ultrathink.common.v1 import common_pb2

VERDICTS = {
    claims_pb2.VERDICT_ACCEPT: "accept",
    claims_pb2.VERDICT_REVIEW: "review",
    claims_pb2.VERDICT_REJECT: "reject",
}
WIRE_VERDICTS: dict[str, claims_pb2.Verdict.ValueType] = {name: value for value, name in VERDICTS.items()}

# What gRPC says of a connection that ended in the midst of a call; a room's own faults have their reasons.
BROKEN = frozenset({"call.internal", "call.unknown"})
# Refusals of the gateway itself, by a key or a clock that is wrong: its caller can only try again later and
# must not be told to log in.
OURS = ("token.", "caller.not_allowed", "caller.not_trusted", "stream.refused")


def context(told: contexts.CallContext, clock: clocks.Clock) -> common_pb2.Context:
    """Return the context for the next hop, shorter by the hop's margin."""
    return contexts.to_wire(told, clock, margin_ms=deadlines.HOP_MARGIN_MS)


def write(
    submission: exchanges.Submission,
    told: contexts.CallContext,
    clock: clocks.Clock,
    item: claims_pb2.SubmitItem,
) -> None:
    """Write one claim into an empty item of a batch, which costs less than half of making a new one."""
    contexts.to_wire(told, clock, margin_ms=deadlines.HOP_MARGIN_MS, into=item.context)
    item.raw.body, item.raw.media_type = submission.body, submission.media_type
    item.accept = submission.accept


def outcome(result: claims_pb2.SubmitResult) -> exchanges.Answer | errors.Fault:
    """Return what became of one claim; an empty outcome is a defect of the room behind."""
    which = result.WhichOneof("outcome")
    if which == "rendered":
        rendered = result.rendered
        return exchanges.Answer(
            rendered.body,
            rendered.media_type,
            result.replayed,
            result.claim_id,
            VERDICTS.get(result.verdict, ""),
        )
    if which == "error":
        return faults.from_wire(result.error)
    return errors.Internal("claims.no_outcome", "The answer of a service behind cannot be read.")


def file_answer(result: claims_pb2.SubmitResult) -> exchanges.FileAnswer:
    """Return what became of one claim of a file."""
    return exchanges.FileAnswer(result.position, outcome(result))


def of_call(fault: errors.Fault) -> errors.Fault:
    """Return the Fault of a whole call as its caller may hear it."""
    if isinstance(fault, errors.Denied) and fault.reason.startswith(OURS):
        return errors.Unavailable("claims.refused_gateway", "A service behind does not accept this one.")
    if fault.reason in BROKEN:
        return errors.Unavailable(
            "claims.broken_off", "A service behind broke off; sending it again is safe."
        )
    return fault
