"""make bench: measure ours and the peers in turns, print the table, keep the raw rounds."""

import argparse
import asyncio
import functools
import os
import re
import statistics
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import bulk
import children
import explaining
import keeping
import load
import serving
import start
import systems
from peers import model
from rich import box, console, table

from payersim.usecases import simulate

HERE = Path(__file__).parent
SEED = 11
SCREEN = console.Console(width=130)  # the table needs it, in a file as on a screen

# (row, ours, peer, callers, goal as a ratio) of performance.md's table that this stage measures
GOALS = (
    ("one claim per request, 64 callers", "ours", "naive chain", 64, 25.0),
    ("same, --single", "ours --single", "naive monolith", 64, 35.0),
    ("1 caller", "ours", "naive chain", 1, 2.5),
    ("64 callers, beside a chain of equal work", "ours", "equal chain", 64, 25.0),
    ("--single, beside a monolith of equal work", "ours --single", "equal monolith", 64, 35.0),
    ("1 caller, beside a chain of equal work", "ours", "equal chain", 1, 2.5),
)
P99_GOAL = 10.0  # times the chain's
P99 = (
    ("p99 at 64 callers, ms", "naive chain"),
    ("p99, beside a chain of equal work, ms", "equal chain"),
)
# (row, ours, peer, the peer's name, goal as a ratio or None for what is told only) of files
BULK = (
    ("NDJSON bulk", "ours", "limit", "in-process limit", 0.5),
    ("NDJSON bulk", "ours", "orm", "batched ORM", 10.0),
    ("NDJSON bulk, beside one of equal work", "ours", "equal", "batched ORM, equal work", 10.0),
    ("NDJSON bulk, --single", "ours --single", "limit", "in-process limit", None),
    ("Arrow bulk", "arrow", "arrow limit", "in-process Arrow limit", 0.4),
    ("the same file again", "ours again", "ours", "its first time", 0.5),
    ("gRPC client stream", "stream", "ours", "HTTP NDJSON", 0.9),
    ("ultrathink submit", "submit", "ours", "HTTP NDJSON", 0.9),
)


@children.ending()
def main() -> None:
    """Parse options, measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="length of one round per system")
    parser.add_argument("--rounds", type=int, default=3, help="rounds; the table shows medians")
    parser.add_argument("--bulk", type=int, default=10_000, help="claims in a file")
    parser.add_argument(
        "--path-only", action="store_true", help="leave out what is measured of scoring alone"
    )
    options = parser.parse_args()
    base = "/var/tmp" if os.geteuid() == 0 else None  # noqa: S108 - the database's own user must reach the folder
    with tempfile.TemporaryDirectory(prefix="ultrathink-bench-", dir=base) as folder:
        Path(folder).chmod(0o755)
        raw = _measure(Path(folder), options)
    # The rooms of the whole path have gone by now: what is measured alone has both cores.
    alone = [] if options.path_only else [*serving.measure(options.rounds, options.seconds / 2)]
    alone += [] if options.path_only else explaining.measure(options.rounds)
    starts = list(start.measure(options.rounds))
    _keep(raw, starts, options)
    _show(raw, alone)
    _start_row(starts)


def _measure(folder: Path, options: argparse.Namespace) -> dict[str, list[bulk.Figures]]:
    SCREEN.print("preparing: simulated claims, the peers' model")
    simulate.simulate(3_000, SEED, folder / "train", regimes=("base",))
    simulate.simulate(options.bulk, SEED + 1, folder / "claims", regimes=("base",))
    model_file = folder / "peer-model.json"
    model.train(folder / "train", model_file)
    lines = (folder / "claims" / "claims.ndjson").read_bytes().splitlines()
    raw: dict[str, list[bulk.Figures]] = {}
    with ExitStack() as stack:
        dsn = stack.enter_context(systems.database(folder / "peer-db"))
        equal_dsn = stack.enter_context(systems.database(folder / "equal-db"))
        running = [
            stack.enter_context(systems.monolith(dsn, model_file)),
            stack.enter_context(systems.chain(dsn, model_file)),
            stack.enter_context(systems.monolith(equal_dsn, model_file, "equal")),
            stack.enter_context(systems.chain(equal_dsn, model_file, "equal")),
            stack.enter_context(systems.ours(folder / "ours", single=False)),
            stack.enter_context(systems.ours(folder / "single", single=True)),
        ]
        crowds = {s.name: load.Crowd(s.port, s.path, _templates(lines), s.token) for s in running}
        for name, crowd in crowds.items():
            SCREEN.print(f"warming {name}")
            asyncio.run(crowd.run(8, 2.0))
        for number in range(options.rounds):
            _rounds(raw, crowds, options.seconds, number)
            _bulk(raw, running, (folder, number), (dsn, equal_dsn), model_file)
    return raw


def _rounds(
    raw: dict[str, list[bulk.Figures]], crowds: dict[str, load.Crowd], seconds: float, number: int
) -> None:
    for callers in (1, 64):
        for name, crowd in crowds.items():
            SCREEN.print(f"round {number + 1}: {name}, {callers} callers")
            done = asyncio.run(crowd.run(callers, seconds))
            figures = {
                "per_second": done.per_second,
                "p50_ms": done.quantile(0.5),
                "p99_ms": done.quantile(0.99),
            }
            raw.setdefault(f"{name}|{callers}", []).append({**figures, "failed": done.failed})


def _bulk(
    raw: dict[str, list[bulk.Figures]],
    running: list[systems.System],
    place: tuple[Path, int],
    databases: tuple[str, str],
    model_file: Path,
) -> None:
    """Measure every way of a file in turns, each with claims of its own; one file is sent again."""
    folder, number = place
    lines = (folder / "claims" / "claims.ndjson").read_bytes()
    several, single = (next(one for one in running if one.name == name) for name in ("ours", "ours --single"))

    def measured(name: str, how: Callable[[bytes], bulk.Figures], body: bytes) -> None:
        SCREEN.print(f"round {number + 1}: bulk {name}")
        raw.setdefault(f"bulk {name}", []).append(how(body))

    def peer(kind: str, body: bytes) -> bulk.Figures:
        dsn = databases[kind == "equal"]
        file = folder / f"bulk-{kind}"
        file.write_bytes(body)
        return {"per_second": systems.bulk_peer(kind, file, dsn, model_file)}

    first, other = bulk.renamed(lines, f"R{number}"), bulk.arrow(bulk.renamed(lines, f"A{number}"))
    measured("orm", functools.partial(peer, "orm"), first)
    measured("equal", functools.partial(peer, "equal"), first)
    measured("limit", functools.partial(peer, "limit"), first)
    measured("ours", functools.partial(bulk.http, several), first)
    measured("ours again", functools.partial(bulk.http, several), first)
    measured("ours --single", functools.partial(bulk.http, single), first)
    measured("stream", functools.partial(bulk.stream, several), bulk.renamed(lines, f"G{number}"))
    measured("submit", lambda body: bulk.submit(several, body, folder), bulk.renamed(lines, f"S{number}"))
    measured("arrow limit", functools.partial(peer, "arrow"), other)
    measured("arrow", functools.partial(bulk.http_arrow, several), other)


def _templates(lines: list[bytes]) -> list[bytes]:
    """Return claims with marks for claim and patient: new patients, not one who comes back for ever."""
    patient = re.compile(rb'"patient":\{"id":"[^"]*"')
    marked = b'"patient":{"id":"' + load.ID_MARK + b'"'
    bodies = (patient.sub(marked, line[line.index(b',"type"') :]) for line in lines[:500])
    return [b'{"claim_id":"' + load.ID_MARK + b'"' + body for body in bodies]


def _median(raw: dict[str, list[bulk.Figures]], key: str, figure: str = "per_second") -> float:
    return statistics.median(entry[figure] for entry in raw[key])


def _show(raw: dict[str, list[bulk.Figures]], alone: list[dict[str, object]]) -> None:
    view = table.Table(
        "work", "ours", "p99 ms", "peer", "peer's", "p99 ms", "ratio", "goal", "", box=box.SIMPLE_HEAD
    )
    for row, ours, peer, callers, goal in GOALS:
        mine, theirs = f"{ours}|{callers}", f"{peer}|{callers}"
        tails = tuple(f"{_median(raw, key, 'p99_ms'):.1f}" for key in (mine, theirs))
        view.add_row(*_cells(row, (_median(raw, mine), peer, _median(raw, theirs)), goal, tails))
    for row, peer in P99:
        tail, chain = (_median(raw, f"{name}|64", "p99_ms") for name in ("ours", peer))
        view.add_row(row, f"{tail:.1f}", "", peer, f"{chain:.1f}", "", *_judged(chain / tail, P99_GOAL))
    for row, ours, peer, named, bulk_goal in BULK:
        figures = _median(raw, f"bulk {ours}"), named, _median(raw, f"bulk {peer}")
        view.add_row(*_cells(row, figures, bulk_goal))
    for one in alone:
        view.add_row(*_alone(one))
    SCREEN.print(view)
    for kind in systems.PEERS:
        fair = _median(raw, f"{kind} chain|64") / _median(raw, f"{kind} monolith|64")
        SCREEN.print(f"{kind} peers: chain over monolith at 64 callers {fair:.2f} (fair between 0.7 and 1.5)")
    failed = {key: sum(entry.get("failed", 0) for entry in entries) for key, entries in raw.items()}
    SCREEN.print(f"failed requests: { {key: count for key, count in failed.items() if count} or 'none' }")


def _cells(
    work: str, sides: tuple[float, str, float], goal: float | None, tails: tuple[str, ...] = ("", "")
) -> tuple[str, ...]:
    ours, peer, theirs = sides
    judged = _judged(ours / theirs, goal)
    return work, f"{ours:,.0f}", tails[0], peer, f"{theirs:,.0f}", tails[1], *judged


def _judged(ratio: float, goal: float | None) -> tuple[str, str, str]:
    """Return ratio, goal and whether it is met; what has no goal is told only."""
    if goal is None:
        return f"{ratio:.2f} ×", "", "told"
    return f"{ratio:.2f} ×", f"{goal:g} ×", "pass" if ratio >= goal else "short"


def _alone(row: dict[str, object]) -> tuple[str, ...]:
    """Return the cells of a row that another bench has measured: a peer that is not there has a word."""
    ours, peer, goal = (row[name] for name in ("ours", "peer", "goal"))
    assert isinstance(ours, float)
    if not isinstance(peer, float):
        word = str(row.get("word") or "no peer")
        return str(row["name"]), f"{ours:,.0f}", "", "", "", "", "", f"{goal} ×", word
    return _cells(str(row["name"]), (ours, "", peer), float(str(goal)))


def _start_row(starts: list[start.Start]) -> None:
    seconds = statistics.median(one["seconds"] for one in starts)
    spent = statistics.median(sum(one["cpu"].values()) for one in starts)
    judged = "pass" if seconds < start.GOAL_SECONDS else "short"
    SCREEN.print(
        f"platform up with its own PostgreSQL: ready after {seconds:.2f} s, {spent:.1f} s of CPU"
        f" (goal {start.GOAL_SECONDS:g} s): {judged}"
    )


def _keep(raw: dict[str, list[bulk.Figures]], starts: list[start.Start], options: argparse.Namespace) -> None:
    SCREEN.print(f"raw rounds in {keeping.keep('', options=vars(options), rounds=raw, starts=starts)}")


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    main()
