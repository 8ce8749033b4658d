"""How long `ultrathink up` takes with a new data directory, and what each process spends on it.

`python bench/start.py --rounds 5 [--single]`. The clock runs from the command to its `ready`. Processor time
of every process is read at that moment, of programs that have ended (initdb, psql) with their parent: on a
busy machine it says more than the clock.
"""

import argparse
import collections
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TypedDict

import children
import keeping
import processes

from ultrathink_cli.outbound import loopback

GOAL_SECONDS = 4.0
END_SECONDS = 30.0  # a platform that does not drain within this is broken


class Start(TypedDict):
    """What one start cost: seconds by the clock, processor seconds by process."""

    seconds: float
    cpu: dict[str, float]


@children.ending()
def main() -> None:
    """Parse options, measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="starts; the table shows medians")
    parser.add_argument("--single", action="store_true", help="everything in one process")
    options = parser.parse_args()
    starts = list(measure(options.rounds, single=options.single))
    seconds = statistics.median(start["seconds"] for start in starts)
    judged = "pass" if seconds < GOAL_SECONDS else "short"
    print(f"ready after {seconds:.2f} s by the clock (goal {GOAL_SECONDS:.0f} s): {judged}")
    names = sorted({name for start in starts for name in start["cpu"]})
    spent = {name: statistics.median(start["cpu"].get(name, 0.0) for start in starts) for name in names}
    for name in names:
        print(f"  {name:12s} {spent[name]:5.2f} s of CPU")
    print(f"  {'all':12s} {sum(spent.values()):5.2f} s of CPU")
    print(f"raw rounds in {keeping.keep('start', options=vars(options), rounds=starts)}")


def measure(rounds: int, *, single: bool = False) -> Iterator[Start]:
    """Yield what each of `rounds` starts cost, each with a data directory of its own."""
    base = "/var/tmp" if os.geteuid() == 0 else None  # noqa: S108 - the database's own user must reach the folder
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(prefix="ultrathink-start-", dir=base) as folder:
            Path(folder).chmod(0o755)
            yield _start(Path(folder) / "data", single=single)


def _start(data: Path, *, single: bool) -> Start:
    http, grpc = loopback.free(2)
    program = str(Path(sys.executable).with_name("ultrathink"))
    command = [program, "up", "--port", str(http), "--grpc-port", str(grpc), "--data", str(data)]
    began = time.perf_counter()
    running = subprocess.Popen(
        [*command, *(["--single"] if single else [])], stdout=subprocess.PIPE, text=True
    )
    try:
        for line in running.stdout or ():
            if line.startswith("ready "):
                return {"seconds": time.perf_counter() - began, "cpu": _spent(running.pid)}
        raise SystemExit(f"the platform ended before it was ready (exit status {running.wait()})")
    finally:
        running.send_signal(signal.SIGTERM)
        running.wait(END_SECONDS)


def _spent(root: int) -> dict[str, float]:
    spent: dict[str, float] = collections.defaultdict(float)
    for process in processes.family(root):
        spent[process.name] += process.cpu_seconds
    return dict(spent)


if __name__ == "__main__":
    main()
