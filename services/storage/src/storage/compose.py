"""The one module of storage that sees every room: wires the service, and the tools for a data directory."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import grpc
import msgspec

from chassis import apps, errors, logs
from chassis import clock as clocks
from storage import ports, settings
from storage.domain import ids
from storage.inbound import audit_log, claim_reader, claim_store
from storage.inbound import objects as objects_door
from storage.outbound import (
    archive,
    audit,
    bells,
    bodies,
    documents,
    embedded,
    ledger,
    migrate,
    objects,
    postgres,
    reader,
    registry,
    roles,
    upkeep,
)
from storage.usecases import anchor, append, keep_house, know_tenants, record
from ultrathink.storage.v1 import storage_pb2_grpc

embedded_database = roles.furnished
backup, restore = archive.backup, archive.restore

SERVICES = ("ClaimStore", "ClaimReader", "AuditLog", "Objects")
CALLERS = {
    "ClaimStore": frozenset({"claims"}),
    "ClaimReader": frozenset({"claims", "cli"}),
    "AuditLog": frozenset({"claims", "cli"}),
    "Objects": frozenset({"claims", "scoring", "cli"}),
}
METHODS = {
    "ClaimStore": (
        *("Record", "RecordBatch", "Lookup", "LookupBatch"),
        *("RecordChange", "RecordOutcomes", "ListUnscored"),
    ),
    "ClaimReader": (
        *("GetTenant", "GetClaim", "ListClaims", "FindClaims", "GetHistory", "Watch"),
        *("Export", "ReadClaims"),
    ),
    "AuditLog": ("Verify", "Append"),
    "Objects": ("Put", "Get", "Head"),
}
PACKAGE = "ultrathink.storage.v1"
READY_SECONDS = 2.0  # a database that takes longer to say SELECT 1 is not ready


class Outside(msgspec.Struct, frozen=True, kw_only=True):
    """The ports as they are implemented here, or by the twin."""

    ledger: ports.Ledger
    reader: ports.Reader
    chains: ports.Chains
    objects: ports.ObjectStore
    bell: ports.Bell
    upkeep: ports.Upkeep


@contextlib.asynccontextmanager
async def compose(
    configured: settings.Settings, *, clock: clocks.Clock | None = None
) -> AsyncIterator[apps.App]:
    """Yield the service on PostgreSQL and the object store, migrated where the settings allow.

    Raises Invalid `settings.missing` without a database or an object store.
    """
    clock = clock or clocks.SystemClock()
    if not configured.dsn() or not configured.object_store_url:
        raise errors.Invalid("settings.missing", "Storage needs DATABASE_URL and OBJECT_STORE_URL.")
    if configured.migrate_on_start and await migrate.upgrade(configured.owner_dsn()):
        logs.get("storage").info("schema migrated")
    async with outside(configured) as world, serve(world, configured, clock=clock) as app:
        yield app


@contextlib.asynccontextmanager
async def outside(configured: settings.Settings) -> AsyncIterator[Outside]:
    """Open the connections of the service."""
    async with postgres.opened(
        configured.dsn(),
        least=configured.pool_min,
        most=configured.pool_max,
        statement_seconds=configured.statement_seconds,
        acquire_seconds=configured.acquire_seconds,
    ) as database:
        kept = objects.StoredObjects(
            objects.open_store(configured.object_store_url), configured.object_max_bytes
        )
        opened = bodies.Bodies(lambda sha256: objects.whole(kept, sha256))
        async with bells.opened(configured.dsn(), database) as bell:
            yield Outside(
                ledger=ledger.PostgresLedger(database, opened),
                reader=reader.PostgresReader(database, opened),
                chains=audit.PostgresChains(database, opened),
                objects=kept,
                bell=bell,
                upkeep=upkeep.PostgresUpkeep(database),
            )


@contextlib.asynccontextmanager
async def serve(
    world: Outside,
    configured: settings.Settings,
    *,
    clock: clocks.Clock,
    entropy: Callable[[int], bytes] = os.urandom,
) -> AsyncIterator[apps.App]:
    """Yield the service on whatever implements its ports, with its background work running."""
    tenants = know_tenants.Tenants(world.reader, clock)
    recorder = record.Recorder(
        ledger=world.ledger,
        objects=world.objects,
        pack=documents.pack,
        tenants=tenants,
        bell=world.bell,
        mint=ids.Mint(clock, entropy),
        clock=clock,
        shard=configured.shard,
        writers=configured.writers,
        group_bytes=configured.group_bytes,
    )
    journal = append.Journal(
        store=world.chains, tenants=tenants, clock=clock, chain=f"{configured.shard}.reads"
    )
    await keep_house.prepare_months(ledger=world.ledger, clock=clock)
    async with _jobs(world, tenants, configured, clock):
        yield _app(world, configured, clock, recorder=recorder, journal=journal, tenants=tenants)
        await asyncio.gather(recorder.aclose(), journal.aclose())


def _app(
    world: Outside,
    configured: settings.Settings,
    clock: clocks.Clock,
    *,
    recorder: record.Recorder,
    journal: append.Journal,
    tenants: know_tenants.Tenants,
) -> apps.App:
    rooms = claim_store.Rooms(
        recorder=recorder,
        ledger=world.ledger,
        tenants=tenants,
        bell=world.bell,
        clock=clock,
        chain=f"{configured.shard}.changes",
    )
    audits = audit_log.AuditLog(
        store=world.chains, objects=world.objects, journal=journal, tenants=tenants, clock=clock
    )

    def register(server: grpc.aio.Server) -> None:
        storage_pb2_grpc.add_ClaimStoreServicer_to_server(claim_store.ClaimStore(rooms), server)
        storage_pb2_grpc.add_ClaimReaderServicer_to_server(
            claim_reader.ClaimReader(world.reader, tenants, world.bell, journal, clock), server
        )
        storage_pb2_grpc.add_AuditLogServicer_to_server(audits, server)
        storage_pb2_grpc.add_ObjectsServicer_to_server(objects_door.Objects(world.objects), server)

    async def ready() -> apps.Readiness:
        try:
            lacking = await asyncio.wait_for(world.upkeep.ready(), READY_SECONDS)
        except TimeoutError:
            lacking = "database.slow"
        return apps.Readiness(ok=not lacking, detail=lacking)

    callers = {
        f"/{PACKAGE}.{service}/{method}": CALLERS[service]
        for service in SERVICES
        for method in METHODS[service]
    }
    names = tuple(f"{PACKAGE}.{service}" for service in SERVICES)
    return apps.App(name="storage", register=register, service_names=names, callers=callers, ready=ready)


@contextlib.asynccontextmanager
async def _jobs(
    world: Outside, tenants: know_tenants.Tenants, configured: settings.Settings, clock: clocks.Clock
) -> AsyncIterator[None]:
    async def fix_heads() -> None:
        await anchor.anchor(store=world.chains, objects=world.objects, tenants=tenants, clock=clock)

    async def keep() -> None:
        await keep_house.prepare_months(ledger=world.ledger, clock=clock)
        await keep_house.forget(upkeep=world.upkeep, tenants=tenants, clock=clock)

    tasks = [
        asyncio.create_task(_every(configured.anchor_seconds, "anchor", fix_heads)),
        asyncio.create_task(_every(configured.house_seconds, "house", keep)),
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _every(seconds: float, name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Do the work again and again; a round that fails is logged and the next one comes."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await work()
        except errors.Fault as fault:
            logs.get("storage").warning("background work failed", task=name, reason=fault.reason)
        except Exception as defect:  # noqa: BLE001 - a defect of ours must not end the anchoring in silence
            logs.get("storage").error("background work broke", task=name, exc_info=defect)


def object_store_url(data_dir: Path) -> str:
    """Return the URL of a data directory's own object store."""
    return f"file://{data_dir.resolve() / 'objects'}"


def embedded_settings(data_dir: Path, database: embedded.EmbeddedDatabase) -> settings.Settings:
    """Return settings for the service on a data directory's own database and objects."""
    return settings.Settings.model_validate(
        {
            "database_url": database.dsn,
            "database_owner_url": database.owner_dsn,
            "object_store_url": object_store_url(data_dir),
        }
    )


@contextlib.asynccontextmanager
async def tenants(data_dir: Path) -> AsyncIterator[registry.Registry]:
    """Yield the tenants, for their owner: of DATABASE_OWNER_URL, else of a data directory, running or not.

    Enter from the main thread. Raises NotFound `database.missing`, Denied `database.not_yours` when the data
    directory belongs to another user, Unavailable.
    """
    try:
        with _owned(data_dir) as dsn:
            async with registry.opened(dsn) as found:
                yield found
    except PermissionError as cause:
        raise errors.Denied(
            "database.not_yours", f"{data_dir} is another user's; ask as the one who runs the platform."
        ) from cause


@contextlib.contextmanager
def _owned(data_dir: Path) -> Iterator[str]:
    """Yield where the owner of the schema logs in."""
    if named := settings.Settings().owner_dsn():
        yield named
        return
    if not (data_dir / "postgres" / "data" / "PG_VERSION").exists():
        raise errors.NotFound(
            "database.missing",
            f"There is no database under {data_dir}; name its --data, or another in DATABASE_OWNER_URL.",
        )
    with _at_work(data_dir) as database:
        yield database.owner_dsn


@contextlib.contextmanager
def _at_work(data_dir: Path) -> Iterator[embedded.EmbeddedDatabase]:
    """Yield the server of a data directory: the one that runs, else one for the while."""
    try:
        running = embedded.attached(data_dir)
    except errors.NotFound:
        with embedded_database(data_dir) as database:
            yield database
        return
    yield running


@contextlib.asynccontextmanager
async def open_stopped(data_dir: Path, *, clock: clocks.Clock | None = None) -> AsyncIterator[apps.App]:
    """Yield the service of a platform that does not run, on its data directory; enter from the main thread.

    Raises NotFound `database.missing` when there is none, Conflict `database.in_use` when it does run.
    """
    if not (data_dir / "postgres" / "data" / "PG_VERSION").exists():
        raise errors.NotFound("database.missing", f"There is no database under {data_dir}.")
    with embedded_database(data_dir) as database:
        async with compose(embedded_settings(data_dir, database), clock=clock) as app:
            yield app
