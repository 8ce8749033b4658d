"""What a claim costs the claims process on its way, without transport: `python bench/claims_path.py`.

One process: the bytes of a batch are read, carried through the room with its real rules, look-up, score and
record, and the answer is written to bytes. The neighbours' answers are bytes prepared beforehand (scoring's
by the real room): what is measured is this room's own work, streams and coalescing included, without sockets
and neighbours. CPU time, medians of rounds; between two batches the processor's caches are filled with
something else, as neighbours on the same cores do.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import keeping
import numpy as np
import uvloop
from rich import box, console, table

from chassis import collecting, handlers, identity, local
from claims import compose
from claims import settings as configuration
from payersim.usecases import simulate
from scoring import compose as scoring_compose
from scoring import settings as scoring_configuration
from ultrathink.claims.v1 import claims_pb2
from ultrathink.common.v1 import common_pb2
from ultrathink.scoring.v1 import scoring_pb2, scoring_pb2_grpc
from ultrathink.storage.v1 import storage_pb2

ROOT = Path(__file__).parents[1]
SIZES = (1, 8, 32, 64, 256)
CLAIMS, SEED = 1_024, 12
REMAINING_MS = 60_000
QUIET_TURNS = 8  # of the loop until an answer comes: nothing comes back in the turn that asked
CALLS, FILE, CHUNK = "calls", "file", 256 * 1024
SERVICE = "/ultrathink.claims.v1.ClaimIntake"
SCREEN = console.Console(width=110)

type Answer = Callable[[Any], Any]


class Replies:
    """An open call to a neighbour: each request is written to bytes, each answer read from bytes."""

    def __init__(self, requests: Any, answer: Answer) -> None:
        self._requests, self._answer = requests, answer

    async def __aiter__(self) -> AsyncIterator[Any]:
        """Yield the answers, some turns of the loop later."""
        async for request in self._requests:
            request.SerializeToString()
            form, known = self._answer(request)
            for _ in range(QUIET_TURNS):
                await asyncio.sleep(0)
            told = form.FromString(known)
            told.batch_id = request.batch_id
            yield told

    def cancel(self) -> bool:
        """Do nothing: the call ends with its requests."""
        return False


class Neighbours:
    """Storage and scoring as a channel: answers by the first claim of a batch, made the first time."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, int], bytes] = {}
        self.scored: dict[tuple[str, str, int], scoring_pb2.ScoreRequest] = {}

    def stream_stream(self, method: str, **_: Any) -> Callable[[Any], Replies]:
        """Return the call of a stream."""
        answer = {"Record": self._record, "Lookup": self._lookup, "ScoreStream": self._score}.get(
            method.rsplit("/", 1)[1]
        )
        return lambda requests: Replies(requests, answer)  # type: ignore[arg-type]

    def unary_unary(self, method: str, **_: Any) -> Callable[..., Any]:
        """Return a call; one tenant is known."""

        async def call(*_: Any, **__: Any) -> Any:
            assert method.endswith("GetTenant"), method
            return storage_pb2.GetTenantResponse(
                tenant="demo", review_threshold=0.5, default_regime="base", active=True
            )

        return call

    unary_stream = stream_unary = unary_unary

    def keep_scores(self, request: scoring_pb2.ScoreRequest, answer: scoring_pb2.ScoreResponse) -> None:
        """Keep what scoring said of a batch."""
        self._known["score", str(request.claim_keys[0]), len(request.contexts)] = answer.SerializeToString()

    def _score(self, request: scoring_pb2.ScoreRequest) -> tuple[Any, bytes]:
        key = "score", str(request.claim_keys[0]), len(request.contexts)
        if key not in self._known:
            self.scored[key] = request
        return scoring_pb2.ScoreResponse, self._known.get(key, b"")

    def _record(self, request: storage_pb2.RecordRequest) -> tuple[Any, bytes]:
        key = "record", "", len(request.items)
        if key not in self._known:
            made = [
                storage_pb2.RecordResult(
                    item_id=str(at), recorded=storage_pb2.Recorded(id="0" * 36, recorded_at_ms=1)
                )
                for at in range(len(request.items))
            ]
            self._known[key] = storage_pb2.RecordResponse(results=made).SerializeToString()
        return storage_pb2.RecordResponse, self._known[key]

    def _lookup(self, request: storage_pb2.LookupRequest) -> tuple[Any, bytes]:
        key = "lookup", request.items[0].claim_id, len(request.items)
        if key not in self._known:
            made = [
                storage_pb2.LookupResult(
                    item_id=str(at),
                    provider=storage_pb2.Aggregate(claims=10, denied=1, net_minor=1_000),
                    patient=storage_pb2.Aggregate(claims=2, net_minor=100),
                    past=[storage_pb2.PastAnswer() for _ in item.past],
                )
                for at, item in enumerate(request.items)
            ]
            self._known[key] = storage_pb2.LookupResponse(results=made).SerializeToString()
        return storage_pb2.LookupResponse, self._known[key]


def main() -> None:
    """Parse options, measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="rounds; the table shows medians")
    parser.add_argument("--warm", action="store_true", help="leave the caches as they are")
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES, help="claims per batch")
    options = parser.parse_args()
    raw = uvloop.run(_measure(options.sizes, options.rounds, warm=options.warm))
    view = table.Table("claims a batch", *raw, box=box.SIMPLE_HEAD)
    view.add_row("µs CPU per claim", *(f"{statistics.median(one['us']):.0f}" for one in raw.values()))
    view.add_row("calls per claim", *(f"{one['calls'][0]:.0f}" for one in raw.values()))
    SCREEN.print(view)
    SCREEN.print(f"raw rounds in {keeping.keep('claims-path', per_claim=raw)}")


async def _measure(sizes: list[int], rounds: int, *, warm: bool) -> dict[str, dict[str, list[float]]]:
    bodies = _simulated()
    found: dict[str, dict[str, list[float]]] = {}
    neighbours = Neighbours()
    with tempfile.NamedTemporaryFile() as key:
        key.write(b"k" * 32)
        key.flush()
        settings = configuration.ClaimsSettings(
            packs_dir=ROOT / "packs", patient_key_file=Path(key.name), rescore=False
        )
        async with compose.compose(
            settings,
            scoring_channel=neighbours,  # type: ignore[arg-type]  # of a channel only its calls are there
            storage_channel=neighbours,  # type: ignore[arg-type]
        ) as app:
            served = handlers.collected(app.register)
            submit = handlers.behaviour(served[f"{SERVICE}/SubmitClaim"])
            stream = handlers.behaviour(served[f"{SERVICE}/StreamFile"])
            identity.enter(identity.Caller(service="gateway"))
            requests = {size: _requests(bodies, size) for size in sizes}
            for made in requests.values():
                for one in made:
                    await submit(claims_pb2.SubmitRequest.FromString(one), None)
            await _file(stream, bodies)
            await _prepare(neighbours)
            collecting.settle()
            for size, made in requests.items():
                counted = await _counted(submit, made)
                found[str(size)] = {"us": [], "calls": [counted / len(made) / size]}
            found[FILE] = {"us": [], "calls": [0]}
            for _ in range(rounds):
                for size, made in requests.items():
                    spent = await _spent(submit, made, warm=warm)
                    found[str(size)]["us"].append(spent / len(made) / size * 1e6)
                found[FILE]["us"].append(await _file(stream, bodies) / len(bodies) * 1e6)
    return found


async def _prepare(neighbours: Neighbours) -> None:
    """Let the real scoring room answer every batch once."""
    bundle = scoring_configuration.ScoringSettings(bundle_dir=ROOT / "packs/models/denial-demo")
    async with scoring_compose.compose(bundle) as app:
        stub: Any = scoring_pb2_grpc.ScorerStub(local.LocalChannel(app, caller="claims"))
        for request in neighbours.scored.values():
            neighbours.keep_scores(request, await stub.Score(request, timeout=60))


def _simulated() -> list[bytes]:
    with tempfile.TemporaryDirectory(prefix="ultrathink-bench-") as folder:
        simulate.simulate(2 * CLAIMS, SEED, Path(folder), regimes=("base",))
        return (Path(folder) / "claims.ndjson").read_bytes().splitlines()[:CLAIMS]


def _requests(bodies: list[bytes], size: int) -> list[bytes]:
    return [_request(bodies[at : at + size], at) for at in range(0, len(bodies), size)]


def _request(bodies: list[bytes], start: int) -> bytes:
    items = [
        claims_pb2.SubmitItem(
            context=common_pb2.Context(
                item_id=str(at), tenant="demo", subject="user", roles=["biller"],
                remaining_ms=REMAINING_MS, request_id=f"request-{start}-{at}",
            ),
            raw=claims_pb2.RawClaim(body=body, media_type="application/json"),
            accept="application/json",
        )
        for at, body in enumerate(bodies)
    ]  # fmt: skip
    return claims_pb2.SubmitRequest(batch_id=1, items=items).SerializeToString()


async def _spent(submit: Any, requests: list[bytes], *, warm: bool) -> float:
    """Return seconds of CPU for all batches, one after another."""
    other = np.ones(1 << 20)  # 8 MiB: more than a core keeps to itself
    spent = 0.0
    for one in requests:
        if not warm:
            other.sum()
        began = time.thread_time()
        answer = await submit(claims_pb2.SubmitRequest.FromString(one), None)
        answer.SerializeToString()
        spent += time.thread_time() - began
    return spent


async def _file(stream: Any, bodies: list[bytes]) -> float:
    """Return seconds of CPU for all claims as one file."""
    data = b"\n".join(bodies)

    async def chunks() -> AsyncIterator[Any]:
        first: dict[str, Any] = {
            "context": common_pb2.Context(tenant="demo", roles=["biller"], remaining_ms=REMAINING_MS),
            "media_type": "application/x-ndjson",
        }
        for at in range(0, len(data), CHUNK):
            yield claims_pb2.FileChunk(data=data[at : at + CHUNK], **(first if at == 0 else {}))

    began = time.thread_time()
    async for answer in stream(chunks(), None):
        answer.SerializeToString()
    return time.thread_time() - began


async def _counted(submit: Any, requests: list[bytes]) -> int:
    """Return how many functions of Python and C were called."""
    calls = 0

    def count(_: Any, event: str, __: Any) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    sys.setprofile(count)
    try:
        for one in requests:
            await submit(claims_pb2.SubmitRequest.FromString(one), None)
    finally:
        sys.setprofile(None)
    return calls


if __name__ == "__main__":
    main()
