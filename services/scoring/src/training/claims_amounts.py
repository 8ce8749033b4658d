"""Expects what a line of a canonical claim is billed at, from its service and who bills whom.

Boosted trees on usual amounts, with a range and a share of near misses that later claims told, by how much is
known of the service and the provider. Figures are of later claims of patients whom the model has never seen.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import lightgbm
import msgspec
import numpy as np
import numpy.typing as npt

from chassis import errors
from scoring.domain import completion, completion_models, completion_pricing
from scoring.domain import completion_amounts as amounts
from scoring.outbound import completion_bundles
from training import (
    completion_bundle_files,
    completion_claims,
    completion_history,
    completion_measures,
    conversions,
    public_bundles,
    writing,
)

TASK = "amount-completion"
ROUNDS = 200
FOLDS = 5
RANGE = (0.1, 0.9)  # quantiles of the error that bound the range
TOLERANCE = 0.1  # how near an amount is that counts as right
FEW = (
    50  # lines of a part below which it teaches or judges nothing; of a band below which the pooled one holds
)
CHUNK = 4_096  # rows walked at a time: bounds memory

type Progress = Callable[[int], None]
type Doubles = npt.NDArray[np.float64]
type Mask = npt.NDArray[np.bool_]


class Lessons(NamedTuple):
    """Lines with a net, log(net / quantity), the net, whose and of when they are."""

    asked: list[amounts.Asked]
    units: Doubles
    nets: Doubles
    patients: npt.NDArray[np.int64]
    created: npt.NDArray[np.int64]
    left_out: int


def train(data: Path, seed: int, out: Path, progress: Progress | None = None) -> dict[str, Any]:
    """Write the bundle and return figures on later claims of unseen patients, beside the baselines.

    Raises Invalid `data.few` or what reading claims raises, Conflict `bundle.elsewhere`.
    """
    history = completion_history.read(data, progress)
    split = completion_history.split(history)
    learned, later, judging = (lessons(history, keep) for keep in split[:3])
    if min(len(part.asked) for part in (learned, later, judging)) < FEW:
        raise errors.Invalid("data.few", f"Each of learning, calibrating and judging needs {FEW} lines.")
    public_bundles.clear(out)
    model = _banded(_grow(learned, seed), later)
    figures = _figures(model, judging, history)
    trees = {f"amount.{field}": array for field, array in model.forest._asdict().items()}
    writing.arrays(out / "trees.npz", trees)
    writing.document(out / "model.json", msgspec.to_builtins(completion_bundles.prices(model)))
    account = completion_bundle_files.Account(
        task=TASK, name=TASK, seed=seed, sha256=history.sha256, figures=figures,
        knows=_knows(history, split.learned),
        features_hash=completion_bundles.amounts_hash(amounts.names()), card=_card(figures),
    )  # fmt: skip
    return figures | {"revision": completion_bundle_files.seal(out, account)}


def evaluate(bundle: Path, data: Path) -> dict[str, Any]:
    """Return the figures of a bundle on claims.

    Of the data it was trained on, only the claims that judged then; of other data, all.
    """
    manifest = public_bundles.verify(bundle, TASK)
    served = completion_bundles.load(bundle)
    assert isinstance(served, completion_models.Amounts)  # noqa: S101 - of this task
    history = completion_history.read(data)
    same = history.sha256 == manifest.data
    keep = completion_history.split(history).judging if same else np.ones(len(history.facts), dtype=np.bool_)
    told = _figures(served.model, lessons(history, keep), history)
    return told | {"served": _served(served, history, keep), "same_data_as_trained": same}


def lessons(history: completion_history.History, keep: Mask) -> Lessons:
    """Return the lines of a mask of claims that have a code, a quantity and a net; the others are counted."""
    asked, nets, patients, days = [], [], [], []
    left_out = 0
    for place in np.flatnonzero(keep).tolist():
        facts = history.facts[place]
        for line, net in zip(facts.lines, history.answers[place].nets, strict=True):
            if line.code and line.system not in completion.UNSHARED and line.quantity > 0 and net > 0:
                asked.append(amounts.Asked(facts, line))
                nets.append(net)
                patients.append(int(history.patients[place]))
                days.append(int(history.created[place]))
            else:
                left_out += 1
    billed = np.array(nets, dtype=np.float64)
    quantities = np.array([one.line.quantity for one in asked], dtype=np.float64)
    return Lessons(
        asked,
        np.log(billed / quantities),
        billed,
        np.array(patients, dtype=np.int64),
        np.array(days, dtype=np.int64),
        left_out,
    )


def _grow(learned: Lessons, seed: int) -> amounts.Model:
    """Return usual amounts and trees; usual amounts of a line that is learned from are of other patients."""
    settings = {
        "objective": "regression", "num_leaves": 15, "learning_rate": 0.05, "feature_fraction": 0.8,
        "bagging_fraction": 0.8, "bagging_freq": 1, "min_data_in_leaf": 40, "lambda_l2": 2, "num_threads": 1,
        "seed": seed, "deterministic": True, "force_row_wise": True, "verbose": -1,
    }  # fmt: skip
    usual = amounts.learn(learned.asked, learned.units)
    days = np.array([one.facts.day for one in learned.asked])
    level = learned.units - amounts.trend(usual, days)
    fold = completion_claims.folds(learned.patients, FOLDS, seed + 1)
    matrix = np.zeros((len(learned.asked), len(amounts.names())), dtype=np.float32)
    for number in range(FOLDS):
        mine = np.flatnonzero(fold == number).tolist()
        others = np.flatnonzero(fold != number).tolist()
        if mine and others:
            apart = amounts.learn([learned.asked[place] for place in others], learned.units[others])
            matrix[mine] = amounts.matrix([learned.asked[place] for place in mine], apart)
    booster = lightgbm.train(settings, lightgbm.Dataset(matrix, level), ROUNDS)
    forest = conversions.from_lightgbm(booster.dump_model())
    return amounts.Model(usual, forest, (), RANGE[1] - RANGE[0], TOLERANCE)


def _banded(model: amounts.Model, later: Lessons) -> amounts.Model:
    """Return the model with what these later lines say of its errors."""
    wrong = later.units - expect(model, later.asked)
    bands = np.array([amounts.band(model.usual, one) for one in later.asked])
    pooled = _band(wrong)
    told = []
    for number in range(amounts.band_count()):
        mine = wrong[bands == number]
        told.append(_band(mine) if len(mine) >= FEW else pooled._replace(lines=len(mine)))
    return model._replace(bands=tuple(told))


def _band(wrong: Doubles) -> amounts.Band:
    low, high = np.round(np.quantile(wrong, RANGE), 6).tolist()
    return amounts.Band(low, high, round(float(_near(wrong).mean()), 6), len(wrong))


def _near(wrong: Doubles) -> Mask:
    """Return which expected amounts were within the tolerance of the true one."""
    off: Doubles = np.abs(np.expm1(-wrong))
    return off <= TOLERANCE


def expect(model: amounts.Model, asked: list[amounts.Asked]) -> Doubles:
    """Return expected logarithms of many lines."""
    parts = [amounts.expect(model, asked[at : at + CHUNK]) for at in range(0, len(asked), CHUNK)]
    return np.concatenate(parts) if parts else np.zeros(0)


def _figures(model: amounts.Model, judging: Lessons, history: completion_history.History) -> dict[str, Any]:
    """Return the figures of the judging lines, those that would be refused among them."""
    quantities = np.array([one.line.quantity for one in judging.asked])
    guesses = expect(model, judging.asked)
    codes = np.array([_usual(model.usual, one) for one in judging.asked])
    known = np.array([amounts.cases(model.usual, one, "code") > 0 for one in judging.asked], dtype=np.bool_)
    bands = np.array([amounts.band(model.usual, one) for one in judging.asked], dtype=np.int64)
    wrong = judging.units - guesses
    ours, theirs = np.exp(guesses) * quantities, np.exp(codes) * quantities
    currencies = np.array([one.facts.currency for one in judging.asked])
    masks = {f"in {name}": currencies == name for name in sorted(set(currencies.tolist()))}
    masks |= {
        f"band {number}": bands == number for number in range(amounts.band_count()) if (bands == number).any()
    }
    low, high, near = (
        np.array([getattr(model.bands[number], field) for number in bands.tolist()])
        for field in ("low", "high", "near")
    )
    figures: dict[str, Any] = writing.rounded(
        completion_measures.amounts(judging.nets, ours)
        | {
            "baseline": {"name": "mean of the service", **completion_measures.amounts(judging.nets, theirs)},
            "baselines": {"constant": completion_measures.amounts(
                judging.nets, np.full(len(quantities), float(np.exp(model.usual.overall)))
            )},
            "slices": {name: _slice(judging.nets, ours, wrong, mask) for name, mask in masks.items()},
            "in_range": float(((wrong >= low) & (wrong <= high)).mean()),
            "near": float(_near(wrong).mean()),
            "near_told": float(near.mean()),
            "unseen": int((~known).sum()),
            "left_out": judging.left_out,
            **_spread(judging, ours, theirs),
        }
    )  # fmt: skip
    return figures | {
        "tolerance": TOLERANCE,
        "protocol": completion_history.PROTOCOL,
        "simulated": history.simulated,
        "data": completion_history.source(history),
    }


def _served(
    bundle: completion_models.Amounts, history: completion_history.History, keep: Mask
) -> dict[str, Any]:
    """Return what serving would have told: amounts, how many near or in range, refusals by reason."""
    told: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for place in np.flatnonzero(keep).tolist():
        facts = history.facts[place]
        found = completion_pricing.suggest(bundle, facts, facts.lines)
        for one, net in zip(found, history.answers[place].nets, strict=True):
            if isinstance(one, completion.Refusal):
                refused[one.reason] += 1
                continue
            minor = net * 10**facts.digits
            told["suggested"] += 1
            told["near"] += abs(minor - (one.first.amount_minor or 0)) <= TOLERANCE * minor
            told["in_range"] += one.first.low <= round(minor) <= one.first.high
    return {**told, "refused": dict(sorted(refused.items()))}


def _usual(usual: amounts.Usual, one: amounts.Asked) -> float:
    """Return the mean of a line's service: the baseline."""
    return usual.means["code"].mean.get(amounts.key(one, "code"), usual.overall)


def _slice(nets: Doubles, guessed: Doubles, wrong: Doubles, mask: Mask) -> dict[str, float]:
    return completion_measures.amounts(nets[mask], guessed[mask]) | {"near": float(_near(wrong[mask]).mean())}


def _spread(judging: Lessons, ours: Doubles, theirs: Doubles) -> dict[str, Any]:
    """Return spreads over sixths of the judged time and paired differences to the service's mean."""
    sixths = completion_history.sixths(judging.created)
    parts = [sixths == sixth for sixth in np.unique(sixths)]
    mine = [completion_measures.amounts(judging.nets[part], ours[part]) for part in parts]
    means = [completion_measures.amounts(judging.nets[part], theirs[part]) for part in parts]
    return {
        "spread": completion_measures.spreads(mine),
        "paired_differences": {"mean of the service": completion_measures.paired(mine, means)},
    }


def _knows(history: completion_history.History, learned: Mask) -> completion_bundles.Knows:
    facts = [history.facts[place] for place in np.flatnonzero(learned).tolist()]
    return completion_bundles.Knows(
        reads=sorted({line.system for fact in facts for line in fact.lines} - completion.UNSHARED),
        answers=[],
        currencies=sorted({fact.currency for fact in facts}),
        regimes=dict.fromkeys(sorted({fact.regime for fact in facts}), ""),
        kind="amount",
    )


def _card(figures: dict[str, Any]) -> str:
    """Return the model card in Markdown."""
    shown = {
        "boosted trees on usual amounts": figures,
        figures["baseline"]["name"]: figures["baseline"],
        "constant": figures["baselines"]["constant"],
    }
    rows = [f"| {name} | {one['r2_log']:.3f} | {one['mae']:,.2f} |" for name, one in shown.items()]
    return "\n".join([
        "# amount-completion: what is a line expected to be billed at?\n",
        f"{figures['data'].capitalize()}. A suggestion for a biller, never filled in.\n",
        f"{figures['n']:,} lines; {figures['protocol']}.",
        f"{figures['in_range']:.1%} of amounts lie in the range told, of 80 % meant;",
        f"{figures['near']:.1%} are within {figures['tolerance']:.0%} of the amount told,",
        f"{figures['near_told']:.1%} were promised.\n",
        "| | R² of log(1 + net) | mean absolute error, in the line's currency |\n|-|-|-|",
        *rows,
        "",
    ])  # fmt: skip
