"""Help for tests that need storage.

A PostgreSQL of the test session, a service on it, and claims to record.
"""

import contextlib
import hashlib
import json
import math
import os
import shutil
import signal
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg

from chassis import apps, errors, faults, local
from chassis import clock as clocks
from storage import compose, settings
from storage import testing as storage_testing
from storage.domain import views
from storage.outbound import embedded
from ultrathink.common.v1 import common_pb2
from ultrathink.storage.v1 import storage_pb2, storage_pb2_grpc

NO_INT = -(2**63)
REMAINING_MS = 60_000


@contextlib.contextmanager
def data_directory() -> Iterator[Path]:
    """Yield a fresh folder that the embedded server's user can reach (pytest's own are closed to it)."""
    folder = Path(tempfile.mkdtemp(prefix="ultrathink-test-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Server:
    """The session's PostgreSQL; each test gets a database of its own out of a migrated template."""

    def __init__(self, data_dir: Path, database: embedded.EmbeddedDatabase) -> None:
        self.data_dir, self.database = data_dir, database
        self._made = 0

    def dsn(self, name: str, *, owner: bool = False) -> str:
        """Return where the application (or the owner) logs in to a database of this server."""
        base = self.database.owner_dsn if owner else self.database.dsn
        return base.replace("/ultrathink?", f"/{name}?")

    def superuser_dsn(self, name: str) -> str:
        """Return where the superuser logs in, past every policy."""
        return self.database.superuser_dsn.replace("/postgres?", f"/{name}?", 1)

    async def fresh(self) -> str:
        """Return the name of a new, migrated, empty database."""
        self._made += 1
        name = f"test_{os.getpid()}_{self._made}"
        connection = await asyncpg.connect(self.database.superuser_dsn)
        try:
            await connection.execute(f"CREATE DATABASE {name} TEMPLATE ultrathink OWNER ultrathink_owner")
            await connection.execute(f"GRANT CONNECT ON DATABASE {name} TO ultrathink_app")
        finally:
            await connection.close()
        return name

    async def add_tenants(self, name: str, *tenants: views.Tenant) -> None:
        """Add tenants to a database of this server."""
        connection = await asyncpg.connect(self.dsn(name, owner=True))
        try:
            for tenant in tenants:
                await connection.execute(
                    "INSERT INTO ultrathink.tenants"
                    " (tenant, display_name, review_threshold, default_regime, active)"
                    " VALUES ($1, $2, $3, $4, $5)",
                    *(tenant.tenant, tenant.display_name, tenant.review_threshold),
                    *(tenant.default_regime, tenant.active),
                )
        finally:
            await connection.close()

    def settings(self, name: str, **changes: object) -> settings.Settings:
        """Return settings of a service on a database of this server, with objects beside it."""
        values: dict[str, object] = {
            "database_url": self.dsn(name),
            "database_owner_url": self.dsn(name, owner=True),
            "object_store_url": f"file://{self.data_dir}/objects-{name}",
        }
        return settings.Settings.model_validate(values | changes)


@contextlib.contextmanager
def embedded_postgres() -> Iterator[Server]:
    """Yield a running server whose database `ultrathink` is migrated and is the template of `fresh`."""
    import asyncio  # noqa: PLC0415 - only the session's set-up runs a loop of its own

    from storage.outbound import migrate  # noqa: PLC0415 - tests that need no server load no migrations

    with data_directory() as folder, compose.embedded_database(folder) as database:
        asyncio.run(migrate.upgrade(database.owner_dsn))
        yield Server(folder, database)
        if database.pid is not None:  # nobody needs the files again: no checkpoint of all those databases
            os.kill(database.pid, signal.SIGQUIT)


@contextlib.asynccontextmanager
async def service(
    server: Server, clock: clocks.Clock | None = None, name: str | None = None, **changes: object
) -> AsyncIterator["Stubs"]:
    """Yield stubs on a storage service over a fresh database (or the one named) of the session's server."""
    database = name or await server.fresh()
    async with compose.compose(server.settings(database, **changes), clock=clock) as app:
        yield Stubs(app, database)


@contextlib.asynccontextmanager
async def twin(clock: clocks.Clock | None = None, *tenants: views.Tenant) -> AsyncIterator["Stubs"]:
    """Yield stubs on a storage service over the in-memory twin."""
    configured = settings.Settings.model_validate({})
    world = storage_testing.world(*tenants)
    outside = compose.Outside(**{name: getattr(world, name) for name in compose.Outside.__struct_fields__})
    async with compose.serve(outside, configured, clock=clock or clocks.SystemClock()) as app:
        yield Stubs(app, "")


class Stubs:
    """The four doors, called in-process as the service `claims` (`cli` through `as_caller`)."""

    def __init__(self, app: apps.App, database: str) -> None:
        self.app, self.database = app, database
        channel = local.LocalChannel(app, caller="claims")
        self.store = storage_pb2_grpc.ClaimStoreStub(channel)
        self.reader = storage_pb2_grpc.ClaimReaderStub(channel)
        self.audit = storage_pb2_grpc.AuditLogStub(channel)
        self.objects = storage_pb2_grpc.ObjectsStub(channel)


def context(item_id: str = "1", tenant: str = "demo", key: str = "", **changes: object) -> common_pb2.Context:
    """Return an item's context."""
    values: dict[str, object] = {
        "item_id": item_id,
        "tenant": tenant,
        "subject": "biller@example.org",
        "remaining_ms": REMAINING_MS,
        "idempotency_key": key,
    }
    return common_pb2.Context(**(values | changes))  # type: ignore[arg-type]  # names of the contract


class Batch:
    """Builds a RecordRequest claim by claim; columns are kept in step."""

    def __init__(self) -> None:
        self.request = storage_pb2.RecordRequest()

    def add(
        self,
        claim_id: str,
        *,
        tenant: str = "demo",
        key: str = "",
        body: bytes | None = None,
        received: bytes = b"",
        lines: int = 3,
        item_id: str = "",
        service_keys: tuple[str, ...] = (),
        history: tuple[tuple[object, ...], ...] = (),
        **columns: object,
    ) -> "Batch":
        """Add one claim; `columns` replace values of its row.

        `history` holds (key, day, quantity, mark) of each row, and its party where they have one.
        """
        place = len(self.request.items)
        document = body if body is not None else claim_document(claim_id, lines)
        self.request.items.append(
            storage_pb2.RecordItem(
                context=context(item_id or str(place), tenant, key),
                natural_key=f"P1|claim|{claim_id}",
                content_hash=hashlib.sha256(document).digest(),
                claim_json=document,
                decision_json=decision_document(claim_id),
                received_body=received,
                received_media_type="application/json" if received else "",
            )
        )
        for name, value in (claim_row(claim_id) | columns).items():
            getattr(self.request.claims, name).append(value)
        for number in range(1, lines + 1):
            service_key = service_keys[number - 1] if number <= len(service_keys) else ""
            for name, value in line_row(place, number, service_key).items():
                getattr(self.request.lines, name).append(value)
        for number, (past_key, day, quantity, mark, *party) in enumerate(history, start=1):
            row = {
                "item": place,
                "line": number,
                "key": past_key,
                "day": day,
                "quantity_e4": quantity,
                "mark": mark,
                **({"party": party[0]} if party else {}),
            }
            for name, value in row.items():
                getattr(self.request.history, name).append(value)
        finding = {
            "item": place,
            "rule": "base.sum",
            "severity": "warning",
            "line": 1,
            "path": "lines[0].net",
        }
        for name, value in finding.items():
            getattr(self.request.findings, name).append(value)
        return self


def claim_row(claim_id: str) -> dict[str, object]:
    """Return the columns of an ordinary claim."""
    return {
        "claim_id": claim_id,
        "claim_id_system": "",
        "use": "claim",
        "type": "professional",
        "regime": "base",
        "provider_id": "P1",
        "provider_branch": "riyadh",
        "payer_id": "7001571327",
        "patient_key": "a2b4c6d8e0f2",
        "currency": "SAR",
        "submitted_minor": 15_000,
        "payer_share_minor": 15_000,
        "service_from_day": 20_666,
        "service_to_day": 20_666,
        "verdict": "accept",
        "wire_status": "received",
        "business_status": "draft",
        "review_status": "none",
        "score_state": "scored",
        "probability": 0.125,
        "at_risk_minor": 1_875,
        "model_revision": "demo-1",
    }


def line_row(item: int, sequence: int, service_key: str = "") -> dict[str, object]:
    """Return the columns of one line."""
    return {
        "item": item,
        "sequence": sequence,
        "code": "G0103",
        "system": "hcpcs",
        "service_day": 20_666,
        "quantity_e4": 10_000,
        "net_minor": 5_000,
        "patient_share_minor": 0,
        "probability": math.nan,
        "at_risk_minor": NO_INT,
        "service_key": service_key,
    }


def claim_document(claim_id: str, lines: int = 3) -> bytes:
    """Return canonical JSON of about the usual size."""
    line = {
        "code": "G0103",
        "system": "hcpcs",
        "service_date": "2026-08-01",
        "quantity": 1,
        "unit_price": 50.00,
    }
    claim = {
        "claim_id": claim_id,
        "type": "professional",
        "use": "claim",
        "provider": {"id": "P1", "type": "hospital", "branch": "riyadh"},
        "patient": {"id": "1012345678", "birth_date": "1984-05-02", "sex": "male"},
        "insurance": [
            {"sequence": 1, "focal": True, "coverage": {"member_id": "M-0001", "payer": "7001571327"}}
        ],
        "lines": [line | {"sequence": number + 1, "net": 50.00, "factor": 1} for number in range(lines)],
        "total": 50.00 * lines,
    }
    return json.dumps(claim).encode()


def decision_document(claim_id: str) -> bytes:
    """Return a decision without an id, about as long as a real one."""
    finding = {
        "rule": "base.sum",
        "severity": "warning",
        "path": "lines[0].net",
        "message": {"en": "…", "ar": "…"},
    }
    decision = {"claim_id": claim_id, "verdict": "accept", "findings": [finding], "nonce": uuid.uuid4().hex}
    return json.dumps(decision).encode()


def reason_of(refused: BaseException) -> str:
    """Return the reason of a refused call, however the channel tells it."""
    if isinstance(refused, errors.Fault):
        return refused.reason
    return faults.from_rpc(refused).reason  # type: ignore[arg-type]  # stubs raise nothing else


async def record(storage: Stubs, batch: Batch) -> list[storage_pb2.RecordResult]:
    """Return the results of a batch."""
    return list((await storage.store.RecordBatch(batch.request)).results)


async def recorded(storage: Stubs, *claim_ids: str, **columns: object) -> list[str]:
    """Record ordinary claims in one batch and return their ids."""
    batch = Batch()
    for claim_id in claim_ids:
        batch.add(claim_id, **columns)  # type: ignore[arg-type]  # columns of a row
    return [result.recorded.id for result in await record(storage, batch)]


async def verified(storage: Stubs, tenant: str = "") -> storage_pb2.VerifyResponse:
    """Return the last message of a walk over the chains."""
    last = storage_pb2.VerifyResponse()
    async for message in storage.audit.Verify(storage_pb2.VerifyRequest(tenant=tenant)):
        last = message
    return last


def changed(identifier: str, **fields: object) -> storage_pb2.RecordChangeRequest:
    """Return a reviewer's decision on a claim at its first revision."""
    values: dict[str, object] = {
        "context": context(),
        "id": identifier,
        "expected_revision": 1,
        "event": "review.decided",
        "decision_json": b'{"verdict":"reject"}',
        "verdict": "reject",
        "review_status": "decided",
        "probability": math.nan,
        "at_risk_minor": NO_INT,
    }
    return storage_pb2.RecordChangeRequest(change=storage_pb2.Change(**(values | fields)))  # type: ignore[arg-type]
