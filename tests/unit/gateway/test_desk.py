"""Reading and deciding: what goes to claims, what comes back, and what never gets that far."""

import json

import pytest

import gateway_support as support

URL = "/api/v1/claims"


async def _stored(stage: support.Stage) -> str:
    async with support.client(stage.app) as client:
        answer = await client.post(URL, content=b'{"claim_id":"A"}', headers=support.BILLER | support.JSON)
    return str(answer.json()["id"])


@pytest.mark.parametrize(
    ("path", "part"), [("", "claim"), ("/history", "history"), ("/explanation", "explanation")]
)
async def test_a_document_is_passed_on_as_claims_wrote_it(path: str, part: str) -> None:
    """Claim, history and explanation arrive unchanged and are not for caches."""
    stage = support.stage()
    claim_id = await _stored(stage)
    async with support.client(stage.app) as client:
        answer = await client.get(f"{URL}/{claim_id}{path}", headers=support.BILLER)
    assert answer.status_code == 200
    assert answer.json() == {"id": claim_id, "part": part, "tenant": "demo"}
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "claim_id", ["01990d5a-6b1e-7c3a-9f10-2b7f6f1d2c11", "CLM-1", "..", "%00", "a" * 5000]
)
async def test_what_is_not_there_is_not_found(claim_id: str) -> None:
    """Unknown ids and things that cannot be ids answer alike, so that guessing teaches nothing."""
    async with support.client(support.stage().app) as client:
        answer = await client.get(f"{URL}/{claim_id}", headers=support.BILLER)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_list_hands_its_wishes_to_claims() -> None:
    """Limit, cursor, sort and filters arrive under the names of the contract."""
    stage = support.stage()
    asked = {"limit": "10", "cursor": "abc", "sort": "-at_risk", "verdict": "review", "from": "2026-08-01",
             "to": "2026-08-31", "payer": "7001571327"}  # fmt: skip
    async with support.client(stage.app) as client:
        answer = await client.get(URL, params=asked, headers=support.BILLER)
    assert answer.json() == {"items": [], "next_cursor": None}
    selection = stage.claims.selections[0]
    assert (selection.limit, selection.cursor, selection.sort) == (10, "abc", "-at_risk")
    assert selection.filters == {
        "verdict": "review", "from": "2026-08-01", "to": "2026-08-31", "payer": "7001571327",
    }  # fmt: skip


async def test_a_list_without_wishes_has_a_readable_page() -> None:
    """The defaults are fifty claims, newest first, no filter."""
    stage = support.stage()
    async with support.client(stage.app) as client:
        await client.get(URL, headers=support.BILLER)
    selection = stage.claims.selections[0]
    assert (selection.limit, selection.cursor, selection.sort, selection.filters) == (
        50,
        "",
        "-received_at",
        {},
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "0"), ("limit", "1001"), ("limit", "ten"), ("verdict", "maybe"), ("from", "yesterday"),
        ("sort", "drop table"), ("patient", "1012345678"), ("claim_id", ""), ("cursor", "x" * 1001),
    ],
)  # fmt: skip
async def test_a_wish_that_is_not_documented_is_refused(name: str, value: str) -> None:
    """A misspelt filter never shows everything, and the refusal names the parameter, not its value."""
    async with support.client(support.stage().app) as client:
        answer = await client.get(URL, params={name: value}, headers=support.BILLER)
    told = support.problem(answer, 422, "query.invalid")
    assert [item.path for item in told.errors] == [f"query.{name}"]
    assert len(value) < 3 or value not in answer.text


async def test_a_review_reaches_claims() -> None:
    """A reviewer's word arrives with verdict, note and the revision that was seen."""
    stage = support.stage()
    claim_id = await _stored(stage)
    body = json.dumps({"verdict": "reject", "revision": 1, "note": "no indication"})
    async with support.client(stage.app) as client:
        url = f"{URL}/{claim_id}/decision"
        answer = await client.post(url, content=body, headers=support.REVIEWER | support.JSON)
    assert answer.status_code == 200
    review = stage.claims.reviews[0]
    assert (review.claim_id, review.verdict, review.note, review.revision) == (
        claim_id, "reject", "no indication", 1,
    )  # fmt: skip


async def test_a_stale_review_is_a_conflict() -> None:
    """A reviewer who saw an older revision is told so."""
    stage = support.stage()
    claim_id = await _stored(stage)
    async with support.client(stage.app) as client:
        answer = await client.post(
            f"{URL}/{claim_id}/decision",
            content=b'{"verdict":"accept","revision":7}',
            headers=support.REVIEWER | support.JSON,
        )
    support.problem(answer, 409, "claim.revision_stale")


@pytest.mark.parametrize(
    ("body", "status", "path"),
    [
        (b"{", 400, None),
        (b"\xff", 400, None),
        (b"[]", 422, ""),
        (b'{"verdict":"maybe","revision":1}', 422, "verdict"),
        (b'{"verdict":"accept"}', 422, "revision"),
        (b'{"verdict":"accept","revision":-1}', 422, "revision"),
        (b'{"verdict":"accept","revision":1,"by":"me"}', 422, "by"),
        (b'{"verdict":"accept","revision":1,"note":5}', 422, "note"),
    ],
)
async def test_a_review_that_is_none_is_refused(body: bytes, status: int, path: str | None) -> None:
    """The refusal names the field and repeats nothing of what was sent."""
    stage = support.stage()
    claim_id = await _stored(stage)
    async with support.client(stage.app) as client:
        url = f"{URL}/{claim_id}/decision"
        answer = await client.post(url, content=body, headers=support.REVIEWER | support.JSON)
    told = support.problem(answer, status, "json.malformed" if status == 400 else "review.invalid")
    assert [item.path for item in told.errors] == ([] if path is None else [path])


async def test_a_review_has_a_small_body() -> None:
    """Nobody needs 16 KiB to say accept."""
    stage = support.stage()
    claim_id = await _stored(stage)
    async with support.client(stage.app) as client:
        answer = await client.post(
            f"{URL}/{claim_id}/decision", content=b" " * 20_000, headers=support.REVIEWER | support.JSON
        )
    support.problem(answer, 413, "body.too_large")
