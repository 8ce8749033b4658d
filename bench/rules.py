"""python bench/rules.py: what rules cost, claim by claim and in columns, by number of rules and of claims."""

import argparse
import decimal
import functools
import gc
import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import keeping
import rule_sets
from rich import box, console, table

from claims.domain.rules import documents, engine, packs, programs, runtime, tables
from claims.domain.rules.columnar import batches, judging
from formats import canonical, model
from payersim.usecases import simulate

HERE = Path(__file__).parent
SEED = 12
RULES, CLAIMS = (50, 200, 1_000), (1, 32, 128, 256, 1_000)
SECONDS = 0.15  # of processor time for one figure of one round, at least
DAY = date(2026, 8, 2)
TODAY = DAY.toordinal() - date(1970, 1, 1).toordinal()
ZONE = "Asia/Riyadh"
GOAL = 3.0  # a thousand rules may cost this many times what fifty cost
SCREEN = console.Console(width=130)

type Figures = dict[str, list[float]]


def main() -> None:
    """Parse options, measure in turns, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds; the table shows medians")
    options = parser.parse_args()
    claims = simulated(max(CLAIMS))
    rules, known = rule_sets.committed()
    found = rule_sets.mixed(rules)
    engines = _engines(found, known, claims)
    pairs = {count: _forms(rule_sets.of_size(found, count), known) for count in RULES}
    raw: Figures = {}
    for number in range(options.rounds):
        SCREEN.print(f"round {number + 1}")
        for (count, (scalar, columnar)), many in itertools.product(pairs.items(), CLAIMS):
            raw.setdefault(f"scalar|{count}|{many}", []).append(measured(claims, many, scalar))
            raw.setdefault(f"columnar|{count}|{many}", []).append(measured(claims, many, columnar))
        for (count, judge), many in itertools.product(engines.items(), CLAIMS):
            raw.setdefault(f"engine|{count}|{many}", []).append(measured(claims, many, judge))
    _keep(raw, len(found), claims)
    _show(raw, len(found), claims)


def simulated(count: int) -> list[model.Claim]:
    """Return claims of the payer simulator."""
    with tempfile.TemporaryDirectory(prefix="ultrathink-bench-") as folder:
        simulate.simulate(count, SEED, Path(folder), regimes=("base",))
        lines = (Path(folder) / "claims.ndjson").read_bytes().splitlines()
    return [canonical.decode(line) for line in lines]


def measured(
    claims: Sequence[model.Claim], many: int, judge: Callable[[Sequence[model.Claim]], object]
) -> float:
    """Return processor time per claim in µs, judging batches of `many` that go round all claims."""
    starts = itertools.cycle(range(0, len(claims) - many + 1, many))
    done, spent = 0, 0.0
    gc.collect()
    while spent < SECONDS:
        batch = claims[(at := next(starts)) : at + many]
        began = time.process_time()
        judge(batch)
        spent += time.process_time() - began
        done += len(batch)
    return spent / done * 1e6


def _engines(
    rules: Sequence[packs.Rule], known: tables.Tables, claims: Sequence[model.Claim]
) -> dict[int, Callable[[Sequence[model.Claim]], object]]:
    """Return whole engines: 50 rules for every claim, and 950 more of which each is for one payer."""
    payers = sorted(
        {str(claim.insurance[0].coverage.payer) for claim in claims if claim.insurance[0].coverage}
    )
    made: dict[int, Callable[[Sequence[model.Claim]], object]] = {}
    for count in (RULES[0], RULES[-1]):
        pack = packs.Pack(
            id="bench", version="1", revision="1", sha256="0", regimes=("base",), licence="Apache-2.0",
            valid=documents.Valid(), rules=tuple(rule_sets.active(rules[: RULES[0]], count, payers)),
        )  # fmt: skip
        judge = engine.Engine([pack], known)
        judge.evaluate_batch(claims, as_of=[DAY] * len(claims))  # programs are compiled before they are timed
        made[count] = functools.partial(_judged, judge)
    return made


def _judged(judge: engine.Engine, batch: Sequence[model.Claim]) -> object:
    return judge.evaluate_batch(batch, as_of=[DAY] * len(batch))


def _forms(
    rules: Sequence[packs.Rule], known: tables.Tables
) -> tuple[Callable[[Sequence[model.Claim]], object], Callable[[Sequence[model.Claim]], object]]:
    judge = programs.judge(rules, known)
    program = judging.Program(rules, known, batches.Gatherers())

    def scalar(batch: Sequence[model.Claim]) -> list[list[programs.Hit]]:
        with decimal.localcontext(runtime.EXACT):
            return [judge(claim, TODAY, ZONE) for claim in batch]

    def columnar(batch: Sequence[model.Claim]) -> judging.Judged:
        with decimal.localcontext(runtime.EXACT):
            found = program.judge(batch, [TODAY] * len(batch), ZONE)
        assert not found.rules, "a rule was handed over: the figure would not be the columnar form's"
        return found

    return scalar, columnar


def _median(raw: Figures, form: str, rules: int, claims: int) -> float:
    return statistics.median(raw[f"{form}|{rules}|{claims}"])


def _show(raw: Figures, committed: int, claims: Sequence[model.Claim]) -> None:
    lines = sum(len(claim.lines) for claim in claims) / len(claims)
    view = table.Table(
        "rules", "claims", "scalar µs/claim", "columnar µs/claim", "scalar ÷ columnar", box=box.SIMPLE_HEAD
    )
    for rules, many in itertools.product(RULES, CLAIMS):
        one, wide = _median(raw, "scalar", rules, many), _median(raw, "columnar", rules, many)
        view.add_row(f"{rules:,}", f"{many:,}", f"{one:,.1f}", f"{wide:,.1f}", f"{one / wide:.2f}")
    SCREEN.print(
        f"{committed} committed rules and variants of them; {lines:.2f} lines a claim; processor time"
    )
    SCREEN.print(view)
    for many in CLAIMS:
        for form in ("scalar", "columnar", "engine"):
            ratio = _median(raw, form, RULES[-1], many) / _median(raw, form, RULES[0], many)
            said = "met" if ratio <= GOAL else "short"
            SCREEN.print(
                f"{RULES[-1]:,} rules cost {ratio:.1f} × {RULES[0]} ({form}, {many:,} claims): {said}"
            )
    SCREEN.print(f"goal: {GOAL:g} ×; engine: evaluate_batch, where 950 of the rules are each for one payer")


def _keep(raw: Figures, committed: int, claims: Sequence[model.Claim]) -> None:
    lines = sum(len(claim.lines) for claim in claims) / len(claims)
    path = keeping.keep("rules", committed_rules=committed, lines_per_claim=lines, us_per_claim=raw)
    SCREEN.print(f"raw rounds in {path}")


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    main()
