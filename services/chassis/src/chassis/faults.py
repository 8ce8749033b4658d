"""One table between faults and gRPC: per item as `common.v1.Error`, per call as a status that carries one.

Nothing here knows a method or a service. A foreign status without our detail becomes a fault by its code;
its text stays in the chained cause, where only the log may look.
"""

import grpc
from google.protobuf import any_pb2, message
from google.rpc import status_pb2  # type: ignore[import-untyped]

from chassis import errors, logs
from ultrathink.common.v1 import common_pb2

DETAILS_KEY = "grpc-status-details-bin"
"""Trailing metadata in which gRPC carries a rich status (google.rpc.Status)."""

MAX_DETAIL_BYTES = 4_096
"""Receivers bound trailing metadata at 8 KiB by default; half of it leaves room for the rest."""

MAX_RETRY_AFTER_MS = 2**32 - 1
"""What the wire's uint32 can say."""

UNEXPECTED = "internal.unexpected"
DEADLINE_EXCEEDED = "deadline.exceeded"
CREDENTIAL_REASONS = "token."
"""Refusals of a credential itself: the caller is not known (UNAUTHENTICATED), rather than not allowed."""

_TO_CODE: dict[type[errors.Fault], grpc.StatusCode] = {
    errors.Invalid: grpc.StatusCode.INVALID_ARGUMENT,
    errors.NotFound: grpc.StatusCode.NOT_FOUND,
    errors.Conflict: grpc.StatusCode.ABORTED,
    errors.Denied: grpc.StatusCode.PERMISSION_DENIED,
    errors.Exhausted: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.Unavailable: grpc.StatusCode.UNAVAILABLE,
    errors.Internal: grpc.StatusCode.INTERNAL,
}

# For peers that send no detail of ours: gRPC's own runtime, proxies, foreign servers.
_FROM_CODE: dict[grpc.StatusCode, tuple[type[errors.Fault], str, str]] = {
    grpc.StatusCode.INVALID_ARGUMENT: (errors.Invalid, "call.invalid", "The call was refused as invalid."),
    grpc.StatusCode.OUT_OF_RANGE: (errors.Invalid, "call.out_of_range", "The call left a permitted range."),
    grpc.StatusCode.NOT_FOUND: (errors.NotFound, "call.not_found", "What was named does not exist."),
    grpc.StatusCode.ALREADY_EXISTS: (errors.Conflict, "call.already_exists", "It exists already."),
    grpc.StatusCode.ABORTED: (errors.Conflict, "call.aborted", "It contradicts what is already there."),
    grpc.StatusCode.FAILED_PRECONDITION: (errors.Conflict, "call.precondition", "Its state forbids it."),
    grpc.StatusCode.UNAUTHENTICATED: (errors.Denied, "token.refused", "The credential was refused."),
    grpc.StatusCode.PERMISSION_DENIED: (errors.Denied, "caller.not_allowed", "The caller may not do this."),
    grpc.StatusCode.RESOURCE_EXHAUSTED: (errors.Exhausted, "call.exhausted", "Too much at once."),
    grpc.StatusCode.UNAVAILABLE: (errors.Unavailable, "call.unavailable", "A room this needs is silent."),
    grpc.StatusCode.CANCELLED: (errors.Unavailable, "call.cancelled", "The other side cancelled the call."),
    grpc.StatusCode.DEADLINE_EXCEEDED: (
        errors.Unavailable,
        DEADLINE_EXCEEDED,
        "It was not done within the time allowed.",
    ),
    grpc.StatusCode.UNIMPLEMENTED: (errors.Internal, "call.unimplemented", "The method is not served there."),
    grpc.StatusCode.INTERNAL: (errors.Internal, "call.internal", "The called room failed."),
    grpc.StatusCode.UNKNOWN: (errors.Internal, "call.unknown", "The called room failed without saying why."),
    grpc.StatusCode.DATA_LOSS: (errors.Internal, "call.data_loss", "The called room lost data."),
}


def to_wire(fault: errors.Fault) -> common_pb2.Error:
    """Return the fault as the message that travels per item or as a status detail."""
    return common_pb2.Error(
        kind=common_pb2.ErrorKind.Value(f"ERROR_KIND_{fault.kind.upper()}"),
        reason=fault.reason,
        message=fault.message,
        violations=[
            common_pb2.Violation(path=found.path, code=found.code, message=found.message)
            for found in fault.violations
        ],
        retry_after_ms=min(max(0, fault.retry_after_ms), MAX_RETRY_AFTER_MS),
    )


def from_wire(error: common_pb2.Error) -> errors.Fault:
    """Return the fault an error message tells of; a kind unknown here counts as Internal."""
    kind = _KINDS.get(error.kind, errors.Internal)
    return kind(
        error.reason,
        error.message,
        violations=tuple(
            errors.Violation(path=found.path, code=found.code, message=found.message)
            for found in error.violations
        ),
        retry_after_ms=error.retry_after_ms,
    )


_KINDS: dict[int, type[errors.Fault]] = {
    common_pb2.ErrorKind.Value(f"ERROR_KIND_{name.upper()}"): kind for name, kind in errors.KINDS.items()
}


def code_of(fault: errors.Fault) -> grpc.StatusCode:
    """Return the status code of a whole call refused with this fault."""
    if isinstance(fault, errors.Denied) and fault.reason.startswith(CREDENTIAL_REASONS):
        return grpc.StatusCode.UNAUTHENTICATED
    return next(code for kind, code in _TO_CODE.items() if isinstance(fault, kind))


def to_status(fault: errors.Fault) -> tuple[grpc.StatusCode, str, tuple[tuple[str, bytes], ...]]:
    """Return code, details and trailing metadata of a call refused with this fault.

    Violations that would not fit into trailing metadata are counted, not sent.
    """
    code = code_of(fault)
    error = _bounded(to_wire(fault))
    detail = any_pb2.Any()
    detail.Pack(error)
    status = status_pb2.Status(code=code.value[0], message=error.message, details=[detail])
    return code, error.message, ((DETAILS_KEY, status.SerializeToString()),)


def from_status(code: grpc.StatusCode, trailing: object = None) -> errors.Fault:
    """Return the fault of a refused call: ours when its trailing metadata carries one, else by its code."""
    carried = _carried(trailing)
    if carried is not None:
        return from_wire(carried)
    kind, reason, text = _FROM_CODE.get(code, (errors.Internal, "call.unknown", "The call failed."))
    return kind(reason, text)


def from_rpc(error: grpc.aio.AioRpcError) -> errors.Fault:
    """Return the fault behind gRPC's exception; raise it `from` that exception."""
    return from_status(error.code(), error.trailing_metadata())


def of_exception(error: Exception, method: str) -> errors.Fault:
    """Return the fault a door answers with: a fault as it is, anything else as Internal.

    Internal is our defect: it goes into the log with its causes, once, here.
    """
    if isinstance(error, errors.Fault) and not isinstance(error, errors.Internal):
        return error
    logs.get("chassis.rpc").error("call failed", method=method, exc_info=error)
    if isinstance(error, errors.Fault):
        return error
    return errors.Internal(UNEXPECTED, "The service failed; the log of this request knows why.")


def _bounded(error: common_pb2.Error) -> common_pb2.Error:
    """Return the error cut to what trailing metadata may carry, saying how many violations were left out."""
    bounded = common_pb2.Error()
    bounded.CopyFrom(error)
    del bounded.violations[:]
    bounded.reason = error.reason[: MAX_DETAIL_BYTES // 16]
    bounded.message = error.message[: MAX_DETAIL_BYTES // 16]
    spare = MAX_DETAIL_BYTES // 16  # for the sentence that counts what was left out, and for framing
    left = MAX_DETAIL_BYTES - bounded.ByteSize() - spare
    for kept, violation in enumerate(error.violations):
        left -= violation.ByteSize() + 4
        if left < 0:
            missing = len(error.violations) - kept
            bounded.violations.add(code="violations.left_out", message=f"{missing} more were found.")
            break
        bounded.violations.append(violation)
    return bounded


def _carried(trailing: object) -> common_pb2.Error | None:
    """Return our error out of trailing metadata, or None when it carries none that can be read."""
    if not isinstance(trailing, grpc.aio.Metadata):
        return None
    raw = trailing.get(DETAILS_KEY)
    if not isinstance(raw, bytes):
        return None
    error = common_pb2.Error()
    try:
        details = status_pb2.Status.FromString(raw).details
        return error if any(detail.Unpack(error) for detail in details) else None
    except message.DecodeError:
        return None
