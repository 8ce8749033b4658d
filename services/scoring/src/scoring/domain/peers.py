"""How unusual a line or a claim is among its peers: robust statistics over columns. Knows no file.

Peers share what makes them comparable: a code, billed to the same payer by the same type of provider. Where a
group has too few members the next wider one is asked; where none has enough, or nothing of the row can be
compared, the row is not judged. Every deviation is told in one currency, the surprise: minus the natural
logarithm of the share of training rows that were at least as far off. A row's distance is its largest
surprise, its percentile the share of its own peers with a smaller distance. Nothing here has seen an outcome.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from scoring.domain import columns, features, rows

LINE_CATEGORIES = ("code", "code_group", "diagnosis_group")
CLAIM_CATEGORIES = (
    "payer", "provider_type", "specialty", "currency", "type", "patient_sex", "encounter_class",
)  # fmt: skip
AGE_BAND = "age_band"
COLUMNS = (*LINE_CATEGORIES, *CLAIM_CATEGORIES, AGE_BAND)  # of a matrix of ranks

# From the nearest peers to the widest; a missing or unseen value leads to the next level.
LINE_LEVELS = (
    ("code", "payer", "provider_type", "currency"),
    ("code", "provider_type", "currency"),
    ("code", "currency"),
    ("code_group", "currency"),
)
CLAIM_LEVELS = (
    ("type", "provider_type", "specialty", "currency"),
    ("type", "provider_type", "currency"),
    ("type", "currency"),
)
LINE_MEASURES = ("unit_price_minor", "quantity", "net_minor")
CLAIM_MEASURES = ("line_count", "net_minor")
# How rarely lines that carry the left value carry the right one.
PAIRS = {
    "code_for_provider_type": ("provider_type", "code"),
    "code_for_specialty": ("specialty", "code"),
    "diagnosis_for_specialty": ("specialty", "diagnosis_group"),
    "diagnosis_for_code": ("code", "diagnosis_group"),
    "sex_for_code": ("code", "patient_sex"),
    "age_for_code": ("code", "age_band"),
    "setting_for_code": ("code", "encounter_class"),
}
_OF_LINES = [columns.LINE_CODES.index(name) for name in LINE_CATEGORIES]
_OF_CLAIMS = [columns.CLAIM_CODES.index(name) for name in CLAIM_CATEGORIES]
LEFT, RIGHT = (np.array([COLUMNS.index(pair[side]) for pair in PAIRS.values()]) for side in (0, 1))

MIN_PEERS = 100  # among fewer nobody can stand at the 99th percentile
# Shares of a group's members at which their distances are kept; it is the tail that is told.
SHARES = np.array([0.0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975, 0.99, 0.995, 0.999, 1.0])
NOBODY = -1  # the group of a row without peers

type Doubles = npt.NDArray[np.float64]
type Ints = npt.NDArray[np.int64]
type Levels = tuple[tuple[str, ...], ...]


class Curve(NamedTuple):
    """Surprise by deviation: rising knots, and how it goes on beyond them with the deviation's logarithm."""

    deviations: Doubles
    surprises: Doubles
    slope: float


class Groups(NamedTuple):
    """Peer groups of lines or of claims, numbered over all levels, the nearest level first.

    `keys[level]` are the sorted keys of a level's groups; ranks times `strides` (COLUMNS × levels) are a
    row's keys. Other arrays have a row per group: `peers` its size, `centre`, `scale` per measure on the
    logarithmic scale, `knots` its members' distances at `SHARES`. `curves` are of all groups together.
    """

    keys: tuple[Ints, ...]
    strides: Ints
    peers: Ints
    centre: Doubles
    scale: Doubles
    knots: Doubles
    curves: tuple[Curve, ...]


class Pairs(NamedTuple):
    """How often lines with a left value carry each right one, for all `PAIRS` one after another.

    `counts[base + left * width + right]` of each pair, the surprise of it, and of all that the left value is
    on: how many lines, and the largest count.
    """

    base: Ints
    width: Ints
    counts: Ints
    surprises: Doubles
    totals: Ints
    largest: Ints


class Book(NamedTuple):
    """All that training learned; `ranks` has a row per word (0: unseen) and a column per category."""

    words: dict[str, int]
    ranks: Ints
    lines: Groups
    claims: Groups
    pairs: Pairs


class Judged(NamedTuple):
    """What is known of each row, in their order.

    `group` is NOBODY where a row is not judged; then its distance is 0. `values` are the measures as billed,
    `surprises` those of the measures and, of lines, of the pairs after them; NaN where something is missing.
    """

    group: Ints
    distance: Doubles
    values: Doubles
    surprises: Doubles


def ranked(words: Mapping[str, int], ranks: Ints, batch: rows.Rows) -> Ints:
    """Return the ranks of every line, COLUMNS wide; those of its claim repeated. 0 is missing or unseen."""
    numbers = np.array([words.get(text, 0) for text in batch.dictionary], dtype=np.intp)
    item_of_row, count = batch.item_of_row, len(LINE_CATEGORIES)
    answer = np.empty((batch.size, len(COLUMNS)), dtype=np.int64)
    answer[:, :count] = numbers[rows.blocks(columns.LINE_LEVEL, batch.lines).codes[_OF_LINES]].T
    answer[:, count:-1] = numbers[rows.blocks(columns.CLAIM_LEVEL, batch.claims).codes[_OF_CLAIMS]].T[
        item_of_row
    ]
    answer[:, :-1] = ranks[answer[:, :-1], np.arange(len(COLUMNS) - 1)]
    answer[:, -1] = features.age_bands(batch.claims["patient_age_years"])[item_of_row]
    return answer


def first_lines(ranks: Ints, offsets: rows.Ints) -> Ints:
    """Return the ranks of each claim's first line, which hold those of the claim; zeros without lines."""
    answer = np.zeros((len(offsets) - 1, ranks.shape[1]), dtype=np.int64)
    filled = offsets[1:] > offsets[:-1]
    answer[filled] = ranks[offsets[:-1][filled]]
    return answer


def judge_lines(book: Book, ranks: Ints, billed: Mapping[str, rows.Column]) -> Judged:
    """Return what is known of lines, by their ranks and their columns as billed."""
    values, group = measures(billed, LINE_MEASURES), find(book.lines, ranks)
    told = np.empty((len(group), len(LINE_MEASURES) + len(PAIRS)))
    told[:, : len(LINE_MEASURES)] = surprises(book.lines, group, values)
    told[:, len(LINE_MEASURES) :] = book.pairs.surprises[places(book.pairs, ranks)]
    return _judged(group, values, told)


def judge_claims(book: Book, ranks: Ints, billed: Mapping[str, rows.Column]) -> Judged:
    """Return what is known of claims as wholes, by the ranks of their first lines."""
    values, group = measures(billed, CLAIM_MEASURES), find(book.claims, ranks)
    return _judged(group, values, surprises(book.claims, group, values))


def measures(billed: Mapping[str, rows.Column], names: tuple[str, ...]) -> Doubles:
    """Return measures as billed, a column each; what is no finite number counts as missing."""
    values = np.array([billed[name] for name in names], dtype=np.float64).T
    values[~np.isfinite(values)] = np.nan
    return values


def find(groups: Groups, ranks: Ints) -> Ints:
    """Return the number of the nearest group of each row, NOBODY where there is none."""
    answer = look_up(groups.keys[0], ranks @ groups.strides[:, 0])
    first = 0
    for level in range(1, len(groups.keys)):
        first += len(groups.keys[level - 1])
        waiting = np.flatnonzero(answer == NOBODY)
        if not len(waiting):
            break
        place = look_up(groups.keys[level], ranks[waiting] @ groups.strides[:, level])
        answer[waiting] = np.where(place == NOBODY, NOBODY, place + first)
    return answer


def look_up(keys: Ints, wanted: Ints) -> Ints:
    """Return the place of each number among sorted keys, NOBODY where it is not among them."""
    if not len(keys):
        return np.full(len(wanted), NOBODY, dtype=np.int64)
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, place, NOBODY)


def places(pairs: Pairs, ranks: Ints) -> Ints:
    """Return where each row's pairs stand in the tables."""
    answer: Ints = pairs.base + ranks[:, LEFT] * pairs.width + ranks[:, RIGHT]
    return answer


def deviations(groups: Groups, group: Ints, values: Doubles) -> Doubles:
    """Return how many scales each measure lies from its group's centre; NaN where either is missing."""
    if not len(groups.peers):
        return np.full(values.shape, np.nan)
    off = np.abs(features.log(values) - groups.centre[group]) / groups.scale[group]
    off[group == NOBODY] = np.nan
    return off


def surprises(groups: Groups, group: Ints, values: Doubles) -> Doubles:
    """Return the surprise of each measure among the row's peers; NaN where it, or the group, is missing."""
    off = deviations(groups, group, values)
    for at, curve in enumerate(groups.curves):
        off[:, at] = surprise(curve, off[:, at])
    return off


def surprise(curve: Curve, off: Doubles) -> Doubles:
    """Return the surprise of deviations, which never falls while they rise."""
    last = curve.deviations[-1]
    answer: Doubles = np.interp(off, curve.deviations, curve.surprises)
    beyond = off > last
    if beyond.any():
        answer[beyond] = curve.surprises[-1] + curve.slope * np.log(off[beyond] / last)
    return answer


def percentile(groups: Groups, group: Ints, distance: Doubles) -> Doubles:
    """Return the share of a row's n peers with a smaller distance, in percent, at most n / (n + 1).

    Every row must have a group.
    """
    knots = groups.knots[group]
    above = (knots < distance[:, None]).sum(axis=1)
    upper = np.minimum(np.maximum(above, 1), len(SHARES) - 1)
    at = np.arange(len(group))
    low, high = knots[at, upper - 1], knots[at, upper]
    part = np.minimum(np.maximum((distance - low) / np.where(high > low, high - low, 1.0), 0.0), 1.0)
    share = SHARES[upper - 1] + part * (SHARES[upper] - SHARES[upper - 1])
    share = np.where(above == 0, 0.0, np.where(above == len(SHARES), 1.0, share))
    peers = groups.peers[group]
    return 100.0 * share * peers / (peers + 1)


def _judged(group: Ints, values: Doubles, told: Doubles) -> Judged:
    """Return rows with their distance; those of which no measure could be compared are not judged."""
    distance = np.fmax.reduce(told, axis=1, initial=0.0)
    silent = np.isnan(told[:, : values.shape[1]]).all(axis=1)
    if silent.any():
        group[silent], distance[silent] = NOBODY, 0.0
    return Judged(group, distance, values, told)


def pairs(tables: Mapping[str, Ints]) -> Pairs:
    """Return the tables of counts of all `PAIRS`, left × right by rank, with the surprise of each value.

    That is −ln of the share of lines with a value this rare or rarer; one is added to both, so that what was
    never seen among n lines is as surprising as once in n + 1. Nothing is surprising where the left value is
    unknown or rare itself, or either is missing.
    """
    counts = [tables[name] for name in PAIRS]
    sizes = np.array([table.size for table in counts])
    return joined(
        np.cumsum(sizes) - sizes,
        np.array([table.shape[1] for table in counts]),
        np.concatenate([table.ravel() for table in counts]),
        np.concatenate([_tail(table, 1).ravel() for table in counts]),
    )


def joined(base: Ints, width: Ints, counts: Ints, told: Doubles) -> Pairs:
    """Return pairs with what follows from their counts."""
    tables = [
        part.reshape(-1, wide)
        for part, wide in zip(np.split(counts, base[1:].tolist()), width.tolist(), strict=True)
    ]
    totals, largest = (
        np.concatenate([reduce(table, axis=1).repeat(table.shape[1]) for table in tables])
        for reduce in (np.sum, np.max)
    )
    return Pairs(base, width, counts, told, totals, largest)


def alone(tables: Mapping[str, Ints]) -> Doubles:
    """Return the surprises that counted rows would have met themselves, had they not been counted."""
    return np.concatenate([_tail(tables[name], 0).ravel() for name in PAIRS])


def _tail(counts: Ints, more: int) -> Doubles:
    answer = np.zeros(counts.shape)
    for left in np.flatnonzero(counts.sum(axis=1) >= MIN_PEERS).tolist():
        row = counts[left]
        ordered = np.sort(row)
        rarer = np.cumsum(ordered)[np.searchsorted(ordered, row, side="right") - 1]
        answer[left] = -np.log(np.maximum(rarer + more, 1) / (row.sum() + more))
    answer[0], answer[:, 0] = 0.0, 0.0
    return answer
