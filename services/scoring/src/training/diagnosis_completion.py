"""Suggests the group (CCS) of the principal diagnosis from the other codes of an inpatient claim.

Two models in one bundle: `codes` hears procedures, admitting diagnosis, DRG and other diagnoses; `procedures`
hears procedures alone and is judged on claims that have some. Figures are out of fold, patients apart;
vocabulary, voices and their weights are learned inside the training side.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import threadpoolctl
from scipy import sparse

from chassis import errors
from scoring.domain import calibration
from scoring.outbound import bundles
from training import completion_claims as claims
from training import completion_measures, diagnosis_models, measures, pictures, public_bundles, writing
from training import completion_tokens as tokens

TASK = "diagnosis-completion"
FOLDS = 5
COMMON = 50  # groups that are judged apart from the rarer ones
FEW = 50  # patients below which a fifth of a fifth is hardly anybody
MODELS = {"codes": tuple(tokens.CODE_KINDS), "procedures": ("procedures",)}

type Progress = Callable[[int], None]
type Labels = npt.NDArray[np.int64]
type Mask = npt.NDArray[np.bool_]


class Judged(NamedTuple):
    """Ranks of the truth by the model, by naive Bayes and by frequency; probability of the first guess."""

    ranks: Labels
    naive: Labels
    prior: Labels
    confidence: npt.NDArray[np.float64]


class _Stored(msgspec.Struct, frozen=True):
    """What model.json says of one model; its numbers stand in arrays beside it."""

    inputs: tuple[str, ...]
    classes: tuple[str, ...]
    vocabulary: tuple[str, ...]


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
        lessons = diagnosis_models.Lessons(source.frame, labels, source.patients, classes)
        fold = claims.folds(source.patients, FOLDS, seed)
        figures: dict[str, Any] = writing.rounded(_out_of_fold(lessons, fold, seed, progress))
        models = {name: _grow(lessons, name, seed) for name in MODELS}
    figures |= {"left_out": left_out, "groups": len(classes), "data": claims.TERMS}
    _write(out, models, figures)
    names = [*classes, *models["codes"].vocabulary, *models["procedures"].vocabulary]
    figures["revision"] = public_bundles.seal(out, task=TASK, seed=seed, data=source.sha256, names=names)
    return figures


def evaluate(bundle: Path, data: Path) -> dict[str, Any]:
    """Return the figures of a bundle on claims it has not seen; on its own they flatter.

    Raises NotFound `bundle.missing` or `data.missing`, Invalid `bundle.tampered` or `data.columns`.
    """
    manifest = public_bundles.verify(bundle, TASK)
    models = {name: _load(bundle, name) for name in MODELS}
    source, groups, left_out = _labelled(claims.read(data))
    labels = _numbered(groups, models["codes"].classes)
    bare = _bare(source)
    with threadpoolctl.threadpool_limits(1):
        codes = judge(models["codes"], source, labels)
        procedures = judge(models["procedures"], claims.kept(source, ~bare), labels[~bare])
    found: dict[str, Any] = writing.rounded(
        _summary(codes, procedures, ~bare)
        | {
            "left_out": left_out,
            "data": claims.TERMS,
            "same_data_as_trained": source.sha256 == manifest.data,
        }
    )
    return found


def judge(model: diagnosis_models.Model, source: claims.Claims, labels: Labels) -> Judged:
    """Return how the model does on claims whose groups are known."""
    matrix = diagnosis_models.encode(model, source.frame)
    found = diagnosis_models.scores(model, matrix)
    naive = diagnosis_models.scores(model, matrix, diagnosis_models.naive(model))
    prior = np.broadcast_to(model.prior, found.shape)
    return Judged(
        completion_measures.ranks(found, labels),
        completion_measures.ranks(naive, labels),
        completion_measures.ranks(prior, labels),
        diagnosis_models.confidence(model, found),
    )


def _labelled(source: claims.Claims) -> tuple[claims.Claims, npt.NDArray[np.object_], int]:
    """Return the claims whose principal diagnosis has a group, the groups, and how many have none.

    Raises Invalid `data.empty` when none has one.
    """
    groups = tokens.groups(source.frame[claims.PRINCIPAL].to_numpy(dtype=object))
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


def _part(lessons: diagnosis_models.Lessons, keep: Mask) -> diagnosis_models.Lessons:
    return lessons._replace(
        frame=lessons.frame[keep].reset_index(drop=True),
        labels=lessons.labels[keep],
        patients=lessons.patients[keep],
    )


def _grow(lessons: diagnosis_models.Lessons, name: str, seed: int) -> diagnosis_models.Model:
    """Return one of the two models; procedures alone is learned from claims that have some."""
    if name == "procedures":
        bare = _bare(claims.Claims(lessons.frame, lessons.patients, ""))
        lessons = _part(lessons, ~bare)
    return diagnosis_models.grow(lessons, MODELS[name], seed)


def _out_of_fold(
    lessons: diagnosis_models.Lessons, fold: Labels, seed: int, progress: Progress | None
) -> dict[str, Any]:
    """Return figures over claims of patients whom the models had not seen."""
    codes, procedures, masks, folds = [], [], [], []
    for number in range(FOLDS):
        learned, held = _part(lessons, fold != number), _part(lessons, fold == number)
        source = claims.Claims(held.frame, held.patients, "")
        bare = _bare(source)
        codes.append(judge(_grow(learned, "codes", seed), source, held.labels))
        model = _grow(learned, "procedures", seed)
        procedures.append(judge(model, claims.kept(source, ~bare), held.labels[~bare]))
        masks.append(~bare)
        folds.append((codes[-1], procedures[-1]))
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


def _write(out: Path, models: dict[str, diagnosis_models.Model], figures: dict[str, Any]) -> None:
    """Write both models, figures, picture and card; the same data and seed give the same bytes."""
    for name, model in models.items():
        writing.document(
            out / f"{name}.json",
            msgspec.to_builtins(_Stored(model.inputs, model.classes, model.vocabulary)),
        )
        stored = {
            "prior": model.prior, "weights": model.weights, "bias": model.bias.astype(np.float16),
            "linear": model.linear.astype(np.float16), "counts": model.counts.data.astype(np.int32),
            "columns": model.counts.indices, "starts": model.counts.indptr,
            "knots": model.trust.margins, "rates": model.trust.probabilities,
        }  # fmt: skip
        writing.arrays(out / f"{name}.npz", stored)
    writing.document(out / "metrics.json", figures)
    picture = pictures.reliability(
        "First suggested group, out of fold", {"all codes": figures["reliability"]}
    )
    (out / "reliability.svg").write_text(picture)
    (out / "card.md").write_text(_card(figures))


def _load(bundle: Path, name: str) -> diagnosis_models.Model:
    """Return one model of a verified bundle."""
    try:
        stored = msgspec.json.decode((bundle / f"{name}.json").read_bytes(), type=_Stored)
        found = bundles.read_arrays(bundle / f"{name}.npz")
        parts = (found["counts"].astype(np.float32), found["columns"], found["starts"])
        counts = sparse.csr_matrix(parts, shape=(len(stored.classes), len(stored.vocabulary)))
        return diagnosis_models.Model(
            stored.inputs, stored.classes, stored.vocabulary, found["prior"], counts,
            found["linear"].astype(np.float32), found["bias"].astype(np.float32), found["weights"],
            calibration.Table(found["knots"], found["rates"]),
        )  # fmt: skip
    except (msgspec.MsgspecError, KeyError, ValueError, OSError) as error:
        raise errors.Invalid("bundle.unreadable", f"The bundle {bundle.name} cannot be read.") from error


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
