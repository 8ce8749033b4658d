"""python bench/growth.py: what a claim and a list cost while stored claims grow from a thousand to a million.

Storage runs as its own process with an embedded PostgreSQL, as `ultrathink up` starts them, and gets batches
as the claims room sends them (32 claims: one look-up, one record). Costs are processor time, of storage and
of all of PostgreSQL's processes, work in the background too; lists are waited for. At every mark a second
storage with about a thousand claims is measured in turns with the grown one: what the minute does to the
machine it does to both, and their ratio is the answer. All in temporary folders.
"""

import argparse
import asyncio
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import children
import growth_claims
import grpc
import keeping
from rich import box, console, table

from chassis import channels, identity, streams
from chassis import clock as clocks
from storage import compose as storage_compose
from storage.outbound import embedded
from ultrathink.common.v1 import common_pb2
from ultrathink.storage.v1 import storage_pb2, storage_pb2_grpc
from ultrathink_cli.outbound import loopback

MARKS = (1_000, 10_000, 100_000, 1_000_000)
BATCH, BULK = 32, 256  # claims of a measured batch, and of one that only fills
IN_FLIGHT = 2
LEAST = 480  # claims of a round, even where hardly more are stored
FEW, WARM, FEW_OF_A_ROUND = (
    512,
    256,
    256,
)  # claims of the storage beside: filled, sent unmeasured, and of a round
TIMES = 15  # of each list
MONTH_SECONDS = 30.4 * 86_400
SKEW = (
    Path(__file__).parents[1] / "tests" / "support" / "chaos" / "skew"
)  # a clock for the past months' storage
PATIENCE = 60.0
READY_SECONDS = 60.0
SETTLE_SECONDS = (
    35.0  # autovacuum looks every 30 s: statistics of what was filled are its work, not the measured one's
)
TOLD_SECONDS = 11.0  # an idle backend tells what it counted after ten
BYTES_PER_CLAIM = 9_000  # of disk at most, log included; so much must be free
BESIDE = " with a thousand"
TOUCHED = """
SELECT (SELECT sum(reads) FROM pg_stat_io WHERE backend_type = 'client backend'), wal_fpi FROM pg_stat_wal
"""
SCREEN = console.Console(width=120)
LISTS: dict[str, tuple[dict[str, str], str, int]] = {
    "newest": ({}, "", 50),
    "newest, 1,000 rows": ({}, "", 1_000),
    "worklist: open, dearest first": ({"review": "open"}, "-at_risk", 50),
    "at risk": ({}, "-at_risk", 50),
    "probability, ascending": ({}, "probability", 50),
    "submitted": ({}, "-submitted", 50),
    "one provider by probability": ({"provider": "PR-10007"}, "-probability", 50),
    "one payer, rejected": ({"payer": "PAYER-03", "verdict": "reject"}, "", 50),
    "a payer nobody has": ({"payer": "NOBODY"}, "", 50),
    "a status nobody has": ({"status": "paid"}, "", 50),
    "one claim by its number": ({"claim_id": "G-1"}, "", 50),
    "accepted of one provider": ({"provider": "PR-10007", "verdict": "accept"}, "-submitted", 50),
}

type Figures = dict[str, dict[str, list[float]]]


@children.ending()
def main() -> None:
    """Parse options, fill and measure mark by mark, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=MARKS[-1], help="stored claims of the last mark")
    parser.add_argument("--claims", type=int, default=3_200, help="claims of a measured round")
    parser.add_argument("--rounds", type=int, default=5, help="rounds per mark; the table shows medians")
    parser.add_argument("--months", type=int, default=1, help="months that stored claims were received in")
    options = parser.parse_args()
    marks = [mark for mark in MARKS if mark <= options.most]
    with _folder() as folder:
        free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
        if free < marks[-1] * BYTES_PER_CLAIM:
            sys.exit(f"{folder.parent} has {free >> 20} MiB free: too little for {marks[-1]:,} claims.")
        with _storage(folder) as running:
            raw = asyncio.run(_grow(running, marks, options.claims, options.rounds, options.months))
    _show(raw)
    SCREEN.print("raw rounds:", keeping.keep("growth", batch=BATCH, months=options.months, **raw))


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="growth-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL's user must get in
        yield folder


class Place(NamedTuple):
    """Where a storage keeps what it is given: its folder, its database, and the keys of who may call it."""

    folder: Path
    database: embedded.EmbeddedDatabase
    keys: identity.KeyFiles


class Behind(clocks.SystemClock):
    """A clock that is so many seconds behind."""

    def __init__(self, seconds: float) -> None:
        self._behind = timedelta(seconds=seconds)

    def now(self) -> datetime:
        """Return the instant that it shows."""
        return super().now() - self._behind


class Running:
    """Storage and its PostgreSQL, and how much they have worked."""

    def __init__(self, place: Place, pid: int, port: int, ago: float) -> None:
        self.place, self._database, self._pid, self.port = place, place.database, pid, port
        self.signer = identity.signer("claims", place.keys.private["claims"], Behind(ago))

    def earlier(self, ago: float) -> contextlib.AbstractContextManager["Running"]:
        """Return a second storage on the same database, to which it is so many seconds ago."""
        return _served(self.place, ago)

    def worked(self) -> dict[str, float]:
        """Return seconds of processor time so far: of storage, of PostgreSQL with what has ended."""
        server = self._database.pid
        if server is None:
            sys.exit("PostgreSQL is gone")
        ended = Path(f"/proc/{server}/stat").read_text().rsplit(")", 1)[1].split()[13:15]
        living = sum(_seconds(pid) for pid in (server, *_children(server)))
        return {
            "storage": _seconds(self._pid),
            "postgres": living + sum(map(int, ended)) / os.sysconf("SC_CLK_TCK"),
        }

    def touched(self) -> dict[str, int]:
        """Return pages read from outside of the buffers so far, and whole pages written to the log."""
        command = [str(self._database.program("psql")), self._database.address("postgres", "ultrathink")]
        told = subprocess.run(
            [*command, "-Atc", TOUCHED],
            env=self._database.client_environment(), check=True, capture_output=True, text=True,
        )  # fmt: skip
        return dict(zip(("pages_read", "page_images"), map(int, told.stdout.split("|")), strict=True))

    def size(self) -> int:
        """Return the bytes of the data folder."""
        found = (self.place.folder / "postgres" / "data").rglob("*")
        sizes = []
        for path in found:
            with contextlib.suppress(FileNotFoundError):
                sizes.append(path.stat().st_size)
        return sum(sizes)


def _seconds(pid: int) -> float:
    """Return the processor time of all threads of a process."""
    total = 0
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            total += int((thread / "schedstat").read_text().split()[0])
    return total / 1e9


def _children(parent: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


@contextlib.contextmanager
def _storage(folder: Path) -> Iterator[Running]:
    """Run storage as `ultrathink up` does: a process of its own beside an embedded PostgreSQL."""
    keys = identity.create_keys(folder / "keys", ["claims", "storage"])
    with (
        storage_compose.embedded_database(folder) as database,
        _served(Place(folder, database, keys)) as running,
    ):
        yield running


@contextlib.contextmanager
def _served(place: Place, ago: float = 0.0) -> Iterator[Running]:
    """Run a storage process on a database, with a clock that is so many seconds behind."""
    (port,) = loopback.free(1)
    environment = {
        **os.environ, **place.database.environment(),
        "OBJECT_STORE_URL": (place.folder / "objects").as_uri(),
        "ULTRATHINK_SERVICE_KEYS_FILE": str(place.keys.public),
        "ULTRATHINK_SERVICE_KEY_FILE": str(place.keys.private["storage"]),
        "ULTRATHINK_GRPC_BIND": f"127.0.0.1:{port}",
    }  # fmt: skip
    if ago:
        skew = place.folder / "skew"
        skew.write_text(f"storage {-ago}\n")
        environment |= {
            "PYTHONPATH": str(SKEW),
            "ULTRATHINK_SKEW_FILE": str(skew),
            "ULTRATHINK_SHARD": "past",
        }
    process = subprocess.Popen([sys.executable, "-m", "storage"], env=environment, stdout=subprocess.DEVNULL)
    try:
        yield Running(place, process.pid, port, ago)
    finally:
        process.terminate()
        process.wait(PATIENCE)


class Sender:
    """Sends batches to storage as the claims room does."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        stub = storage_pb2_grpc.ClaimStoreStub(channel)
        self._clock = clocks.SystemClock()
        self._asking = streams.BatchStream(stub.Lookup, clock=self._clock, resend=True)
        self._recording = streams.BatchStream(stub.Record, clock=self._clock, resend=True)
        self._reader = storage_pb2_grpc.ClaimReaderStub(channel)

    async def send(self, batches: list[growth_claims.Pair], *, ask: bool) -> None:
        """Record batches, two in flight; every claim must be new."""
        waiting = iter(batches)

        async def one_after_another() -> None:
            for question, batch in waiting:
                deadline = self._clock.monotonic() + PATIENCE
                if ask:
                    await self._asking.exchange(question, deadline=deadline)
                answer = await self._recording.exchange(batch, deadline=deadline)
                if not all(result.recorded.id and not result.recorded.replayed for result in answer.results):
                    sys.exit("a claim was not recorded")

        await asyncio.gather(*(one_after_another() for _ in range(IN_FLIGHT)))

    async def listed(self, filters: dict[str, str], sort: str, limit: int) -> float:
        """Return the milliseconds of one list."""
        context = common_pb2.Context(item_id="1", tenant="demo", subject="bench", remaining_ms=60_000)
        request = storage_pb2.ListClaimsRequest(context=context, filters=filters, sort=sort, limit=limit)
        began = time.perf_counter()
        await self._reader.ListClaims(request)
        return 1_000 * (time.perf_counter() - began)

    async def aclose(self) -> None:
        """End the streams."""
        await self._asking.aclose()
        await self._recording.aclose()


@contextlib.asynccontextmanager
async def _sender(running: Running) -> AsyncIterator[Sender]:
    channel = channels.open_channel(f"127.0.0.1:{running.port}", signer=running.signer)
    await asyncio.wait_for(channel.channel_ready(), READY_SECONDS)
    sender = Sender(channel)
    try:
        yield sender
    finally:
        await sender.aclose()
        await channel.close()


class Store:
    """A running storage, what sends to it, and the claims it was sent."""

    def __init__(self, running: Running, sender: Sender, made: growth_claims.Maker) -> None:
        self.running, self.sender, self.made = running, sender, made

    async def fill(self, most: int) -> None:
        """Record claims in large batches up to so many."""
        while self.made.count + BULK <= most:
            count = min(64, (most - self.made.count) // BULK)
            await self.sender.send([self.made.pair(BULK) for _ in range(count)], ask=False)

    async def cost(self, claims: int) -> dict[str, float]:
        """Return the microseconds of each process that a claim costs, look-up and record."""
        batches = [self.made.pair(BATCH) for _ in range(claims // BATCH)]
        before = self.running.worked()
        await self.sender.send(batches, ask=True)
        after = self.running.worked()
        return {name: 1e6 * (after[name] - before[name]) / (len(batches) * BATCH) for name in after}


@contextlib.asynccontextmanager
async def _store(running: Running, made: growth_claims.Maker) -> AsyncIterator[Store]:
    async with _sender(running) as sender:
        yield Store(running, sender, made)


async def _grow(
    running: Running, marks: list[int], most: int, rounds: int, months: int
) -> dict[str, Figures]:
    made = await growth_claims.Maker.of_claims_room(BATCH, BULK)
    raw: dict[str, Figures] = {"costs": {}, "pages": {}, "lists": {}, "sizes": {}}
    async with _store(running, made) as grown:
        for mark in marks:
            claims = min(most, max(LEAST, mark // 4))
            await _fill(grown, mark - claims * rounds // 2, months)
            if mark > marks[0]:
                await asyncio.sleep(SETTLE_SECONDS)
            touched = running.touched()
            raw["costs"][f"{mark}"] = await _costs(grown, claims, rounds)
            await asyncio.sleep(TOLD_SECONDS)
            raw["pages"][f"{mark}"] = {
                name: [(count - touched[name]) / (claims // BATCH * BATCH * rounds)]
                for name, count in running.touched().items()
            }
            raw["lists"][f"{mark}"] = {
                name: [await grown.sender.listed(*question) for _ in range(TIMES)]
                for name, question in LISTS.items()
            }
            raw["sizes"][f"{mark}"] = {"bytes_per_claim": [running.size() / made.count]}
            SCREEN.print(f"{made.count:,} claims stored")
    return raw


async def _fill(grown: Store, most: int, months: int) -> None:
    """Record claims up to so many, as many in each of the last months; measured is what comes in this one."""
    share = (most - grown.made.count) // months
    for month in reversed(range(1, months)) if share >= BULK else ():
        with grown.running.earlier(month * MONTH_SECONDS) as earlier:
            async with _store(earlier, grown.made) as past:
                await past.fill(past.made.count + share)
    await grown.fill(most)


async def _costs(grown: Store, claims: int, rounds: int) -> dict[str, list[float]]:
    """Return what a claim costs the grown storage and a small one beside it, in turns."""
    costs: dict[str, list[float]] = {}
    with _folder() as folder, _storage(folder) as running:
        async with _store(running, grown.made.fresh()) as few:
            await few.fill(FEW)
            await few.cost(WARM)
            for turn in range(rounds):
                order = [("", grown, claims), (BESIDE, few, FEW_OF_A_ROUND)]
                for name, store, count in order if turn % 2 else reversed(order):
                    for part, spent in (await store.cost(count)).items():
                        costs.setdefault(f"{part}{name}", []).append(spent)
    return costs


def ratio(costs: dict[str, list[float]], parts: tuple[str, ...]) -> float:
    """Return what parts cost at a mark against what they cost beside it, medians of the rounds' sums."""
    sums = [
        statistics.median(map(sum, zip(*(costs[f"{part}{name}"] for part in parts), strict=True)))
        for name in ("", BESIDE)
    ]
    return sums[0] / sums[1]


def _show(raw: dict[str, Figures]) -> None:
    marks = list(raw["costs"])
    shown = table.Table("", *(f"{int(mark):,}" for mark in marks), box=box.SIMPLE)
    for name in ("storage", f"storage{BESIDE}", "postgres", f"postgres{BESIDE}"):
        figures = [statistics.median(raw["costs"][mark][name]) for mark in marks]
        shown.add_row(f"{name}, µs per claim", *(f"{figure:.1f}" for figure in figures))
    for name, parts in (("postgres", ("postgres",)), ("together", ("storage", "postgres"))):
        ratios = [ratio(raw["costs"][mark], parts) for mark in marks]
        shown.add_row(f"{name}, against a thousand", *(f"{ratio:.2f}" for ratio in ratios))
    for name in raw["pages"][marks[0]]:
        shown.add_row(f"{name} per claim", *(f"{raw['pages'][mark][name][0]:.2f}" for mark in marks))
    for name in LISTS:
        shown.add_row(
            f"{name}, ms", *(f"{statistics.median(raw['lists'][mark][name]):.1f}" for mark in marks)
        )
    SCREEN.print(shown)


if __name__ == "__main__":
    main()
