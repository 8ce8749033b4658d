"""make bench: measure ours and the peers in turns, print the table, keep the raw rounds."""

import argparse
import asyncio
import os
import re
import statistics
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import explaining
import keeping
import load
import serving
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
)


def main() -> None:
    """Parse options, measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="length of one round per system")
    parser.add_argument("--rounds", type=int, default=3, help="rounds; the table shows medians")
    parser.add_argument("--bulk", type=int, default=10_000, help="claims in the NDJSON file")
    parser.add_argument(
        "--path-only", action="store_true", help="leave out what is measured of scoring alone"
    )
    options = parser.parse_args()
    base = "/var/tmp" if os.geteuid() == 0 else None  # noqa: S108 - the database's own user must reach the folder
    with tempfile.TemporaryDirectory(prefix="ultrathink-bench-", dir=base) as folder:
        Path(folder).chmod(0o755)
        raw = _measure(Path(folder), options)
    _keep(raw, options)
    # The rooms of the whole path have gone by now: what is measured alone has both cores.
    alone = [] if options.path_only else [*serving.measure(options.rounds, options.seconds / 2)]
    alone += [] if options.path_only else explaining.measure(options.rounds)
    _show(raw, alone)


def _measure(folder: Path, options: argparse.Namespace) -> dict[str, list[dict[str, float]]]:
    SCREEN.print("preparing: simulated claims, the peers' model")
    simulate.simulate(3_000, SEED, folder / "train", regimes=("base",))
    simulate.simulate(options.bulk, SEED + 1, folder / "claims", regimes=("base",))
    model_file = folder / "peer-model.json"
    model.train(folder / "train", model_file)
    lines = (folder / "claims" / "claims.ndjson").read_bytes().splitlines()
    raw: dict[str, list[dict[str, float]]] = {}
    with ExitStack() as stack:
        dsn = stack.enter_context(systems.database(folder / "peer-db"))
        running = [
            stack.enter_context(systems.monolith(dsn, model_file)),
            stack.enter_context(systems.chain(dsn, model_file)),
            stack.enter_context(systems.ours(folder / "ours", single=False)),
            stack.enter_context(systems.ours(folder / "single", single=True)),
        ]
        crowds = {s.name: load.Crowd(s.port, s.path, _templates(lines), s.token) for s in running}
        for name, crowd in crowds.items():
            SCREEN.print(f"warming {name}")
            asyncio.run(crowd.run(8, 2.0))
        for number in range(options.rounds):
            _rounds(raw, crowds, options.seconds, number)
            _bulk(raw, running, (folder, number), dsn, model_file)
    return raw


def _rounds(
    raw: dict[str, list[dict[str, float]]], crowds: dict[str, load.Crowd], seconds: float, number: int
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
    raw: dict[str, list[dict[str, float]]],
    running: list[systems.System],
    place: tuple[Path, int],
    dsn: str,
    model_file: Path,
) -> None:
    folder, number = place
    lines = (folder / "claims" / "claims.ndjson").read_bytes()
    file = folder / f"bulk-{number}.ndjson"
    file.write_bytes(lines.replace(b'"claim_id":"SIM-', b'"claim_id":"R%d-' % number))
    for kind in ("orm", "limit"):
        SCREEN.print(f"round {number + 1}: bulk {kind}")
        raw.setdefault(f"bulk {kind}", []).append(
            {"per_second": systems.bulk_peer(kind, file, dsn, model_file)}
        )
    ours = next(system for system in running if system.name == "ours")
    SCREEN.print(f"round {number + 1}: bulk ours")
    raw.setdefault("bulk ours", []).append(_upload(ours, file))


def _upload(system: systems.System, file: Path) -> dict[str, float]:
    headers = {"Content-Type": "application/x-ndjson", "Authorization": f"Bearer {system.token}"}
    body = file.read_bytes()
    request = urllib.request.Request(f"http://127.0.0.1:{system.port}{system.path}", body, headers)
    began, answered, failed = time.perf_counter(), 0, 0
    with urllib.request.urlopen(request, timeout=600) as answer:  # noqa: S310 - our own loopback address
        for line in answer:
            answered += 1
            failed += b'"verdict"' not in line
    return {"per_second": (answered - failed) / (time.perf_counter() - began), "failed": failed}


def _templates(lines: list[bytes]) -> list[bytes]:
    """Return claims with marks for claim and patient: new patients, not one who comes back for ever."""
    patient = re.compile(rb'"patient":\{"id":"[^"]*"')
    marked = b'"patient":{"id":"' + load.ID_MARK + b'"'
    bodies = (patient.sub(marked, line[line.index(b',"type"') :]) for line in lines[:500])
    return [b'{"claim_id":"' + load.ID_MARK + b'"' + body for body in bodies]


def _median(raw: dict[str, list[dict[str, float]]], key: str, figure: str = "per_second") -> float:
    return statistics.median(entry[figure] for entry in raw[key])


def _show(raw: dict[str, list[dict[str, float]]], alone: list[dict[str, object]]) -> None:
    view = table.Table(
        "work", "ours /s", "p99 ms", "peer", "peer /s", "p99 ms", "ratio", "goal", "", box=box.SIMPLE_HEAD
    )
    for row, ours, peer, callers, goal in GOALS:
        mine, theirs = f"{ours}|{callers}", f"{peer}|{callers}"
        ratio = _median(raw, mine) / _median(raw, theirs)
        view.add_row(
            row, f"{_median(raw, mine):,.0f}", f"{_median(raw, mine, 'p99_ms'):.1f}", peer,
            f"{_median(raw, theirs):,.0f}", f"{_median(raw, theirs, 'p99_ms'):.1f}",
            f"{ratio:.2f} ×", f"{goal} ×", "pass" if ratio >= goal else "short",
        )  # fmt: skip
    for peer, named, goal in (("limit", "in-process limit", 0.5), ("orm", "batched ORM", 10.0)):
        mine, theirs = _median(raw, "bulk ours"), _median(raw, f"bulk {peer}")
        ratio, judged = mine / theirs, "pass" if mine / theirs >= goal else "short"
        figures = (f"{mine:,.0f}", "", named, f"{theirs:,.0f}", "", f"{ratio:.2f} ×", f"{goal} ×", judged)
        view.add_row("NDJSON bulk", *figures)
    for one in alone:
        view.add_row(*_alone(one))
    fair = _median(raw, "naive chain|64") / _median(raw, "naive monolith|64")
    SCREEN.print(view)
    SCREEN.print(f"peers: chain over monolith at 64 callers {fair:.2f} (fair between 0.7 and 1.5)")
    failed = {key: sum(entry.get("failed", 0) for entry in entries) for key, entries in raw.items()}
    SCREEN.print(f"failed requests: { {key: count for key, count in failed.items() if count} or 'none' }")


def _alone(row: dict[str, object]) -> tuple[str, ...]:
    """Return the cells of a row that another bench has measured: a peer that is not there has a word."""
    ours, peer, ratio, goal = (row[name] for name in ("ours", "peer", "ratio", "goal"))
    if not (isinstance(ours, float) and isinstance(peer, float) and isinstance(ratio, float)):
        return (
            str(row["name"]),
            f"{ours:,.0f}",
            "",
            "",
            "",
            "",
            "",
            f"{goal} ×",
            str(row.get("word") or "no peer"),
        )
    judged = "pass" if ratio >= float(str(goal)) else "short"
    return str(row["name"]), f"{ours:,.0f}", "", "", f"{peer:,.0f}", "", f"{ratio:.2f} ×", f"{goal} ×", judged


def _keep(raw: dict[str, list[dict[str, float]]], options: argparse.Namespace) -> None:
    SCREEN.print(f"raw rounds in {keeping.keep('', options=vars(options), rounds=raw)}")


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    main()
