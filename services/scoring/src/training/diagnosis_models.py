"""Which diagnosis group the codes of a claim suggest: naive Bayes voices and a linear one, weighed.

Scores add up: prior + Σ weight · voice. Each input (procedures, admitting diagnosis, DRG, other diagnoses)
has a naive Bayes voice, all tokens together have a linear voice (softmax regression). The weights are
learned on patients that the voices have not seen, so a voice that overfits is heard less. Knows no file.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import optimize, sparse

from scoring.domain import calibration
from training import completion_claims as claims
from training import completion_tokens as tokens

SMOOTHING = 0.1  # of naive Bayes counts
EPOCHS, BATCH, RATE, DECAY = 6, 1_024, 0.1, 1e-4  # of the linear voice: AdaGrad with a falling step
INNER = 5  # one patient in five is kept from the voices to weigh them
CHUNK = 4_096  # rows scored at a time: bounds memory at 30 MB

type Floats = npt.NDArray[np.float32]
type Labels = npt.NDArray[np.int64]


class Model(NamedTuple):
    """All that was learned. `counts` is groups × vocabulary, `linear` vocabulary × groups.

    `trust` turns the share of the first guess into how often such a guess is right.
    """

    inputs: tuple[str, ...]
    classes: tuple[str, ...]
    vocabulary: tuple[str, ...]
    prior: npt.NDArray[np.float64]
    counts: sparse.csr_matrix
    linear: Floats
    bias: Floats
    weights: npt.NDArray[np.float64]
    trust: calibration.Table


class Lessons(NamedTuple):
    """What is learned from: claims, their groups' numbers, their patients, the names of the groups."""

    frame: pd.DataFrame
    labels: Labels
    patients: Labels
    classes: tuple[str, ...]


def grow(lessons: Lessons, inputs: Sequence[str], seed: int) -> Model:
    """Return the model of these claims; voices are weighed on a fifth of the patients, then grown on all."""
    frame, labels, patients, classes = lessons
    spelled = tokens.spell(frame, inputs)
    vocabulary = tokens.learn(spelled)
    matrix = tokens.encode(spelled, {word: n for n, word in enumerate(vocabulary)}, len(frame))
    blank = Model(tuple(inputs), classes, tuple(vocabulary), *_nothing())
    inner = claims.folds(patients, INNER, seed + 1) == 0  # not the split of whoever judges the model
    trial = _learn(blank, matrix[~inner], labels[~inner], seed)
    voices = _voices(trial, matrix[inner])
    weights = _weigh(voices, labels[inner])
    likely = shares(voices @ weights.astype(np.float32))
    trust = calibration.fit(_first(likely), likely.argmax(axis=1) == labels[inner])
    return _learn(blank, matrix, labels, seed)._replace(weights=weights, trust=trust)


def confidence(model: Model, margins: Floats) -> npt.NDArray[np.float64]:
    """Return how likely the first guess of each row of log-scores is right."""
    return calibration.apply(model.trust, _first(shares(margins)))


def _first(likely: Floats) -> npt.NDArray[np.float64]:
    return likely.max(axis=1, initial=0).astype(np.float64)


def encode(model: Model, frame: pd.DataFrame) -> sparse.csr_matrix:
    """Return the tokens of claims in the model's columns."""
    index = {word: n for n, word in enumerate(model.vocabulary)}
    return tokens.encode(tokens.spell(frame, model.inputs), index, len(frame))


def scores(model: Model, matrix: sparse.csr_matrix, weights: npt.NDArray[np.float64] | None = None) -> Floats:
    """Return log-scores, rows × groups; other weights than the model's ask single voices."""
    chosen = (model.weights if weights is None else weights).astype(np.float32)
    parts = [_voices(model, matrix[at : at + CHUNK]) @ chosen for at in range(0, matrix.shape[0], CHUNK)]
    return np.concatenate(parts) if parts else np.zeros((0, len(model.classes)), dtype=np.float32)


def naive(model: Model) -> npt.NDArray[np.float64]:
    """Return the weights that make of the model plain naive Bayes over its inputs."""
    return np.array([1.0, *(1.0 for _ in model.inputs), 0.0])


def shares(margins: Floats) -> Floats:
    """Return the probabilities of groups per row of log-scores."""
    powers = np.exp(margins - margins.max(axis=1, keepdims=True))
    answer: Floats = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    return answer


def _nothing() -> tuple[Any, ...]:
    """Return what a model holds before anything is learned: prior, counts, linear, bias, weights, trust."""
    empty, none = np.zeros((0, 0), dtype=np.float32), np.zeros(0)
    return none, sparse.csr_matrix((0, 0)), empty, empty, none, calibration.Table(none, none)


def _learn(blank: Model, matrix: sparse.csr_matrix, labels: Labels, seed: int) -> Model:
    """Return the model with voices learned of these rows."""
    count = len(blank.classes)
    ones = np.ones(len(labels), dtype=np.float32)
    belongs = sparse.csr_matrix((ones, (labels, np.arange(len(labels)))), shape=(count, len(labels)))
    prior = np.log((np.bincount(labels, minlength=count) + 1) / (len(labels) + count))
    linear, bias = _regress(matrix, labels, prior, seed)
    return blank._replace(prior=prior, counts=sparse.csr_matrix(belongs @ matrix), linear=linear, bias=bias)


class _Regression(NamedTuple):
    """Softmax regression while it learns: weights, the squares of their past gradients, bias."""

    linear: Floats
    squares: Floats
    bias: Floats


def _regress(
    matrix: sparse.csr_matrix, labels: Labels, prior: npt.NDArray[np.float64], seed: int
) -> tuple[Floats, Floats]:
    """Return weights and bias of softmax regression, as precise as they are stored (16 bits)."""
    rng = np.random.default_rng(seed)
    linear = np.zeros((matrix.shape[1], len(prior)), dtype=np.float32)
    learned = _Regression(linear, np.full_like(linear, 1e-8), prior.astype(np.float32))
    for epoch in range(EPOCHS):
        order = rng.permutation(len(labels))
        for at in range(0, len(order), BATCH):
            rows = order[at : at + BATCH]
            step = RATE * (1 - (epoch + at / len(order)) / EPOCHS)
            _step(learned, matrix[rows], labels[rows], step)
    half = np.float16
    return linear.astype(half).astype(np.float32), learned.bias.astype(half).astype(np.float32)


def _step(learned: _Regression, part: sparse.csr_matrix, labels: Labels, step: float) -> None:
    """Move the weights of the tokens that occur in a batch down their gradient."""
    wrong = shares(part @ learned.linear + learned.bias)
    wrong[np.arange(len(labels)), labels] -= 1
    wrong /= len(labels)
    present = np.unique(part.indices)
    slope = part[:, present].T @ wrong + DECAY * learned.linear[present]
    learned.squares[present] += slope * slope
    learned.linear[present] -= step * slope / np.sqrt(learned.squares[present])
    learned.bias[:] -= step * wrong.sum(axis=0) / 10


def _voices(model: Model, matrix: sparse.csr_matrix) -> Floats:
    """Return rows × groups × voices: prior, naive Bayes of each input, the linear voice."""
    words = np.array(model.vocabulary)
    heard = [np.broadcast_to(model.prior, (matrix.shape[0], len(model.prior)))]
    for name in model.inputs:
        mine = np.flatnonzero(np.char.startswith(words, tokens.CODE_KINDS[name]))
        seen = model.counts[:, mine].toarray() + SMOOTHING
        heard.append(matrix[:, mine] @ np.log(seen / seen.sum(axis=1, keepdims=True)).T)
    heard.append(np.log(shares(matrix @ model.linear + model.bias) + 1e-6))
    return np.stack(heard, axis=2).astype(np.float32)


def _weigh(voices: Floats, labels: Labels) -> npt.NDArray[np.float64]:
    """Return the weights of voices that give the labels the highest likelihood (convex: one answer)."""
    rows = np.arange(len(labels))

    def loss(weights: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        likely = shares(voices @ weights.astype(np.float32))
        slope = np.einsum("nk,nkj->j", likely, voices) - voices[rows, labels].sum(axis=0)
        return float(-np.log(likely[rows, labels] + 1e-12).mean()), (slope / len(labels)).astype(np.float64)

    start = np.full(voices.shape[2], 0.3)
    found = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 50})
    answer: npt.NDArray[np.float64] = np.round(found.x, 4)
    return answer
