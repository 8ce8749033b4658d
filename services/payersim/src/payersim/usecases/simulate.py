"""Write a simulated history: claims as they were sent, what the pseudo-payer answered, and the truth behind.

Days go by one after another: a day's visits are drawn, claims wait until the day they are sent, and are
judged in that order. Memory holds the claims on their way and a few weeks of a payer's memory, not the
history.
"""

import hashlib
import heapq
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Self

import numpy as np

from chassis import errors
from formats import canonical
from payersim.domain import adjudicator, ceiling, families, generator, population, visits

MAX_CLAIMS = 10_000_000
PROGRESS_EVERY = 500
RESENT_RATE = 0.012  # claims that are an earlier one sent again
MONTHLY_GROWTH = 0.01
RESTING_DAYS = {4: 0.35, 5: 0.6}  # Friday, Saturday: share of a working day's visits


@dataclass(frozen=True, slots=True)
class Summary:
    """What was written: counts, denied share of lines, denials by family, claims by regime and type, claims
    without a fault, the figures of who knows the true probabilities, and the claims file's sha256.
    """  # noqa: D205 - one list

    claims: int
    seed: int
    lines: int
    lines_denied: int
    claims_denied: int
    faultless: int
    families: dict[str, int]
    kinds: dict[str, int]
    ceiling: dict[str, dict[str, float | int | None]]
    sha256: str


def simulate(
    claims: int,
    seed: int,
    out: Path,
    progress: Callable[[int], None] | None = None,
    regimes: Sequence[str] = population.REGIMES,
) -> Summary:
    """Write claims, adjudications, truth (.ndjson) and meta.json into `out`; same arguments, same bytes.

    Claims are ordered by the day they were created. Raises Invalid when the number is out of range.
    `progress` is called now and then with the number of claims done.
    """
    if not 1 <= claims <= MAX_CLAIMS:
        raise errors.Invalid("simulate.claims", f"--claims must be between 1 and {MAX_CLAIMS:,}")
    if not regimes or set(regimes) - set(population.REGIMES):
        raise errors.Invalid("simulate.regimes", f"regimes are some of {', '.join(population.REGIMES)}")
    out.mkdir(parents=True, exist_ok=True)
    world = population.create(seed, claims, families.NAMES, regimes)
    with _Books(out, seed, progress) as books:
        for drawn in sent(world, claims):
            books.enter(drawn)
    summary = books.summary(claims, seed)
    (out / "meta.json").write_text(json.dumps(_meta(summary, regimes), indent=2, sort_keys=True) + "\n")
    return summary


def sent(world: population.World, claims: int) -> Iterator[generator.Drawn]:
    """Yield the claims of a world in the order they are created, those of a day by number."""
    rng = np.random.default_rng([world.seed, 3])
    waiting: list[tuple[date, int, generator.Drawn]] = []
    latest: dict[str, generator.Drawn] = {}
    number = 0
    for day, count in _calendar(rng, claims):
        while waiting and waiting[0][0] <= day:
            yield heapq.heappop(waiting)[2]
        for _ in range(count):
            drawn = generator.draw(rng, world, number, day)
            earlier = latest.get(drawn.provider.id)
            if earlier is not None and rng.random() < RESENT_RATE:
                drawn = generator.resent(rng, earlier, number, day)
                del latest[drawn.provider.id]
            else:
                latest[drawn.provider.id] = drawn
            heapq.heappush(waiting, (drawn.created_day, number, drawn))
            number += 1
    while waiting:
        yield heapq.heappop(waiting)[2]


def _calendar(rng: np.random.Generator, claims: int) -> Iterator[tuple[date, int]]:
    """Yield the simulated days and how many visits each has: more every month, few on weekends."""
    count = int(population.WORLD_MONTHS * visits.DAYS_PER_MONTH)
    calendar = [population.WORLD_START + timedelta(days=place) for place in range(count)]
    weights = np.array([
        (1 + MONTHLY_GROWTH) ** visits.month_of(day) * RESTING_DAYS.get(day.weekday(), 1.0)
        for day in calendar
    ])  # fmt: skip
    yield from zip(calendar, rng.multinomial(claims, weights / weights.sum()).tolist(), strict=True)


class _Books:
    """The files being written, and what is counted meanwhile."""

    def __init__(self, out: Path, seed: int, progress: Callable[[int], None] | None) -> None:
        self._out, self._progress = out, progress
        self._office = adjudicator.Office(np.random.default_rng([seed, 4]))
        self._counts: Counter[str] = Counter()
        self._ceilings = {"lines": ceiling.Ceiling(), "claims": ceiling.Ceiling()}
        self._digest = hashlib.sha256()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        names = ("claims.ndjson", "adjudications.ndjson", "truth.ndjson")
        self._claims, self._answers, self._truths = (
            self._stack.enter_context((self._out / name).open("wb")) for name in names
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        if self._progress:
            self._progress(self._counts["claims"])

    def enter(self, drawn: generator.Drawn) -> None:
        """Write a claim, its answer and the truth, and count them."""
        body = canonical.encode(drawn.claim) + b"\n"
        self._digest.update(body)
        self._claims.write(body)
        judgement = self._office.adjudicate(drawn)
        self._answers.write(_line(judgement.answer))
        self._truths.write(_line(judgement.truth))
        self._count(drawn, judgement)
        if self._progress and self._counts["claims"] % PROGRESS_EVERY == 0:
            self._progress(self._counts["claims"])

    def _count(self, drawn: generator.Drawn, judgement: adjudicator.Judgement) -> None:
        lines, truths = judgement.answer["lines"], judgement.truth["lines"]
        denied = judgement.answer["outcome"] != "approved"
        self._counts.update(claims=1, lines=len(lines), claims_denied=denied, faultless=not drawn.faults)
        self._counts[f"kind:{drawn.claim.regime}/{drawn.visit.kind}"] += 1
        self._ceilings["claims"].add(judgement.truth["probability"], denied=denied)
        for line, truth in zip(lines, truths, strict=True):
            self._ceilings["lines"].add(truth["probability"], denied=line["outcome"] != "approved")
            if truth["family"]:
                self._counts.update({"lines_denied": 1, f"family:{truth['family']}": 1})

    def summary(self, claims: int, seed: int) -> Summary:
        """Return what was counted."""
        counts = self._counts
        return Summary(
            claims=claims,
            seed=seed,
            lines=counts["lines"],
            lines_denied=counts["lines_denied"],
            claims_denied=counts["claims_denied"],
            faultless=counts["faultless"],
            families=_named(counts, "family:"),
            kinds=_named(counts, "kind:"),
            ceiling={name: one.figures() for name, one in self._ceilings.items()},
            sha256=self._digest.hexdigest(),
        )


def _named(counts: Counter[str], prefix: str) -> dict[str, int]:
    return {
        name.removeprefix(prefix): count for name, count in sorted(counts.items()) if name.startswith(prefix)
    }


def _line(document: dict[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode() + b"\n"


def _meta(summary: Summary, regimes: Sequence[str]) -> dict[str, object]:
    return {
        **asdict(summary),
        "simulated": True,
        "regimes": list(regimes),
        "world": {"start": population.WORLD_START.isoformat(), "months": population.WORLD_MONTHS},
        "unseen_families": {f.name: f.since for f in families.FAMILIES if f.since},
    }
