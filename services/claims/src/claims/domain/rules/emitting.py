"""Typed tree to a Python expression: the scalar form, for few rows.

Room: domain. One node becomes one expression. Unknown is None; an operation that is NULL when a part is NULL
carries that as guards, collected upwards, so that a comparison of four columns tests each of them once.
Texts and decimals of a rule enter as named constants: only whole numbers and our names stand in the source.
"""

import contextlib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from types import MappingProxyType

from claims.domain.rules import correlations, expressions, layouts, nulls, runtime, tree

NULL = expressions.NULL

Code = expressions.Code


class Emitter:
    """Writes expressions for one scope, asking the layout for names of columns, rows and constants.

    What a condition has shown not to be NULL is a fact where the condition holds: there its value is at hand
    under a name and is tested no more.
    """

    def __init__(
        self, layout: layouts.Layout, scope: str, derived: Mapping[tree.Node, str] = MappingProxyType({})
    ) -> None:
        """`derived` names values that are at hand beside the row's columns."""
        self._layout, self._scope, self._derived = layout, scope, derived
        self._facts: dict[tree.Node, str] = {}
        self._bound: dict[str, tree.Node] = {}

    def value(self, node: tree.Node) -> str:
        """Return an expression for the node; it is None where the node is NULL."""
        return self._code(node).value()

    def code(self, node: tree.Node) -> Code:
        """Return the node as an expression and what must be known before it is evaluated."""
        return self._code(node)

    def holds(self, node: tree.Node) -> str:
        """Return a Python condition that is true where the node is TRUE: NULL and FALSE are alike."""
        with self.aside():
            return self.given(node)

    def openings(self, node: tree.Node) -> str:
        """Return an expression for what leaves a node open: a tuple of flags, in the order of the text.

        First, for each column whose absence can: is it missing (for a column of siblings, anywhere). Then,
        for each look into a table: has it no issue for the day.
        """
        flags = [self._missing(column) for column in nulls.sources(node)]
        looks = nulls.look_ups(node)
        flags += [self._layout.uncovered(call, self.value(call.arguments[1])) for call in looks]
        return "(" + "".join(f"{flag}, " for flag in flags) + ")"

    def _missing(self, column: tree.Column) -> str:
        if column.owner in {"row", "claim"}:
            return "False" if column in self._facts else f"{self._layout.column(column)} is None"
        return f"any([{self._layout.column(column)} is None for s in {self._layout.rows(column.owner)}])"

    @contextlib.contextmanager
    def aside(self, *, afresh: bool = False) -> Iterator[None]:
        """Forget afterwards what was learned within; `afresh` begins without what is known before."""
        before, self._facts = self._facts, {} if afresh else dict(self._facts)
        yield
        self._facts = before

    def given(self, node: tree.Node) -> str:
        """Return what `holds` returns; what it shows is known from here on."""
        match node:
            case tree.Junction(op="and", parts=parts):
                return "(" + " and ".join([self.given(part) for part in parts]) + ")"
            case tree.Junction(parts=parts):
                return "(" + " or ".join([self.holds(part) for part in parts]) + ")"
            case tree.Not(operand=operand):
                return self._refuted(operand)
            case _:
                code = self._code(node)
                return self._shown(code, code.body, tested=expressions.tests_null(node, self._derived))

    def _refuted(self, node: tree.Node) -> str:
        """Return a condition that is true where the node is FALSE; what it shows is known from here on."""
        match node:
            case tree.Junction(op="or", parts=parts):
                return "(" + " and ".join([self._refuted(part) for part in parts]) + ")"
            case tree.Junction(parts=parts):
                return "(" + " or ".join([self._fails(part) for part in parts]) + ")"
            case tree.Not(operand=operand):
                return self.given(operand)
            case tree.IsNull(operand=operand):
                code = self._code(operand)
                return self._shown(code) if code.guards else "True"
            case _:
                code = self._code(node)
                return self._shown(code, f"not {code.body}")

    def _fails(self, node: tree.Node) -> str:
        with self.aside():
            return self._refuted(node)

    def _shown(self, code: Code, *tests: str, tested: bool = False) -> str:
        """Return the tests behind those for NULL, unless these are `tested` too; keep what is shown."""
        if code == NULL:
            return "False"
        known = [] if tested else code.known()
        for name, _ in code.guards:
            if name in self._bound:
                self._facts[self._bound[name]] = name
        parts = [*known, *tests]
        return parts[0] if len(parts) == 1 else "(" + " and ".join(parts) + ")"

    def _bind(self, text: str, node: tree.Node | None = None) -> Code:
        name = self._layout.temporary()
        if node is not None:
            self._bound[name] = node
        return Code(name, ((name, text),))

    def _strict(self, body: str, *parts: Code) -> Code:
        if NULL in parts:
            return NULL
        guards = tuple(dict.fromkeys(guard for part in parts for guard in part.guards))
        return Code(body, guards)

    def _code(self, node: tree.Node) -> Code:  # noqa: PLR0911 - one return per kind of node
        if node in self._facts:
            return Code(self._facts[node])
        match node:
            case tree.Literal():
                return self._literal(node)
            case tree.Column():
                name = self._layout.column(node)
                self._bound[name] = node
                return Code(name, ((name, ""),) if node.nullable else ())
            case tree.Today():
                return Code("today")
            case tree.Arithmetic():
                return self._arithmetic(node)
            case tree.Junction():
                return self._junction(node)
            case tree.Choice() | tree.Fallback():
                return self._chosen(node)
            case tree.Call():
                return self._at_hand(node) if node in self._derived else self._call(node)
            case tree.Aggregate():
                return self._aggregate(node)
            case _:
                return self._predicate(node)

    def _at_hand(self, node: tree.Node) -> Code:
        name = self._derived[node]
        self._bound[name] = node
        sure = all(column in self._facts for column in nulls.sources(node))
        return Code(name, () if sure else ((name, ""),))

    def _literal(self, node: tree.Literal) -> Code:
        value = node.value
        if value is None:
            return NULL
        if isinstance(value, bool) or (isinstance(value, int) and value >= 0):
            return Code(repr(value))
        return Code(self._layout.constant(value))

    def _predicate(self, node: tree.Node) -> Code:  # noqa: PLR0911 - one return per kind of node
        match node:
            case tree.Compare(op="same", left=left, right=right):
                return Code(f"({self.value(left)} == {self.value(right)})")
            case tree.Compare(op=op, left=left, right=right):
                first, second = self._side(left, right), self._side(right, left)
                return self._strict(f"({first.body} {expressions.OPS[op]} {second.body})", first, second)
            case tree.Not(operand=operand):
                inner = self._code(operand)
                return self._strict(f"(not {inner.body})", inner)
            case tree.IsNull(operand=operand):
                inner = self._code(operand)
                return Code("True" if inner == NULL else f"({inner.nulls()})" if inner.guards else "False")
            case tree.OneOf(operand=operand, values=values):
                inner = self._code(operand)
                return self._strict(f"({inner.body} in {self._layout.constant(frozenset(values))})", inner)
            case tree.Matches(operand=operand, pattern=pattern):
                inner = self._code(operand)
                start = runtime.beginning(pattern)
                if start is not None:
                    return self._strict(f"{inner.body}.startswith({self._layout.constant(start)})", inner)
                matcher = self._layout.constant(runtime.like(pattern), key=("like", pattern))
                return self._strict(f"({matcher}({inner.body}) is not None)", inner)
            case tree.Between(operand=operand, low=low, high=high):
                inner = self._code(operand)
                least, most = self._side(low, operand), self._side(high, operand)
                if least.guards or most.guards:
                    return self._bind(f"_between({inner.value()}, {least.value()}, {most.value()})")
                return self._strict(f"({least.body} <= {inner.body} <= {most.body})", inner)
        raise AssertionError(f"no form for {type(node).__name__}")  # the tree has no other node

    def _side(self, node: tree.Node, other: tree.Node) -> Code:
        """Return a side of a comparison: beside decimals a whole number is one too, which is quicker."""
        exact = other.kind in {tree.Kind.MONEY, tree.Kind.NUMBER}
        if exact and isinstance(node, tree.Literal) and isinstance(node.value, int):
            return Code(self._layout.constant(Decimal(node.value)))
        return self._code(node)

    def _arithmetic(self, node: tree.Arithmetic) -> Code:
        left, right = self._code(node.left), self._code(node.right)
        if node.op != "/":
            return self._strict(f"({left.body} {node.op} {right.body})", left, right)
        quotient = self._strict(f"_divide({left.body}, {right.body})", left, right)
        if isinstance(node.right, tree.Literal) and node.right.value:
            return quotient
        return self._bind(quotient.value())

    def _junction(self, node: tree.Junction) -> Code:
        codes = [self._code(part) for part in node.parts]
        if not any(code.guards for code in codes):
            return Code("(" + f" {node.op} ".join(code.body for code in codes) + ")")
        deciding, decided, unknown = ("not ", "False", "True") if node.op == "and" else ("", "True", "False")
        decides: list[str] = []
        nulls_: list[str] = []
        for code in codes:
            if code == NULL:
                unknown = "None"
            elif code.simple:
                decides.append("(" + " and ".join([*code.known(), deciding + code.body]) + ")")
                nulls_ += [code.nulls()] if code.guards else []
            else:
                bound = self._bind(code.value())
                name, text = bound.guards[0]
                decides.append(f"({name} := {text}) is {decided}")
                nulls_.append(f"{name} is None")
        if not decides:
            return NULL
        otherwise = (
            f"None if {' or '.join(nulls_)} else {unknown}" if nulls_ and unknown != "None" else unknown
        )
        return self._bind(f"({decided} if {' or '.join(decides)} else {otherwise})")

    def _chosen(self, node: tree.Choice | tree.Fallback) -> Code:
        if isinstance(node, tree.Choice):
            text, sure = "", True
            for test, value in node.branches:
                with self.aside():
                    asked = self.given(test)
                    code = self._code(value)
                if asked == "False":
                    continue
                text += f"{code.value()} if {asked} else "
                sure = sure and not code.guards
            last = self._code(node.otherwise)
            if not text:
                return last
            text = f"({text}{last.value()})"
            return Code(text) if sure and not last.guards else self._bind(text, node)
        text = ""
        for part in node.parts:
            code = self._code(part)
            if code == NULL:
                continue
            if not code.guards:
                return Code(f"({text}{code.body})")
            bound = self._bind(code.value())
            text += f"{bound.body} if ({bound.body} := {bound.guards[0][1]}) is not None else "
        return self._bind(f"({text}None)", node) if text else NULL

    def _call(self, node: tree.Call) -> Code:  # noqa: PLR0911 - one return per kind of call
        codes = [self._code(argument) for argument in node.arguments]
        if node.name in {"in_codeset", "lookup"}:
            if not self._layout.answers(node):
                return NULL
            found = self._layout.table(node)
            return self._bind(
                self._strict(f"{found}({codes[0].body}, {codes[1].body})", *codes).value(), node
            )
        if node.name in {"overlaps", "within", "includes"}:
            return self._of_lists(node, *codes)
        if node.name == "nullif":
            return self._bind(f"_nullif({codes[0].value()}, {codes[1].value()})")
        if node.name == "round":
            return self._round(node, codes[0])
        if node.name == "has_form" and isinstance(node.arguments[1], tree.Literal):
            pattern = str(node.arguments[1].value)
            matcher = self._layout.constant(runtime.form(pattern), key=("form", pattern))
            return self._strict(f"({matcher}({codes[0].body}) is not None)", codes[0])
        return self._strict(expressions.FUNCTIONS[node.name].format(*(code.body for code in codes)), *codes)

    def _of_lists(self, node: tree.Call, left: Code, right: Code) -> Code:
        """Compare two lists; a constant one is a set from the start."""
        first, second = node.arguments
        if node.name == "includes":
            first, second, left, right = second, first, right, left
        if node.name == "overlaps" and isinstance(first, tree.Literal):
            first, second, left, right = second, first, right, left
        if not isinstance(second, tree.Literal) or not isinstance(second.value, tuple):
            return self._strict(expressions.lists(node.name, first, left.body, right.body), left, right)
        known = self._layout.constant(frozenset(second.value))
        if node.name == "overlaps":
            return self._strict(f"(not {known}.isdisjoint({left.body}))", left)
        return self._strict(f"{known}.issuperset({left.body})", left)

    def _round(self, node: tree.Call, code: Code) -> Code:
        if len(node.arguments) == 1 and node.kind is tree.Kind.MONEY:
            return self._strict(f"_round({code.body}, {self._layout.quantum()})", code)
        digits = node.arguments[1] if len(node.arguments) > 1 else tree.Literal(0, tree.Kind.INT)
        places = digits.value if isinstance(digits, tree.Literal) and isinstance(digits.value, int) else 0
        unit = self._layout.constant(Decimal(1).scaleb(-places))
        return self._strict(f"_round({code.body}, {unit})", code)

    def _aggregate(self, node: tree.Aggregate) -> Code:
        hoisted = self._layout.hoisted(node)
        if hoisted is not None:
            return self._named(node, *hoisted)
        correlation = correlations.of(node)
        if correlation is not None:
            return (
                self._grouped(node, correlation) if correlation.closed else self._searched(node, correlation)
            )
        equal = correlations.counted(node)
        if equal is not None:
            return self._tallied(node, *equal)
        with self.aside(afresh=True):
            code = self._collected(node, self._layout.rows(node.rows), node.where)
        risky = correlations.calculates(node)
        nullable = bool(code.guards) or risky
        return self._named(node, *self._layout.hoist(node, code.value(), nullable=nullable, risky=risky))

    def _named(self, node: tree.Aggregate, name: str, nullable: bool) -> Code:  # noqa: FBT001 - the pair that a layout keeps
        self._bound[name] = node
        return Code(name, ((name, ""),) if nullable else ())

    def _tallied(self, node: tree.Aggregate, column: tree.Column, value: str) -> Code:
        """Count the rows of every text once; many rules ask for one of them."""
        rows = self._layout.rows(node.rows)
        tally = self._layout.define("tally", f"_tally([{self._layout.column(column)} for s in {rows}])")
        text = f"{tally}.get({self._layout.constant(value)}, 0)"
        return self._named(node, *self._layout.hoist(node, text, nullable=False, risky=False))

    def _collected(self, node: tree.Aggregate, rows: str, where: tree.Node | None) -> Code:
        """Return the aggregate over those of `rows` that pass; `rows` is Python text for a list of tuples."""
        with self.aside():
            test = "" if where is None else f" if {self.given(where)}"
            argument = None if node.argument is None or expressions.each(node) else self._code(node.argument)
        if expressions.counts(node, argument):
            return Code(f"len([0 for s in {rows}{test}])" if test else f"len({rows})")
        value = argument.value() if argument is not None else "0"
        sure = argument is None or not argument.guards
        return self._bind(expressions.collected(node, f"[{value} for s in {rows}{test}]", sure=sure), node)

    def _grouped(self, node: tree.Aggregate, correlation: correlations.Correlation) -> Code:
        """Compute the aggregate once per group of siblings, before the rows; a row looks its group up."""
        with self.aside(afresh=True):
            tests = [self.given(part) for part in correlation.alone]
            strict = zip(correlation.keys, correlation.strict, strict=True)
            tests += [
                f"{self._code(key).body} is not None" for (key, _), sure in strict if sure and key.nullable
            ]
            argument = None if node.argument is None else self._code(node.argument)
        test = " if " + " and ".join(tests) if tests else ""
        rows, key = self._layout.rows(node.rows), self._key(correlation)
        if expressions.counts(node, argument):
            text = expressions.alone(key, "1", rows, test, f"_tally([{key} for s in {rows}{test}])")
            return Code(f"{self._layout.define('tally', text)}.get({self._looked_up(correlation)}, 0)")
        value = argument.value() if argument is not None else "0"
        text = f"_by({expressions.function(node)}, [({key}, {value}) for s in {rows}{test}])"
        if node.function in {"min", "max"}:
            text = expressions.alone(key, value, rows, test, text)
        else:
            text += f" if {rows} else {{}}"
        empty = "0" if node.function == "count" else "None"
        answers = self._layout.define("answer", text)
        return self._bind(f"{answers}.get({self._looked_up(correlation)}, {empty})", node)

    def _searched(self, node: tree.Aggregate, correlation: correlations.Correlation) -> Code:
        """Compute the aggregate in each row, over siblings with equal keys; the filter is tested in full."""
        rows = self._layout.rows(node.rows)
        if correlation.keys:
            groups = self._groups(rows, correlation)
            rows = f"{groups}.get({self._looked_up(correlation)}, ())"
        return self._collected(node, rows, node.where)

    def _groups(self, rows: str, correlation: correlations.Correlation) -> str:
        """Return the name of siblings by their keys."""
        return self._layout.define("group", f"_group({rows}, [{self._key(correlation)} for s in {rows}])")

    def _key(self, correlation: correlations.Correlation) -> str:
        return expressions.key(
            [expressions.hashable(self._layout.column(column), column) for column, _ in correlation.keys]
        )

    def _looked_up(self, correlation: correlations.Correlation) -> str:
        return expressions.key(
            [expressions.hashable(self.value(other), other) for _, other in correlation.keys]
        )
