"""Faults keep their meaning across gRPC, per item and per call, and stay within what metadata carries."""

import grpc
import pytest
from google.protobuf import any_pb2
from google.rpc import status_pb2  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from chassis import errors, faults
from ultrathink.common.v1 import common_pb2

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
VIOLATION = st.builds(errors.Violation, path=TEXT, code=TEXT, message=TEXT)


def built(
    kind: type[errors.Fault], reason: str, message: str, found: list[errors.Violation], retry: int
) -> errors.Fault:
    """Return a fault of these parts."""
    return kind(reason, message, violations=tuple(found), retry_after_ms=retry)


FAULT = st.builds(
    built,
    st.sampled_from(list(errors.KINDS.values())),
    TEXT,
    TEXT,
    st.lists(VIOLATION, max_size=5),
    st.integers(0, faults.MAX_RETRY_AFTER_MS),
)


def parts(fault: errors.Fault) -> tuple[object, ...]:
    """Return everything a fault says."""
    return type(fault), fault.reason, fault.message, fault.violations, fault.retry_after_ms


@given(FAULT)
def test_an_items_fault_round_trips(fault: errors.Fault) -> None:
    """What is sent per item is what is received."""
    wire = common_pb2.Error.FromString(faults.to_wire(fault).SerializeToString())
    assert parts(faults.from_wire(wire)) == parts(fault)


@given(FAULT)
def test_a_calls_fault_round_trips(fault: errors.Fault) -> None:
    """What ends a call is what its caller reads out of the status."""
    code, details, trailing = faults.to_status(fault)
    assert details == fault.message
    assert parts(faults.from_status(code, grpc.aio.Metadata(*trailing))) == parts(fault)


@given(st.lists(VIOLATION, min_size=200, max_size=300), st.text("m", max_size=5_000))
def test_a_status_stays_within_metadata(found: list[errors.Violation], message: str) -> None:
    """However many violations: the trailing metadata is bounded, and says how many were left out."""
    fault = errors.Invalid("many", message, violations=tuple(found))
    code, _, trailing = faults.to_status(fault)
    assert sum(len(value) for _, value in trailing) < 8_192
    received = faults.from_status(code, grpc.aio.Metadata(*trailing)).violations
    if len(received) < len(found) or received != fault.violations:
        left_out = len(found) - (len(received) - 1)
        assert received[-1].code == "violations.left_out"
        assert received[-1].message == f"{left_out} more were found."
        assert received[:-1] == fault.violations[: len(received) - 1]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (errors.Invalid("a", ""), grpc.StatusCode.INVALID_ARGUMENT),
        (errors.NotFound("a", ""), grpc.StatusCode.NOT_FOUND),
        (errors.Conflict("a", ""), grpc.StatusCode.ABORTED),
        (errors.Denied("caller.not_allowed", ""), grpc.StatusCode.PERMISSION_DENIED),
        (errors.Denied("token.expired", ""), grpc.StatusCode.UNAUTHENTICATED),
        (errors.Exhausted("a", ""), grpc.StatusCode.RESOURCE_EXHAUSTED),
        (errors.Unavailable("a", ""), grpc.StatusCode.UNAVAILABLE),
        (errors.Internal("a", ""), grpc.StatusCode.INTERNAL),
    ],
)
def test_each_kind_has_its_status(fault: errors.Fault, code: grpc.StatusCode) -> None:
    """Foreign clients, who read codes alone, see the usual one."""
    assert faults.code_of(fault) is code


@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK])
def test_every_foreign_status_is_known(code: grpc.StatusCode) -> None:
    """Each status without our detail becomes a fault with a reason and a sentence of ours."""
    fault = faults.from_status(code)
    assert fault.reason
    assert fault.message
    assert (fault.reason == "call.unknown") is (code is grpc.StatusCode.UNKNOWN)


@pytest.mark.parametrize(
    ("code", "kind", "reason"),
    [
        (grpc.StatusCode.ALREADY_EXISTS, errors.Conflict, "call.already_exists"),
        (grpc.StatusCode.DEADLINE_EXCEEDED, errors.Unavailable, "deadline.exceeded"),
        (grpc.StatusCode.UNAUTHENTICATED, errors.Denied, "token.refused"),
        (grpc.StatusCode.CANCELLED, errors.Unavailable, "call.cancelled"),
    ],
)
def test_a_foreign_status_has_a_kind(code: grpc.StatusCode, kind: type[errors.Fault], reason: str) -> None:
    """Codes that several servers use differently are understood in one way."""
    fault = faults.from_status(code)
    assert type(fault) is kind
    assert fault.reason == reason


def unrelated() -> bytes:
    """Return a rich status that carries somebody else's detail."""
    detail = any_pb2.Any()
    detail.Pack(common_pb2.Context(item_id="x"))
    status: bytes = status_pb2.Status(code=5, details=[detail]).SerializeToString()
    return status


@pytest.mark.parametrize("raw", [b"\xff\xff", b"", unrelated()])
def test_an_unreadable_detail_falls_back_to_the_code(raw: bytes) -> None:
    """A detail that is broken or somebody else's is ignored; the code still tells the kind."""
    fault = faults.from_status(grpc.StatusCode.NOT_FOUND, grpc.aio.Metadata((faults.DETAILS_KEY, raw)))
    assert (type(fault), fault.reason) == (errors.NotFound, "call.not_found")


def test_an_unknown_kind_is_internal() -> None:
    """A newer peer's kind is not guessed at."""
    assert type(faults.from_wire(common_pb2.Error(reason="x"))) is errors.Internal
    newer = common_pb2.Error.FromString(b"\x08\x63")
    assert type(faults.from_wire(newer)) is errors.Internal


@pytest.mark.parametrize(("given_ms", "sent_ms"), [(-5, 0), (2**40, faults.MAX_RETRY_AFTER_MS)])
def test_a_retry_outside_the_wire_is_clamped(given_ms: int, sent_ms: int) -> None:
    """A retry hint that the wire cannot say does not break the refusal."""
    assert faults.to_wire(errors.Exhausted("a", "", retry_after_ms=given_ms)).retry_after_ms == sent_ms


def test_a_fault_answers_for_itself_and_the_rest_is_unexpected() -> None:
    """A door answers with the fault raised, and with Internal for anything else."""
    fault = errors.NotFound("a", "b")
    assert faults.of_exception(fault, "/s/m") is fault
    other = faults.of_exception(KeyError("secret"), "/s/m")
    assert (type(other), other.reason) == (errors.Internal, "internal.unexpected")
    assert "secret" not in other.message


def test_our_own_defects_are_told_in_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    """Internal faults and unexpected exceptions reach the log by type and place; refusals do not."""
    faults.of_exception(errors.NotFound("a", "b"), "/s/m")
    assert capsys.readouterr().err == ""
    own = errors.Internal("index.broken", "Our defect.")
    assert faults.of_exception(own, "/s/m") is own
    faults.of_exception(KeyError("secret"), "/s/m")
    first, second = capsys.readouterr().err.splitlines()
    assert "index.broken" in first
    assert "builtins.KeyError" in second
    assert "secret" not in second
