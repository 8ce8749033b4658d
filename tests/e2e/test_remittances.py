"""What payers answered, over HTTP on a running platform: joined, told, idempotent, and bad input refused."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

import e2e_support as support
import platform_support

pytestmark = [pytest.mark.xdist_group("platform-doors"), pytest.mark.timeout(240)]

URL = "/api/v1/remittances"
LINES = {"content-type": support.NDJSON}


@pytest.fixture(scope="module")
def biller(platform_doors: platform_support.Platform) -> Iterator[httpx2.Client]:
    """A biller's client."""
    with support.client(platform_doors) as made:
        yield made


def answer(claim: dict[str, Any], outcome: str = "rejected", **changes: Any) -> dict[str, Any]:
    """Return the payer's answer to a claim, alike for all of its lines."""
    said = "denied" if outcome == "rejected" else outcome
    lines = [{"sequence": one["sequence"], "outcome": said, "carc": "50"} for one in claim["lines"]]
    told = {"claim_id": claim["claim_id"], "outcome": outcome, "decided_at": "2026-08-20", "lines": lines}
    return told | changes


def sent(biller: httpx2.Client, number: int) -> dict[str, Any]:
    """Record a sound claim; return it."""
    claim = support.claim(number)
    assert biller.post(support.CLAIMS, content=support.encoded(claim), headers={
        "content-type": "application/json"}).status_code in {200, 201}  # fmt: skip
    return claim


def test_answers_are_joined_and_show_in_claim_history_and_list(biller: httpx2.Client) -> None:
    """Status, decision, transitions and audit tell of it; a second sending changes nothing."""
    claim = sent(biller, 7_001)
    first = biller.post(URL, content=support.lines(answer(claim)), headers=LINES)
    (joined,) = support.opened(first)
    assert (first.status_code, joined["outcome"], joined["replayed"]) == (200, "rejected", False)
    whole = biller.get(f"{support.CLAIMS}/{joined['id']}").json()
    assert whole["status"]["business"] == "rejected"
    assert whole["decision"]["adjudication"]["lines"][0]["carc"] == "50"
    assert whole["decision"]["adjudication"]["sent_outside"] is True
    history = biller.get(f"{support.CLAIMS}/{joined['id']}/history").json()
    assert [one["event"] for one in history["transitions"]] == ["claim.recorded", "adjudication.received"]
    assert "adjudication.received" in {one["event"] for one in history["audit"]}
    (again,) = support.opened(biller.post(URL, content=support.lines(answer(claim)), headers=LINES))
    assert (again["replayed"], again["revision"]) == (True, joined["revision"])


def test_bad_input_is_told_line_by_line_and_repeats_nothing(biller: httpx2.Client) -> None:
    """Each bad line has its problem with a position; what is right beside it is joined."""
    claim = sent(biller, 7_002)
    secret = support.PATIENT
    body = support.lines(
        b"{" + secret.encode(), answer(claim, claim_id=f"nobody-{secret}"), answer(claim, note=secret),
        answer(claim, outcome="approved"), answer(claim, lines=[]), answer(claim, decided_at=secret),
        answer(claim, outcome="partial"),
    )  # fmt: skip
    answered = biller.post(URL, content=body, headers=LINES)
    told = support.opened(answered)
    assert [one.get("type", "joined").rsplit("/", 1)[-1] for one in told] == [
        "json.malformed", "claim.not_found", "adjudication.unreadable", "joined",
        "adjudication.unreadable", "adjudication.unreadable", "joined",
    ]  # fmt: skip
    assert [one["position"] for one in told if "position" in one] == [1, 2, 3, 5, 6]
    assert secret not in answered.text


@pytest.mark.parametrize(
    ("role", "media_type", "body", "status"),
    [
        ("reviewer", support.NDJSON, b"{}\n", 403),
        ("scientist", support.NDJSON, b"{}\n", 403),
        ("biller", support.CSV, b"a,b\n", 415),
        ("biller", support.FHIR, b"{}", 415),
        ("payer", support.NDJSON, b"", 200),
    ],
)
def test_who_and_what_may_come_in(
    platform_doors: platform_support.Platform, role: str, media_type: str, body: bytes, status: int
) -> None:
    """Billers, managers, integrators and payers; NDJSON."""
    with support.client(platform_doors, role) as made:
        assert made.post(URL, content=body, headers={"content-type": media_type}).status_code == status


def test_a_refused_claim_is_told_as_such(biller: httpx2.Client) -> None:
    """The rules kept it back, so no payer can have judged it."""
    claim = support.claim(7_003, total=1.0)
    recorded = biller.post(
        support.CLAIMS, content=support.encoded(claim), headers={"content-type": "application/json"}
    ).json()
    assert recorded["verdict"] == "reject"
    (told,) = support.opened(biller.post(URL, content=support.lines(answer(claim)), headers=LINES))
    assert (told["type"], told["status"]) == ("/problems/lifecycle.not_allowed", 409)
