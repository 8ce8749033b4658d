"""python bench/rule_parts.py: what a claim costs to read, key and judge, part by part, by regime."""

import argparse
import decimal
import functools
import gc
import itertools
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import keeping
from rich import box, console, table

from claims.domain import histories, identities, neighbours
from claims.domain.rules import engine, engines, runtime
from claims.outbound import pack_files
from formats import canonical, hashing, model
from payersim.usecases import simulate

PACKS = Path(__file__).parents[1] / "packs"
REGIMES = ("base", "nphies", "x12-us")
CLAIMS, SEED, DAY = 1_000, 12, date(2026, 11, 28)
LIVE, BULK = 32, 256
AGAIN = 4  # earlier claims that say the same
KEY = bytes(32)
SCREEN = console.Console(width=110)

type Parts = dict[str, tuple[Callable[..., object], list[tuple[Any, ...]]]]


def main() -> None:
    """Parse options, measure all regimes in turns, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="rounds; the table shows medians")
    options = parser.parse_args()
    judge = engines.Engines(pack_files.library(PACKS).common, {}).of("demo")
    parts = {regime: _parts(judge, _simulated(regime)) for regime in REGIMES}
    gc.collect()
    gc.freeze()  # as the services do: what stays is not looked through again
    raw: dict[str, list[float]] = {}
    for _ in range(options.rounds):
        for regime, named in parts.items():
            for name, (call, arguments) in named.items():
                raw.setdefault(f"{name}|{regime}", []).append(_spent(call, arguments))
    view = table.Table("processor time of a claim, µs", *REGIMES, box=box.SIMPLE_HEAD)
    for name in next(iter(parts.values())):
        view.add_row(name, *(f"{statistics.median(raw[f'{name}|{regime}']):.1f}" for regime in REGIMES))
    SCREEN.print(view)
    SCREEN.print(f"raw rounds in {keeping.keep('rule-parts', us_per_claim=raw)}")


def _simulated(regime: str) -> list[model.Claim]:
    with tempfile.TemporaryDirectory(prefix="ultrathink-bench-") as folder:
        simulate.simulate(CLAIMS, SEED, Path(folder), regimes=(regime,))
        lines = (Path(folder) / "claims.ndjson").read_bytes().splitlines()
    return [canonical.decode(line) for line in lines]


def _parts(judge: engine.Engine, claims: Sequence[model.Claim]) -> Parts:
    """Return what is measured by name: a function, and what it is called with for each claim or batch."""
    identify = functools.partial(identities.identify, tenant="demo", key=KEY, looking=judge.windows)
    evaluate = functools.partial(judge.evaluate, as_of=DAY)
    known = [identify(claim) for claim in claims]
    asked = [histories.ask(claim, identity) for claim, identity in zip(claims, known, strict=True)]
    told = [histories.Known(past=[histories.Told() for _ in question.keys]) for question in asked]
    pasts = [histories.of_lines(*each) for each in zip(claims, asked, told, strict=True)]
    again = [_again(*each) for each in zip(claims, asked, known, strict=True)]
    told_again = list(zip(claims, asked, again, strict=True))
    pasts_again = [histories.of_lines(*each) for each in told_again]
    findings = [evaluate(claim).findings for claim in claims]
    singly = [(claim,) for claim in claims]
    return {
        "reading canonical JSON": (
            canonical.decode,
            [(canonical.encode_as_sent(claim),) for claim in claims],
        ),
        "hash of the content": (hashing.content_hash, singly),
        "rules, claim by claim": (evaluate, singly),
        f"rules, batches of {LIVE}": (functools.partial(_batch, judge), _batches(claims, LIVE)),
        f"rules, batches of {BULK}": (functools.partial(_batch, judge), _batches(claims, BULK)),
        "keys of patient and services": (identify, singly),
        "question to history": (histories.ask, list(zip(claims, known, strict=True))),
        "history of lines, nothing told": (histories.of_lines, list(zip(claims, asked, told, strict=True))),
        "rules over history": (functools.partial(_past, judge), list(zip(claims, pasts, strict=True))),
        f"history of lines, {AGAIN} claims told": (histories.of_lines, told_again),
        f"rules over history, {AGAIN} claims told": (
            functools.partial(_past, judge),
            list(zip(claims, pasts_again, strict=True)),
        ),
        f"duplicates, {AGAIN} claims told": (histories.duplicates, told_again),
        f"neighbours of a batch of {LIVE}": (
            _beside,
            _batches(list(zip(claims, asked, told, known, strict=True)), LIVE),
        ),
        "documents and last day": (
            functools.partial(_advice, judge),
            list(zip(claims, findings, strict=True)),
        ),
    }


def _again(
    claim: model.Claim, question: histories.Question, identity: identities.Identity
) -> histories.Known:
    """Return what is known where the same claim was recorded before, under other ids."""
    rows: dict[bytes, list[histories.Row]] = {}
    for number, left in itertools.product(range(AGAIN), histories.leaves(claim, identity)):
        row = histories.Row(
            id=f"{number}", claim_id=f"{number}", line=left.line, day=left.day, mark=left.mark,
            provider_id=question.provider_id, payer_id=question.payer_id,
        )  # fmt: skip
        rows.setdefault(left.key, []).append(row)
    return histories.Known(
        past=[histories.Told(rows=rows.get(key.key, [])[: key.most]) for key in question.keys]
    )


def _batches(found: Sequence[Any], many: int) -> list[tuple[Any, ...]]:
    return [(found[at : at + many],) for at in range(0, len(found), many)]


def _batch(judge: engine.Engine, claims: Sequence[model.Claim]) -> object:
    return judge.evaluate_batch(claims, as_of=[DAY] * len(claims))


def _past(judge: engine.Engine, claim: model.Claim, past: Any) -> object:
    return judge.evaluate_past(claim, as_of=DAY, past=past)


def _advice(judge: engine.Engine, claim: model.Claim, findings: Any) -> object:
    return judge.checklists.advise(claim, findings, as_of=DAY)


def _beside(batch: Sequence[Any]) -> None:
    beside = neighbours.Neighbours()
    for claim, question, told, identity in batch:
        beside.beside("demo", question, told)
        beside.add("demo", question, histories.leaves(claim, identity))


def _spent(call: Callable[..., object], arguments: Sequence[tuple[Any, ...]]) -> float:
    """Return processor time per claim in µs."""
    with decimal.localcontext(runtime.EXACT):
        began = time.process_time()
        for each in arguments:
            call(*each)
        return (time.process_time() - began) / CLAIMS * 1e6


if __name__ == "__main__":
    main()
