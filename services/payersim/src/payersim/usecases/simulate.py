"""Write a simulated history: claims as they were sent, and what the pseudo-payer answered."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from chassis import errors
from formats import canonical
from payersim.domain import adjudicator, families, generator, population

MAX_CLAIMS = 10_000_000
PROGRESS_EVERY = 500


@dataclass(frozen=True, slots=True)
class Summary:
    """What was written: counts, denied share of lines, reasons by family, and the claims file's sha256."""

    claims: int
    seed: int
    lines: int
    lines_denied: int
    claims_denied: int
    families: dict[str, int]
    sha256: str


def simulate(claims: int, seed: int, out: Path, progress: Callable[[int], None] | None = None) -> Summary:
    """Write `claims.ndjson`, `adjudications.ndjson` and `meta.json` into `out`; same arguments, same bytes.

    Claims are ordered by the day they were created. Raises Invalid when the number is out of range.
    `progress` is called now and then with the number of claims done.
    """
    if not 1 <= claims <= MAX_CLAIMS:
        raise errors.Invalid("simulate.claims", f"--claims must be between 1 and {MAX_CLAIMS:,}")
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    world = population.create(rng, claims)
    drawn = sorted(
        _draw_all(rng, world, claims, progress), key=lambda one: (one.created_day, one.claim.claim_id)
    )
    counts, digest = _write(rng, drawn, out, progress)
    summary = Summary(
        claims=claims,
        seed=seed,
        lines=counts["lines"],
        lines_denied=counts["lines_denied"],
        claims_denied=counts["claims_denied"],
        families={name[7:]: count for name, count in sorted(counts.items()) if name.startswith("family:")},
        sha256=digest,
    )
    (out / "meta.json").write_text(json.dumps(_meta(summary), indent=2, sort_keys=True) + "\n")
    return summary


def _draw_all(
    rng: np.random.Generator, world: population.World, claims: int, progress: Callable[[int], None] | None
) -> list[generator.Drawn]:
    drawn = []
    for number in range(claims):
        drawn.append(generator.draw(rng, world, number))
        if progress and number % PROGRESS_EVERY == 0:
            progress(number // 2)
    return drawn


def _write(
    rng: np.random.Generator, drawn: list[generator.Drawn], out: Path, progress: Callable[[int], None] | None
) -> tuple[Counter[str], str]:
    counts: Counter[str] = Counter()
    digest = hashlib.sha256()
    history = families.History()
    with (out / "claims.ndjson").open("wb") as sent, (out / "adjudications.ndjson").open("w") as answered:
        for number, one in enumerate(drawn):
            body = canonical.encode(one.claim) + b"\n"
            digest.update(body)
            sent.write(body)
            answer = adjudicator.adjudicate(rng, one, history)
            answered.write(json.dumps(answer, separators=(",", ":")) + "\n")
            _count(counts, answer["lines"])
            if progress and number % PROGRESS_EVERY == 0:
                progress((len(drawn) + number) // 2)
    if progress:
        progress(len(drawn))
    return counts, digest.hexdigest()


def _count(counts: Counter[str], lines: list[dict[str, str]]) -> None:
    denied = [line for line in lines if line["outcome"] != "approved"]
    counts["lines"] += len(lines)
    counts["lines_denied"] += len(denied)
    counts["claims_denied"] += bool(denied)
    counts.update(f"family:{line['family']}" for line in denied)


def _meta(summary: Summary) -> dict[str, object]:
    return {
        **asdict(summary),
        "simulated": True,
        "world": {"start": population.WORLD_START.isoformat(), "months": population.WORLD_MONTHS},
        "unseen_families": {f.name: f.since for f in families.FAMILIES if f.since},
    }
