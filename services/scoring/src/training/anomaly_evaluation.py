"""Judges an anomaly model on claims created after those it learned from, into which named anomalies are put.

Claims are ranked by their most unusual line, or by themselves where they are more unusual as a whole. Beside
the model stand single columns, chance, and published detectors that know no peers, on the same claims. A hit
is a claim that was tampered with. Since senders slip in the simulated world too, a second figure counts as
hits also those claims of which the simulator's truth says that a clerk slipped in a way that shows.
"""

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from chassis import errors
from formats import canonical, model
from formats import rows as schema
from scoring.domain import anomalies, features, isolation, peers, rows
from training import anomaly_injections, anomaly_references, batches, fitting, histories, measures, splits

INJECTED = 100  # claims tampered with per kind and draw
DRAWS = 5  # draws of claims and changes: the spread
POOL = 4_000  # claims drawn: of one half strangers are taken, the other is tampered with
MIN_JUDGED = 200  # claims below which a hundred at the top say nothing
TOP = 100  # claims a person would look at
# Slips that change what our measures and pairs see; missing documents, permissions and cards do not.
VISIBLE = frozenset(
    {"quantity", "person", "setting", "diagnosis", "diagnosis-sex", "specialty", "arithmetic"}
)
ISOLATION, OURS, CHANCE = "isolation of the surprises", "peer groups", "chance"
COLUMNS = {
    "largest unit price": "unit_price_minor", "largest quantity": "quantity",
    "largest net of a line": "net_minor",
}  # fmt: skip

type Doubles = npt.NDArray[np.float64]
type Mask = npt.NDArray[np.bool_]
type Others = dict[str, anomaly_references.Scores]


class Seen(NamedTuple):
    """What the model sees of a batch."""

    lines: peers.Judged
    claims: peers.Judged
    matrix: isolation.Matrix


class _Truth(msgspec.Struct, frozen=True):
    faults: list[str]


class _Scores(NamedTuple):
    """Per claim: every detector's score, and whether the service would tell something of it."""

    by: dict[str, Doubles]
    told: Mask


class _Bench(NamedTuple):
    """The judged claims: their scores, their texts' places in the file, and who is known to have slipped."""

    scores: _Scores
    places: npt.NDArray[np.intp]
    slipped: Mask | None


def seen(book: peers.Book, batch: rows.Rows) -> Seen:
    """Return what the model sees of a batch."""
    ranks = peers.ranked(book.words, book.ranks, batch)
    lines = peers.judge_lines(book, ranks, batch.lines)
    claims = peers.judge_claims(book, peers.first_lines(ranks, batch.offsets), batch.claims)
    return Seen(lines, claims, isolation.matrix(lines, claims, batch.offsets))


def judge(
    found: anomalies.Model, history: histories.History, data: Path, judge_from: int, seed: int
) -> dict[str, Any]:
    """Return the figures on the claims created from a day on; Invalid `data.too_small` when they are few."""
    later = splits.judging(history, judge_from)
    if later.sum() < MIN_JUDGED:
        raise errors.Invalid(
            "data.too_small", f"At least {MIN_JUDGED} claims after the learned months judge."
        )
    strange, _ = splits.strangers(history)
    batch = fitting.subset(history.rows, later)
    learned = plain(fitting.subset(history.rows, ~later & ~strange))
    others = {name: learn(learned, seed) for name, learn in anomaly_references.DETECTORS.items()}
    places = np.flatnonzero(later)
    bench = _Bench(_scores(found, batch, others), places, _slipped(data, places))
    draws = [_draw(found, bench, data, others, [seed, number]) for number in range(DRAWS)]
    common = [kind for kind in draws[0] if all(kind in draw for draw in draws)]
    kinds = {kind: _gathered([draw[kind] for draw in draws]) for kind in common}
    return {
        "n": len(places),
        "injected_per_kind": INJECTED,
        "draws": DRAWS,
        "kinds": kinds,
        "told": _told(found, history, later, batch),
        "slipped": None if bench.slipped is None else float(bench.slipped.mean()),
    }


def plain(batch: rows.Rows) -> Doubles:
    """Return what detectors without peers see of claims: lengths and largest amounts, on the log scale."""
    starts = batch.offsets[:-1]
    largest = [np.fmax.reduceat(batch.lines[name], starts) for name in COLUMNS.values()]
    whole = [batch.claims[name] for name in peers.CLAIM_MEASURES]
    return np.nan_to_num(features.log(np.column_stack([*largest, *whole])))


def _scores(found: anomalies.Model, batch: rows.Rows, others: Others) -> _Scores:
    """Return every detector's scores of claims; each has a line."""
    what, look = seen(found.book, batch), plain(batch)
    worst = np.maximum.reduceat(what.lines.distance, batch.offsets[:-1])
    by = {
        OURS: np.maximum(worst, what.claims.distance),
        ISOLATION: isolation.scores(found.isolation, what.matrix),
    }
    by |= {name: scores(look) for name, scores in others.items()}
    names = (*COLUMNS, "number of lines", "net of the claim")
    by |= dict(zip(names, look.T, strict=True))
    told = [any(not one.reason for one in claim) for claim in anomalies.judge(found, batch)]
    return _Scores(by, np.array(told, dtype=np.bool_))


def _draw(
    found: anomalies.Model, bench: _Bench, data: Path, others: Others, seed: list[int]
) -> dict[str, dict[str, Any]]:
    """Return the figures per kind of one draw of claims and changes."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(bench.places))
    drawn = order[:POOL].tolist()
    claims = [canonical.decode(text) for text in _texts(data, bench.places[drawn])]
    half = len(claims) // 2
    asked = list(zip(drawn[half:], claims[half:], strict=True))
    answer = {}
    for kind, inject in anomaly_injections.KINDS.items():
        pairs = list(itertools.islice(_injected(rng, inject, asked, claims[:half]), INJECTED))
        if not pairs:
            continue
        changed = _scores(found, _rows([claim for _, claim in pairs]), others)
        clean = np.ones(len(bench.places), dtype=np.bool_)
        clean[[at for at, _ in pairs]] = False
        answer[kind] = _compared(rng, bench, clean, changed)
    return answer


def _injected(
    rng: np.random.Generator,
    inject: anomaly_injections.Inject,
    asked: Iterable[tuple[int, model.Claim]],
    others: list[model.Claim],
) -> Iterator[tuple[int, model.Claim]]:
    """Yield claims that could be tampered with, changed, and their places."""
    for at, claim in asked:
        changed = inject(rng, claim, others)
        if changed is not None:
            yield at, changed


def _compared(rng: np.random.Generator, bench: _Bench, clean: Mask, changed: _Scores) -> dict[str, Any]:
    """Return each detector's figures on clean claims and changed ones together."""
    count = len(changed.told)
    outcomes = np.concatenate([np.ones(count, dtype=np.bool_), np.zeros(int(clean.sum()), dtype=np.bool_)])
    slips = None if bench.slipped is None else np.concatenate([outcomes[:count], bench.slipped[clean]])
    by = {name: np.concatenate([scores, bench.scores.by[name][clean]]) for name, scores in changed.by.items()}
    by[CHANCE] = rng.random(len(outcomes))
    figures: dict[str, Any] = {name: _ranked(outcomes, slips, score) for name, score in by.items()}
    figures[OURS]["told"] = float(changed.told.mean())
    return figures


def _ranked(outcomes: Mask, slips: Mask | None, score: Doubles) -> dict[str, float]:
    """Return precision among the first `TOP` and AUC; ties stand in a fixed order that favours nobody."""
    first = np.lexsort((np.random.default_rng(0).random(len(score)), -score))[:TOP]
    found = {
        "precision_at_100": float(outcomes[first].mean()),
        "auc": measures.ranking(outcomes, score)["auc"],
    }
    return found if slips is None else found | {"with_slips_at_100": float(slips[first].mean())}


def _gathered(draws: list[dict[str, Any]]) -> dict[str, Any]:
    """Return mean and spread over draws of every detector's figures."""
    return {
        name: {key: measures.spread([draw[name][key] for draw in draws]) for key in draws[0][name]}
        for name in draws[0]
    }


def _told(
    found: anomalies.Model, history: histories.History, later: Mask, batch: rows.Rows
) -> dict[str, Any]:
    """Return of how many judged lines and claims something is told, and how many nobody can judge."""
    answers = anomalies.judge(found, batch)
    strange, _ = splits.strangers(history)
    of_claims = np.array([any(one.row is None and not one.reason for one in claim) for claim in answers])
    of_lines = np.array([sum(one.row is not None and not one.reason for one in claim) for claim in answers])
    unjudged = sum(one.row is not None and bool(one.reason) for claim in answers for one in claim)
    counts, new = np.diff(batch.offsets), strange[later]
    return {
        "lines": float(of_lines.sum() / counts.sum()),
        "lines_of_new_providers": float(of_lines[new].sum() / max(counts[new].sum(), 1)),
        "claims_as_a_whole": float(of_claims.mean()),
        "claims_with_any": float((of_claims | (of_lines > 0)).mean()),
        "lines_not_judged": float(unjudged / counts.sum()),
    }


def _slipped(data: Path, places: npt.NDArray[np.intp]) -> Mask | None:
    """Return which claims hold a slip that shows; None without the simulator's truth."""
    if not (data / "truth.ndjson").exists():
        return None
    decoder = msgspec.json.Decoder(_Truth)
    told = [decoder.decode(line) for line in _pick(data / "truth.ndjson", places)]
    return np.array([bool(VISIBLE & set(one.faults)) for one in told], dtype=np.bool_)


def _texts(data: Path, places: npt.NDArray[np.intp]) -> list[bytes]:
    """Return the claims' texts in the order asked for."""
    order = np.argsort(places, kind="stable")
    found = list(_pick(data / "claims.ndjson", places[order]))
    answer = [b""] * len(places)
    for at, text in zip(order.tolist(), found, strict=True):
        answer[at] = text
    return answer


def _pick(path: Path, places: npt.NDArray[np.intp]) -> Iterator[bytes]:
    """Yield the lines of a file at rising places."""
    wanted = iter(places.tolist())
    following = next(wanted, None)
    with path.open("rb") as file:
        for at, line in enumerate(file):
            if at == following:
                yield line
                following = next(wanted, None)


def _rows(claims: list[model.Claim]) -> rows.Rows:
    """Return changed claims as columns; how many earlier ones their parties had is not looked at."""
    return batches.merge([schema.build(claims, [schema.History(0, 0, 0)] * len(claims))])
