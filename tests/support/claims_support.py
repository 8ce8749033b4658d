"""Claims, contexts and a composed service over twins, for the tests of the claims room."""

import contextlib
import datetime as dt
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from chassis import apps, contexts, local, tokens
from chassis import clock as clocks
from chassis import testing as chassis_testing
from claims import compose, ports, settings, testing
from claims.domain import amounts, decisions, documents, histories, identities, lifecycle, windows
from claims.domain.rules import catalogue, tables
from claims.testing import records as memory
from claims.testing import suggestions
from formats import canonical, hashing, model
from ultrathink.claims.v1 import claims_pb2, claims_pb2_grpc
from ultrathink.common.v1 import common_pb2

KEY = b"k" * 32

LINE: dict[str, Any] = {
    "sequence": 1,
    "code": "G0103",
    "system": "hcpcs",
    "service_date": "2026-08-01",
    "quantity": 1,
    "unit_price": 150.0,
    "factor": 1,
    "tax": 0.0,
    "net": 150.0,
    "patient_share": 30.0,
}


def claim(number: int = 1, **overrides: Any) -> dict[str, Any]:
    """Return a plain canonical claim; every number is another patient's."""
    whole: dict[str, Any] = {
        "claim_id": f"CLM-{number:06d}",
        "type": "professional",
        "use": "claim",
        "regime": "base",
        "created": "2026-08-01T09:30:00Z",
        "currency": "SAR",
        "provider": {"id": "10000000000101", "type": "hospital", "branch": "riyadh"},
        "patient": {
            "id": f"10{number:08d}",
            "id_type": "national_id",
            "birth_date": "1984-05-02",
            "sex": "male",
            "name": "Secret Person",
        },
        "insurance": [
            {
                "sequence": 1,
                "focal": True,
                "coverage": _coverage(number),
            }
        ],
        "diagnoses": [{"sequence": 1, "code": "E11.9", "system": "icd-10-cm", "type": ["principal"]}],
        "lines": [dict(LINE)],
        "total": 150.0,
    }
    return whole | overrides


def _coverage(number: int) -> dict[str, Any]:
    return {"member_id": f"MEMBER-{number:06d}", "payer": "7001571327"}


def looking(follow_up: int | None = 14, frequency: int | None = 30) -> windows.Windows:
    """Return how far back the ordinary line's code looks: as a visit, and for its frequency."""
    return windows.Windows(
        tables.Tables([
            _table("visits", {"follow_up_days": "integer"}, (follow_up,)),
            _table("frequency", {"days": "integer", "quantity": "number"}, (frequency, 1)),
        ])
    )  # fmt: skip


def _table(name: str, fields: dict[str, str], row: tuple[int | None, ...]) -> tables.Table:
    rows = {} if row[0] is None else {"HCPCS|G0103": row}
    period = tables.Period(first=dt.date(2026, 1, 1), last=dt.date(2026, 12, 31), revision="1", rows=rows)
    return tables.Table(name=name, fields=fields, dotless=False, periods=(period,), key=("system", "code"))


def body(number: int = 1, **overrides: Any) -> bytes:
    """Return a claim as JSON."""
    return msgspec.json.encode(claim(number, **overrides))


def wire(**overrides: Any) -> common_pb2.Context:
    """Return the context of an ordinary item of the gateway."""
    told: dict[str, Any] = {
        "item_id": "1",
        "tenant": "demo",
        "subject": "user-1",
        "roles": ["biller"],
        "remaining_ms": 10_000,
    }
    return common_pb2.Context(**(told | overrides))


def item(sent: bytes, *, media_type: str = "application/json", accept: str = "", **context: Any) -> Any:
    """Return one item of a batch."""
    return claims_pb2.SubmitItem(
        context=wire(**context),
        raw=claims_pb2.RawClaim(body=sent, media_type=media_type),
        accept=accept,
    )


def batch(bodies: Sequence[bytes], *, dry_run: bool = False, **context: Any) -> claims_pb2.SubmitRequest:
    """Return a batch of claims whose item ids are their places, counted from 1."""
    items = [item(sent, **({"item_id": str(place)} | context)) for place, sent in enumerate(bodies, start=1)]
    return claims_pb2.SubmitRequest(batch_id=1, items=items, dry_run=dry_run)


def finding(severity: decisions.Severity = "error", **overrides: Any) -> decisions.Finding:
    """Return a finding of a rule that exists only here."""
    told: dict[str, Any] = {
        "rule": "T-1",
        "severity": severity,
        "path": "lines[0].net",
        "line": 1,
        "message": decisions.Bilingual(en="Wrong.", ar="خطأ."),
    }
    return decisions.Finding(**(told | overrides))


def decided(
    claim: model.Claim, *, context: contexts.CallContext | None = None, body: bytes = b""
) -> ports.Submission:
    """Return a claim on its way into the record, not scored and therefore in review."""
    context = context or chassis_testing.context()
    sums = amounts.add_up(claim)
    decision = decisions.Decision(
        claim_id=claim.claim_id or "",
        content_hash="",
        use=claim.use,
        type=claim.type,
        regime=claim.regime or "base",
        status=lifecycle.begin("review"),
        verdict="review",
        thresholds=decisions.Thresholds(review=0.5),
        as_of="2026-08-01",
        findings=[finding(line=None, path="total"), finding("info")],
        not_checked=[],
        risk=decisions.Risk(state="not_scored", reason="scoring.unavailable"),
        amounts=amounts.shown(sums),
        received_at="",
        decided_at="",
    )
    identity = identities.identify(claim, tenant=context.tenant, key=KEY)
    return ports.Submission(
        context=context,
        claim=claim,
        claim_json=canonical.encode_as_sent(claim),
        content_hash=hashing.content_hash(claim),
        decision=decision,
        document=documents.encode(decision),
        identity=identity,
        left=histories.leaves(claim, identity),
        sums=sums,
        body=body,
        media_type="application/json",
    )


class World:
    """The service over twins, with its stubs."""

    def __init__(
        self,
        clock: clocks.Clock,
        *,
        book: catalogue.Catalogue | None = None,
        rules: ports.TenantRules | None = None,
        **options: Any,
    ) -> None:
        self.clock = clock
        self.store = memory.MemoryStore(clock)
        self.rules = testing.FakeRules()
        self.scorer = testing.FakeScorer()
        self.completer = suggestions.FakeCompleter()
        self.tenants = testing.MemoryTenants()
        self.directory = tempfile.TemporaryDirectory()
        self.settings = configured(Path(self.directory.name), **options)
        rooms = compose.Rooms(
            rules=rules or self.rules,
            tenants=self.tenants,
            scorer=self.scorer,
            completer=self.completer,
            store=self.store,
            archive=self.store,
            patient_key=KEY,
            book=book or catalogue.empty(),
        )
        self.app = compose.assemble(self.settings, rooms, clock, _ready)

    def channel(
        self, caller: str = "gateway", *, principal: tokens.Principal | None = None
    ) -> local.LocalChannel:
        """Return a channel of this caller into the service."""
        return local.LocalChannel(self.app, caller="" if principal else caller, principal=principal)


def configured(directory: Path, **options: Any) -> settings.ClaimsSettings:
    """Return settings whose files lie in a directory."""
    key = directory / "patient.key"
    key.write_bytes(KEY)
    told: dict[str, Any] = {"packs_dir": directory, "patient_key_file": key, "rescore": False}
    return settings.ClaimsSettings(**(told | options))


@contextlib.asynccontextmanager
async def world(clock: clocks.Clock | None = None, **options: Any) -> AsyncIterator[World]:
    """Yield a service over twins; `options` are settings."""
    made = World(clock or chassis_testing.ManualClock(), **options)
    with made.directory:
        yield made


@contextlib.asynccontextmanager
async def intake(made: World, caller: str = "gateway", **who: Any) -> AsyncIterator[Any]:
    """Yield a stub of ClaimIntake."""
    channel = made.channel(caller, **who)
    try:
        yield claims_pb2_grpc.ClaimIntakeStub(channel)
    finally:
        await channel.close()


@contextlib.asynccontextmanager
async def desk(made: World, caller: str = "gateway", **who: Any) -> AsyncIterator[Any]:
    """Yield a stub of ClaimDesk."""
    channel = made.channel(caller, **who)
    try:
        yield claims_pb2_grpc.ClaimDeskStub(channel)
    finally:
        await channel.close()


async def submit(made: World, request: claims_pb2.SubmitRequest, caller: str = "gateway") -> list[Any]:
    """Return the results of one batch."""
    async with intake(made, caller) as stub:
        return list((await stub.SubmitClaim(request)).results)


def user(role: str, years: int = 1) -> tokens.Principal:
    """Return a user whose token lasts for so many years from the tests' now."""
    end = chassis_testing.START.replace(year=chassis_testing.START.year + years)
    return tokens.Principal(tenant="demo", subject="user-9", roles=(role,), expires_at=end)


async def refused(made: World, sent: bytes, **options: Any) -> common_pb2.Error:
    """Return the error of one item, after checking that nothing was recorded."""
    request = claims_pb2.SubmitRequest(items=[item(sent, **options)])
    (result,) = await submit(made, request)
    assert result.HasField("error"), result
    assert made.store._entries == {}
    error: common_pb2.Error = result.error
    return error


def document(result: claims_pb2.SubmitResult) -> dict[str, Any]:
    """Return the decision a result carries."""
    told: dict[str, Any] = msgspec.json.decode(result.rendered.body)
    return told


async def _ready() -> apps.Readiness:
    return apps.Readiness(ok=True)
