"""One table from faults to statuses and issue types: complete, exact, and silent about causes."""

import json

import hypothesis
import msgspec
import pytest
from fhir.resources.R4B import operationoutcome
from hypothesis import strategies

import gateway_support as support
from chassis import errors
from gateway.inbound import outcomes, problems

# https://hl7.org/fhir/R4/valueset-issue-type.html, without those for other resources
ISSUE_TYPES = {
    "invalid", "structure", "required", "value", "invariant", "security", "login", "unknown", "expired",
    "forbidden", "suppressed", "processing", "not-supported", "duplicate", "multiple-matches", "not-found",
    "deleted", "too-long", "code-invalid", "extension", "too-costly", "business-rule", "conflict",
    "transient", "lock-error", "no-store", "exception", "timeout", "incomplete", "throttled",
    "informational",
}  # fmt: skip
KINDS = strategies.sampled_from(sorted(errors.KINDS.values(), key=lambda kind: kind.kind))
REASONS = strategies.from_regex(r"[a-z]{1,12}\.[a-z_]{1,20}", fullmatch=True)
TEXT = strategies.text(max_size=60)


def test_every_kind_has_a_status_a_title_and_an_issue_type() -> None:
    """No kind of fault can leave without its word in HTTP and in FHIR."""
    assert (
        set(problems.STATUS_BY_KIND)
        == set(problems.TITLES)
        == set(outcomes.ISSUE_BY_KIND)
        == set(errors.KINDS)
    )


def test_every_issue_type_is_one_of_fhir() -> None:
    """The tables use the required value set and nothing else."""
    used = {
        *outcomes.ISSUE_BY_KIND.values(),
        *outcomes.ISSUE_BY_REASON.values(),
        *outcomes.ISSUE_BY_WORD.values(),
    }
    assert used <= ISSUE_TYPES


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (errors.Denied("token.expired", "Old."), 401),
        (errors.Denied("role.missing", "No."), 403),
        (errors.Denied("caller.not_trusted", "No."), 403),
        (errors.Invalid("token.looks_like_one", "Only a denial is about the caller."), 422),
        (errors.Unavailable("deadline.exceeded", "Late."), 504),
        (errors.Unavailable("oidc.unreachable", "Away."), 503),
        (errors.Invalid("json.encoding", "Not UTF-8."), 400),
        (errors.Invalid("claim.too_large", "Too large."), 413),
    ],
)
def test_statuses_that_are_told_apart(fault: errors.Fault, status: int) -> None:
    """Who you are, what you may, what arrived, what it says, and how long it took are different statuses."""
    assert problems.status(fault) == status


@hypothesis.given(KINDS, REASONS, TEXT, strategies.lists(strategies.tuples(TEXT, REASONS, TEXT), max_size=3))
def test_any_fault_is_a_whole_problem(
    kind: type[errors.Fault], reason: str, message: str, found: list[tuple[str, str, str]]
) -> None:
    """Whatever is raised becomes a document of the documented shape, with nothing lost."""
    fault = kind(reason, message, violations=tuple(errors.Violation(*one) for one in found))
    told = msgspec.json.decode(
        problems.body(fault, instance="/api/v1/claims", request_id="request-1"), type=support.Problem
    )
    assert (told.type, told.detail, told.status) == (f"/problems/{reason}", message, problems.status(fault))
    assert [(item.path, item.code, item.message) for item in told.errors] == found
    assert 400 <= told.status < 600


@hypothesis.given(
    KINDS, REASONS, strategies.from_regex(r"[A-Za-z .]{1,40}", fullmatch=True).filter(str.strip)
)
def test_any_fault_is_a_whole_outcome(kind: type[errors.Fault], reason: str, message: str) -> None:
    """Whatever is raised becomes a valid OperationOutcome that carries the reason."""
    told = json.loads(outcomes.body(kind(reason, message)))
    assert told["issue"][0]["code"] in ISSUE_TYPES
    assert told["issue"][0]["details"]["coding"][0]["code"] == reason
    operationoutcome.OperationOutcome.model_validate(told)


@hypothesis.given(strategies.integers(0, 10_000_000))
def test_retry_after_is_never_too_early(milliseconds: int) -> None:
    """Whole seconds, rounded up, at least one."""
    fault = errors.Exhausted("queue.full", "Full.", retry_after_ms=milliseconds)
    seconds = int(problems.headers(fault)["retry-after"])
    assert seconds >= 1
    assert seconds * 1000 >= milliseconds
    assert (seconds - 1) * 1000 < max(milliseconds, 1)


@pytest.mark.parametrize(
    ("reason", "challenge"),
    [
        ("token.missing", 'Bearer realm="ultrathink"'),
        ("token.expired", 'Bearer realm="ultrathink", error="invalid_token"'),
    ],
)
def test_a_stranger_is_told_how_to_authenticate(reason: str, challenge: str) -> None:
    """RFC 6750: no error code when nothing was sent, invalid_token when what was sent does not hold."""
    assert problems.headers(errors.Denied(reason, "No."))["www-authenticate"] == challenge


@pytest.mark.parametrize(
    "reason", ["body.too_large", "body.too_slow", "headers.too_large", "upload.too_large"]
)
def test_a_body_that_is_not_read_ends_the_connection(reason: str) -> None:
    """What was not read would be taken for the next request."""
    assert problems.headers(errors.Invalid(reason, "No."))["connection"] == "close"


def test_the_position_is_told_only_where_there_is_one() -> None:
    """A problem in a file says which claim; another does not have the member at all."""
    fault = errors.Invalid("claim.unreadable", "Cannot be read.")
    assert b'"position":7' in problems.body(fault, instance="", request_id="r", position=7)
    assert b"position" not in problems.body(fault, instance="", request_id="r")
