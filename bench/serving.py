"""Scoring beside MLServer over gRPC on loopback: `python bench/serving.py [--rounds 5] [--seconds 3]`.

Both serve the same line forest on one thread of onnxruntime. MLServer gets ready matrices of its 67 features
and answers margins. Ours gets claims as columns, makes the features, scores lines and claims, calibrates, and
for what is flagged adds likely reasons and exact contributions; every call is authenticated. Messages are
made beforehand, and one client with the same loop measures both. Rounds are interleaved, medians shown.
"""

import ultrathink_cli  # noqa: F401, I001 - first, for it sets gRPC up as in `ultrathink up`

import argparse
import asyncio
import itertools
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import children
import keeping
import mlserver_peer
import numpy as np
import ready_rows
import uvloop

from chassis import channels, clock, identity
from formats import canonical
from formats import rows as row_schema
from payersim.usecases import simulate
from scoring.domain import features, forests
from scoring.inbound import converters
from scoring.outbound import bundles
from ultrathink.common.v1 import common_pb2
from ultrathink.scoring.v1 import scoring_pb2
from ultrathink_cli.outbound import loopback

type Unary = grpc.aio.UnaryUnaryMultiCallable[Any, Any]

ROOT = Path(__file__).parents[1]
BUNDLE = ROOT / "packs/models/denial-demo"
REVISION = bundles.revision(BUNDLE)  # asking for columns and knowing their labels, as a steady caller does
SCORE = "/ultrathink.scoring.v1.Scorer/Score"
HISTORY = row_schema.History(30, 5, 1)
SEED = 12
MESSAGES = 400  # different requests of a kind, sent in turn
CALLERS, BULK_CALLERS, BULK_ROWS = 64, 8, 100
READY_SECONDS = 30.0

ONE, CLIENT, HUNDRED = "one row per call", "through our client", "100 rows per call"
PLAIN = "probabilities alone"  # what the peer answers
WITH = "with reasons"  # what the claims room asks for
GOALS = {ONE: 2.5, CLIENT: 12.0, HUNDRED: 2.5}

type Ask = Callable[[], Awaitable[Any]]


class Served(NamedTuple):
    """Where ours listens: gRPC's server, and the room's own door, which speaks gRPC too; and who may call."""

    target: str
    door: str
    signer: identity.ServiceSigner


class Work(NamedTuple):
    """What is sent: one row a call and a hundred, for ours and for the peer, and rows for our client."""

    ours: dict[str, list[bytes]]
    peers: dict[str, list[np.ndarray]]
    ready: list[ready_rows.Item]
    margins: np.ndarray


def measure(rounds: int, seconds: float) -> list[dict[str, object]]:
    """Return a row of `make bench` per kind of call: rows per second of ours and of the peer.

    Without MLServer the peer's figure and the ratio are None, and `word` says why.
    """
    raw, word = _measured(rounds, seconds)
    kept = keeping.keep("scoring", rounds=raw, peer=word or "measured")
    print(f"raw rounds in {kept}")
    return [_row(raw, name, told, goal, word) for name, goal in GOALS.items() for told in (PLAIN, WITH)]


def _row(
    raw: dict[str, list[dict[str, float]]], name: str, told: str, goal: float, word: str
) -> dict[str, object]:
    ours = statistics.median(one["per_second"] for one in raw[f"ours|{name}, {told}"])
    theirs = raw.get(f"mlserver|{ONE if name == CLIENT else name}")
    peer = statistics.median(one["per_second"] for one in theirs) if theirs else None
    ratio = ours / peer if peer else None
    return {
        "name": f"scoring, {name}, {told}",
        "ours": ours,
        "peer": peer,
        "ratio": ratio,
        "goal": goal,
        "word": word,
    }


def _measured(rounds: int, seconds: float) -> tuple[dict[str, list[dict[str, float]]], str]:
    """Return the rounds by side and kind of call, and why the peer is not among them."""
    with tempfile.TemporaryDirectory(prefix="ultrathink-bench-") as name, ExitStack() as stack:
        folder, word = Path(name), ""
        work = _work(folder)
        ours = stack.enter_context(_ours(folder))
        peer: tuple[str, dict[str, list[bytes]]] | None = None
        try:
            python = mlserver_peer.install()
            requests = {kind: mlserver_peer.encode(python, sent, folder) for kind, sent in work.peers.items()}
            port = stack.enter_context(mlserver_peer.serving(python, BUNDLE / "line.onnx", folder))
            peer = f"127.0.0.1:{port}", requests
            _agree(python, folder, peer[0], requests[ONE], work.margins)
        except mlserver_peer.NotInstalledError as error:
            word = str(error)
        return uvloop.run(_rounds(work, ours, peer, rounds, seconds)), word


async def _rounds(
    work: Work,
    ours: Served,
    peer: tuple[str, dict[str, list[bytes]]] | None,
    rounds: int,
    seconds: float,
) -> dict[str, list[dict[str, float]]]:
    raw: dict[str, list[dict[str, float]]] = {}
    async with (
        channels.open_channel(ours.target, signer=ours.signer, streams=ours.door) as channel,
        grpc.aio.insecure_channel(ours.door) as plain,
        grpc.aio.insecure_channel(peer[0] if peer else ours.door) as other,
    ):
        clients = {
            told: ready_rows.Client(channel, clock.SystemClock(), plain=told == PLAIN)
            for told in (PLAIN, WITH)
        }
        proof = (ours.signer.metadata(SCORE),)
        kinds: list[tuple[str, Ask, int, int]] = []
        for kind, callers, size in ((ONE, CALLERS, 1), (HUNDRED, BULK_CALLERS, BULK_ROWS)):
            for told in (PLAIN, WITH):
                name = f"{kind}, {told}"
                ask = _sent(plain.unary_unary(SCORE), work.ours[name], proof)
                kinds.append((f"ours|{name}", ask, callers, size))
            if peer:
                call: Unary = other.unary_unary(mlserver_peer.METHOD)
                kinds.append((f"mlserver|{kind}", _sent(call, peer[1][kind], ()), callers, size))
        items = itertools.cycle(work.ready)
        for told, client in clients.items():
            kinds.append((f"ours|{CLIENT}, {told}", _scored(client, items), CALLERS, 1))
        for _, ask, callers, size in kinds:
            await _crowd(ask, callers, size, 1.0)
        for _ in range(rounds):
            for name, ask, callers, size in kinds:
                raw.setdefault(name, []).append(await _crowd(ask, callers, size, seconds))
        for client in clients.values():
            await client.aclose()
    return raw


def _scored(client: ready_rows.Client, items: Iterator[ready_rows.Item]) -> Ask:
    """Return what lets our client score the next item."""
    return lambda: client.score(next(items))


def _sent(call: Any, messages: list[bytes], proof: tuple[Any, ...]) -> Ask:
    """Return what sends the next message as it stands."""
    turn = itertools.cycle(messages)
    return lambda: call(next(turn), metadata=proof)


async def _crowd(ask: Ask, callers: int, size: int, seconds: float) -> dict[str, float]:
    """Return rows per second and latencies of callers who ask again once they are answered."""
    taken: list[float] = []
    ends = time.perf_counter() + seconds

    async def one() -> None:
        while (began := time.perf_counter()) < ends:
            await ask()
            taken.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(callers)))
    rate = len(taken) * size / (time.perf_counter() - began)
    taken.sort()
    return {
        "per_second": rate,
        "p50_ms": taken[len(taken) // 2] * 1e3,
        "p99_ms": taken[int(len(taken) * 0.99)] * 1e3,
    }


def _work(folder: Path) -> Work:
    """Return claims of the simulated world as each side wants them."""
    simulate.simulate(3_000, SEED, folder / "claims", regimes=("base",))
    written = (folder / "claims" / "claims.ndjson").read_bytes().splitlines()
    claims = [canonical.decode(one) for one in written]
    random.Random(SEED).shuffle(claims)  # noqa: S311 - an order, no secret
    lone = [claim for claim in claims if len(claim.lines) == 1][:MESSAGES]
    hundreds = [list(one) for one in itertools.islice(_hundreds(claims), 20)]
    asked = {ONE: [[claim] for claim in lone], HUNDRED: hundreds}
    schema = bundles.load(BUNDLE).model.features
    matrices = {
        kind: [features.matrices(schema, converters.to_rows(_wire(part))).lines for part in parts]
        for kind, parts in asked.items()
    }
    forest = bundles.load_forest(bundles.read_arrays(BUNDLE / "trees.npz"), "line")
    return Work(
        ours={
            f"{kind}, {told}": [_request(part, plain=told == PLAIN) for part in parts]
            for kind, parts in asked.items()
            for told in (PLAIN, WITH)
        },
        peers=matrices,
        ready=[ready_rows.item(claim, HISTORY) for claim in lone],
        margins=forests.margins(forest, np.concatenate(matrices[ONE]))[:, 0],
    )


def _hundreds(claims: list[Any]) -> Iterator[list[Any]]:
    """Yield groups of claims that have a hundred lines together."""
    part: list[Any] = []
    count = 0
    for claim in claims:
        if count + len(claim.lines) <= BULK_ROWS:
            part.append(claim)
            count += len(claim.lines)
        if count == BULK_ROWS:
            yield part
            part, count = [], 0


def _wire(part: list[Any]) -> scoring_pb2.Rows:
    return row_schema.pack(part, [HISTORY] * len(part))


def _request(part: list[Any], *, plain: bool) -> bytes:
    contexts = [
        common_pb2.Context(item_id=str(place), tenant="demo", remaining_ms=600_000)
        for place in range(len(part))
    ]
    return scoring_pb2.ScoreRequest(
        contexts=contexts,
        rows=_wire(part),
        columnar=True,
        known_revisions=[REVISION],
        probabilities_only=plain,
    ).SerializeToString()


@contextmanager
def _ours(folder: Path) -> Iterator[Served]:
    """Serve the bundle in a process of its own, with both doors as in `ultrathink up`."""
    keys = identity.create_keys(folder / "keys", ["claims", "scoring"])
    file, (port,) = folder / "address", loopback.free(1)
    door = f"127.0.0.1:{port}"
    settings = {
        "ULTRATHINK_BUNDLE_DIR": str(BUNDLE), "ULTRATHINK_SERVICE_KEYS_FILE": str(keys.public),
        "ULTRATHINK_GRPC_ADDRESS_FILE": str(file), "ULTRATHINK_STREAMS_BIND": door,
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "scoring"], env={**os.environ, **settings}, stdout=subprocess.DEVNULL
    )
    try:
        ends = time.monotonic() + READY_SECONDS
        while not file.exists():
            assert time.monotonic() < ends, "scoring did not start"
            assert process.poll() is None, "scoring ended"
            time.sleep(0.05)
        signer = identity.signer("claims", keys.private["claims"], clock.SystemClock())
        assert signer is not None
        yield Served(file.read_text(), door, signer)
    finally:
        process.terminate()
        process.wait(20)


def _agree(python: Path, folder: Path, address: str, requests: list[bytes], margins: np.ndarray) -> None:
    """Raise unless the peer says of our rows what the trees say."""

    async def asked() -> list[bytes]:
        async with grpc.aio.insecure_channel(address) as channel:
            call: Unary = channel.unary_unary(mlserver_peer.METHOD)
            return [await call(request) for request in requests[:20]]

    told = np.concatenate(mlserver_peer.decode(python, asyncio.run(asked()), folder))
    np.testing.assert_allclose(told, margins[: len(told)], atol=1e-5)


@children.ending()
def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="length of one round of one kind")
    options = parser.parse_args()
    for row in measure(options.rounds, options.seconds):
        peer, ratio, goal = row["peer"], row["ratio"], row["goal"]
        judged = row["word"] if ratio is None else "pass" if ratio >= goal else "short"  # type: ignore[operator]
        shown = f"{peer:>10,.0f} {ratio:>6.1f} x" if ratio else f"{'-':>10} {'-':>8}"
        print(f"{row['name']:<32} {row['ours']:>10,.0f} rows/s {shown}  goal {goal} x  {judged}")


if __name__ == "__main__":
    main()
