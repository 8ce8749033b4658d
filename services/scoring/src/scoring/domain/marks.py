"""What the values of a row say about the units of a forest, as bits: looked up and joined, never compared.

A unit is a tree, or a part of one, and has as many bits as fit its number. Each value sets some of them, and
which ones depends only on the bin that it lies in (`bins`); a row's bits are all that its values set.
Features with few bins are looked up together: a row of the table stands for what two or more of them say at
once, so that fewer rows have to be joined. Walking trees costs the processor a guess at every split, half of
them wrong; here is nothing to guess. Knows no library, file or transport.
"""

import heapq
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from scoring.domain import bins

JOINED_ROWS = 512  # of the table for features looked up together: more would no longer lie in the cache
PART_ROWS = 64  # rows whose bits are joined at once: they stay in the cache from one group to the next
BYTES_AT_ONCE = 512 * 1024  # looked up in one step: a part of the cache, and far more than a step costs

type Bits = npt.NDArray[np.unsignedinteger[Any]]
type Floats = npt.NDArray[np.float32]
type Places = npt.NDArray[np.intp]


class Marks(NamedTuple):
    """The tables of one forest; build with `build`, use with `of`.

    `bins` has the features that are looked up together beside one another, and `starts` says where each such
    group begins. `steps` says of each bin what it adds to the place of its group's row in `table`, which has
    a column per unit.
    """

    bins: bins.Bins
    starts: Places
    steps: Places
    table: Bits


class _Group(NamedTuple):
    """Features looked up together: what each bin of theirs adds to the row, and the rows."""

    features: tuple[int, ...]
    steps: tuple[Places, ...]
    rows: Bits


def build(found: bins.Bins, owner: npt.NDArray[np.int32], bits: Bits) -> Marks:
    """Return the tables of bins, the feature that each belongs to, and the bits (bins × units) it sets."""
    groups = _joined([_alone(place, bits[owner == one]) for place, one in enumerate(found.feature.tolist())])
    steps: list[Places] = [np.zeros(0, np.intp)] * len(found.feature)
    first = 0
    for group in groups:
        for number, (place, own) in enumerate(zip(group.features, group.steps, strict=True)):
            steps[place] = own if number else own + first
        first += len(group.rows)
    widths = np.array([len(group.features) for group in groups], dtype=np.intp)
    order = np.array([place for group in groups for place in group.features], dtype=np.intp)
    return Marks(
        bins=found._replace(feature=found.feature[order], first=found.first[order]),
        starts=np.cumsum(widths) - widths,
        steps=np.concatenate([np.zeros(0, np.intp), *steps]),
        table=np.concatenate([bits[:0], *(group.rows for group in groups)]),
    )


def of(marks: Marks, matrix: Floats) -> Bits:
    """Return rows × units: the bits that each row's values set. For at most `PART_ROWS` rows at once."""
    added = marks.steps.take(bins.places(marks.bins, matrix))
    rows = np.add.reduceat(added, marks.starts, axis=1) if len(marks.starts) else added
    answer = np.zeros((len(matrix), marks.table.shape[1]), dtype=marks.table.dtype)
    step = max(1, BYTES_AT_ONCE // max(1, answer.nbytes))
    for part in (rows.T[first : first + step] for first in range(0, rows.shape[1], step)):
        # Some groups for all rows, so that their part of the table is in the cache for all rows but one.
        answer |= np.bitwise_or.reduce(marks.table.take(part, axis=0, mode="clip"), axis=0)
    return answer


def moved(marks: Marks, by: int) -> Places:
    """Return the steps for a table in which so many rows come before those of `marks`."""
    leading = bins.numbers(marks.bins.first)[
        marks.starts
    ]  # of each group, the feature that says where it begins
    return marks.steps + by * np.isin(bins.numbers(marks.bins.edges), leading)


def _alone(place: int, bits: Bits) -> _Group:
    """Return a feature by itself: bins that set the same bits share a row."""
    seen: dict[bytes, int] = {}  # numpy's unique rows cost each start 0.4 s more
    steps = np.array([seen.setdefault(row.tobytes(), len(seen)) for row in bits], dtype=np.intp)
    return _Group((place,), (steps,), np.frombuffer(b"".join(seen), bits.dtype).reshape(len(seen), -1))


def _joined(groups: list[_Group]) -> list[_Group]:
    """Return groups joined two by two, the smallest first, while the rows of both together stay few."""
    waiting = [(len(group.rows), number, group) for number, group in enumerate(groups)]
    heapq.heapify(waiting)
    number = len(groups)
    while len(waiting) > 1 and waiting[0][0] * min(one[0] for one in waiting[1:3]) <= JOINED_ROWS:
        (_, _, one), (_, _, two) = heapq.heappop(waiting), heapq.heappop(waiting)
        rows = (one.rows[:, None] | two.rows[None]).reshape(len(one.rows) * len(two.rows), -1)
        steps = (*(own * len(two.rows) for own in one.steps), *two.steps)
        heapq.heappush(waiting, (len(rows), number, _Group(one.features + two.features, steps, rows)))
        number += 1
    return [group for _, _, group in sorted(waiting, key=lambda one: one[1])]
