"""How a call ended, through trailers and back: our faults whole, and what foreign peers and proxies say."""

import base64
import urllib.parse

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis import errors, faults
from chassis.http2 import status

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
VIOLATIONS = st.lists(st.builds(errors.Violation, path=TEXTS, code=TEXTS, message=TEXTS), max_size=3)


def whole(fault: errors.Fault | None) -> tuple[object, ...]:
    """Return everything that a fault says."""
    assert fault is not None
    return type(fault), fault.reason, fault.message, fault.violations, fault.retry_after_ms


def message(text: str) -> str:
    """Return what grpc-message says of a fault with this text."""
    return dict(status.trailers(errors.Invalid("some.reason", text)))["grpc-message"]


@given(st.sampled_from(sorted(errors.KINDS)), TEXTS, TEXTS, VIOLATIONS, st.integers(0, 2**32 - 1))
def test_a_fault_arrives_whole(
    kind: str, reason: str, text: str, violations: list[errors.Violation], retry: int
) -> None:
    """Every kind, in any language, with its violations and the time to come back."""
    sent = errors.KINDS[kind](reason, text, violations=tuple(violations), retry_after_ms=retry)
    assert whole(status.outcome(dict(status.trailers(sent)))) == whole(sent)


def test_a_call_that_went_well_has_no_fault() -> None:
    """Zero, and nothing else."""
    assert status.trailers(None) == [("grpc-status", "0")]
    assert status.outcome(dict(status.trailers(None))) is None


@given(TEXTS)
def test_the_text_is_written_as_grpc_writes_it(text: str) -> None:
    """Printable ASCII alone, everything else and the percent sign as percent and two digits."""
    written = message(text)
    assert all(0x20 <= ord(char) < 0x7F for char in written)
    assert urllib.parse.unquote(written) == text


def test_a_text_in_arabic_and_one_with_line_ends_fit_a_header() -> None:
    """A header holds no line ends and no letters beyond ASCII."""
    assert message("رفض") == "%D8%B1%D9%81%D8%B6"
    assert message("100 %\r\nX: 1") == "100 %25%0D%0AX: 1"


@given(st.sampled_from(sorted(errors.KINDS)), TEXTS)
def test_details_are_read_with_and_without_padding(kind: str, text: str) -> None:
    """None is asked for by the mapping of gRPC, which takes either."""
    sent = errors.KINDS[kind]("some.reason", text)
    told = dict(status.trailers(sent))
    bare = told[faults.DETAILS_KEY]
    assert not bare.endswith("=")
    padded = told | {faults.DETAILS_KEY: bare + "=" * (-len(bare) % 4)}
    assert whole(status.outcome(padded)) == whole(status.outcome(told)) == whole(sent)


@pytest.mark.parametrize(
    "details",
    ["a", "*", "ä", "\u0661", "AAAA=", "not base64", base64.b64encode(b"not protobuf").decode(), ""],
)
def test_details_that_cannot_be_read_leave_the_code(details: str) -> None:
    """The fault is then the code's."""
    fault = status.outcome({"grpc-status": "5", faults.DETAILS_KEY: details})
    assert whole(fault)[:2] == (errors.NotFound, "call.not_found")


@given(st.dictionaries(st.sampled_from(["grpc-status", faults.DETAILS_KEY, ":status"]), st.text(max_size=20)))
def test_no_trailers_are_beyond_reading(found: dict[str, str]) -> None:
    """Whatever a peer writes there, the call ended well or with a fault."""
    fault = status.outcome(found)
    assert fault is None if found.get("grpc-status") == "0" else isinstance(fault, errors.Fault)


@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK])
def test_a_foreign_status_is_the_fault_of_its_code(code: grpc.StatusCode) -> None:
    """As for a call on gRPC's own channel."""
    fault = status.outcome({"grpc-status": str(code.value[0]), "grpc-message": "text of a foreigner"})
    assert whole(fault) == whole(faults.from_status(code))


@pytest.mark.parametrize("told", ["17", "-1", "00", "", "zero", "\u0665"])
def test_an_unknown_status_is_unknown(told: str) -> None:
    """Never taken for success."""
    assert whole(status.outcome({"grpc-status": told}))[:2] == (errors.Internal, "call.unknown")


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ("503", errors.Unavailable),
        ("502", errors.Unavailable),
        ("504", errors.Unavailable),
        ("429", errors.Unavailable),
        ("401", errors.Denied),
        ("403", errors.Denied),
        ("404", errors.Internal),
        ("400", errors.Internal),
        ("200", errors.Internal),
        ("", errors.Internal),
    ],
)
def test_an_answer_without_a_status_counts_by_its_http_status(told: str, kind: type[errors.Fault]) -> None:
    """A proxy in between speaks HTTP: what it cannot reach now may be reached later."""
    assert type(status.outcome({":status": told})) is kind


def test_a_status_counts_before_that_of_http() -> None:
    """Answers of gRPC say 200 and mean their own."""
    assert status.outcome({":status": "503", "grpc-status": "0"}) is None


def test_a_call_past_its_deadline_says_so_as_grpc_does() -> None:
    """Without a detail of ours, as gRPC's own servers end such calls."""
    fault = status.outcome(dict(status.LATE))
    assert whole(fault)[:2] == (errors.Unavailable, faults.DEADLINE_EXCEEDED)
