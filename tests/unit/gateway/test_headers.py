"""Headers a caller may choose: what is taken, what is refused, and that nothing odd gets through."""

import contextlib

import hypothesis
import pytest
from hypothesis import strategies

from chassis import errors
from gateway.domain import headers

OFFERS = ("application/json", "application/fhir+json")


@hypothesis.given(strategies.text())
def test_a_request_id_is_always_safe(offered: str) -> None:
    """Whatever is offered, the id fits a header, a log line and a URL."""
    assert headers.REQUEST_ID.fullmatch(headers.request_id(offered))


@hypothesis.given(strategies.text())
def test_a_key_is_taken_whole_or_refused(offered: str) -> None:
    """A key is never changed on its way."""
    with contextlib.suppress(errors.Invalid):
        assert headers.idempotency_key(offered) == offered


@pytest.mark.parametrize("key", ["a", "!" * 200, "~-~"])
def test_visible_ascii_makes_a_key(key: str) -> None:
    """One to two hundred visible characters are a key."""
    assert headers.idempotency_key(key) == key


def test_no_key_is_no_key() -> None:
    """Without the header the claim's own identity decides."""
    assert headers.idempotency_key(None) == ""


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/html", "application/json"),
        ("application/fhir+json", "application/fhir+json"),
        ("Application/FHIR+JSON; q=0.9", "application/fhir+json"),
        ("application/json;q=0.2, application/fhir+json;q=0.8", "application/fhir+json"),
        ("application/fhir+json;q=0", "application/json"),
        ("application/json, application/fhir+json", "application/json"),
        ("application/fhir+json;q=banana", "application/fhir+json"),
    ],
)
def test_accept_is_weighed(accept: str, chosen: str) -> None:
    """The highest quality wins, then the caller's order; what we do not have leaves the choice to us."""
    assert headers.preferred(accept, OFFERS) == chosen


@hypothesis.given(strategies.text())
def test_any_accept_header_leads_to_an_offer(accept: str) -> None:
    """No header makes us answer in a form we do not have."""
    assert headers.preferred(accept, OFFERS) in OFFERS


@hypothesis.given(strategies.text())
def test_any_content_type_is_allowed_or_refused(content_type: str) -> None:
    """A content type is one of the allowed or a refusal, never something else."""
    allowed = frozenset(OFFERS)
    with contextlib.suppress(errors.Invalid):
        assert headers.media_type(content_type, allowed) in allowed


@pytest.mark.parametrize(
    ("offered", "kept"),
    [
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", True),
        ("00-00000000000000000000000000000000-b7ad6b7169203331-01", False),
        ("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", False),
        ("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", False),
        ("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", False),
        ("nonsense", False),
    ],
)
def test_a_trace_context_is_taken_only_when_well_formed(offered: str, *, kept: bool) -> None:
    """The W3C form, all zeroes excluded."""
    assert headers.traceparent(offered) == (offered if kept else "")
