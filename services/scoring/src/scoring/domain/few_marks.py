"""A few lines and their claims met with the forests of both models, and held against ranges, in one pass.

Whatever a step of numpy works on, it costs a microsecond, and a lone claim costs little else: what would be
done for the lines and again for the claims is done once, over all their values one after another. Answers are
those of `explaining.seen` and `ranges.inside`. Knows no library, file or transport.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from scoring.domain import bins, explaining, features, marks, ranges, schemas

type Places = npt.NDArray[np.intp]
type Ints = npt.NDArray[np.int64]


class Met(NamedTuple):
    """Where rows stand in the tables of their reasons, and whether training saw values like all of theirs."""

    lines: explaining.Seen
    claims: explaining.Seen
    inside: bool


class _Plan(NamedTuple):
    """How so many lines and claims are looked up: which values, and what each counts from.

    `starts` says where groups begin among the values, `groups` which ones each row has (groups × rows).
    """

    bounds: ranges.Bounds
    values: Places
    first: Ints
    starts: Places
    groups: Places


class Tables:
    """The tables of both models beside one another; made once per model.

    Rows of the model with fewer groups have that of `nobody` instead, a feature that sets no bit.
    """

    def __init__(
        self, lines: explaining.Explainer, claims: explaining.Explainer, schema: schemas.Tables
    ) -> None:
        self._explainers = explainers = (lines, claims)
        self._bounds = (schema.line_bounds, schema.claim_bounds)
        tables = [one.patterns.table for one in explainers]
        self._table = np.zeros(
            (sum(map(len, tables)) + 1, max(one.shape[1] for one in tables)), dtype=tables[0].dtype
        )
        self._first: list[Ints] = []
        edges, steps, rows, features_ = [], [], 0, 0
        for explainer, table in zip(explainers, tables, strict=True):
            self._table[rows : rows + len(table), : table.shape[1]] = table
            found = explainer.patterns.bins
            self._first.append(bins.moved(found.first, features_))
            edges.append(bins.moved(found.edges, features_))
            steps.append(marks.moved(explainer.patterns, rows))
            rows, features_ = rows + len(table), features_ + len(found.feature)
        nobody, _, _ = bins.build({0: np.zeros(0, dtype=np.float32)})
        self._first.append(bins.moved(nobody.first, features_))
        self._edges = np.concatenate([*edges, bins.moved(nobody.edges, features_)])
        self._steps = np.concatenate([*steps, np.full(len(nobody.edges), rows)])
        self._plans: dict[tuple[int, int], _Plan] = {}

    def meet(self, values: features.Matrix, sizes: tuple[int, int]) -> Met:
        """Return where lines and claims stand in the tables of their reasons.

        `values` are those of all lines, then of all claims; `sizes` says how many there are of each.
        """
        (lines, claims), count = self._explainers, sizes[0]
        plan = self._plans.get(sizes)
        if plan is None:
            plan = self._plans[sizes] = self._plan(sizes)
        inside = bool(np.logical_and.reduce(ranges.inside(plan.bounds, values)))
        places = bins.search(self._edges, plan.first, values.take(plan.values))
        rows = np.add.reduceat(self._steps.take(places), plan.starts).take(plan.groups)
        bits = np.bitwise_or.reduce(self._table.take(rows, axis=0, mode="clip"), axis=0)
        return Met(
            np.add(bits[:count, : len(lines.offset)], lines.offset, dtype=np.intp),
            np.add(bits[count:, : len(claims.offset)], claims.offset, dtype=np.intp),
            inside,
        )

    def _plan(self, sizes: tuple[int, int]) -> _Plan:
        most = max(len(one.patterns.starts) for one in self._explainers)
        nobody = sum(n * len(one.patterns.starts) for n, one in zip(sizes, self._explainers, strict=True))
        values, first, starts, groups = [], [], [], []
        begin = looked_up = group = 0
        for count, explainer, begins, bounds in zip(
            sizes, self._explainers, self._first, self._bounds, strict=False
        ):
            found, rows, width = explainer.patterns, np.arange(count)[:, None], len(bounds.low)
            values.append((begin + rows * width + found.bins.feature).ravel())
            first.append(np.tile(begins, count))
            starts.append((looked_up + rows * len(begins) + found.starts).ravel())
            own = np.full((count, most), nobody)
            own[:, : len(found.starts)] = group + rows * len(found.starts) + np.arange(len(found.starts))
            groups.append(own)
            begin, looked_up = begin + count * width, looked_up + count * len(begins)
            group += count * len(found.starts)
        return _Plan(
            ranges.repeated(self._bounds, sizes),
            np.concatenate([*values, [0]]),
            np.concatenate([*first, self._first[-1]]),
            np.concatenate([*starts, [looked_up]]),
            np.concatenate(groups).T.copy(),
        )
