"""Learns which principal diagnosis a claim's tokens suggest; `scoring.domain.completion_diagnoses` answers.

The weights of the voices are learned on patients that the voices have not seen, so a voice that overfits is
heard less. Knows no file.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import optimize, sparse

from scoring.domain import calibration
from scoring.domain import completion_diagnoses as diagnoses
from scoring.domain import completion_tokens as tokens
from training import completion_claims as claims

MIN_COUNT = 3  # a token seen less often says more about chance than about a diagnosis
EPOCHS, BATCH, RATE, DECAY = 6, 1_024, 0.1, 1e-4  # of the linear voice: AdaGrad with a falling step
INNER = 5  # one patient in five is kept from the voices to weigh them

type Floats = npt.NDArray[np.float32]
type Labels = npt.NDArray[np.int64]
type Mask = npt.NDArray[np.bool_]
type Words = Sequence[Sequence[str]]


class Lessons(NamedTuple):
    """What is learned from: each claim's tokens, its answer's number, its patient; the names of the answers.

    `groups` numbers the group of each answer. `allowed` says per claim which answers are of its code system;
    None allows all.
    """

    inputs: tuple[str, ...]
    words: Words
    labels: Labels
    patients: Labels
    classes: tuple[str, ...]
    groups: Labels
    allowed: Mask | None = None


def part(lessons: Lessons, keep: Mask) -> Lessons:
    """Return the lessons of a mask."""
    return lessons._replace(
        words=[words for words, kept in zip(lessons.words, keep.tolist(), strict=True) if kept],
        labels=lessons.labels[keep],
        patients=lessons.patients[keep],
        allowed=None if lessons.allowed is None else lessons.allowed[keep],
    )


def grow(lessons: Lessons, seed: int) -> diagnoses.Model:
    """Return the model of these claims; voices are weighed on a fifth of the patients, then grown on all."""
    vocabulary = learn(lessons.words)
    rows = encoded(lessons.words, vocabulary)
    inner = claims.folds(lessons.patients, INNER, seed + 1) == 0  # not the split of whoever judges the model
    trial = _learn(part(lessons, ~inner), vocabulary, seed)
    held = part(lessons, inner)
    mine = _rows(rows, inner)
    voices = diagnoses.voices(trial, mine, held.allowed)
    trial = trial._replace(weights=_weigh(voices, held.labels, held.allowed))
    weighed = trust(trial, held, diagnoses.scores(trial, mine, held.allowed))
    grown = _learn(lessons, vocabulary, seed)
    return grown._replace(
        weights=weighed.weights, trust=weighed.trust, others=weighed.others, groups=weighed.groups,
        listed=weighed.listed,
    )  # fmt: skip


def trust(model: diagnoses.Model, lessons: Lessons, scores: Floats) -> diagnoses.Model:
    """Return the model with its shares calibrated on these claims, which it has not learned from."""
    likely = diagnoses.shares(scores)
    order = np.argsort(-likely, axis=1, kind="stable")[:, : diagnoses.LISTED]
    ranked = np.take_along_axis(likely, order, axis=1).astype(np.float64)
    hits = order == lessons.labels[:, None]
    summed, right = grouped(likely, lessons)
    return model._replace(
        trust=calibration.fit(ranked[:, 0], hits[:, 0]),
        others=calibration.fit(ranked[:, 1:].ravel(), hits[:, 1:].ravel()),
        groups=calibration.fit(summed.max(axis=1), right),
        listed=calibration.fit(ranked.sum(axis=1), hits.any(axis=1)),
    )


def grouped(likely: Floats, lessons: Lessons) -> tuple[npt.NDArray[np.float64], Mask]:
    """Return the summed shares of each group, and whether the largest holds the truth."""
    member = np.eye(int(lessons.groups.max(initial=0)) + 1)[lessons.groups]
    summed = likely.astype(np.float64) @ member
    truth = np.where(lessons.labels >= 0, lessons.groups[lessons.labels], -1)
    return summed, summed.argmax(axis=1) == truth


def learn(rows: Words) -> tuple[str, ...]:
    """Return the vocabulary: tokens that enough claims have, sorted."""
    counts = Counter(word for words in rows for word in set(words))
    return tuple(sorted(word for word, count in counts.items() if count >= MIN_COUNT))


def encoded(rows: Iterable[Sequence[str]], vocabulary: Sequence[str]) -> tokens.Encoded:
    """Return claims as places in a vocabulary."""
    index: Mapping[str, int] = {word: place for place, word in enumerate(vocabulary)}
    return tokens.encode(rows, index)


def _rows(rows: tokens.Encoded, keep: Mask) -> tokens.Encoded:
    """Return the rows of a mask."""
    counts = np.diff(rows.offsets)
    places = rows.places[np.repeat(keep, counts)]
    return tokens.Encoded(places, np.concatenate([[0], np.cumsum(counts[keep])]).astype(np.int64))


def _learn(lessons: Lessons, vocabulary: tuple[str, ...], seed: int) -> diagnoses.Model:
    """Return a model of these claims whose voices are not weighed yet."""
    labels, count = lessons.labels, len(lessons.classes)
    rows = encoded(lessons.words, vocabulary)
    ones = np.ones(len(rows.places), dtype=np.float32)
    matrix = sparse.csr_matrix((ones, rows.places, rows.offsets), shape=(len(rows), len(vocabulary)))
    belongs = sparse.csr_matrix(
        (np.ones(len(labels)), (np.arange(len(labels)), labels)), (len(labels), count)
    )
    seen = sparse.csr_matrix(matrix.T @ belongs)
    seen.sort_indices()
    frequency = np.bincount(labels, minlength=count)
    prior = np.log((frequency + 1) / (len(labels) + count))
    linear, bias = _regress(matrix, lessons, prior, seed)
    counts = diagnoses.Counts(*(array.astype(np.int64) for array in (seen.data, seen.indices, seen.indptr)))
    voice = diagnoses.voices_of(vocabulary, lessons.inputs)
    nothing = calibration.Table(np.zeros(1), np.zeros(1))
    return diagnoses.Model(
        lessons.inputs, lessons.classes, vocabulary, prior, frequency, counts, voice,
        diagnoses.likelihoods(counts, voice, count), linear, bias,
        np.ones(len(lessons.inputs) + 2), nothing, nothing, nothing, nothing,
    )  # fmt: skip


class _Regression(NamedTuple):
    """Softmax regression while it learns: weights, the squares of their past gradients, bias."""

    linear: Floats
    squares: Floats
    bias: Floats


def _regress(
    matrix: sparse.csr_matrix, lessons: Lessons, prior: npt.NDArray[np.float64], seed: int
) -> tuple[Floats, Floats]:
    """Return weights and bias of softmax regression, as precise as they are stored (16 bits)."""
    rng = np.random.default_rng(seed)
    linear = np.zeros((matrix.shape[1], len(prior)), dtype=np.float32)
    learned = _Regression(linear, np.full_like(linear, 1e-8), prior.astype(np.float32))
    labels = lessons.labels
    for epoch in range(EPOCHS):
        order = rng.permutation(len(labels))
        for at in range(0, len(order), BATCH):
            rows = order[at : at + BATCH]
            step = RATE * (1 - (epoch + at / len(order)) / EPOCHS)
            mask = None if lessons.allowed is None else lessons.allowed[rows]
            _step(learned, matrix[rows], labels[rows], mask, step)
    half = np.float16
    return linear.astype(half).astype(np.float32), learned.bias.astype(half).astype(np.float32)


def _step(
    learned: _Regression, rows: sparse.csr_matrix, labels: Labels, allowed: Mask | None, step: float
) -> None:
    """Move the weights of the tokens that occur in a batch down their gradient."""
    wrong = diagnoses.shares(diagnoses.barred(rows @ learned.linear + learned.bias, allowed))
    wrong[np.arange(len(labels)), labels] -= 1
    wrong /= len(labels)
    present = np.unique(rows.indices)
    slope = rows[:, present].T @ wrong + DECAY * learned.linear[present]
    learned.squares[present] += slope * slope
    learned.linear[present] -= step * slope / np.sqrt(learned.squares[present])
    learned.bias[:] -= step * wrong.sum(axis=0) / 10


def _weigh(voices: Floats, labels: Labels, allowed: Mask | None) -> npt.NDArray[np.float64]:
    """Return the weights of voices that give the labels the highest likelihood (convex: one answer)."""
    rows = np.arange(len(labels))

    def loss(weights: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        likely = diagnoses.shares(diagnoses.barred(voices @ weights.astype(np.float32), allowed))
        slope = np.einsum("nk,nkj->j", likely, voices) - voices[rows, labels].sum(axis=0)
        return float(-np.log(likely[rows, labels] + 1e-12).mean()), (slope / len(labels)).astype(np.float64)

    start = np.full(voices.shape[2], 0.3)
    found = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 50})
    answer: npt.NDArray[np.float64] = np.round(found.x, 4)
    return answer
