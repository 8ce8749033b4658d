"""Which principal diagnosis the rest of a claim suggests: naive Bayes voices and a linear one, weighed.

Scores add up: prior + Σ weight · voice. Each input has a naive Bayes voice over its codes, all tokens
together have a linear voice (softmax regression). Where the answers are of several code systems, those of
other systems than the wanted one are `allowed` no share. Numpy alone: training judges with the very functions
that serve.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from scoring.domain import calibration
from scoring.domain import completion_tokens as tokens

LISTED = 5  # choices that are told beside one another
SMOOTHING = 0.1  # of naive Bayes counts
CHUNK = 512  # rows scored at a time: bounds memory at 30 MB for 250 answers
SILENT = 0  # the voice of a token that is heard by the linear voice only
FLOOR = 1e-6  # of a share before its logarithm: no voice alone may exclude an answer
NEVER = -1e30  # the score of an answer that is not allowed

type Floats = npt.NDArray[np.float32]
type Doubles = npt.NDArray[np.float64]
type Mask = npt.NDArray[np.bool_]


class Counts(NamedTuple):
    """How many training cases had a token and an answer: token t has `answers` and `cases` [t : t + 1]."""

    cases: npt.NDArray[np.int64]
    answers: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]


class Model(NamedTuple):
    """All that was learned.

    `likelihood` (tokens × answers) holds each token's logarithm in the voice that `voice` numbers from 1;
    `linear` is tokens × answers. `trust` turns the share of a first choice into how often such a choice is
    right, `others` that of a further choice, `groups` the summed share of a group of answers, `listed` that
    of the first `LISTED` choices.
    """

    inputs: tuple[str, ...]
    classes: tuple[str, ...]
    vocabulary: tuple[str, ...]
    prior: Doubles
    frequency: npt.NDArray[np.int64]
    counts: Counts
    voice: npt.NDArray[np.int64]
    likelihood: Floats
    linear: Floats
    bias: Floats
    weights: Doubles
    trust: calibration.Table
    others: calibration.Table
    groups: calibration.Table
    listed: calibration.Table

    @property
    def cases(self) -> int:
        """The number of claims that were learned from."""
        return int(self.frequency.sum())


def voices_of(vocabulary: tuple[str, ...], inputs: tuple[str, ...]) -> npt.NDArray[np.int64]:
    """Return the number of the naive Bayes voice of each token; coarser kinds are silent there."""
    kinds = {tokens.KINDS[name]: number for number, name in enumerate(inputs, 1)}
    found = [kinds.get(word[: word.index(":") + 1], SILENT) for word in vocabulary]
    return np.array(found, dtype=np.int64)


def likelihoods(counts: Counts, voice: npt.NDArray[np.int64], answers: int) -> Floats:
    """Return log-likelihoods of tokens × answers within each voice, 0 for silent tokens."""
    seen = np.zeros((len(voice), answers), dtype=np.float64)
    owners = np.repeat(np.arange(len(voice)), np.diff(counts.starts))
    seen[owners, counts.answers] = counts.cases
    found = np.zeros((len(voice), answers), dtype=np.float32)
    for number in np.unique(voice[voice != SILENT]):
        mine = voice == number
        smooth = seen[mine] + SMOOTHING
        found[mine] = np.log(smooth / smooth.sum(axis=0, keepdims=True))
    return found


def scores(
    model: Model, rows: tokens.Encoded, allowed: Mask | None = None, weights: Doubles | None = None
) -> Floats:
    """Return log-scores, rows × answers; other weights than the model's ask single voices."""
    chosen = (model.weights if weights is None else weights).astype(np.float32)
    parts = []
    for at in range(0, len(rows), CHUNK):
        part = _part(rows, at, at + CHUNK)
        mask = None if allowed is None else allowed[at : at + CHUNK]
        parts.append(barred(voices(model, part, mask) @ chosen, mask))
    return np.concatenate(parts) if parts else np.zeros((0, len(model.classes)), dtype=np.float32)


def voices(model: Model, rows: tokens.Encoded, allowed: Mask | None = None) -> Floats:
    """Return rows × answers × voices: prior, naive Bayes of each input, the linear voice."""
    count, answers = len(rows), len(model.classes)
    owners = np.repeat(np.arange(count), np.diff(rows.offsets))
    heard = np.zeros((count, answers, len(model.inputs) + 2), dtype=np.float32)
    heard[:, :, 0] = model.prior
    for number in range(1, len(model.inputs) + 1):
        mine = model.voice[rows.places] == number
        _add(heard[:, :, number], model.likelihood, rows.places[mine], owners[mine])
    linear = np.tile(model.bias, (count, 1))
    _add(linear, model.linear, rows.places, owners)
    heard[:, :, -1] = np.log(shares(barred(linear, allowed)) + FLOOR)
    return heard


def naive(model: Model) -> Doubles:
    """Return the weights that make of the model plain naive Bayes over its inputs."""
    return np.array([1.0, *(1.0 for _ in model.inputs), 0.0])


def shares(margins: Floats) -> Floats:
    """Return the probabilities of answers per row of log-scores."""
    powers = np.exp(margins - margins.max(axis=1, keepdims=True, initial=NEVER))
    answer: Floats = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    return answer


def spoken(model: Model, places: npt.NDArray[np.int64], likely: Floats, answer: int) -> Doubles:
    """Return how much each token of a claim spoke for an answer, in log-odds against what was `likely`.

    It is the token's part of the weighed voices, above its average part over the answers.
    """
    weights = np.append(model.weights[1:-1], 0.0)[
        model.voice[places] - 1
    ]  # silent ones have voice 0: the 0.0
    heard = weights[:, None] * model.likelihood[places] + model.weights[-1] * model.linear[places]
    found: Doubles = heard[:, answer] - heard @ likely.astype(np.float64)
    return found


def seen(model: Model, place: int, answer: int) -> tuple[int, int]:
    """Return in how many training cases a token was, and in how many of them the answer was this one."""
    start, end = model.counts.starts[place : place + 2].tolist()
    cases = model.counts.cases[start:end]
    return int(cases.sum()), int(cases[model.counts.answers[start:end] == answer].sum())


def confidence(table: calibration.Table, likely: npt.NDArray[np.floating]) -> Doubles:
    """Return how often choices of such shares are right."""
    return calibration.apply(table, likely.astype(np.float64))


def barred(margins: Floats, allowed: Mask | None) -> Floats:
    """Return log-scores with those of answers that are not allowed out of reach."""
    return margins if allowed is None else np.where(allowed, margins, np.float32(NEVER))


def _part(rows: tokens.Encoded, start: int, end: int) -> tokens.Encoded:
    """Return some of the rows."""
    offsets = rows.offsets[start : end + 1]
    return tokens.Encoded(rows.places[offsets[0] : offsets[-1]], offsets - offsets[0])


def _add(target: Floats, table: Floats, places: npt.NDArray[np.int64], owners: npt.NDArray[np.int64]) -> None:
    """Add to each row of the target the table's rows at its places; owners ascend."""
    if len(places):
        mine, starts = np.unique(owners, return_index=True)
        target[mine] += np.add.reduceat(table[places], starts, axis=0)
