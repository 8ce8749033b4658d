"""Suggests the group (CCS) of the principal diagnosis from the other codes of an inpatient claim.

Two models in one bundle: `codes` hears procedures, admitting diagnosis, DRG and other diagnoses; `procedures`
hears procedures alone and is judged on claims that have some. Figures are out of fold, patients apart;
vocabulary, voices and their weights are learned inside the training side.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import threadpoolctl

from chassis import errors
from scoring.domain import completion_diagnoses as diagnoses
from scoring.domain import completion_tokens as tokens
from scoring.outbound import completion_bundles
from training import (
    completion_bundle_files,
    completion_groups,
    completion_measures,
    diagnosis_models,
    measures,
    public_bundles,
    writing,
)
from training import completion_claims as claims

TASK = "diagnosis-completion"
FOLDS = 5
COMMON = 50  # groups that are judged apart from the rarer ones
FEW = 50  # patients below which a fifth of a fifth is hardly anybody
MODELS = {"codes": ("procedures", "admitting", "drg", "others"), "procedures": ("procedures",)}
KNOWS = completion_bundles.Knows(
    reads=[claims.SYSTEM], answers=["ccs"], currencies=[claims.CURRENCY], regimes={claims.REGIME: "ccs"},
    kind="group", models=list(MODELS),
)  # fmt: skip

type Progress = Callable[[int], None]
type Labels = npt.NDArray[np.int64]
type Mask = npt.NDArray[np.bool_]


class Judged(NamedTuple):
    """Ranks of the truth by the model, by naive Bayes and by frequency; probability of the first guess."""

    ranks: Labels
    naive: Labels
    prior: Labels
    confidence: npt.NDArray[np.float64]


def train(data: Path, seed: int, out: Path, progress: Progress | None = None) -> dict[str, Any]:
    """Write the bundle and return out-of-fold figures with spread, beside the baselines on the same folds.

    Raises NotFound `data.missing`, Invalid `data.columns` or `data.few`, Conflict `bundle.elsewhere`.
    """
    source, groups, left_out = _labelled(claims.read(data))
    if len(set(source.patients.tolist())) < FEW:
        raise errors.Invalid("data.few", f"Training needs claims of at least {FEW} patients.")
    public_bundles.clear(out)
    classes = tuple(sorted(set(groups.tolist())))
    labels = _numbered(groups, classes)
    with threadpoolctl.threadpool_limits(1):  # one core, and sums in one order: the same bytes again
        taught = {name: lessons(source, labels, classes, name) for name in MODELS}
        fold = claims.folds(source.patients, FOLDS, seed)
        figures: dict[str, Any] = writing.rounded(_out_of_fold(taught, ~_bare(source), fold, seed, progress))
        models = {
            name: diagnosis_models.grow(one, seed) for name, one in _spoken(taught, ~_bare(source)).items()
        }
    figures |= {"left_out": left_out, "groups": len(classes), "data": claims.TERMS, "simulated": False}
    completion_bundle_files.diagnoses(
        out, models, coarse=completion_groups.mapping(),
        labels={name: (text, "") for name, text in completion_groups.names().items() if name in classes},
    )  # fmt: skip
    account = completion_bundle_files.Account(
        task=TASK, name=TASK, seed=seed, sha256=source.sha256, knows=KNOWS, figures=figures,
        features_hash=completion_bundle_files.diagnoses_hash(models), card=_card(figures),
        curves={"all codes": figures["reliability"]},
    )  # fmt: skip
    return figures | {"revision": completion_bundle_files.seal(out, account)}


def evaluate(bundle: Path, data: Path) -> dict[str, Any]:
    """Return the figures of a bundle on claims it has not seen; on its own they flatter.

    Raises NotFound `bundle.missing` or `data.missing`, Invalid `bundle.tampered` or `data.columns`.
    """
    manifest = public_bundles.verify(bundle, TASK)
    served = completion_bundle_files.diagnosing(bundle, "group")
    models = dict(zip(MODELS, (one.model for one in served.hearings), strict=True))
    source, groups, left_out = _labelled(claims.read(data))
    spoken = ~_bare(source)
    with threadpoolctl.threadpool_limits(1):
        asked = {
            name: lessons(source, _numbered(groups, model.classes), model.classes, name)
            for name, model in models.items()
        }
        judged = {name: judge(models[name], one) for name, one in _spoken(asked, spoken).items()}
    found: dict[str, Any] = writing.rounded(
        _summary(judged["codes"], judged["procedures"], spoken)
        | {
            "left_out": left_out,
            "data": claims.TERMS,
            "same_data_as_trained": source.sha256 == manifest.data,
        }
    )
    return found


def lessons(
    source: claims.Claims, labels: Labels, classes: tuple[str, ...], name: str
) -> diagnosis_models.Lessons:
    """Return claims as one of the models hears them."""
    inputs, coarse = MODELS[name], tokens.coarse(completion_groups.mapping())
    words = [[token.word for token in tokens.spell(one, inputs, coarse)] for one in claims.facts(source)]
    alone = np.arange(len(classes))  # a group of one: answers are groups already
    return diagnosis_models.Lessons(inputs, words, labels, source.patients, classes, alone)


def judge(model: diagnoses.Model, found: diagnosis_models.Lessons) -> Judged:
    """Return how the model does on claims whose groups are known."""
    rows = diagnosis_models.encoded(found.words, model.vocabulary)
    margins = diagnoses.scores(model, rows)
    naive = diagnoses.scores(model, rows, weights=diagnoses.naive(model))
    prior = np.broadcast_to(model.prior, margins.shape)
    return Judged(
        completion_measures.ranks(margins, found.labels),
        completion_measures.ranks(naive, found.labels),
        completion_measures.ranks(prior, found.labels),
        diagnoses.confidence(model.trust, diagnoses.shares(margins).max(axis=1, initial=0)),
    )


def _labelled(source: claims.Claims) -> tuple[claims.Claims, npt.NDArray[np.object_], int]:
    """Return the claims whose principal diagnosis has a group, the groups, and how many have none.

    Raises Invalid `data.empty` when none has one.
    """
    groups = completion_groups.groups(source.frame[claims.PRINCIPAL].to_numpy(dtype=object))
    known = groups != ""
    if not known.any():
        raise errors.Invalid("data.empty", f"No claim has an ICD-9-CM code in {claims.PRINCIPAL}.")
    return claims.kept(source, known), groups[known], int((~known).sum())


def _numbered(groups: npt.NDArray[np.object_], classes: tuple[str, ...]) -> Labels:
    """Return the groups' numbers, −1 for a group that the model does not know."""
    index = {name: number for number, name in enumerate(classes)}
    return np.array([index.get(name, -1) for name in groups], dtype=np.int64)


def _bare(source: claims.Claims) -> Mask:
    """Return which claims have no procedure."""
    bare: Mask = (source.frame[list(claims.PROCEDURES)] == "").all(axis=1).to_numpy(dtype=bool)
    return bare


def _spoken(taught: dict[str, diagnosis_models.Lessons], spoken: Mask) -> dict[str, diagnosis_models.Lessons]:
    """Return the lessons of both models; procedures alone is learned from claims that have some."""
    return taught | {"procedures": diagnosis_models.part(taught["procedures"], spoken)}


def _out_of_fold(
    taught: dict[str, diagnosis_models.Lessons],
    spoken: Mask,
    fold: Labels,
    seed: int,
    progress: Progress | None,
) -> dict[str, Any]:
    """Return figures over claims of patients whom the models had not seen."""
    codes, procedures, masks = [], [], []
    for number in range(FOLDS):
        apart, held = fold != number, fold == number
        learned = {
            "codes": diagnosis_models.part(taught["codes"], apart),
            "procedures": diagnosis_models.part(taught["procedures"], apart & spoken),
        }
        judging = {
            "codes": diagnosis_models.part(taught["codes"], held),
            "procedures": diagnosis_models.part(taught["procedures"], held & spoken),
        }
        codes.append(judge(diagnosis_models.grow(learned["codes"], seed), judging["codes"]))
        procedures.append(judge(diagnosis_models.grow(learned["procedures"], seed), judging["procedures"]))
        masks.append(spoken[held])
        if progress:
            progress(number + 1)
    figures = _summary(_joined(codes), _joined(procedures), np.concatenate(masks))
    return figures | _spread(codes, procedures) | {"protocol": f"{FOLDS}-fold, patients apart, out of fold"}


def _joined(parts: list[Judged]) -> Judged:
    return Judged(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _summary(codes: Judged, procedures: Judged, with_procedures: Mask) -> dict[str, Any]:
    """Return the figures of both models beside their baselines, and of claims without procedures."""
    hit = codes.ranks == 0
    return completion_measures.tops(codes.ranks) | {
        "baseline": {"name": "most frequent groups", **completion_measures.tops(codes.prior)},
        "baselines": {"naive Bayes, all codes": completion_measures.tops(codes.naive)},
        "ece": _ece(codes),
        "reliability": measures.reliability(hit, codes.confidence),
        "slices": {
            "with procedures": completion_measures.tops(codes.ranks[with_procedures]),
            "without procedures": completion_measures.tops(codes.ranks[~with_procedures]),
            f"the {COMMON} commonest groups": completion_measures.tops(codes.ranks[codes.prior < COMMON]),
            "rarer groups": completion_measures.tops(codes.ranks[codes.prior >= COMMON]),
        },
        "procedures_alone": completion_measures.tops(procedures.ranks)
        | {
            "baseline": {"name": "most frequent groups", **completion_measures.tops(procedures.prior)},
            "baselines": {"naive Bayes, procedures": completion_measures.tops(procedures.naive)},
            "ece": _ece(procedures),
        },
    }


def _ece(judged: Judged) -> float:
    """Return how far the first guess's probability is from how often it is right; nan without claims."""
    return measures.ece(judged.ranks == 0, judged.confidence) if len(judged.ranks) else float("nan")


def _spread(codes: list[Judged], procedures: list[Judged]) -> dict[str, Any]:
    """Return spreads over folds and paired differences to naive Bayes on the same inputs."""
    told: dict[str, dict[str, Any]] = {"spread": {}, "paired_differences": {}}
    for name, parts in (("codes", codes), ("procedures_alone", procedures)):
        ours, theirs = (
            [completion_measures.tops(getattr(part, field)) for part in parts] for field in ("ranks", "naive")
        )
        told["spread"][name] = completion_measures.spreads(ours)
        told["paired_differences"][f"{name} − naive Bayes"] = completion_measures.paired(ours, theirs)
    return told


def _card(figures: dict[str, Any]) -> str:
    """Return the model card in Markdown."""
    alone = figures["procedures_alone"]
    shown = {
        "all codes": figures,
        "all codes, naive Bayes": figures["baselines"]["naive Bayes, all codes"],
        "most frequent groups": figures["baseline"],
        "procedures alone": alone,
        "procedures alone, naive Bayes": alone["baselines"]["naive Bayes, procedures"],
    }
    rows = [
        f"| {name} | {one['n']:,} | {one['top1']:.3f} | {one['top5']:.3f} | {one['top10']:.3f} |"
        for name, one in shown.items()
    ]
    return "\n".join([
        "# diagnosis-completion: which group does the principal diagnosis belong to?\n",
        f"{claims.TERMS}. ICD-9-CM, inpatient; a suggestion for a coder, never filled in.\n",
        f"{figures['groups']} CCS groups; {figures['left_out']:,} claims without one left out;",
        f"{figures['protocol']}.\n",
        "| | n | top 1 | top 5 | top 10 |\n|-|-|-|-|-|",
        *rows,
        "\n![Reliability](reliability.svg)\n",
    ])  # fmt: skip
