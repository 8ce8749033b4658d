"""Exact path-dependent TreeSHAP from tables built once per model. Knows no library, file or transport.

For one leaf with value v whose path splits on d distinct features, let z_j be the share of training cover
that the splits on feature j let through, and o_j whether the row itself passes them. The leaf's Shapley
value for feature i is  v · (o_i − z_i) · ∫₀¹ Π_{j≠i} (z_j (1−t) + o_j t) dt,  because ∫ tᵏ(1−t)^(d−1−k) dt
over [0, 1] is exactly the Shapley weight k!(d−1−k)!/d!. The integrand is a polynomial of degree d − 1, so
Gauss–Legendre with ⌈d/2⌉ nodes is exact. (Shapley weights of trees: Lundberg et al., "Consistent
individualized feature attribution for tree ensembles", 2018.)

The leaves of a small subtree (a *unit*) see a row only through a few yes/no conditions: the splits inside it
and, for each feature split on above it, whether the row passed. With at most eight conditions all 2^8
answers of the unit are tabulated, per group of features; explaining a row is one look-up per unit and a sum.
Which conditions hold is tabulated as well, by the interval that each value lies in (`marks`).
"""

import functools
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from scoring.domain import bins, forests, marks

UNIT_BITS = 8  # conditions of one unit: its pattern is one byte
LINE_BYTES = 64  # of a cache: a row of the table that begins with one is fetched in one go

type Floats = npt.NDArray[np.float32]
type Seen = npt.NDArray[np.intp]
type Bools = npt.NDArray[np.bool_]
type Condition = tuple[int, float, float, bool]  # feature, above this, up to this, a missing value passes
type Literal = tuple[int, int, bool]  # feature, condition's place in its unit, the answer the leaf wants

NEVER: Condition = (-1, np.inf, -np.inf, False)  # fills unused places: no feature is asked about


class Explainer(NamedTuple):
    """Tables of one forest with one output; build with `build`, use with `contributions`.

    `patterns` tells which conditions of each unit hold for a row's values. Row `offset[unit] + pattern` of
    `table` holds that unit's contribution per group, and of `leaves` the value of the leaf it leads to;
    `base` is the margin before any tree, `bias` the forest's mean margin. `ones` adds up units.
    """

    patterns: marks.Marks
    offset: npt.NDArray[np.intp]
    table: Floats
    leaves: npt.NDArray[np.float64]
    base: float
    bias: float
    ones: Floats


class _Leaf(NamedTuple):
    """A leaf within its unit: value, what it asks of each condition, cover share per feature."""

    value: float
    literals: tuple[Literal, ...]
    shares: dict[int, float]


class _Unit(NamedTuple):
    """A subtree whose leaves depend on at most eight conditions."""

    conditions: list[Condition]
    leaves: list[_Leaf]


class _Above(NamedTuple):
    """What the path down to a node lets through, per feature: the merged condition and the cover share."""

    conditions: dict[int, Condition]
    shares: dict[int, float]


def build(forest: forests.Forest, groups: npt.NDArray[np.int32]) -> Explainer:
    """Return the tables of a one-output forest; `groups[f]` is the group feature f belongs to."""
    units = [unit for root in forest.roots for unit in _units(forest, int(root), _Above({}, {}))]
    tables, values = zip(*(_tabulate(unit, groups) for unit in units), strict=True)
    inner = forest.feature != forests.LEAF
    thresholds = {
        feature: forest.threshold[inner & (forest.feature == feature)]
        for feature in np.unique(forest.feature[inner]).tolist()
    }
    found, owner, inside = bins.build(thresholds)
    leaves = [leaf for unit in units for leaf in unit.leaves]
    return Explainer(
        patterns=marks.build(found, owner, _patterns(units, owner, inside)),
        offset=np.cumsum([0, *(len(table) for table in tables[:-1])]).astype(np.intp),
        table=_aligned(np.concatenate(tables)),
        leaves=np.concatenate(values),
        base=float(forest.base[0]),
        ones=np.ones(len(units), dtype=np.float32),
        bias=float(forest.base[0])
        + sum(leaf.value * float(np.prod([*leaf.shares.values()])) for leaf in leaves),
    )


def contributions(explainer: Explainer, matrix: Floats) -> Floats:
    """Return log-odds per row and group; a row's sum plus `bias` is its margin."""
    answer = np.empty((len(matrix), explainer.table.shape[1]), dtype=np.float32)
    for start in range(0, len(matrix), marks.PART_ROWS):
        part = seen(explainer, matrix[start : start + marks.PART_ROWS])
        answer[start : start + marks.PART_ROWS] = shares(explainer, part)
    return answer


def seen(explainer: Explainer, matrix: Floats) -> Seen:
    """Return rows × units: where each unit's answer stands in the tables. For few rows at once."""
    return np.add(marks.of(explainer.patterns, matrix), explainer.offset, dtype=np.intp)


def shares(explainer: Explainer, found: Seen) -> Floats:
    """Return the contributions of rows that were seen."""
    answer = np.empty((len(found), explainer.table.shape[1]), dtype=np.float32)
    for number, row in enumerate(found):
        np.dot(explainer.ones, explainer.table.take(row, axis=0), out=answer[number])
    return answer


def margins(explainer: Explainer, found: Seen) -> npt.NDArray[np.float64]:
    """Return the raw scores (log-odds) of rows that were seen: their leaves, added up."""
    answer: npt.NDArray[np.float64] = np.add.reduce(explainer.leaves.take(found), axis=1) + explainer.base
    return answer


def _aligned(table: Floats) -> Floats:
    """Return the same numbers, the first of them where a line of the cache begins."""
    space = np.empty(table.nbytes + LINE_BYTES, dtype=np.uint8)
    first = -space.ctypes.data % LINE_BYTES
    answer = space[first : first + table.nbytes].view(table.dtype).reshape(table.shape)
    answer[:] = table
    return answer


def _patterns(units: list[_Unit], owner: npt.NDArray[np.int32], inside: Floats) -> npt.NDArray[np.uint8]:
    """Return bins × units: the bits of a unit's conditions on the bin's feature that its values pass."""
    conditions = [unit.conditions + [NEVER] * (UNIT_BITS - len(unit.conditions)) for unit in units]
    feature, above, upto, missing = (
        np.array([condition[field] for one in conditions for condition in one]) for field in range(4)
    )
    bits = np.zeros((len(owner), len(units)), dtype=np.uint8)
    for number in range(len(owner)):
        value = inside[number]
        passes = missing if np.isnan(value) else (above < value) & (value <= upto)
        passes = (passes & (feature == owner[number])).reshape(len(units), UNIT_BITS)
        bits[number] = np.packbits(passes, axis=1, bitorder="little")[:, 0]
    return bits


def _units(forest: forests.Forest, node: int, above: _Above) -> list[_Unit]:
    """Return the largest units below a node, left to right."""
    inner = _inner(forest, node)
    if len(inner) + len(above.conditions) <= UNIT_BITS:
        return [_unit(forest, node, above, inner)]
    if not inner:
        message = f"a path splits on {len(above.conditions)} features; at most {UNIT_BITS} fit one pattern"
        raise ValueError(message)
    return [
        unit
        for child in (int(forest.left[node]), int(forest.right[node]))
        for unit in _units(forest, child, _below(forest, node, child, above))
    ]


def _inner(forest: forests.Forest, node: int) -> list[int]:
    """Return the splits at and below a node in preorder."""
    if forest.feature[node] == forests.LEAF:
        return []
    return [node, *_inner(forest, int(forest.left[node])), *_inner(forest, int(forest.right[node]))]


def _below(forest: forests.Forest, node: int, child: int, above: _Above) -> _Above:
    """Return what the path lets through one level further down."""
    feature, threshold = int(forest.feature[node]), float(forest.threshold[node])
    _, low, high, missing = above.conditions.get(feature, (feature, -np.inf, np.inf, True))
    missing_left = bool(forest.missing_left[node])
    if child == forest.left[node]:
        merged = (feature, low, min(high, threshold), missing and missing_left)
    else:
        merged = (feature, max(low, threshold), high, missing and not missing_left)
    share = above.shares.get(feature, 1.0) * float(forest.cover[child]) / float(forest.cover[node])
    return _Above({**above.conditions, feature: merged}, {**above.shares, feature: share})


def _unit(forest: forests.Forest, top: int, above: _Above, inner: list[int]) -> _Unit:
    """Return the subtree at `top` as a unit: conditions of the path first, then its own splits."""
    conditions = list(above.conditions.values())
    literals: tuple[Literal, ...] = tuple((c[0], place, True) for place, c in enumerate(conditions))
    places = {node: len(conditions) + number for number, node in enumerate(inner)}
    conditions += [
        (int(forest.feature[n]), -np.inf, float(forest.threshold[n]), bool(forest.missing_left[n]))
        for n in inner
    ]
    leaves = []
    stack = [(top, literals, above)]
    while stack:
        node, wanted, path = stack.pop()
        if node not in places:
            leaves.append(_Leaf(float(forest.value[node]), wanted, path.shares))
            continue
        for child in (int(forest.right[node]), int(forest.left[node])):
            literal = (int(forest.feature[node]), places[node], child == forest.left[node])
            stack.append((child, (*wanted, literal), _below(forest, node, child, path)))
    return _Unit(conditions, leaves)


def _tabulate(unit: _Unit, groups: npt.NDArray[np.int32]) -> tuple[Floats, npt.NDArray[np.float64]]:
    """Return for each of a unit's patterns its contribution to each group, and its leaf's value."""
    width = len(unit.conditions)
    answers = ((np.arange(1 << width)[:, None] >> np.arange(width)) & 1).astype(np.bool_)
    table, values = np.zeros((1 << width, int(groups.max()) + 1)), np.zeros(1 << width)
    for leaf in unit.leaves:
        if not leaf.shares:  # a tree of one leaf moves only the bias
            values += leaf.value
            continue
        passed = dict.fromkeys(leaf.shares, np.True_)
        for feature, place, wanted in leaf.literals:
            passed[feature] = passed[feature] & (answers[:, place] == wanted)
        values[np.logical_and.reduce([*passed.values()])] += leaf.value
        shapley = _shapley(np.array([*passed.values()], dtype=np.float64), np.array([*leaf.shares.values()]))
        for feature, column in zip(leaf.shares, shapley, strict=True):
            table[:, groups[feature]] += leaf.value * column
    return table.astype(np.float32), values


def _shapley(passed: npt.NDArray[np.float64], shares: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return features × patterns: the formula above for a leaf of value 1."""
    nodes, weights = _quadrature((len(shares) + 1) // 2)
    shares = shares[:, None]
    integral = np.zeros_like(passed)
    for node, weight in zip(nodes, weights, strict=True):
        factors = shares * (1 - node) + passed * node
        integral += weight * factors.prod(axis=0) / factors
    answer: npt.NDArray[np.float64] = (passed - shares) * integral
    return answer


@functools.cache
def _quadrature(count: int) -> tuple[list[float], list[float]]:
    """Return Gauss–Legendre nodes and weights on [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return ((nodes + 1) / 2).tolist(), (weights / 2).tolist()
