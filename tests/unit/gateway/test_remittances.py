"""Payers' answers over HTTP: through as files go, answered line by line, refused before they are read."""

from collections.abc import AsyncIterator

import pytest

import gateway_support as support
from chassis import contexts
from gateway.domain import exchanges

URL = "/api/v1/remittances"
FILE = b'{"claim_id":"A"}\nnot json\n{"claim_id":"B"}\n'


async def test_answers_go_through_line_by_line() -> None:
    """What was joined, or a problem with the position; the room behind hears that these are answers."""
    stage = support.stage()
    seen: list[exchanges.Upload] = []
    taken = stage.claims.submit_file

    def watched(
        upload: exchanges.Upload, chunks: AsyncIterator[bytes], context: contexts.CallContext
    ) -> AsyncIterator[list[exchanges.FileAnswer]]:
        seen.append(upload)
        return taken(upload, chunks, context)

    stage.claims.submit_file = watched  # type: ignore[method-assign]
    async with support.client(stage.app) as client:
        answer = await client.post(URL, content=FILE, headers=support.BILLER | support.NDJSON)
    first, second, third = support.lines(answer.content)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-ndjson")
    assert (first["claim_id"], third["claim_id"]) == ("A", "B")
    assert (second["type"], second["position"]) == ("/problems/json.malformed", 2)
    assert seen == [exchanges.Upload("application/x-ndjson", remittance=True)]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (support.NDJSON, 401),
        (support.NDJSON | support.REVIEWER, 403),
        (support.CSV | support.BILLER, 415),
        (support.JSON | support.BILLER, 415),
        (support.BILLER, 415),
        (support.NDJSON | support.BILLER | {"content-encoding": "gzip"}, 415),
        (support.NDJSON | support.BILLER | {"idempotency-key": "k"}, 422),
    ],
)
async def test_what_may_not_come_in_is_refused(headers: dict[str, str], status: int) -> None:
    """Without a token, a role, a media type that is served, or with what means nothing here."""
    stage = support.stage()
    async with support.client(stage.app) as client:
        answer = await client.post(URL, content=FILE, headers=headers)
    assert answer.status_code == status
    assert stage.claims.stored == {}


async def test_a_table_cannot_be_asked_for() -> None:
    """A report in CSV tells of claims: answers are told as NDJSON whatever is wished for."""
    stage = support.stage()
    wish = support.BILLER | support.NDJSON | {"accept": "text/csv"}
    async with support.client(stage.app) as client:
        answer = await client.post(URL, content=FILE, headers=wish)
    assert answer.headers["content-type"] == "application/x-ndjson"
