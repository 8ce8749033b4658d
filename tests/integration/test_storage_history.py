"""Past services in PostgreSQL: the newer schema beside the older program, and what housekeeping takes."""

import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

import storage_support as support
from chassis import clock
from storage.domain import ids, records, views
from storage.inbound import converters
from storage.outbound import batches, ledger, postgres, recalling, upkeep
from storage.outbound.migrations import statements
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
        history = ((number.to_bytes(12), DAY, 10_000, MARK, b""),)
        batch.add(f"C-{number}", lines=1, history=history, patient_key=f"{number:064x}")
    await support.record(storage, batch)
    asked = [
        records.Question(
            tenant="demo", claim_id="NEW", use="claim", provider_id="P1", patient_key=f"{number:064x}",
            past=[records.Past(number.to_bytes(12), DAY - 30, DAY, 8, b"")],
        )
        for number in range(0, 2_000, 20)
    ]  # fmt: skip
    connection = await asyncpg.connect(embedded_postgres.dsn(storage.database))
    try:
        await connection.execute("SET search_path = ultrathink")
        now_ms = int(await connection.fetchval("SELECT extract(epoch FROM now()) * 1000"))
        explained = await connection.fetch(
            f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) {ledger.PARTIES}",
            *recalling.Asked(asked, now_ms).arguments(),
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
    assert gone == 3  # the claim's key, its row, and what it left for its patient


async def test_what_an_older_program_leaves_is_found_by_the_patient_and_survives_the_migration(
    embedded_postgres: support.Server, storage: support.Stubs
):
    """The older function writes traces as well, and the migration makes the same of rows that are there."""
    history = ((KEY, DAY, 10_000, MARK), (b"v" * 12, DAY - 2, records.NO_INT, b""))
    built = support.Batch().add("OLD", history=history, payer_id="دافع").add("BARE", provider_id="")
    batch = batch_of(built)
    connection = await asyncpg.connect(embedded_postgres.dsn(storage.database, owner=True))
    see, fill = (one for one in statements_of_revision() if one.startswith(SEE_AND_FILL))
    found = [[("OLD", 10_000, MARK, "دافع")], [("OLD", records.NO_INT, b"", "دافع")]]
    try:
        await connection.execute("SET search_path = ultrathink")
        await connection.fetch(OLDER, *arguments_of(batch)[:20])
        assert await told(storage, KEY, b"v" * 12) == found
        async with connection.transaction():  # the owner is under the policies too, as in a migration
            await connection.execute(see)
            left = await connection.fetch(TRACES)
            assert [row["first_day"] for row in left] == [DAY - 2, None]
            await connection.execute("DELETE FROM traces")
            await connection.execute(fill)
            assert await connection.fetch(TRACES) == left
        assert await told(storage, KEY, b"v" * 12) == found
    finally:
        await connection.close()


SEE_AND_FILL = ("-- The owner is under", "INSERT INTO traces")
OLDER = batches.RECORD.replace("record_claims", "record_batch").split(", $21")[0] + ")"
TRACES = "SELECT * FROM traces ORDER BY id"


def statements_of_revision() -> list[str]:
    """Return the statements of revision 0007."""
    script = Path(statements.__file__).parent / "versions" / "v0007_traces.sql"
    return script.read_text(encoding="utf-8").split(statements.SEPARATOR)


def batch_of(built: support.Batch) -> records.Batch:
    """Return a batch of claims without stored documents, received now."""
    submission = converters.submission(built.request, clock.SystemClock())
    names = ids.Mint(clock.SystemClock(), os.urandom).mint(len(submission.items))
    return records.Batch(
        chain="older",
        ids=names,
        at_ms=[ids.ms_of(name) for name in names],
        submission=submission,
        document_hashes=[bytes(32)] * len(names),
        entries=[b"entry"] * len(names),
        places=[records.Place(None, bytes(32), 0, 1, 1, 1, "")] * len(names),
        bodies=[],
    )


def arguments_of(batch: records.Batch) -> list[object]:
    """Return the arguments that write a batch behind the beginning of its chain."""
    return batches.arguments(batch, {}, {"demo": (0, bytes(32))})[0]


async def told(storage: support.Stubs, *keys: bytes) -> list[list[tuple[str, int, bytes, str]]]:
    """Return what a claim of the patient is told about keys."""
    item = storage_pb2.LookupItem(
        context=support.context(), claim_id="X", provider_id="P1", use="claim", patient_key="a2b4c6d8e0f2"
    )
    for key in keys:
        item.past.add(key=key, from_day=DAY - 9, to_day=DAY, most=5, party=b"")
    [answer] = (await storage.store.LookupBatch(storage_pb2.LookupRequest(items=[item]))).results
    return [
        [(line.claim_id, line.quantity_e4, line.mark, line.payer_id) for line in one.lines]
        for one in answer.past
    ]


async def test_a_tenant_without_older_rows_does_not_look_through_those_of_others(
    embedded_postgres: support.Server, storage: support.Stubs
):
    """Whether rows without a party are to be asked for is told by an index, whatever others have."""
    await embedded_postgres.add_tenants(storage.database, views.Tenant(tenant="other", display_name="Other"))
    for number in range(4):
        rows = tuple((bytes([number, row]) * 6, DAY, 10_000, MARK) for row in range(250))
        batch = support.Batch()
        for claim in range(10):
            batch.add(f"C-{number}-{claim}", history=rows)
        await support.record(storage, batch)
    asked = [records.Question(tenant="other", claim_id="N", use="claim", provider_id="P", patient_key="p")]
    connection = await asyncpg.connect(embedded_postgres.superuser_dsn(storage.database))
    try:
        await connection.execute("SET search_path = ultrathink; ANALYZE past_services")
        for _ in range(2):  # the first one plans
            explained = await connection.fetch(
                f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) {ledger.PARTIES}",
                *recalling.Asked(asked, 0).arguments(),
            )
        [found] = await connection.fetch(ledger.PARTIES, *recalling.Asked(asked, 0).arguments())
    finally:
        await connection.close()
    buffers = next(row[0] for row in explained if "shared hit=" in row[0])
    assert int(re.findall(r"shared hit=(\d+)", buffers)[0]) < BUFFERS_OF_A_CALL
    assert not found["older"]


BUFFERS_OF_A_CALL = (
    1_500  # planning reads most of them; the other tenant's rows fill two hundred more at least
)
