"""Many recorded claims judged again, in processes beside each other; results come in the order of the claims.

Room: outbound. Each process loads the packs once. What waits is bounded, so that a reader of millions of
claims holds a few parts of them.
"""

import asyncio
import collections
import contextlib
import datetime as dt
import functools
import multiprocessing
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent import futures
from concurrent.futures import process
from pathlib import Path

import msgspec

from chassis import errors
from claims.domain import comparisons, replaying
from claims.domain.rules import engine, packs
from claims.outbound import pack_files

type Judge = Callable[[list[replaying.Recorded]], asyncio.Future[replaying.Judged]]

WAITING = 3  # parts per process that are read ahead: one at work, one behind it, one on its way


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to judge by: folders of packs and tables, the tenant, the day (None: each claim's own)."""

    directory: str
    over: tuple[str, ...] = ()
    tenant: str = ""
    as_of: dt.date | None = None


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far it is: everything up to the claim `last` is in the report."""

    report: comparisons.Report
    claims: int
    last: str


def load(plan: Plan) -> engine.Engine:
    """Return the engine of a plan; raises what loading packs raises."""
    found = pack_files.library(Path(plan.directory), [Path(folder) for folder in plan.over])
    book = found.tenants.get(plan.tenant, found.common)
    return engine.Engine(book.packs, book.tables)


def about(plan: Plan) -> dict[str, object]:
    """Return what a plan judges by: packs with their revisions, and rules that keep what was recorded."""
    judge = load(plan)
    kept = [rule.id for pack in judge.packs for rule in pack.rules if packs.needs_past(rule)]
    return {
        "tenant": plan.tenant,
        "as_of": "recorded" if plan.as_of is None else plan.as_of.isoformat(),
        "packs": [{"pack": pack.id, "revision": pack.revision} for pack in judge.packs],
        "kept_as_recorded": kept,
    }


async def replay(
    parts: AsyncIterator[Sequence[replaying.Recorded]], plan: Plan, *, workers: int
) -> AsyncIterator[Progress]:
    """Yield the growing report, part after part; one worker judges in a thread of this process.

    Raises what loading packs raises, and Unavailable `replay.worker_died` when a process is killed.
    """
    report = comparisons.Report()
    waiting: collections.deque[tuple[str, int, asyncio.Future[replaying.Judged]]] = collections.deque()
    claims = 0
    with _judging(plan, workers) as judge:
        async for part in parts:
            waiting.append((part[-1].id, len(part), judge(list(part))))
            while len(waiting) > WAITING * workers or (waiting and waiting[0][2].done()):
                last, count, future = waiting.popleft()
                claims += count
                yield _told(report, await _answer(future), claims, last)
        while waiting:
            last, count, future = waiting.popleft()
            claims += count
            yield _told(report, await _answer(future), claims, last)


async def _answer(future: "asyncio.Future[replaying.Judged]") -> replaying.Judged:
    try:
        return await future
    except process.BrokenProcessPool as cause:
        raise errors.Unavailable(
            "replay.worker_died", "A process that judged claims was killed; try again with fewer --workers."
        ) from cause


def _told(report: comparisons.Report, judged: replaying.Judged, claims: int, last: str) -> Progress:
    for found in judged.found:
        report.add(found)
    report.refuse(judged.unreadable)
    return Progress(report=report, claims=claims, last=last)


@contextlib.contextmanager
def _judging(plan: Plan, workers: int) -> Iterator[Judge]:
    """Yield a function that judges a part somewhere else; leaving drops what has not begun."""
    loop = asyncio.get_running_loop()
    pool: futures.Executor
    if workers == 1:
        here, pool = load(plan), futures.ThreadPoolExecutor(1)
        work = functools.partial(replaying.replay, judge=here, as_of=plan.as_of)
    else:
        spawned = multiprocessing.get_context("spawn")  # a fork would share the parent's gRPC threads
        pool = futures.ProcessPoolExecutor(workers, spawned, initializer=_begin, initargs=(plan,))
        work = functools.partial(_judge)
    try:
        yield lambda part: loop.run_in_executor(pool, work, part)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


class _Here:
    """What a worker process holds; made by its initializer."""

    judge: engine.Engine
    as_of: dt.date | None


def _begin(plan: Plan) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends its workers, with a partial report
    _Here.judge, _Here.as_of = load(plan), plan.as_of


def _judge(part: list[replaying.Recorded]) -> replaying.Judged:
    return replaying.replay(part, _Here.judge, _Here.as_of)
