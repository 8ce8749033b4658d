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

# Refusals of the gateway itself: its caller can do nothing about them and must not be told to log in again.
OURS = ("token.", "caller.not_allowed", "caller.not_trusted", "stream.refused")


def context(told: contexts.CallContext, clock: clocks.Clock) -> common_pb2.Context:
    """Return the context for the next hop, shorter by the hop's margin."""
    return contexts.to_wire(told, clock, margin_ms=deadlines.HOP_MARGIN_MS)


def item(
    submission: exchanges.Submission, told: contexts.CallContext, clock: clocks.Clock
) -> claims_pb2.SubmitItem:
    """Return one claim as an item of a batch."""
    return claims_pb2.SubmitItem(
        context=context(told, clock),
        raw=claims_pb2.RawClaim(body=submission.body, media_type=submission.media_type),
        accept=submission.accept,
    )


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
        return errors.Internal("claims.refused_gateway", "A service behind does not accept this one.")
    return fault
