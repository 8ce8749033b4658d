"""Suggests the principal diagnosis of canonical claims from their services and other codes.

Two models in one bundle: `codes` hears all that a claim says, `services` hears no diagnosis. An answer is a
code in its system, and only codes of the claim's own system compete. Figures are of later claims of patients
whom the models have never seen.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import threadpoolctl

from chassis import errors
from scoring.domain import completion, completion_models, completion_routing, completion_suggesting
from scoring.domain import completion_diagnoses as diagnoses
from scoring.domain import completion_tokens as tokens
from scoring.outbound import completion_bundles
from training import (
    completion_bundle_files,
    completion_history,
    completion_labels,
    completion_measures,
    diagnosis_models,
    measures,
    public_bundles,
    writing,
)

TASK = "diagnosis-completion"
INPUTS = {
    "codes": ("services", "procedures", "admitting", "drg", "others", "setting"),
    "services": ("services", "procedures", "drg", "setting"),
}
FEW = 50  # claims of a part below which it teaches or judges nothing
SEEN = 10  # claims with a diagnosis below which it is not suggested

type Progress = Callable[[int], None]
type Labels = npt.NDArray[np.int64]
type Mask = npt.NDArray[np.bool_]


class Judged(NamedTuple):
    """Of each judging claim: ranks of the truth by the model, naive Bayes and frequency; of its group; trust.

    `confidence` and `hits` are of the first code, `group_confidence` and `group_hits` of the likeliest group.
    """

    ranks: Labels
    naive: Labels
    prior: Labels
    confidence: npt.NDArray[np.float64]
    group_ranks: Labels
    group_confidence: npt.NDArray[np.float64]
    group_hits: Mask
    group_prior: Labels


def train(data: Path, seed: int, out: Path, progress: Progress | None = None) -> dict[str, Any]:
    """Write the bundle and return figures on later claims of unseen patients, beside the baselines.

    Raises Invalid `data.few` or what reading claims raises, Conflict `bundle.elsewhere`.
    """
    history = completion_history.read(data, progress)
    split = completion_history.split(history)
    classes = _classes(history, split.learned)
    if min(int(part.sum()) for part in split[:3]) < FEW or not classes:
        raise errors.Invalid("data.few", f"Each of learning, calibrating and judging needs {FEW} claims.")
    public_bundles.clear(out)
    with threadpoolctl.threadpool_limits(1):  # one core, and sums in one order: the same bytes again
        models = {name: _grow(history, split, name, classes, seed) for name in INPUTS}
    figures = _figures(models, history, split)
    completion_bundle_files.diagnoses(out, models, labels=completion_labels.of(classes))
    account = completion_bundle_files.Account(
        task=TASK, name=TASK, seed=seed, sha256=history.sha256, figures=figures,
        knows=_knows(history, split.learned, classes),
        features_hash=completion_bundle_files.diagnoses_hash(models), card=_card(figures),
        curves={"codes": figures["reliability"], "categories": figures["groups"]["reliability"]},
    )  # fmt: skip
    return figures | {"revision": completion_bundle_files.seal(out, account)}


def evaluate(bundle: Path, data: Path) -> dict[str, Any]:
    """Return the figures of a bundle on claims.

    Of the data it was trained on, only the claims that judged then; of other data, all.
    """
    manifest = public_bundles.verify(bundle, TASK)
    served = completion_bundle_files.diagnosing(bundle, "code")
    history = completion_history.read(data)
    same = history.sha256 == manifest.data
    split = completion_history.split(history)
    if not same:
        split = split._replace(judging=np.ones(len(history.facts), dtype=np.bool_))
    models = dict(zip(INPUTS, (one.model for one in served.hearings), strict=True))
    told = _figures(models, history, split)
    return told | {"served": _served(served, history, split.judging), "same_data_as_trained": same}


def lessons(
    history: completion_history.History, keep: Mask, inputs: tuple[str, ...], classes: tuple[str, ...]
) -> diagnosis_models.Lessons:
    """Return the coded claims of a mask as lessons; an answer that is no class has the number −1."""
    grouping = tokens.coarse(None)
    places = [place for place in np.flatnonzero(keep).tolist() if history.answers[place].code]
    index = {name: number for number, name in enumerate(classes)}
    asked = [history.answers[place] for place in places]
    systems = np.array([name.rpartition(completion_models.SEPARATOR)[0] for name in classes])
    wanted = np.array([one.system for one in asked])
    groups = [grouping(tokens.dotless(name.rpartition(completion_models.SEPARATOR)[2])) for name in classes]
    numbers: dict[str, int] = {}
    return diagnosis_models.Lessons(
        inputs,
        [[token.word for token in tokens.spell(history.facts[place], inputs, grouping)] for place in places],
        np.array([index.get(_class(one), -1) for one in asked], dtype=np.int64),
        history.patients[places],
        classes,
        np.array([numbers.setdefault(group, len(numbers)) for group in groups], dtype=np.int64),
        wanted[:, None] == systems[None, :],
    )


def _classes(history: completion_history.History, learned: Mask) -> tuple[str, ...]:
    counted = Counter(
        _class(history.answers[place])
        for place in np.flatnonzero(learned).tolist()
        if history.answers[place].code and history.answers[place].system
    )
    return tuple(sorted(name for name, count in counted.items() if count >= SEEN))


def _class(answer: completion_history.Answered) -> str:
    return f"{answer.system}{completion_models.SEPARATOR}{answer.code}"


def _grow(
    history: completion_history.History,
    split: completion_history.Split,
    name: str,
    classes: tuple[str, ...],
    seed: int,
) -> diagnoses.Model:
    """Return one model, learned from early claims and calibrated on later ones."""
    taught = lessons(history, split.learned, INPUTS[name], classes)
    model = diagnosis_models.grow(diagnosis_models.part(taught, taught.labels >= 0), seed)
    later = lessons(history, split.calibrating, INPUTS[name], classes)
    later = diagnosis_models.part(later, _answerable(later))
    rows = diagnosis_models.encoded(later.words, model.vocabulary)
    return diagnosis_models.trust(model, later, diagnoses.scores(model, rows, later.allowed))


def _answerable(found: diagnosis_models.Lessons) -> Mask:
    """Return which claims' systems have any answers; the others are refused, not answered wrongly."""
    assert found.allowed is not None  # noqa: S101 - canonical claims have systems
    answerable: Mask = found.allowed.any(axis=1)
    return answerable


def judge(model: diagnoses.Model, found: diagnosis_models.Lessons) -> Judged:
    """Return how a model does on claims whose diagnoses are known."""
    rows = diagnosis_models.encoded(found.words, model.vocabulary)
    margins = diagnoses.scores(model, rows, found.allowed)
    bayes = diagnoses.scores(model, rows, found.allowed, diagnoses.naive(model))
    prior = diagnoses.barred(np.tile(model.prior.astype(np.float32), (len(rows), 1)), found.allowed)
    likely = diagnoses.shares(margins)
    summed, hits = diagnosis_models.grouped(likely, found)
    usual, _ = diagnosis_models.grouped(diagnoses.shares(prior), found)
    truth = np.where(found.labels >= 0, found.groups[found.labels], -1)
    return Judged(
        completion_measures.ranks(margins, found.labels),
        completion_measures.ranks(bayes, found.labels),
        completion_measures.ranks(prior, found.labels),
        diagnoses.confidence(model.trust, likely.max(axis=1)),
        completion_measures.ranks(summed, truth),
        diagnoses.confidence(model.groups, summed.max(axis=1)),
        hits,
        completion_measures.ranks(usual, truth),
    )


def _figures(
    models: dict[str, diagnoses.Model],
    history: completion_history.History,
    split: completion_history.Split,
) -> dict[str, Any]:
    """Return the figures of the judging claims."""
    told: dict[str, Any] = {}
    coded = split.judging & np.array([bool(one.code) for one in history.answers])
    sixths = completion_history.sixths(history.created[coded])
    for name, model in models.items():
        asked = lessons(history, split.judging, INPUTS[name], model.classes)
        keep = _answerable(asked)
        if not keep.any():
            raise errors.Invalid(
                "data.empty", "No claim has a principal diagnosis of a system that is known."
            )
        judged = judge(model, diagnosis_models.part(asked, keep))
        told[name] = _summary(judged) | _spread(judged, sixths[keep])
        told["unanswerable"] = int((~keep).sum())
    best: dict[str, Any] = told.pop("codes")
    figures: dict[str, Any] = writing.rounded(
        best
        | {"services_alone": told["services"], "unanswerable": told["unanswerable"]}
        | {"classes": len(next(iter(models.values())).classes), "protocol": completion_history.PROTOCOL}
        | {"data": completion_history.source(history)}
        | {"simulated": history.simulated}
    )
    return figures


def _served(
    bundle: completion_models.Diagnoses, history: completion_history.History, judging: Mask
) -> dict[str, Any]:
    """Return what serving would have told: suggestions, how many were right, refusals by reason."""
    told: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for place in np.flatnonzero(judging).tolist():
        answer = history.answers[place]
        if not answer.code:
            continue
        route = completion_routing.diagnosis([bundle], history.facts[place])
        if isinstance(route, completion.Refusal):
            refused[route.reason] += 1
            continue
        found = completion_suggesting.suggest(bundle, history.facts[place], route.system)
        if isinstance(found, completion.Refusal):
            refused[found.reason] += 1
            continue
        told["suggested"] += 1
        told["first_right"] += found.first.value == answer.code
        told["listed_right"] += answer.code in [one.value for one in (found.first, *found.alternatives)]
    return {**told, "refused": dict(sorted(refused.items()))}


def _summary(judged: Judged) -> dict[str, Any]:
    hits = judged.ranks == 0
    return completion_measures.tops(judged.ranks) | {
        "baseline": {"name": "most frequent diagnoses", **completion_measures.tops(judged.prior)},
        "baselines": {"naive Bayes": completion_measures.tops(judged.naive)},
        "ece": measures.ece(hits, judged.confidence),
        "reliability": measures.reliability(hits, judged.confidence),
        "groups": completion_measures.tops(judged.group_ranks)
        | {
            "baseline": {"name": "most frequent categories", **completion_measures.tops(judged.group_prior)},
            "ece": measures.ece(judged.group_hits, judged.group_confidence),
            "reliability": measures.reliability(judged.group_hits, judged.group_confidence),
        },
    }


def _spread(judged: Judged, sixths: Labels) -> dict[str, Any]:
    """Return spreads over sixths of the judged time, paired differences to naive Bayes and frequency."""
    parts = [Judged(*(column[sixths == sixth] for column in judged)) for sixth in np.unique(sixths)]
    ours = [completion_measures.tops(part.ranks) for part in parts]
    return {
        "spread": completion_measures.spreads(ours),
        "paired_differences": {
            name: completion_measures.paired(
                ours, [completion_measures.tops(getattr(part, field)) for part in parts]
            )
            for name, field in (("naive Bayes", "naive"), ("most frequent diagnoses", "prior"))
        },
    }


def _knows(
    history: completion_history.History, learned: Mask, classes: tuple[str, ...]
) -> completion_bundles.Knows:
    """Return the systems, currencies and regimes of the claims that were learned from."""
    facts = [history.facts[place] for place in np.flatnonzero(learned).tolist()]
    answers = sorted({name.rpartition(completion_models.SEPARATOR)[0] for name in classes})
    regimes: dict[str, Counter[str]] = {}
    for place in np.flatnonzero(learned).tolist():
        system = history.answers[place].system
        if system in answers:
            regimes.setdefault(history.facts[place].regime, Counter())[system] += 1
    return completion_bundles.Knows(
        reads=sorted({one.system for fact in facts for one in completion.coded(fact)} - completion.UNSHARED),
        answers=answers,
        currencies=sorted({fact.currency for fact in facts}),
        regimes={regime: counted.most_common(1)[0][0] for regime, counted in sorted(regimes.items())},
        kind="code",
        models=list(INPUTS),
    )


def _card(figures: dict[str, Any]) -> str:
    """Return the model card in Markdown."""
    alone = figures["services_alone"]
    shown = {
        "all that the claim says": figures,
        "naive Bayes, the same": figures["baselines"]["naive Bayes"],
        "most frequent diagnoses": figures["baseline"],
        "services and setting alone": alone,
        "category, all that the claim says": figures["groups"],
        "category, services and setting alone": alone["groups"],
    }
    rows = [
        f"| {name} | {one['n']:,} | {one['top1']:.3f} | {one['top5']:.3f} | {one['top10']:.3f} |"
        for name, one in shown.items()
    ]
    return "\n".join([
        "# diagnosis-completion: which principal diagnosis do the services suggest?\n",
        f"{figures['data'].capitalize()}. A suggestion for a coder, never filled in.\n",
        f"{figures['classes']} diagnoses; {figures['protocol']}.\n",
        "| | n | top 1 | top 5 | top 10 |\n|-|-|-|-|-|",
        *rows,
        "\n![Reliability](reliability.svg)\n",
    ])  # fmt: skip
