"""Files: streamed both ways at once, answered in order, bounded, cancelled with their caller."""

import asyncio
import csv
import io
import json

import arrow_support
import gateway_support as support
from chassis import errors
from gateway.inbound import limits, reports

URL = "/api/v1/claims"
FILE = b'{"claim_id":"A"}\nnot json\n{"claim_id":"B"}\n'
CHUNKED = {"transfer-encoding": "chunked"}


async def test_a_file_is_answered_line_by_line_in_order() -> None:
    """Each line has its decision or its problem with the position, and a bad line fails alone."""
    stage = support.stage()
    async with support.client(stage.app) as client:
        answer = await client.post(URL, content=FILE, headers=support.BILLER | support.NDJSON)
    first, second, third = support.lines(answer.content)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert (first["claim_id"], third["claim_id"]) == ("A", "B")
    assert (second["type"], second["position"], second["status"]) == ("/problems/json.malformed", 2, 400)
    assert len(stage.claims.stored) == 2


async def test_checking_a_file_stores_nothing() -> None:
    """The check of a file answers like the submission and leaves nothing behind."""
    stage = support.stage()
    async with support.client(stage.app) as client:
        answer = await client.post(f"{URL}/check", content=FILE, headers=support.BILLER | support.NDJSON)
    assert len(support.lines(answer.content)) == 3
    assert stage.claims.stored == {}


async def test_the_first_answer_comes_before_the_last_line_is_sent() -> None:
    """Sending and answering overlap: a caller sees the first decision while the file is still open."""
    stage = support.stage()
    async with support.wire(stage.app) as connect:
        wire = await connect()
        await wire.send(support.head("POST", URL, support.BILLER | support.NDJSON | CHUNKED))
        await wire.chunk(b'{"claim_id":"A"}\n')
        status, _ = await wire.head()
        assert status == 200
        assert json.loads(await wire.piece())["claim_id"] == "A"
        await wire.chunk(b'{"claim_id":"B"}')
        await wire.chunk(b"")
        assert json.loads(await wire.piece())["claim_id"] == "B"
        assert await wire.piece() == b""


async def test_a_caller_who_sends_first_and_reads_later_does_not_block() -> None:
    """Answers far beyond memory's share wait in the spool, so whoever writes it all first gets through."""
    stage = support.stage()
    line = b'{"claim_id":"' + b"x" * 2000 + b'"}\n'
    async with support.wire(stage.app) as connect:
        wire = await connect()
        await wire.send(support.head("POST", URL, support.BILLER | support.NDJSON | CHUNKED))
        for number in range(200):
            await wire.chunk(b"".join(b'{"n":%d}\n' % (number * 100 + step) + line for step in range(50)))
        await wire.chunk(b"")
        await wire.head()
        count = 0
        while piece := await wire.piece():
            count += piece.count(b"\n")
    assert count == 20_000


async def test_a_caller_who_leaves_cancels_the_upload() -> None:
    """A connection that breaks inside the file ends the upload behind, and its half line is no claim."""
    stage = support.stage()
    async with support.wire(stage.app) as connect:
        wire = await connect()
        await wire.send(support.head("POST", URL, support.BILLER | support.NDJSON | CHUNKED))
        await wire.chunk(b'{"claim_id":"A"}\n{"claim_id":')
        await wire.head()
        assert stage.claims.uploads_open == 1
        wire.writer.close()
        await asyncio.wait_for(stage.claims.uploads_closed.wait(), 5)
    assert len(stage.claims.stored) == 1


async def test_an_empty_file_has_an_empty_answer() -> None:
    """No claims, no lines."""
    async with support.client(support.stage().app) as client:
        answer = await client.post(URL, content=b"", headers=support.BILLER | support.NDJSON)
    assert (answer.status_code, answer.content) == (200, b"")


async def test_a_refusal_before_the_first_line_has_its_own_status() -> None:
    """When claims is away, the answer is 503 and not an empty 200."""
    stage = support.stage()
    stage.claims.failure = errors.Unavailable("call.unavailable", "Away.")
    async with support.client(stage.app) as client:
        answer = await client.post(URL, content=FILE, headers=support.BILLER | support.NDJSON)
    support.problem(answer, 503, "call.unavailable")


async def test_a_file_over_the_quota_is_refused_by_its_announcement() -> None:
    """A Content-Length over the quota is 413 at once."""
    stage = support.stage(bounds=limits.Limits(upload_bytes=10))
    async with support.client(stage.app) as client:
        answer = await client.post(URL, content=FILE, headers=support.BILLER | support.NDJSON)
    support.problem(answer, 413, "upload.too_large")


async def test_a_file_that_outgrows_the_quota_ends_with_a_problem_line() -> None:
    """The claims before the quota keep their answers; the last line says why there are no more."""
    stage = support.stage(bounds=limits.Limits(upload_bytes=40))
    async with support.wire(stage.app) as connect:
        wire = await connect()
        await wire.send(support.head("POST", URL, support.BILLER | support.NDJSON | CHUNKED))
        await wire.chunk(b'{"claim_id":"A"}\n')
        await wire.head()
        first = await wire.piece()
        await wire.chunk(b'{"claim_id":"B"}\n{"claim_id":"C"}\n')
        last = support.lines(await wire.piece())[-1]
    assert json.loads(first)["claim_id"] == "A"
    assert (last["type"], last["status"]) == ("/problems/upload.too_large", 413)
    assert "position" not in last


async def test_a_silent_sender_is_given_up() -> None:
    """A file in which nothing comes for too long ends with 408."""
    stage = support.stage(bounds=limits.Limits(upload_idle_seconds=0.01))
    async with support.wire(stage.app) as connect:
        wire = await connect()
        await wire.send(support.head("POST", URL, support.BILLER | support.NDJSON | CHUNKED))
        status, _ = await wire.head()
    assert status == 408


async def test_only_so_many_files_at_once() -> None:
    """One file more than the limit is refused with 429."""
    stage = support.stage(bounds=limits.Limits(uploads=1))
    async with support.wire(stage.app) as connect:
        first, second = await connect(), await connect()
        head = support.head("POST", URL, support.BILLER | support.NDJSON | CHUNKED)
        await first.send(head)
        await first.chunk(b'{"claim_id":"A"}\n')
        await first.head()
        await second.send(head)
        status, headers = await second.head()
    assert status == 429
    assert headers["retry-after"] == "5"


async def test_an_idempotency_key_does_not_fit_a_file() -> None:
    """One key cannot stand for many claims: it is refused rather than ignored."""
    async with support.client(support.stage().app) as client:
        headers = support.BILLER | support.NDJSON | {"idempotency-key": "k"}
        answer = await client.post(URL, content=FILE, headers=headers)
    support.problem(answer, 422, "idempotency.key_on_file")


async def test_a_table_is_answered_with_a_table() -> None:
    """text/csv answers a row per claim under the documented columns."""
    stage = support.stage()
    async with support.client(stage.app) as client:
        answer = await client.post(URL, content=FILE, headers=support.BILLER | support.CSV)
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert answer.headers["content-type"].startswith("text/csv")
    assert tuple(rows[0]) == reports.COLUMNS
    assert [row["claim_id"] for row in rows] == ["A", "", "B"]
    assert (rows[1]["position"], rows[1]["problem"]) == ("2", "json.malformed")
    assert rows[0]["verdict"] == "accept"


async def test_accept_turns_a_table_into_lines_and_back() -> None:
    """Whoever sends CSV may ask for NDJSON, and the other way round."""
    async with support.client(support.stage().app) as client:
        wish = {"accept": "application/x-ndjson"}
        lines = await client.post(URL, content=FILE, headers=support.BILLER | support.CSV | wish)
        table = await client.post(
            URL, content=FILE, headers=support.BILLER | support.NDJSON | {"accept": "text/csv"}
        )
    assert lines.headers["content-type"] == "application/x-ndjson"
    assert table.headers["content-type"].startswith("text/csv")


async def test_an_upload_that_fails_midway_says_so_in_a_table_too() -> None:
    """The last row of a broken table names the reason and no position."""
    row = reports.Table().broken(errors.Unavailable("call.unavailable", "Away."))
    cells = next(csv.reader([row.decode()]))
    assert cells[0] == ""
    assert cells[-2:] == ["call.unavailable", "Away."]


async def test_a_file_may_be_answered_in_arrow() -> None:
    """Arrow's answers are one stream with a record per claim, also where something went wrong midway."""
    wish = {"accept": "application/vnd.apache.arrow.stream"}
    stage = support.stage(bounds=limits.Limits(upload_bytes=40))
    async with support.client(stage.app) as client:
        whole = await client.post(URL, content=FILE[:34], headers=support.BILLER | support.NDJSON | wish)
    assert whole.headers["content-type"] == "application/vnd.apache.arrow.stream"
    told = arrow_support.records(whole.content)
    assert [one["position"] for one in told] == [1, 2, 3]
    assert [one["problem"] for one in told][1] == "json.malformed"


async def test_an_empty_file_of_arrow_is_an_empty_stream() -> None:
    """No claim, no record, and still a stream that a reader can open."""
    headers = support.BILLER | {"content-type": "application/vnd.apache.arrow.stream"}
    async with support.client(support.stage().app) as client:
        answer = await client.post(URL, content=b"", headers=headers)
    assert answer.status_code == 200
    assert arrow_support.records(answer.content) == []
