"""sqlglot's tree to our typed tree: the allow-list. What is not named here is refused with a remedy.

Room: domain. Each accepted node also lists the arguments it may carry, so that a clause sqlglot understands
and we do not (ESCAPE, OVER, ORDER BY …) is refused rather than ignored.
"""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal

from sqlglot import exp

from claims.domain.rules import calls, kinds, nulls, parsing, schema, slips, tables, tree

_EPOCH = dt.date(1970, 1, 1).toordinal()
_COMPARES: dict[type[exp.Expression], str] = {
    exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=",
}  # fmt: skip
_ARITHMETIC: dict[type[exp.Expression], str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/"}
_AGGREGATES: dict[type[exp.Expression], str] = {
    exp.Count: "count", exp.Sum: "sum", exp.Min: "min", exp.Max: "max", exp.Avg: "avg",
    exp.ArrayAgg: "array_agg",
}  # fmt: skip
_QUIET = {
    "big_int",
    "typed",
    "safe",
    "value_constructor",
    "nulls_excluded",
    "expressions",
}  # flags of the dialect
_TRUE = tree.Literal(value=True, kind=tree.Kind.BOOL)


def condition(text: str, scope: str, known: tables.Tables) -> tree.Node:
    """Return the typed tree of a condition over a scope; raise TextError where the text is not one."""
    node = _Checker(scope, known).check(parsing.parse(text), 0)
    if node.kind is not tree.Kind.BOOL:
        raise parsing.TextError(
            f"The text gives {node.kind.one}, not true or false.", "Compare it with something."
        )
    return node


def value(text: str, scope: str, known: tables.Tables) -> tree.Node:
    """Return the typed tree of any expression over a scope (the `expected` of a rule)."""
    return _Checker(scope, known).check(parsing.parse(text), 0)


def column(name: str, scope: str) -> tree.Column | None:
    """Return the column a plain name means in a scope: the row's, else the claim's; None if there is none."""
    fields = schema.SCOPES[scope].fields
    if name in fields:
        owner = "claim" if scope == "claim" else "row"
        return tree.Column(owner, name, fields[name].kind, fields[name].nullable)
    if name in schema.CLAIM:
        return tree.Column("claim", name, schema.CLAIM[name].kind, schema.CLAIM[name].nullable)
    return None


class _Checker:
    """Checks one text; `rows` is the row set of the aggregate being read, "" before it names one."""

    def __init__(self, scope: str, known: tables.Tables) -> None:
        self.scope, self.tables = scope, known
        self.rows: str | None = None
        self.calls = calls.Calls(self.check, known)

    def check(self, node: exp.Expression, depth: int) -> tree.Node:
        """Return the typed node; raise TextError with the place of what is not allowed."""
        if depth > parsing.MAX_DEPTH:
            raise self.error(node, "The text nests too deeply.", "Split the rule.")
        kind = type(node)
        if kind in _COMPARES:
            return self._compare(node, _COMPARES[kind], depth)
        if kind in _ARITHMETIC:
            return self._arithmetic(node, _ARITHMETIC[kind], depth)
        if kind in _AGGREGATES:
            return self._aggregate(node, None, depth)
        known = _HANDLERS.get(kind)
        if known is not None:
            return known(self, node, depth)
        return self.calls.call(node, depth)

    def error(self, node: exp.Expression, message: str, remedy: str) -> parsing.TextError:
        """Return a TextError at the node's place."""
        line, place = parsing.position(node)
        return parsing.TextError(message, remedy, line=line, column=place)

    def only(self, node: exp.Expression, *names: str) -> None:
        """Refuse a node that carries more than the named arguments."""
        for name, found in node.args.items():
            if name not in names and name not in _QUIET and found:
                raise self.error(
                    node, f"`{node.key}` with `{name}` is not part of the language.", "Leave it out."
                )

    def _unify(self, node: exp.Expression, left: tree.Node, right: tree.Node) -> tuple[tree.Node, tree.Node]:
        try:
            return kinds.unify(left, right)
        except TypeError as cause:
            remedy = slips.of_kinds(left.kind, right.kind, otherwise="Compare and add values of one kind.")
            raise self.error(node, str(cause), remedy) from cause

    def _pair(self, node: exp.Expression, depth: int) -> tuple[tree.Node, tree.Node]:
        return self.check(node.this, depth + 1), self.check(node.expression, depth + 1)

    def _compare(self, node: exp.Expression, op: str, depth: int) -> tree.Node:
        self.only(node, "this", "expression")
        if isinstance(node.expression, exp.Any):
            if op != "=":
                raise self.error(node, "Only `= ANY(list)` is in the language.", "Write NOT (x = ANY(list)).")
            return self.calls.any_of(node, depth)
        left, right = self._unify(node, *self._pair(node, depth))
        if left.kind in {tree.Kind.BOOL, *tree.LISTS} and op not in {"=", "<>"}:
            raise self.error(node, f"{left.kind.one.capitalize()} has no order.", "Use = or <>.")
        return tree.Compare(op, left, right)

    def _arithmetic(self, node: exp.Expression, op: str, depth: int) -> tree.Node:
        self.only(node, "this", "expression")
        left, right = self._pair(node, depth)
        try:
            return kinds.arithmetic(op, left, right)
        except TypeError as cause:
            remedy = slips.of_kinds(
                left.kind, right.kind, otherwise="Check the kinds in docs/rule-schema.md."
            )
            raise self.error(node, str(cause), remedy) from cause

    def _same(self, node: exp.Expression, depth: int) -> tree.Node:
        self.only(node, "this", "expression")
        same = tree.Compare("same", *self._unify(node, *self._pair(node, depth)))
        self._closed(node, same.left, same.right)
        return same if isinstance(node, exp.NullSafeEQ) else tree.Not(same)

    def _junction(self, node: exp.Expression, depth: int) -> tree.Node:
        self.only(node, "this", "expression")
        waiting: list[exp.Expression] = [node]
        flat: list[exp.Expression] = []
        while waiting:
            part = waiting.pop()
            if type(part) is type(node):
                self.only(part, "this", "expression")
                waiting += (part.expression, part.this)
            else:
                flat.append(part)
        parts = tuple(self._condition(part, depth + 1) for part in flat)
        return tree.Junction("and" if isinstance(node, exp.And) else "or", parts)

    def _condition(self, node: exp.Expression, depth: int) -> tree.Node:
        found = self.check(node, depth)
        if found.kind not in {tree.Kind.BOOL, tree.Kind.NULL}:
            raise self.error(
                node, f"{found.kind.one.capitalize()} is not a condition.", "Compare it with something."
            )
        return found

    def _not(self, node: exp.Expression, depth: int) -> tree.Node:
        self.only(node, "this")
        return tree.Not(self._condition(node.this, depth + 1))

    def _paren(self, node: exp.Expression, depth: int) -> tree.Node:
        self.only(node, "this")
        return self.check(node.this, depth + 1)

    def _negative(self, node: exp.Expression, depth: int) -> tree.Node:
        self.only(node, "this")
        operand = self.check(node.this, depth + 1)
        if operand.kind not in tree.NUMERIC:
            raise self.error(node, f"{operand.kind.one.capitalize()} cannot be negated.", "Negate a number.")
        if isinstance(operand, tree.Literal) and isinstance(operand.value, int | Decimal):
            return tree.Literal(-operand.value, operand.kind)
        return tree.Arithmetic("-", tree.Literal(0, operand.kind), operand, operand.kind)

    def _is(self, node: exp.Expression, depth: int) -> tree.Node:
        self.only(node, "this", "expression", "negate")
        if not isinstance(node.expression, exp.Null):
            raise self.error(
                node, "Only IS NULL and IS NOT NULL are in the language.", "Compare values with = and <>."
            )
        operand = self.check(node.this, depth + 1)
        self._closed(node, operand)
        null = tree.IsNull(operand)
        return tree.Not(null) if node.args.get("negate") else null

    def _closed(self, node: exp.Expression, *parts: tree.Node) -> None:
        """Refuse an undecided aggregate where its NULL would be swallowed and turned into an answer."""
        if any(nulls.has_open_aggregate(part) for part in parts):
            raise self.error(
                node,
                "An aggregate over a column that may be missing stands where its NULL is swallowed.",
                "Write COALESCE inside the aggregate, or FILTER (WHERE … IS NOT NULL).",
            )

    def _between(self, node: exp.Expression, depth: int) -> tree.Node:
        self.only(node, "this", "low", "high")
        operand = self.check(node.this, depth + 1)
        found, low = self._unify(node, operand, self.check(node.args["low"], depth + 1))
        found, high = self._unify(node, found, self.check(node.args["high"], depth + 1))
        if found.kind in {tree.Kind.BOOL, *tree.LISTS}:
            raise self.error(node, f"{found.kind.one.capitalize()} has no order.", "Use = or <>.")
        return tree.Between(found, low, high)

    def _in(self, node: exp.Expression, depth: int) -> tree.Node:
        if not node.expressions:
            remedy = "Write IN ('a', 'b'); for a list of the row write 'a' = ANY(modifiers)."
            raise self.error(node, "IN takes a list of constants.", remedy)
        self.only(node, "this", "expressions")
        operand = self.check(node.this, depth + 1)
        values: list[tree.Value] = []
        if operand.kind in tree.LISTS:
            raise self.error(node, "IN takes single values.", "Write list && ARRAY[…].")
        for part in node.expressions:
            operand, literal = self._unify(part, operand, self.check(part, depth + 1))
            if not isinstance(literal, tree.Literal) or literal.value is None:
                raise self.error(part, "IN takes constants, none of them NULL.", "Write constants.")
            values.append(literal.value)
        return tree.OneOf(operand, tuple(values))

    def _like(self, node: exp.Expression, depth: int) -> tree.Node:
        self.only(node, "this", "expression", "negate")
        operand = self.check(node.this, depth + 1)
        pattern = self.check(node.expression, depth + 1)
        if operand.kind is not tree.Kind.TEXT or not isinstance(pattern, tree.Literal):
            raise self.error(node, "LIKE takes a text and a constant pattern.", "Write code LIKE 'E11%'.")
        text = str(pattern.value)
        if pattern.kind is not tree.Kind.TEXT or "\\" in text:
            raise self.error(
                node, "A pattern is text with % and _, without backslash.", "Use = for the rest."
            )
        matches = tree.Matches(operand, text)
        return tree.Not(matches) if node.args.get("negate") else matches

    def _case(self, node: exp.Expression, depth: int) -> tree.Node:
        if node.this is not None:
            raise self.error(node, "CASE x WHEN … is not in the language.", "Write CASE WHEN x = … THEN.")
        self.only(node, "ifs", "default")
        conditions = [self._condition(branch.this, depth + 1) for branch in node.args["ifs"]]
        self._closed(node, *conditions)
        values = [self.check(branch.args["true"], depth + 1) for branch in node.args["ifs"]]
        default = node.args.get("default")
        null = tree.Literal(None, tree.Kind.NULL)
        values.append(null if default is None else self.check(default, depth + 1))
        values = self._one_kind(node, values)
        branches = tuple(zip(conditions, values[:-1], strict=True))
        return tree.Choice(branches, values[-1], kinds.common(values))

    def _coalesce(self, node: exp.Expression, depth: int) -> tree.Node:
        self.only(node, "this", "expressions")
        parts = [self.check(part, depth + 1) for part in (node.this, *node.expressions)]
        self._closed(node, *parts)
        parts = self._one_kind(node, parts)
        return tree.Fallback(tuple(parts), kinds.common(parts))

    def _one_kind(self, node: exp.Expression, values: list[tree.Node]) -> list[tree.Node]:
        lead = next((found for found in values if not kinds.is_constant(found)), values[0])
        return [self._unify(node, lead, found)[1] for found in values]

    def _literal(self, node: exp.Expression, _depth: int) -> tree.Node:
        text = str(node.this)
        if node.is_string:
            return tree.Literal(text, tree.Kind.TEXT)
        if text.isascii() and text.isdigit():
            return tree.Literal(int(text), tree.Kind.INT)
        whole, dot, rest = text.partition(".")
        if dot and (whole + rest).isascii() and (whole + rest).isdigit():
            return tree.Literal(Decimal(text), tree.Kind.NUMBER)
        raise self.error(node, "This number is not written as digits.", "Write 1500 or 0.15.")

    def _boolean(self, node: exp.Expression, _depth: int) -> tree.Node:
        return tree.Literal(bool(node.this), tree.Kind.BOOL)

    def _null(self, _node: exp.Expression, _depth: int) -> tree.Node:
        return tree.Literal(None, tree.Kind.NULL)

    def _today(self, node: exp.Expression, _depth: int) -> tree.Node:
        self.only(node)
        return tree.Today()

    def _cast(self, node: exp.Expression, _depth: int) -> tree.Node:
        inner, target = node.this, node.args.get("to")
        is_date = isinstance(target, exp.DataType) and target.this == exp.DataType.Type.DATE
        if not is_date or not isinstance(inner, exp.Literal) or not inner.is_string:
            raise self.error(node, "Casts are not in the language.", "Write DATE '2026-01-31' for a day.")
        try:
            day = dt.date.fromisoformat(str(inner.this))
        except ValueError as cause:
            raise self.error(node, "This is not a day.", "Write DATE '2026-01-31'.") from cause
        return tree.Literal(day.toordinal() - _EPOCH, tree.Kind.DATE)

    def _column(self, node: exp.Expression, _depth: int) -> tree.Node:
        self.only(node, "this", "table")
        identifier = node.this
        if not isinstance(identifier, exp.Identifier):
            raise self.error(node, "This is not a column.", "Name a column of docs/rule-schema.md.")
        name = str(identifier.this) if identifier.quoted else str(identifier.this).lower()
        owner = str(node.args["table"].this).lower() if node.args.get("table") is not None else ""
        found = self._sibling(node, owner, name) if owner and owner != "claim" else self._plain(owner, name)
        if found is None:
            raise self._unknown(node, owner, name, quoted=bool(identifier.quoted))
        return found

    def _unknown(self, node: exp.Expression, owner: str, name: str, *, quoted: bool) -> parsing.TextError:
        """Return the error of a name that no column has, with the column or spelling that was meant."""
        names = schema.ROWS[owner].fields if owner in schema.ROWS else schema.SCOPES[self.scope].fields
        slip = slips.of_text(name)
        if slip is not None:
            return self.error(node, slip.message, slip.remedy)
        otherwise = "See docs/rule-schema.md."
        if quoted:
            otherwise = f"Double quotation marks name a column; a text stands in single ones: '{name}'."
        elif not owner:
            otherwise = f"A text stands in quotation marks: '{name.upper()}'. See docs/rule-schema.md."
        known = {**names, **({} if owner else schema.CLAIM)}
        remedy = slips.of_name(name, known, otherwise=otherwise)
        return self.error(node, f"There is no column `{name}` here.", remedy)

    def _plain(self, owner: str, name: str) -> tree.Column | None:
        return column(name, "claim" if owner else self.scope)

    def _sibling(self, node: exp.Expression, owner: str, name: str) -> tree.Column | None:
        rows = schema.ROWS.get(owner)
        if rows is None:
            remedy = slips.of_name(owner, schema.ROWS, otherwise=f"Use one of: {', '.join(schema.ROWS)}.")
            raise self.error(node, f"There are no rows `{owner}`.", remedy)
        if self.rows is None:
            raise self.error(
                node, f"`{owner}.{name}` stands outside an aggregate.", "Write SUM, COUNT … around it."
            )
        if self.rows not in {"", owner}:
            raise self.error(node, "An aggregate reads one kind of row.", "Use two aggregates.")
        self.rows = owner
        field = rows.fields.get(name)
        return None if field is None else tree.Column(owner, name, field.kind, field.nullable)

    def _filter(self, node: exp.Expression, depth: int) -> tree.Node:
        self.only(node, "this", "expression")
        if type(node.this) not in _AGGREGATES or not isinstance(node.expression, exp.Where):
            raise self.error(node, "FILTER belongs to an aggregate.", "Write SUM(…) FILTER (WHERE …).")
        return self._aggregate(node.this, node.expression.this, depth)

    def _aggregate(self, node: exp.Expression, where: exp.Expression | None, depth: int) -> tree.Node:
        if self.rows is not None:
            raise self.error(
                node, "An aggregate inside an aggregate.", "Compute one of them in another rule."
            )
        self.only(node, "this")
        function = _AGGREGATES[type(node)]
        self.rows = ""
        try:
            distinct, inner = _distinct(node)
            star = isinstance(inner, exp.Star)
            argument = None if star else self.check(inner, depth + 1)
            condition = None if where is None else self._condition(where, depth + 1)
            rows = self.rows
        finally:
            self.rows = None
        if not rows:
            raise self.error(
                node, "The aggregate names no rows.", "Write lines.net, diagnosis.code …, or a FILTER."
            )
        try:
            kind = kinds.aggregate(function, argument, distinct=distinct)
        except TypeError as cause:
            raise self.error(node, str(cause), "Check the kinds in docs/rule-schema.md.") from cause
        return tree.Aggregate(function, rows, argument, condition, distinct, kind)


def _distinct(node: exp.Expression) -> tuple[bool, exp.Expression]:
    inner = node.this
    if isinstance(inner, exp.Distinct) and len(inner.expressions) == 1 and not inner.args.get("on"):
        return True, inner.expressions[0]
    return False, inner


_HANDLERS: dict[type[exp.Expression], Callable[[_Checker, exp.Expression, int], tree.Node]] = {
    exp.And: _Checker._junction, exp.Or: _Checker._junction, exp.Not: _Checker._not,  # noqa: SLF001
    exp.Paren: _Checker._paren, exp.Neg: _Checker._negative, exp.Is: _Checker._is,  # noqa: SLF001
    exp.NullSafeEQ: _Checker._same, exp.NullSafeNEQ: _Checker._same,  # noqa: SLF001
    exp.Between: _Checker._between, exp.In: _Checker._in, exp.Like: _Checker._like,  # noqa: SLF001
    exp.Case: _Checker._case, exp.Coalesce: _Checker._coalesce, exp.Literal: _Checker._literal,  # noqa: SLF001
    exp.Boolean: _Checker._boolean, exp.Null: _Checker._null, exp.CurrentDate: _Checker._today,  # noqa: SLF001
    exp.Cast: _Checker._cast, exp.Column: _Checker._column, exp.Filter: _Checker._filter,  # noqa: SLF001
}  # fmt: skip
