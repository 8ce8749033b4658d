"""The named functions and list operators of the language, checked. Part of the allow-list beside checking.py.

Room: domain.
"""

from collections.abc import Callable

from sqlglot import exp

from claims.domain.rules import parsing, slips, tables, tree

_KIND = tree.Kind
MAX_FORM = 64  # marks of a form; no code of the field is longer
MAX_DIGITS = 6  # of ROUND: more than any currency or quantity has
_TEXT_CALLS: dict[type[exp.Expression], tuple[str, tree.Kind]] = {
    exp.Upper: ("upper", _KIND.TEXT), exp.Lower: ("lower", _KIND.TEXT),
    exp.Trim: ("trim", _KIND.TEXT), exp.Length: ("length", _KIND.INT),
}  # fmt: skip
_LIST_CALLS: dict[type[exp.Expression], str] = {
    exp.ArrayOverlaps: "overlaps", exp.ArrayContainedBy: "within", exp.ArrayContainsAll: "includes",
}  # fmt: skip
_SIGNATURES: dict[str, tuple[tuple[frozenset[tree.Kind], ...], tree.Kind]] = {
    "age_years": ((frozenset({_KIND.DATE}), frozenset({_KIND.DATE})), _KIND.INT),
    "days_between": ((frozenset({_KIND.DATE}), frozenset({_KIND.DATE})), _KIND.INT),
    "cardinality": ((frozenset(tree.LISTS),), _KIND.INT),
    "npi_valid": ((frozenset({_KIND.TEXT}),), _KIND.BOOL),
}
_USES = {
    "age_years": "Write age_years(patient_birth_date, service_date).",
    "days_between": "Write days_between(service_date, created).",
    "cardinality": "Write CARDINALITY(modifiers).",
    "npi_valid": "Write npi_valid(provider_id).",
}
_FUNCTIONS = (*_SIGNATURES, "in_codeset", "lookup", "has_form")
_QUIET = {"big_int", "typed", "binary", "safe"}

type Check = Callable[[exp.Expression, int], tree.Node]


class Calls:
    """Checks calls; `check` checks their arguments."""

    def __init__(self, check: Check, known: tables.Tables) -> None:
        self._check, self._tables = check, known

    def call(self, node: exp.Expression, depth: int) -> tree.Node:
        """Return the typed call of a function or list operator; raise TextError for any other node."""
        kind = type(node)
        if kind in _TEXT_CALLS:
            return self._text(node, depth)
        if kind in _LIST_CALLS:
            return self._lists(node, depth)
        if isinstance(node, exp.Anonymous):
            return self._named(node, depth)
        handlers: dict[type[exp.Expression], Check] = {
            exp.Abs: self._abs, exp.Round: self._round, exp.Nullif: self._nullif, exp.Array: self._array,
            exp.DPipe: self._concat,
        }  # fmt: skip
        handler = handlers.get(kind)
        if handler is None:
            raise _error(node, f"`{node.key}` is not part of the language.", slips.of_node(node.key))
        return handler(node, depth)

    def any_of(self, node: exp.Expression, depth: int) -> tree.Node:
        """Return `value = ANY(list)`."""
        inner = node.expression.this
        inner = inner.this if isinstance(inner, exp.Paren) else inner
        value, values = self._check(node.this, depth + 1), self._check(inner, depth + 1)
        if tree.LISTS.get(values.kind) is not value.kind:
            raise _error(node, "ANY takes a list of the same kind.", "Write 'principal' = ANY(type).")
        return tree.Call("any_of", (value, values), _KIND.BOOL)

    def _text(self, node: exp.Expression, depth: int) -> tree.Node:
        name, result = _TEXT_CALLS[type(node)]
        _only(node, "this")
        argument = self._check(node.this, depth + 1)
        _expect(node, argument, {_KIND.TEXT})
        return tree.Call(name, (argument,), result)

    def _lists(self, node: exp.Expression, depth: int) -> tree.Node:
        _only(node, "this", "expression")
        left, right = self._check(node.this, depth + 1), self._check(node.expression, depth + 1)
        _expect(node, left, set(tree.LISTS))
        _expect(node, right, {left.kind})
        return tree.Call(_LIST_CALLS[type(node)], (left, right), _KIND.BOOL)

    def _abs(self, node: exp.Expression, depth: int) -> tree.Node:
        _only(node, "this")
        argument = self._check(node.this, depth + 1)
        _expect(node, argument, set(tree.NUMERIC))
        return tree.Call("abs", (argument,), argument.kind)

    def _round(self, node: exp.Expression, depth: int) -> tree.Node:
        _only(node, "this", "decimals")
        argument = self._check(node.this, depth + 1)
        _expect(node, argument, set(tree.NUMERIC))
        decimals = node.args.get("decimals")
        if decimals is None:  # an amount rounds to its currency's smallest unit, another number to a whole
            return tree.Call("round", (argument,), argument.kind)
        digits = self._check(decimals, depth + 1)
        whole = isinstance(digits, tree.Literal) and digits.kind is _KIND.INT
        if not whole or not isinstance(digits, tree.Literal) or not 0 <= int(str(digits.value)) <= MAX_DIGITS:
            raise _error(node, f"ROUND takes a constant of 0 to {MAX_DIGITS} decimals.", "Write ROUND(x, 2).")
        return tree.Call("round", (argument, digits), argument.kind)

    def _nullif(self, node: exp.Expression, depth: int) -> tree.Node:
        _only(node, "this", "expression")
        left, right = self._check(node.this, depth + 1), self._check(node.expression, depth + 1)
        if left.kind not in tree.NUMERIC:
            _expect(node, right, {left.kind})
        return tree.Call("nullif", (left, right), left.kind)

    def _array(self, node: exp.Expression, depth: int) -> tree.Node:
        parts = [self._check(part, depth + 1) for part in node.expressions]
        values = [part.value for part in parts if isinstance(part, tree.Literal) and part.kind is _KIND.TEXT]
        if not values or len(values) != len(parts):
            raise _error(node, "A list is made of text constants.", "Write ARRAY['59', '76'].")
        return tree.Literal(tuple(str(value) for value in values), _KIND.TEXTS)

    def _concat(self, node: exp.Expression, depth: int) -> tree.Node:
        _only(node, "this", "expression")
        left, right = self._check(node.this, depth + 1), self._check(node.expression, depth + 1)
        for side in (left, right):
            _expect(node, side, {_KIND.TEXT})
        return tree.Call("concat", (left, right), _KIND.TEXT)

    def _form(self, node: exp.Expression, arguments: tuple[tree.Node, ...]) -> tree.Node:
        remedy = "Write has_form(code, '#####-##-##'): # a digit, @ a letter, ? either."
        if len(arguments) != 2:  # noqa: PLR2004 - a text and its form
            raise _error(node, "`has_form` takes a text and a form.", remedy)
        _expect(node, arguments[0], {_KIND.TEXT})
        pattern = arguments[1]
        if not isinstance(pattern, tree.Literal) or pattern.kind is not _KIND.TEXT:
            raise _error(node, "The form is a constant text.", remedy)
        if not 0 < len(str(pattern.value)) <= MAX_FORM:
            raise _error(node, f"A form has 1 to {MAX_FORM} marks.", remedy)
        return tree.Call("has_form", arguments, _KIND.BOOL)

    def _named(self, node: exp.Expression, depth: int) -> tree.Node:
        name = str(node.this).lower()
        arguments = tuple(self._check(part, depth + 1) for part in node.expressions)
        if name == "has_form":
            return self._form(node, arguments)
        if name in {"in_codeset", "lookup"}:
            return self._dated(node, name, arguments)
        signature = _SIGNATURES.get(name)
        if signature is None:
            raise _error(node, f"There is no function `{name}`.", slips.of_function(name, _FUNCTIONS))
        if len(arguments) != len(signature[0]):
            raise _error(node, f"`{name}` takes {len(signature[0])} values.", _USES[name])
        for argument, allowed in zip(arguments, signature[0], strict=True):
            _expect(node, argument, set(allowed))
        return tree.Call(name, arguments, signature[1])

    def _dated(self, node: exp.Expression, name: str, arguments: tuple[tree.Node, ...]) -> tree.Node:
        if len(arguments) != 3:  # noqa: PLR2004 - code or table, table or code, day
            raise _error(node, f"`{name}` takes three values.", "in_codeset(code, 'name', day)")
        code, table = arguments[:2] if name == "in_codeset" else (arguments[1], arguments[0])
        _expect(node, code, {_KIND.TEXT})
        _expect(node, arguments[2], {_KIND.DATE})
        if not isinstance(table, tree.Literal) or table.kind is not _KIND.TEXT:
            raise _error(node, "The table's name is a constant text.", "Write 'icd-10-cm'.")
        title, _, field = str(table.value).partition(".")
        found = self._tables.find(title)
        if found is None:
            known = ", ".join(self._tables.names()) or "none is loaded"
            remedy = slips.of_name(title, self._tables.names(), otherwise=f"Tables: {known}.")
            raise _error(node, f"There is no table `{title}`.", remedy)
        if name == "in_codeset":
            return tree.Call(name, (code, arguments[2]), _KIND.BOOL, table=title)
        kind = found.kind(field)
        if kind is None:
            raise _error(
                node, f"Table `{title}` has no column `{field}`.", f"Columns: {', '.join(found.fields)}."
            )
        return tree.Call(name, (code, arguments[2]), kind, table=title, field=field)


def _error(node: exp.Expression, message: str, remedy: str) -> parsing.TextError:
    line, column = parsing.position(node)
    return parsing.TextError(message, remedy, line=line, column=column)


def _only(node: exp.Expression, *names: str) -> None:
    for name, found in node.args.items():
        if name not in names and name not in _QUIET and found:
            raise _error(node, f"`{node.key}` with `{name}` is not part of the language.", "Leave it out.")


def _expect(node: exp.Expression, argument: tree.Node, allowed: set[tree.Kind]) -> None:
    if argument.kind not in allowed:
        words = " or ".join(sorted(kind.one for kind in allowed)).capitalize()
        raise _error(node, f"{words} is needed here, not {argument.kind.one}.", _needed(argument, allowed))


def _needed(argument: tree.Node, allowed: set[tree.Kind]) -> str:
    otherwise = "See docs/rule-schema.md."
    if allowed & set(tree.LISTS):
        return "Write AND between conditions; && compares two lists."
    if not isinstance(argument, tree.Literal):
        return otherwise
    return slips.of_kinds(argument.kind, next(iter(allowed)), otherwise=otherwise)
