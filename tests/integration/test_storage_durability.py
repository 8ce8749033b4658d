"""Storage over PostgreSQL when things go wrong: kills, tampering, crossings, full disks, backups."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

import storage_support as support
from chassis import errors
from storage import compose
from storage.outbound import bells, postgres
from ultrathink.storage.v1 import storage_pb2

pytestmark = pytest.mark.xdist_group("postgres")


@pytest.fixture
async def storage(embedded_postgres: support.Server) -> AsyncIterator[support.Stubs]:
    """A storage service on a fresh database."""
    async with support.service(embedded_postgres, anchor_seconds=3_600) as stubs:
        yield stubs


@pytest.fixture
def own_server() -> Iterator[support.Server]:
    """A server that this test alone may kill."""
    with support.embedded_postgres() as server:
        yield server


async def execute(dsn: str, *statements: str) -> None:
    """Execute statements on a connection of their own."""
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def count(connection: asyncpg.Connection, table: str) -> int:
    """Return the rows of a table as the connection sees them."""
    return int(await connection.fetchval(f"SELECT count(*) FROM {table}"))  # noqa: S608 - names of this module


async def test_row_level_security_holds_without_our_code(
    embedded_postgres: support.Server, storage: support.Stubs
):
    """As the application role, another tenant's rows cannot be seen, written, moved or removed."""
    await support.recorded(storage, "A", "B", history=((b"k" * 12, 20_666, 10_000, b""),))
    connection = await asyncpg.connect(embedded_postgres.dsn(storage.database))
    try:
        await connection.execute("SET search_path = ultrathink")
        tables = ["claims", "claim_lines", "findings", "bodies", "idempotency_keys", "service_keys"]
        tables += ["past_services", "traces"]
        tables += ["provider_days", "audit_heads", "audit_entries", "outbox", "transitions"]
        for table in tables:
            assert await count(connection, table) == 0
        await connection.execute("SET ultrathink.tenants = 'other'")
        for table in tables:
            assert await count(connection, table) == 0
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(
                "INSERT INTO audit_heads (tenant, chain, sequence, hash) VALUES ('demo', 'x', 1, '')"
            )
        assert await connection.execute("UPDATE claims SET verdict = 'accept'") == "UPDATE 0"
        await connection.execute("SET ultrathink.tenants = 'demo'")
        assert await connection.fetchval("SELECT count(*) FROM claims") == 2
        assert await connection.fetchval("SELECT count(*) FROM past_services") == 2
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("UPDATE claims SET tenant = 'other'")
    finally:
        await connection.close()


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM claims",
        "UPDATE audit_entries SET subject = 'x'",
        "DELETE FROM audit_entries",
        "DELETE FROM bodies",
        "UPDATE tenants SET active = true",
        "CREATE TABLE mine (n integer)",
        "ALTER TABLE claims DISABLE ROW LEVEL SECURITY",
        "SELECT * FROM claims_2026_11",
        "SET ROLE ultrathink_owner",
    ],
)
async def test_the_application_role_owns_nothing(
    embedded_postgres: support.Server, storage: support.Stubs, statement: str
):
    """The role the service works under cannot delete, rewrite history, make tables or lift a policy."""
    connection = await asyncpg.connect(embedded_postgres.dsn(storage.database))
    try:
        await connection.execute("SET search_path = ultrathink; SET ultrathink.tenants = 'demo'")
        await connection.execute("SELECT prepare_month(1793491200000, 1796083200000, '2026_11')")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    finally:
        await connection.close()


async def test_even_the_owner_is_bound_by_tenants(embedded_postgres: support.Server, storage: support.Stubs):
    """Policies bind the owner of the tables too."""
    await support.recorded(storage, "A")
    connection = await asyncpg.connect(embedded_postgres.dsn(storage.database, owner=True))
    try:
        assert await connection.fetchval("SELECT count(*) FROM ultrathink.claims") == 0
    finally:
        await connection.close()


async def test_acknowledged_claims_survive_a_kill_exactly_once(own_server: support.Server):
    """Kill -9 of PostgreSQL between and within batches.

    What was answered is there once, the rest can be resent.
    """
    acknowledged: dict[str, str] = {}
    database = own_server.database
    async with support.service(own_server, acquire_seconds=2) as storage:

        async def send(number: int) -> None:
            for result, claim in zip(
                await support.record(storage, batch_of(number)), claims_of(number), strict=True
            ):
                if result.HasField("recorded"):
                    acknowledged[claim] = result.recorded.id

        for start in range(0, 60, 20):
            sending = [asyncio.create_task(send(number)) for number in range(start, start + 20)]
            await asyncio.sleep(0.01)
            assert database.pid is not None
            os.kill(database.pid, signal.SIGKILL)
            await asyncio.gather(*sending)
            database.restart()
        before = dict(acknowledged)
        for number in range(60):
            await resend(storage, number, acknowledged)
        assert before.items() <= acknowledged.items()
        assert len(acknowledged) == 180
        await check_exactly_once(own_server, storage, acknowledged)


def claims_of(number: int) -> list[str]:
    """Return the three claims of a batch."""
    return [f"C-{number}-{place}" for place in range(3)]


def batch_of(number: int) -> support.Batch:
    """Return a batch of three claims, the same content each time it is made."""
    batch = support.Batch()
    for claim in claims_of(number):
        batch.add(claim)
    return batch


async def resend(storage: support.Stubs, number: int, acknowledged: dict[str, str]) -> None:
    """Send a batch until it is recorded, as a client would; ids told before must come back."""
    for _ in range(20):
        results = await support.record(storage, batch_of(number))
        if all(result.HasField("recorded") for result in results):
            break
    for result, claim in zip(results, claims_of(number), strict=True):
        assert acknowledged.setdefault(claim, result.recorded.id) == result.recorded.id


async def check_exactly_once(
    server: support.Server, storage: support.Stubs, acknowledged: dict[str, str]
) -> None:
    """Check rows, entries and events: one each per acknowledged claim."""
    connection = await asyncpg.connect(server.superuser_dsn(storage.database))
    try:
        rows = await connection.fetch("SELECT claim_id, id::text FROM ultrathink.claims")
        assert sorted(map(tuple, rows)) == sorted(acknowledged.items())
        for table in ("audit_entries", "outbox", "idempotency_keys"):
            assert await count(connection, f"ultrathink.{table}") == len(acknowledged)
        assert await connection.fetchval("SELECT count(*) FROM ultrathink.claim_lines") == 3 * len(
            acknowledged
        )
    finally:
        await connection.close()
    last = await support.verified(storage)
    assert (last.checked, last.broken.reason) == (len(acknowledged), "")


async def test_a_server_that_is_away_makes_unavailable(own_server: support.Server):
    """While PostgreSQL is down items are refused as unavailable with a hint when to come back.

    Then work goes on.
    """
    async with support.service(own_server, acquire_seconds=1) as storage:
        await support.recorded(storage, "A")
        own_server.database.stop()
        [refused] = await support.record(storage, support.Batch().add("B"))
        assert refused.error.reason == "database.unavailable"
        assert refused.error.retry_after_ms > 0
        assert not (await storage.app.ready()).ok
        own_server.database.start()
        [recorded] = await support.record(storage, support.Batch().add("B"))
        assert recorded.recorded.id
        assert (await storage.app.ready()).ok


async def test_a_disk_that_is_full_leaves_nothing_half_written(
    embedded_postgres: support.Server, storage: support.Stubs
):
    """When the database cannot write, the whole batch is unavailable and no table holds a part of it."""
    await execute(
        embedded_postgres.superuser_dsn(storage.database),
        "CREATE FUNCTION ultrathink.full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " RAISE EXCEPTION 'no space' USING ERRCODE = 'disk_full'; END $$",
        "CREATE TRIGGER full_disk BEFORE INSERT ON ultrathink.outbox EXECUTE FUNCTION ultrathink.full_disk()",
    )
    results = await support.record(storage, support.Batch().add("A").add("B"))
    assert {result.error.reason for result in results} == {"database.unavailable"}
    connection = await asyncpg.connect(embedded_postgres.superuser_dsn(storage.database))
    try:
        for table in (
            "claims",
            "claim_lines",
            "audit_entries",
            "audit_heads",
            "idempotency_keys",
            "bodies",
            "traces",
        ):
            assert await count(connection, f"ultrathink.{table}") == 0
        await connection.execute("DROP TRIGGER full_disk ON ultrathink.outbox")
    finally:
        await connection.close()
    assert all(id_ for id_ in await support.recorded(storage, "A", "B"))


async def test_what_only_the_database_refuses_fails_alone(
    embedded_postgres: support.Server, storage: support.Stubs
):
    """A row that PostgreSQL refuses is found by halving; the other claims of the group are recorded."""
    await execute(
        embedded_postgres.superuser_dsn(storage.database),
        "ALTER TABLE ultrathink.claims ADD CHECK (claim_id <> 'C-13')",
    )
    batch = support.Batch()
    for number in range(20):
        batch.add(f"C-{number}")
    results = await support.record(storage, batch)
    refused = [number for number, result in enumerate(results) if result.HasField("error")]
    assert refused == [13]
    assert results[13].error.reason == "record.refused"
    last = await support.verified(storage)
    assert (last.checked, last.broken.reason) == (19, "")


async def test_groups_share_transactions(embedded_postgres: support.Server, storage: support.Stubs):
    """Submissions in flight together are written in far fewer transactions than there are submissions."""
    count = 64
    await asyncio.gather(*(support.recorded(storage, f"C-{number}") for number in range(count)))
    connection = await asyncpg.connect(embedded_postgres.superuser_dsn(storage.database))
    try:
        transactions = await connection.fetchval("SELECT count(DISTINCT xid) FROM ultrathink.outbox")
        chains = await connection.fetchval("SELECT count(DISTINCT chain) FROM ultrathink.audit_entries")
    finally:
        await connection.close()
    assert transactions <= count / 8
    assert chains <= 2
    assert (await support.verified(storage)).checked == count


async def test_two_services_of_one_shard_keep_one_sound_chain(
    embedded_postgres: support.Server, storage: support.Stubs
):
    """Two copies with the same shard name wait for each other's head; nothing is lost, nothing forks."""
    async with support.service(embedded_postgres, name=storage.database) as second:
        await asyncio.gather(
            *(
                support.recorded(copy, f"{name}-{number}")
                for number in range(20)
                for name, copy in (("a", storage), ("b", second))
            )
        )
    last = await support.verified(storage)
    assert (last.checked, last.broken.reason) == (40, "")


async def test_events_of_another_process_are_heard(embedded_postgres: support.Server, storage: support.Stubs):
    """A watcher of one service is told what another service recorded."""
    async with support.service(embedded_postgres, name=storage.database, shard="s1") as second:
        stream = second.reader.Watch(storage_pb2.WatchRequest(context=support.context()))
        waiting = asyncio.ensure_future(anext(aiter(stream)))
        [claim] = await support.recorded(storage, "A")
        assert (await asyncio.wait_for(waiting, 10)).id == claim
        stream.cancel()


async def test_what_was_recorded_is_told_to_other_processes(
    embedded_postgres: support.Server, storage: support.Stubs
):
    """Whoever listens on the channel hears of it within a moment, without asking."""
    connection = await asyncpg.connect(embedded_postgres.dsn(storage.database))
    heard = asyncio.Event()
    try:
        await connection.add_listener(bells.CHANNEL, lambda *_: heard.set())
        await support.recorded(storage, "A")
        await asyncio.wait_for(heard.wait(), 10)
    finally:
        await connection.close()


async def test_an_event_is_never_skipped_by_a_later_commit(
    embedded_postgres: support.Server, storage: support.Stubs
):
    """While an older transaction is open, a younger one's events wait.

    So that no reader passes the older by.
    """
    connection = await asyncpg.connect(embedded_postgres.dsn(storage.database))
    insert = (
        "INSERT INTO ultrathink.outbox (id, at_ms, tenant, claim_id, event, verdict, wire_status,"
        " business_status, review_status)"
        " VALUES (gen_random_uuid(), 1, 'demo', 'SLOW', 'e', 'v', 'w', 'b', 'r')"
    )
    try:
        await connection.execute("BEGIN; SET LOCAL ultrathink.tenants = 'demo'")
        await connection.execute(insert)
        await support.recorded(storage, "FAST")
        events = aiter(storage.reader.Watch(storage_pb2.WatchRequest(context=support.context())))
        first = asyncio.ensure_future(anext(events))
        done, _ = await asyncio.wait({first}, timeout=0.3)
        assert not done
        await connection.execute("COMMIT")
        told = [
            (await asyncio.wait_for(first, 10)).claim_id,
            (await asyncio.wait_for(anext(events), 10)).claim_id,
        ]
        assert sorted(told) == ["FAST", "SLOW"]
    finally:
        await connection.close()


async def test_readiness_follows_the_schema(embedded_postgres: support.Server, storage: support.Stubs):
    """A schema that is not at this version's revision makes the service not ready."""
    assert (await storage.app.ready()).ok
    await execute(
        embedded_postgres.superuser_dsn(storage.database),
        "UPDATE ultrathink.alembic_version SET version_num = '0000'",
    )
    assert not (await storage.app.ready()).ok


async def test_unencodable_arguments_are_invalid_and_lost_connections_unavailable():
    """The door to PostgreSQL tells data from circumstance."""
    with pytest.raises(errors.Invalid), postgres.translated():
        raise asyncpg.DataError("invalid input")
    with pytest.raises(errors.Unavailable), postgres.translated():
        raise asyncpg.ConnectionDoesNotExistError("gone")
    with pytest.raises(errors.Unavailable), postgres.translated():
        raise ConnectionResetError
    with pytest.raises(errors.Internal), postgres.translated():
        raise asyncpg.UndefinedTableError("claims")


async def test_settings_without_a_database_are_refused():
    """A service that does not know where its record lies does not start."""
    from storage import settings  # noqa: PLC0415 - one test needs it

    with pytest.raises(errors.Invalid) as refused:
        async with compose.compose(
            settings.Settings.model_validate({"database_url": "", "object_store_url": ""})
        ):
            pass
    assert refused.value.reason == "settings.missing"
