"""A typed tree as steps over a batch: equal parts of all rules become one step, done when first asked for.

Room: domain. A step knows the kind of rows it has one entry for (its level); where two levels meet the lower
one is spread: a constant over everything, a claim over its rows, a row and a sibling over their pairs.
"""

import enum
from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

from claims.domain.rules import correlations, nulls, runtime, schema, tree
from claims.domain.rules.columnar import batches, functions, look_ups, numbers, segments, steps, vectors


class NoFormError(Exception):
    """This form has no step for a part of a rule; the rule is judged by the scalar form."""


class Level(enum.IntEnum):
    """What a step has one entry for."""

    CONSTANT = 0
    CLAIM = 1
    ROW = 2  # the rows that a rule judges
    SIBLING = 3  # the rows that an aggregate reads
    PAIR = 4  # each row with each of its siblings


class Ref(NamedTuple):
    """A step and its level."""

    slot: int
    level: Level


class Frame(NamedTuple):
    """Where an expression stands: the rows judged, the siblings read, the slot of their pairs."""

    rows: str
    siblings: str = ""
    pairs: int = -1


class Writer:
    """Writes the steps of expressions that stand in one frame."""

    def __init__(self, plan: steps.Plan, frame: Frame) -> None:
        self._plan, self._frame = plan, frame

    def write(self, node: tree.Node) -> Ref:  # noqa: PLR0911 - one return per kind of node
        """Return the step of a node; raise NoFormError where a part has none."""
        match node:
            case tree.Literal(value=value, kind=kind):
                made = functions.literal(value, kind)
                key = ("constant", kind, type(value).__name__, value)
                return Ref(self._plan.step(key, made, steps.BATCH), Level.CONSTANT)
            case tree.Column():
                return self._column(node)
            case tree.Today():
                return Ref(self._plan.step("today", batches.Batch.today, steps.BATCH), Level.CLAIM)
            case tree.Aggregate():
                return self._aggregate(node)
            case tree.Choice(branches=branches, otherwise=otherwise):
                parts = [part for branch in branches for part in branch]
                return self._join(("choice",), functions.choice, *parts, otherwise)
            case tree.Fallback(parts=parts_):
                return self._join(("fallback",), functions.fallback, *parts_)
            case tree.Call():
                return self._call(node)
            case _:
                return self._operator(node)

    def _operator(self, node: tree.Node) -> Ref:  # noqa: PLR0911 - one return per kind of node
        match node:
            case tree.Arithmetic(op=op, left=left, right=right):
                return self._join(("arithmetic", op), functions.ARITHMETIC[op], left, right)
            case tree.Compare(op=op, left=left, right=right):
                return self._in_batch(("compare", op), functions.compare(op), left, right)
            case tree.Between(operand=operand, low=low, high=high):
                return self._in_batch(("between",), functions.between, operand, low, high)
            case tree.Junction(op=op, parts=parts):
                return self._join((op,), functions.JUNCTIONS[op], *parts)
            case tree.Not(operand=operand):
                return self._join(("not",), vectors.negation, operand)
            case tree.IsNull(operand=operand):
                return self._join(("null",), functions.is_null, operand)
            case tree.OneOf(operand=operand, values=values):
                return self._in_batch(("in", _typed(values)), functions.one_of(values), operand)
            case tree.Matches(operand=operand, pattern=pattern):
                return self._mapped(("like", pattern), functions.like(pattern), tree.Kind.BOOL, operand)
        raise AssertionError(f"no form for {type(node).__name__}")  # the tree has no other node

    def slot(self, node: tree.Node, level: Level) -> int:
        """Return the slot of a node with one entry per row of a level (or one for all)."""
        return self._lifted(self.write(node), level)

    def _column(self, node: tree.Column) -> Ref:
        if node.owner == "row" and node.name in schema.PAST:
            raise NoFormError("what earlier claims say is told line by line")
        if node.owner == "claim":
            return Ref(self._plan.column("", node.name), Level.CLAIM)
        if node.owner == "row":
            return Ref(self._plan.column(self._frame.rows, node.name), Level.ROW)
        return Ref(self._plan.column(node.owner, node.name), Level.SIBLING)

    def _lifted(self, ref: Ref, level: Level) -> int:
        if ref.level in {level, Level.CONSTANT}:
            return ref.slot
        frame = self._frame
        if ref.level is Level.CLAIM:
            rows = frame.siblings if level is Level.SIBLING else frame.rows
            slot = self._plan.owners(ref.slot, rows) if rows else ref.slot
            return slot if level is not Level.PAIR else self._lifted(Ref(slot, Level.ROW), level)
        side = "left" if ref.level is Level.ROW else "right"
        return self._plan.step(
            side, lambda found, pairs: vectors.take(found, getattr(pairs, side)), ref.slot, frame.pairs
        )

    def _joined(self, nodes: Sequence[tree.Node]) -> tuple[tuple[int, ...], Level]:
        return self._met([self.write(node) for node in nodes])

    def _met(self, refs: Sequence[Ref]) -> tuple[tuple[int, ...], Level]:
        """Return the slots of steps on the level where they meet."""
        levels = {ref.level for ref in refs}
        level = Level.PAIR if {Level.ROW, Level.SIBLING} <= levels else max(levels)
        return tuple(self._lifted(ref, level) for ref in refs), level

    def _join(self, key: Hashable, function: Callable[..., Any], *nodes: tree.Node) -> Ref:
        slots, level = self._joined(nodes)
        return Ref(self._plan.step(key, function, *slots), level)

    def _in_batch(self, key: Hashable, function: Callable[..., Any], *nodes: tree.Node) -> Ref:
        """Write a step whose function also takes the batch, for the words of it."""
        slots, level = self._joined(nodes)
        return Ref(self._plan.step(key, function, steps.BATCH, *slots), level)

    def _mapped(self, key: Hashable, function: Callable[..., Any], kind: tree.Kind, *nodes: tree.Node) -> Ref:
        """Write a step that calls a function of plain values once per distinct arguments."""
        return self._in_batch(key, functions.mapped(key, function, kind), *nodes)

    def _call(self, node: tree.Call) -> Ref:
        name, arguments = node.name, node.arguments
        if name in functions.WORDS:
            return self._mapped((name,), functions.WORDS[name], node.kind, *arguments)
        if name in functions.NUMBERS:
            return self._join((name,), functions.NUMBERS[name], *arguments)
        if name in {"in_codeset", "lookup"}:
            found = self._plan.tables.find(node.table)
            if found is None:
                raise AssertionError(f"table {node.table} was there when the rule was checked")
            columns = self._plan.tables.derived(node.table, look_ups.Columns)
            step = look_ups.step(columns, node.field if name == "lookup" else "")
            return self._in_batch((name, node.table, node.field), step, *arguments)
        if name == "has_form" and isinstance(arguments[1], tree.Literal):
            fits = runtime.form(str(arguments[1].value))
            key = (name, arguments[1].value)
            return self._mapped(key, lambda text: fits(text) is not None, node.kind, arguments[0])
        if name == "nullif" and functions.comparable(*arguments):
            return self._in_batch((name,), functions.nullif, *arguments)
        if name == "round":
            return self._round(node)
        raise NoFormError(f"no columnar form for {name}")

    def _round(self, node: tree.Call) -> Ref:
        if len(node.arguments) > 1:
            return self._join(("round",), numbers.rounded, *node.arguments)
        if node.kind is not tree.Kind.MONEY:
            return self._join(("round",), numbers.rounded, *node.arguments, tree.Literal(0, tree.Kind.INT))
        value = self.write(node.arguments[0])
        digits = Ref(self._plan.step("minor digits", batches.Batch.minor_digits, steps.BATCH), Level.CLAIM)
        slots, level = self._met([value, digits])
        return Ref(self._plan.step(("round",), numbers.rounded, *slots), level)

    def _aggregate(self, node: tree.Aggregate) -> Ref:
        function = "count_distinct" if node.distinct else node.function
        correlation = correlations.of(node)
        if correlation is None:
            return self._alone(node, function)
        if _closed(node, correlation):
            return self._grouped(node, function, correlation)
        return self._searched(node, function, correlation)

    def _alone(self, node: tree.Aggregate, function: str) -> Ref:
        """Aggregate the rows of each claim."""
        rows = node.rows
        runs = self._plan.step(
            ("runs", rows), lambda batch: segments.Segments(batch.rows(rows).starts), steps.BATCH
        )
        inner = Writer(self._plan, Frame(self._frame.rows, rows))
        return Ref(inner.reduced(node, function, node.where, runs, Level.SIBLING), Level.CLAIM)

    def _grouped(self, node: tree.Aggregate, function: str, correlation: correlations.Correlation) -> Ref:
        """Aggregate each group of siblings once; a row takes its group's answer."""
        groups = self._groups(node, correlation)
        runs = self._plan.step("runs of groups", lambda found: found.segments, groups)
        inner = Writer(self._plan, Frame(self._frame.rows, node.rows))
        strict = [
            tree.Not(tree.IsNull(key))
            for (key, _), sure in zip(correlation.keys, correlation.strict, strict=True)
            if sure and key.nullable
        ]
        tests = (*correlation.alone, *strict)
        where = None if not tests else tests[0] if len(tests) == 1 else tree.Junction("and", tests)
        answers = inner.reduced(node, function, where, runs, Level.SIBLING)
        slot = self._plan.step(
            "looked up", lambda found, groups: vectors.take(found, groups.looked_up), answers, groups
        )
        return Ref(slot, Level.ROW)

    def _searched(self, node: tree.Aggregate, function: str, correlation: correlations.Correlation) -> Ref:
        """Aggregate, for each row, the siblings with equal keys that pass the whole filter."""
        groups = self._groups(node, correlation)
        pairs = self._plan.step("pairs", segments.paired, groups)
        runs = self._plan.step("runs of pairs", lambda found: found.segments, pairs)
        inner = Writer(self._plan, Frame(self._frame.rows, node.rows, pairs))
        return Ref(inner.reduced(node, function, node.where, runs, Level.PAIR), Level.ROW)

    def reduced(
        self, node: tree.Aggregate, function: str, where: tree.Node | None, runs: int, level: Level
    ) -> int:
        """Return the slot of an aggregate over runs, written in the frame of its inside."""
        slots = [self.slot(part, level) for part in (node.argument, where) if part is not None]
        argued, filtered = node.argument is not None, where is not None

        def step(batch: batches.Batch, runs: segments.Segments, *found: vectors.Vector) -> vectors.Vector:
            keep = functions.truth(found[-1]).true if filtered else None
            return segments.reduce(batch.vocabulary, function, found[0] if argued else None, keep, runs)

        return self._plan.step(("reduce", function, argued, filtered), step, steps.BATCH, runs, *slots)

    def _groups(self, node: tree.Aggregate, correlation: correlations.Correlation) -> int:
        """Return the slot of siblings grouped by claim and keys; without keys, of the claim's own rows."""
        rows, siblings = self._frame.rows, node.rows
        inner = Writer(self._plan, Frame(rows, siblings))
        pairs = [
            (inner.slot(key, Level.SIBLING), self.slot(other, Level.ROW)) for key, other in correlation.keys
        ]

        def step(batch: batches.Batch, *found: vectors.Vector) -> segments.Groups:
            mine, theirs = batch.rows(siblings), batch.rows(rows)
            if not found:
                return segments.Groups(segments.Segments(mine.starts), theirs.owner)
            left, right = [mine.owner], [theirs.owner]
            for key, other in zip(found[::2], found[1::2], strict=True):
                one, two = functions.comparable_keys(key, other)
                left += [vectors.spread(array, len(mine.owner)) for array in one]
                right += [vectors.spread(array, len(theirs.owner)) for array in two]
            return segments.grouped(left, right)

        flat = [slot for pair in pairs for slot in pair]
        return self._plan.step(("groups", rows, siblings), step, steps.BATCH, *flat)


def _closed(node: tree.Aggregate, correlation: correlations.Correlation) -> bool:
    """Tell whether a group has one answer: keys and parts that read no row are the whole filter."""
    parts = len(nulls.conjuncts(node.where))
    reads = node.argument is not None and any(column.owner == "row" for column in tree.columns(node.argument))
    return bool(correlation.keys) and not reads and parts == len(correlation.keys) + len(correlation.alone)


def _typed(values: Sequence[object]) -> Hashable:
    """Return a key in which 1, 1.0 and TRUE differ."""
    return tuple((type(value).__name__, str(value)) for value in values)
