"""Past services in PostgreSQL: the newer schema beside the older program, and what housekeeping takes."""

import re
from collections.abc import AsyncIterator

import asyncpg
import pytest

import storage_support as support
from storage.domain import ids, records
from storage.outbound import ledger, postgres, recalling, upkeep
from ultrathink.storage.v1 import storage_pb2

pytestmark = pytest.mark.xdist_group("postgres")

KEY, MARK, DAY = b"k" * 12, b"m" * 12, 20_666


@pytest.fixture
async def storage(embedded_postgres: support.Server) -> AsyncIterator[support.Stubs]:
    """A storage service on a fresh database."""
    async with support.service(embedded_postgres, anchor_seconds=3_600) as stubs:
        yield stubs


async def test_an_older_program_still_asks_and_finds_its_own(
    embedded_postgres: support.Server, storage: support.Stubs
):
    """The functions of the first schema stay: an older instance answers while the new one is rolled out."""
    await support.record(storage, support.Batch().add("C-1", service_keys=("s1",)))
    connection = await asyncpg.connect(embedded_postgres.dsn(storage.database))
    try:
        await connection.execute("SET search_path = ultrathink")
        rows = await connection.fetch(
            "SELECT kind, claim_id, line FROM lookup($1, 0, $2, $3, $4, $5, $6, $7, $8, 5)",
            *("demo", ["demo"], ["NEW"], ["P1"], [""], [1], [0], ["s1"]),
        )
        assert [tuple(row) for row in rows if row["kind"] == 1] == [(1, "C-1", 1)]
        assert await connection.fetchval("SELECT count(*) FROM pg_proc WHERE proname = 'record'") == 1
    finally:
        await connection.close()


async def test_a_look_up_reads_little_of_a_month_without_statistics(
    embedded_postgres: support.Server, storage: support.Stubs
):
    """In its first minute a table is unknown to the planner; a question must not read the tenant's month."""
    batch = support.Batch()
    for number in range(2_000):
        history = ((number.to_bytes(12), DAY, 10_000, MARK),)
        batch.add(f"C-{number}", lines=1, history=history, patient_key=f"{number:064x}")
    await support.record(storage, batch)
    asked = [
        records.Question(
            tenant="demo", claim_id="NEW", use="claim", provider_id="P1", patient_key=f"{number:064x}",
            past=[records.Past(number.to_bytes(12), DAY - 30, DAY, 8)],
        )
        for number in range(0, 2_000, 20)
    ]  # fmt: skip
    connection = await asyncpg.connect(embedded_postgres.dsn(storage.database))
    try:
        await connection.execute("SET search_path = ultrathink")
        now_ms = int(await connection.fetchval("SELECT extract(epoch FROM now()) * 1000"))
        explained = await connection.fetch(
            f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) {ledger.LOOKUP}", *recalling.arguments(asked, now_ms)
        )
    finally:
        await connection.close()
    buffers = next(row[0] for row in explained if "shared hit=" in row[0])
    assert int(re.findall(r"shared hit=(\d+)", buffers)[0]) < 50 * len(asked)


async def test_housekeeping_takes_rows_of_old_claims_only(
    embedded_postgres: support.Server, storage: support.Stubs
):
    """Rows go with the claims' keys, a tenant at a time, and what is younger stays."""
    batch = support.Batch().add("OLD", history=((KEY, DAY, 10_000, MARK),))
    [old] = await support.record(storage, batch)
    await support.recorded(storage, "NEW", history=((KEY, DAY, 10_000, MARK),))
    dsn = embedded_postgres.dsn(storage.database)
    async with postgres.opened(dsn, least=1, most=1, statement_seconds=5, acquire_seconds=5) as database:
        kept = upkeep.PostgresUpkeep(database)
        cutoff = ids.ms_of(old.recorded.id) + 1
        assert await kept.ready() == ""
        assert await kept.forget_keys("other", cutoff) == 0
        gone = await kept.forget_keys("demo", cutoff)
    item = storage_pb2.LookupItem(context=support.context(), claim_id="X", provider_id="P1", use="claim")
    item.past.add(key=KEY, from_day=DAY, to_day=DAY, most=5)
    [answer] = (await storage.store.LookupBatch(storage_pb2.LookupRequest(items=[item]))).results
    assert [line.claim_id for line in answer.past[0].lines] == ["NEW"]
    assert gone == 2  # the claim's key and its row
