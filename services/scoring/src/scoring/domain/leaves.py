"""Forests walked without a step: every value strikes leaves out, and of each tree one leaf is left.

A split tells of the leaves below it: a value that goes left strikes out those on the right, one that goes
right those on the left. What all values have left is the leaf that walking would have reached, and no split
was guessed at. (Leaves as bits: Lucchese et al., "QuickScorer: a fast algorithm to rank documents with
additive ensembles of regression trees", 2015; here both sides are struck out, and the order of trees and
values is another.) Knows no library, file or transport.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from scoring.domain import bins, forests, marks

MOST_LEAVES = 64  # of a tree: the bits of the largest number that there is

type Bits = marks.Bits
type Doubles = npt.NDArray[np.float64]


class TooLargeError(ValueError):
    """A tree has more leaves than a number has bits."""


class Leaves(NamedTuple):
    """The tables of one forest; build with `build`, use with `margins`.

    Trees stand class by class, as many for each: a class with fewer is filled up with trees of one leaf that
    says nothing. `struck` strikes leaves out, `all` are the leaves of each tree, `first` says where its
    values begin, `ones` adds up the trees of a class.
    """

    struck: marks.Marks
    all: Bits
    first: npt.NDArray[np.intp]
    values: Doubles
    ones: Doubles
    base: Doubles


class _Split(NamedTuple):
    """A split of a tree: where it stands in the forest, and the leaves on either side as bits."""

    node: int
    left: int
    right: int


class _Tree(NamedTuple):
    """A tree's splits, and the values of its leaves from left to right."""

    splits: list[_Split]
    values: list[float]


def build(forest: forests.Forest) -> Leaves:
    """Return the tables of a forest; raises TooLargeError when a tree has more than `MOST_LEAVES` leaves."""
    trees = [_tree(forest, root) for root in _ordered(forest)]
    most = max(len(tree.values) for tree in trees)
    if most > MOST_LEAVES:
        message = f"a tree has {most} leaves; at most {MOST_LEAVES} fit one number"
        raise TooLargeError(message)
    values = np.zeros((len(trees), most))
    for number, tree in enumerate(trees):
        values[number, : len(tree.values)] = tree.values
    kind = next(kind for kind in (np.uint8, np.uint16, np.uint32, np.uint64) if np.iinfo(kind).bits >= most)
    return Leaves(
        struck=_struck(forest, trees, np.dtype(kind)),
        all=np.array([(1 << len(tree.values)) - 1 for tree in trees], dtype=kind),
        first=np.arange(len(trees), dtype=np.intp) * most,
        values=values.ravel(),
        ones=np.ones(len(trees) // len(forest.base)),
        base=forest.base,
    )


def margins(leaves: Leaves, matrix: npt.NDArray[np.float32]) -> Doubles:
    """Return raw scores (log-odds), rows × classes."""
    answer = np.empty((len(matrix), len(leaves.base)))
    for start in range(0, len(matrix), marks.PART_ROWS):
        left = marks.of(leaves.struck, matrix[start : start + marks.PART_ROWS]) ^ leaves.all
        left -= left.dtype.type(1)  # of the one bit that is left, the number of those below it
        reached = np.add(np.bitwise_count(left), leaves.first, dtype=np.intp)
        told = leaves.values.take(reached).reshape(-1, len(leaves.ones)) @ leaves.ones
        answer[start : start + len(left)] = told.reshape(len(left), -1)
    answer += leaves.base
    return answer


def _ordered(forest: forests.Forest) -> Iterator[int]:
    """Yield the roots class by class; −1 where a class has fewer trees than another."""
    by_class = [forest.roots[forest.classes == label].tolist() for label in range(len(forest.base))]
    most = max(map(len, by_class))
    for roots in by_class:
        yield from roots + [-1] * (most - len(roots))


def _tree(forest: forests.Forest, root: int) -> _Tree:
    tree = _Tree([], [])
    if root < 0:
        tree.values.append(0.0)
    else:
        _walk(forest, root, tree)
    return tree


def _walk(forest: forests.Forest, node: int, tree: _Tree) -> int:
    """Add what lies below a node to a tree; return its leaves as bits."""
    if forest.feature[node] == forests.LEAF:
        tree.values.append(float(forest.value[node]))
        return 1 << (len(tree.values) - 1)
    left = _walk(forest, int(forest.left[node]), tree)
    right = _walk(forest, int(forest.right[node]), tree)
    tree.splits.append(_Split(node, left, right))
    return left | right


def _struck(forest: forests.Forest, trees: list[_Tree], kind: np.dtype[Any]) -> marks.Marks:
    """Return which leaves the values of each bin strike out."""
    number = np.array([at for at, tree in enumerate(trees) for _ in tree.splits], dtype=np.intp)
    splits = [split for tree in trees for split in tree.splits]
    node = np.array([split.node for split in splits], dtype=np.intp)
    left, right = (np.array([split[side] for split in splits], dtype=kind) for side in (1, 2))
    feature, threshold, missing = (
        field[node] for field in (forest.feature, forest.threshold, forest.missing_left)
    )
    found, owner, inside = bins.build({one: threshold[feature == one] for one in np.unique(feature).tolist()})
    bits = np.zeros((len(owner), len(trees)), dtype=kind)
    for one in found.feature.tolist():
        rows, own = np.flatnonzero(owner == one), np.flatnonzero(feature == one)
        value = inside[rows][:, None]
        goes_left = np.where(np.isnan(value), missing[own], value <= threshold[own])
        starts = np.flatnonzero(np.diff(number[own], prepend=-1))
        struck = np.bitwise_or.reduceat(np.where(goes_left, right[own], left[own]), starts, axis=1)
        bits[rows[:, None], number[own][starts]] = struck
    return marks.build(found, owner, bits)
