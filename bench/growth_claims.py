"""Claims for bench/growth.py: batches that the claims room itself sent once, told again under new names."""

import contextlib
import hashlib
import random
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc

from chassis import apps, local
from claims import compose as claims_compose
from claims import settings as claims_settings
from payersim.usecases import simulate
from scoring import compose as scoring_compose
from scoring import settings as scoring_settings
from ultrathink.claims.v1 import claims_pb2, claims_pb2_grpc
from ultrathink.common.v1 import common_pb2
from ultrathink.storage.v1 import storage_pb2, storage_pb2_grpc
from ultrathink_cli.outbound import folders

SEED = 12
TEMPLATES = 512  # claims that are told again and again
CLAIMS_PER_PATIENT = 5  # at every mark: what is measured is the store's growth, not that of a patient's past
REMAINING_MS = 60_000

type Pair = tuple[storage_pb2.LookupRequest, storage_pb2.RecordRequest]


class _Store(storage_pb2_grpc.ClaimStoreServicer):
    """Keeps what the claims room asks and records; knows of no past."""

    def __init__(self) -> None:
        self.asked: list[storage_pb2.LookupRequest] = []
        self.recorded: list[storage_pb2.RecordRequest] = []

    async def Lookup(self, request_iterator: Any, context: Any) -> AsyncIterator[storage_pb2.LookupResponse]:  # noqa: N802
        """Answer that there is nothing."""
        del context
        async for request in request_iterator:
            self.asked.append(storage_pb2.LookupRequest.FromString(request.SerializeToString()))
            results = [
                storage_pb2.LookupResult(
                    item_id=item.context.item_id, past=[storage_pb2.PastAnswer() for _ in item.past]
                )
                for item in request.items
            ]
            yield storage_pb2.LookupResponse(batch_id=request.batch_id, results=results)

    async def Record(self, request_iterator: Any, context: Any) -> AsyncIterator[storage_pb2.RecordResponse]:  # noqa: N802
        """Answer that everything is recorded."""
        del context
        async for request in request_iterator:
            self.recorded.append(storage_pb2.RecordRequest.FromString(request.SerializeToString()))
            results = [
                storage_pb2.RecordResult(
                    item_id=item.context.item_id, recorded=storage_pb2.Recorded(id=f"{number:036}")
                )
                for number, item in enumerate(request.items)
            ]
            yield storage_pb2.RecordResponse(batch_id=request.batch_id, results=results)


class _Reader(storage_pb2_grpc.ClaimReaderServicer):
    """Knows one tenant."""

    async def GetTenant(self, request: storage_pb2.GetTenantRequest, context: Any) -> Any:  # noqa: N802
        """Return the tenant, whatever its name."""
        del context
        return storage_pb2.GetTenantResponse(
            tenant=request.tenant, review_threshold=0.5, default_regime="base", active=True
        )


class Maker:
    """Makes pairs of look-up and record: a fresh claim, patients that come again, the templates' services."""

    def __init__(self, templates: dict[int, list[Pair]]) -> None:
        self._templates, self._dice, self.count = templates, random.Random(SEED), 0  # noqa: S311 - no secret

    @classmethod
    async def of_claims_room(cls, *sizes: int) -> "Maker":
        """Send simulated claims through the claims room once, in batches of each size."""
        bodies = simulated(TEMPLATES)
        store = _Store()  # type: ignore[abstract]  # its other methods are not called
        templates: dict[int, list[Pair]] = {}
        async with _intake(store) as intake:
            for size in sizes:
                for start in range(0, len(bodies) - size + 1, size):
                    await intake.SubmitClaim(_submission(bodies[start : start + size]))
                pairs = zip(store.asked, store.recorded, strict=True)
                templates[size] = [pair for pair in pairs if len(pair[1].items) == size]
                store.asked.clear()
                store.recorded.clear()
        return cls(templates)

    def fresh(self) -> "Maker":
        """Return a maker of the same claims from the first one on."""
        return type(self)(self._templates)

    def pair(self, size: int) -> Pair:
        """Return the next batch of so many claims, and its look-up."""
        kept = self._templates[size]
        question, batch = storage_pb2.LookupRequest(), storage_pb2.RecordRequest()
        chosen = kept[(self.count // size) % len(kept)]
        question.CopyFrom(chosen[0])
        batch.CopyFrom(chosen[1])
        patients = [self._patient() for _ in range(size)]
        self._name(question, batch, patients)
        told = batch.history
        for column in (told.key, told.party):
            column[:] = [
                _key(one, patients[owner]) if one else one
                for one, owner in zip(column, told.item, strict=True)
            ]
        self.count += size
        return question, batch

    def _patient(self) -> str:
        return str(self._dice.randrange(1 + self.count // CLAIMS_PER_PATIENT))

    def _name(
        self, question: storage_pb2.LookupRequest, batch: storage_pb2.RecordRequest, patients: list[str]
    ) -> None:
        for place, (item, asked) in enumerate(zip(batch.items, question.items, strict=True)):
            name, patient = f"G-{self.count + place}", patients[place]
            hashed = hashlib.sha256(patient.encode()).hexdigest()
            item.natural_key, item.content_hash = name, self._dice.randbytes(32)
            item.context.remaining_ms = asked.context.remaining_ms = REMAINING_MS
            asked.claim_id = batch.claims.claim_id[place] = name
            asked.patient_key = batch.claims.patient_key[place] = hashed
            for one in asked.past:
                one.key = _key(one.key, patient)
                if one.party:
                    one.party = _key(one.party, patient)


def _key(key: bytes, patient: str) -> bytes:
    return hashlib.sha256(key + patient.encode()).digest()[:12]


def simulated(count: int) -> list[bytes]:
    """Return claims of the payer simulator as their senders wrote them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "claims"
        simulate.simulate(count, SEED, folder, regimes=("base",))
        return (folder / "claims.ndjson").read_bytes().splitlines()[:count]


@contextlib.asynccontextmanager
async def _intake(store: _Store) -> AsyncIterator["claims_pb2_grpc.ClaimIntakeAsyncStub"]:
    """Yield the door of a claims room with the demo's model behind it, and our store."""

    def register(server: grpc.aio.Server) -> None:
        storage_pb2_grpc.add_ClaimStoreServicer_to_server(store, server)
        reader = _Reader()  # type: ignore[abstract]  # its other methods are not called
        storage_pb2_grpc.add_ClaimReaderServicer_to_server(reader, server)

    methods = ("ClaimStore/Lookup", "ClaimStore/Record", "ClaimReader/GetTenant")
    callers = {f"/ultrathink.storage.v1.{method}": frozenset({"claims"}) for method in methods}
    keeper = apps.App(name="storage", register=register, service_names=(), callers=callers, ready=_ready)
    with tempfile.TemporaryDirectory() as name:
        key = Path(name) / "patient.key"
        key.write_bytes(bytes(32))
        configured = claims_settings.ClaimsSettings(
            packs_dir=folders.packs(), patient_key_file=key, rescore=False
        )
        judging = scoring_settings.ScoringSettings(bundle_dir=folders.bundle())
        async with (
            scoring_compose.compose(judging) as scorer,
            claims_compose.compose(
                configured,
                scoring_channel=local.LocalChannel(scorer, caller="claims"),
                storage_channel=local.LocalChannel(keeper, caller="claims"),
            ) as room,
        ):
            channel: grpc.aio.Channel = local.LocalChannel(room, caller="gateway")
            yield claims_pb2_grpc.ClaimIntakeStub(channel)


async def _ready() -> apps.Readiness:
    return apps.Readiness(ok=True, detail="")


def _submission(bodies: list[bytes]) -> claims_pb2.SubmitRequest:
    return claims_pb2.SubmitRequest(
        items=[
            claims_pb2.SubmitItem(
                context=common_pb2.Context(
                    item_id=str(number),
                    tenant="demo",
                    subject="bench",
                    roles=["biller"],
                    remaining_ms=REMAINING_MS,
                ),
                raw=claims_pb2.RawClaim(body=body, media_type="application/json"),
            )
            for number, body in enumerate(bodies)
        ]
    )
