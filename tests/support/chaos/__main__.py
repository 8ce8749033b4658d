"""Run rounds of faults under load: `make chaos`, or `python -m chaos --rounds 50 --seed 7`; local only."""

import argparse
import collections
import dataclasses
import signal
import sys
import time

import keeping

from chaos import faults, rounds, stages

SHOWN = 12  # complaints of one round on the screen; the report has all


def main() -> int:
    """Run, tell each round, keep the report; exit status 1 when a promise was broken."""
    options = _options()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # like Ctrl-C: cleans up, keeps the report
    ends = time.monotonic() + options.minutes * 60
    told: list[rounds.Report] = []
    try:
        with stages.stage(options.seed) as stage:
            chosen = _possible(stage, options.fault)
            while len(told) < options.rounds and time.monotonic() < ends:
                if not len(told) % len(chosen):
                    order = _shuffled(stage, chosen)
                told.append(rounds.run(stage, order[len(told) % len(chosen)], len(told)))
                _tell(len(told), told[-1])
    except KeyboardInterrupt:
        print("interrupted; the platform was stopped and its directory removed")
    finally:
        if told:
            reports = [dataclasses.asdict(one) for one in told]
            print("kept in", keeping.keep("chaos", options=vars(options), rounds=reports))
    broken = sum(bool(one.complaints) for one in told)
    claims = sum(one.acknowledged for one in told)
    print(f"{len(told)} rounds, {claims:,} claims, {broken} rounds with complaints")
    return 1 if broken or not told else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10, help="rounds at most")
    parser.add_argument("--minutes", type=float, default=15.0, help="minutes after which no round begins")
    parser.add_argument("--seed", type=int, default=7, help="of the order and the moments of faults")
    parser.add_argument("--fault", default="", help="only faults whose names hold this")
    return parser.parse_args()


def _possible(stage: stages.Stage, wanted: str) -> list[faults.Fault]:
    chosen = []
    for fault in faults.ALL:
        if wanted in fault.name:
            lacking = fault.lacking(stage)
            if lacking:
                print(f"skipped: {fault.name} ({lacking})")
            else:
                chosen.append(fault)
    if not chosen:
        raise SystemExit(
            f"no fault is named like {wanted!r}: {', '.join(fault.name for fault in faults.ALL)}"
        )
    return chosen


def _shuffled(stage: stages.Stage, chosen: list[faults.Fault]) -> list[faults.Fault]:
    left, order = list(chosen), []
    while left:
        order.append(left.pop(stage.dice.whole(0, len(left) - 1)))
    return order


def _tell(number: int, report: rounds.Report) -> None:
    state = "broken" if report.complaints else "held"
    told = (
        f"{report.acknowledged:5} claims, {report.seconds:5.1f} s, ready after {report.ready_seconds:4.1f} s"
    )
    slowest = f"slowest {report.slowest_seconds:5.2f} s"
    print(f"{number:4} {report.fault:34} {state:6} {told}, {slowest}  {report.answers}", flush=True)
    for complaint, times in collections.Counter(report.complaints).most_common(SHOWN):
        print(f"       {complaint}" + (f" ({times} times)" if times > 1 else ""), flush=True)


if __name__ == "__main__":
    sys.exit(main())
