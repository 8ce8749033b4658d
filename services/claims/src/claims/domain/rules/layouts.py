"""The frame of a generated program: which columns it loads, which aggregates it computes once, its constants.

Room: domain. A row's own columns are read from its struct where the row is judged; columns that its siblings
are asked for are gathered once per claim into tuples. Everything is added on first use, so a program loads
what its rules read and no more.
"""

import re
from collections.abc import Hashable, Iterable

from claims.domain.rules import runtime, schema, tables, tree, vocabulary

_INDENT = "    "
# A column of a part that may be absent as a whole: `(x.part and x.part.name)`, or with a name for the part.
_PART = re.compile(
    r"(?P<day>_day\()?\(?(?:(?P<part>(?:[\w.]+ and )*(?P<last>[\w.]+)) and (?P=last)"
    r"|\(p := (?P<named>[^ ]+)\) and p)\.(?P<name>\w+)\)?(?(day), zone\))"
)

_DAY = re.compile(r"_day\(([\w.]+), zone\)")


class Layout:
    """Collects names while expressions are written; `prologue` then returns the lines that define them."""

    def __init__(self, known: tables.Tables) -> None:
        self.namespace: dict[str, object] = dict(runtime.NAMESPACE)
        self._tables = known
        self._claim: dict[str, str] = {}
        self._own: dict[str, list[str]] = {}
        self._derived: dict[str, list[str]] = {}
        self._found: dict[str, str] = {}
        self._rows: dict[str, list[str]] = {}
        self._hoisted: dict[tree.Aggregate, tuple[str, bool]] = {}
        self._defined: dict[str, str] = {}
        self._constants: dict[Hashable, str] = {}
        self._late: list[str] = []
        self._temporaries = 0
        self._uses_quantum = False

    def temporary(self) -> str:
        """Return a new local name."""
        self._temporaries += 1
        return f"t{self._temporaries}"

    def constant(self, value: object, *, key: Hashable = None) -> str:
        """Return the name under which the program sees a value; equal values share one."""
        identity = (
            key
            if key is not None
            else (type(value).__name__, str(value) if not isinstance(value, frozenset) else value)
        )
        if identity not in self._constants:
            name = f"k{len(self._constants) + 1}"
            self._constants[identity] = name
            self.namespace[name] = (
                list(value) if isinstance(value, tuple) else value
            )  # lists equal lists only
        return self._constants[identity]

    def table(self, call: tree.Call) -> str:
        """Return the name of the function that looks into a call's table."""
        found = self._table(call)
        reader = found.membership() if call.name == "in_codeset" else found.reader(call.field)
        return self.constant(reader, key=(call.name, call.table, call.field))

    def answers(self, call: tree.Call) -> bool:
        """Tell whether a call's table has any issue; without one it answers nothing."""
        return bool(self._table(call).periods)

    def uncovered(self, call: tree.Call, day: str) -> str:
        """Return a test whether a call's table has no issue for a day; `day` is Python text."""
        windows = [f"{first} <= d <= {last}" for first, last, _ in self._table(call).windows()]
        return f"((d := {day}) is None or not ({' or '.join(windows)}))" if windows else "True"

    def quantum(self) -> str:
        """Return the name of the currency's smallest unit."""
        self._uses_quantum = True
        return "quantum"

    def column(self, column: tree.Column) -> str:
        """Return the expression that reads a column where it is used; `s` is the tuple of a sibling."""
        if column.owner == "claim":
            return self._claim.setdefault(column.name, f"c_{column.name}")
        if column.owner == "row":
            return f"r_{column.name}"
        names = self._rows.setdefault(column.owner, [])
        if column.name not in names:
            names.append(column.name)
        return f"s[{names.index(column.name)}]"

    def rows(self, rows: str) -> str:
        """Return the name of the list of tuples of a row set."""
        self._rows.setdefault(rows, [])
        return f"rows_{rows}"

    def own(self, rows: str, names: Iterable[str]) -> None:
        """Have each row of the set carry these columns where it is judged."""
        kept = self._own.setdefault(rows, [])
        kept += [name for name in dict.fromkeys(names) if name not in kept]

    def derive(self, rows: str, column: str, method: str) -> str:
        """Have each row carry what a method of text makes of a column; return the name of it."""
        name = f"r_{column}_{method}"
        value = f"None if r_{column} is None else r_{column}.{method}()"
        self._derived.setdefault(rows, []).append(f"{name} = {value}")
        return name

    def loop(self, rows: str, body: list[str]) -> list[str]:
        """Return the lines that take every row in turn: `n` is its place."""
        if not body:
            return []
        items, names = self._items(rows), self._own[rows]
        if _past(rows, names):
            head = f"for n, (x, h) in enumerate(_with_past({items}, past)):"
        else:
            head = f"for n, x in enumerate({items}):"
        return [head, *_indented([*self._read(rows), *body])]

    def picks(self, rows: str, body: list[str]) -> list[str]:
        """Return the lines that take the `wanted` rows in turn; without a row set, the claim."""
        if not self._own.get(rows):
            return ["for n in wanted:", *_indented(body)]
        history = ["h = None if past is None else past[n]"] if _past(rows, self._own[rows]) else []
        head = [f"found_{rows} = {self._items(rows)}", "for n in wanted:", f"    x = found_{rows}[n]"]
        return [*head, *_indented([*history, *self._read(rows), *body])]

    def define(self, word: str, text: str) -> str:
        """Have a text computed before the rows and return its name; equal texts share one."""
        if text not in self._defined:
            name = f"{word}{len(self._defined) + 1}"
            self._late.append(f"{name} = {text}")
            self._defined[text] = name
        return self._defined[text]

    def hoisted(self, node: tree.Aggregate) -> tuple[str, bool] | None:
        """Return name and nullability of an aggregate already computed, None where it is not."""
        return self._hoisted.get(node)

    def hoist(self, node: tree.Aggregate, text: str, *, nullable: bool, risky: bool) -> tuple[str, bool]:
        """Have an aggregate computed before the rows; a risky one may overflow and is then unknown."""
        name = f"a{len(self._hoisted) + 1}"
        if risky:
            self._late += ["try:", f"    {name} = {text}", "except ArithmeticError:", f"    {name} = None"]
        else:
            self._late.append(f"{name} = {text}")
        self._hoisted[node] = (name, nullable)
        return self._hoisted[node]

    def prologue(self) -> list[str]:
        """Return the lines that load columns, gather rows and compute aggregates."""
        gathered = [self._gathered(rows, names) for rows, names in self._rows.items()]
        lines = ["x = claim", *self._found.values()]
        if self._uses_quantum:
            lines.append("quantum = _quantum(claim.currency)")
        lines += _loaded([(local, schema.CLAIM[name]) for name, local in self._claim.items()])
        return [*lines, *gathered, *self._late]

    def _items(self, rows: str) -> str:
        """Return the text of a row set's items; what must be searched for is searched for once."""
        items = schema.ROWS[rows].items
        if "(" not in items:
            return items
        name = f"all_{rows}"
        self._found[name] = f"{name} = {items}"
        return name

    def _gathered(self, rows: str, names: list[str]) -> str:
        scope = schema.ROWS[rows]
        items = self._items(rows)
        if not names:  # siblings are only counted
            return f"rows_{rows} = {items}"
        values = "".join(f"{_dated(scope.fields[name].source)}, " for name in names)
        each = f"x, h in _with_past({items}, past)" if _past(rows, names) else f"x in {items}"
        return f"rows_{rows} = [({values}) for {each}]"

    def _read(self, rows: str) -> list[str]:
        """Return the lines that bind a row's own columns."""
        fields = schema.ROWS[rows].fields
        own = _loaded([(f"r_{name}", fields[name]) for name in self._own[rows]])
        return own + self._derived.get(rows, [])

    def _table(self, call: tree.Call) -> tables.Table:
        found = self._tables.find(call.table)
        if found is None:
            raise AssertionError(f"table {call.table} was there when the rule was checked")
        return found


def _past(rows: str, names: Iterable[str]) -> bool:
    return any(schema.ROWS[rows].fields[name].past for name in names)


def _indented(lines: Iterable[str]) -> list[str]:
    return [_INDENT + line for line in lines]


def _dated(source: str) -> str:
    """Return a source that does not ask for the day of what is absent."""
    found = _DAY.fullmatch(source)
    return source if found is None else f"(None if {found[1]} is None else {source})"


def _loaded(columns: list[tuple[str, vocabulary.Field]]) -> list[str]:
    """Return the lines that bind columns of `x` to names; an absent part is looked for once."""
    parts: dict[str, list[tuple[str, str]]] = {}
    lines = []
    for local, field in columns:
        found = _PART.fullmatch(field.source)
        if found is None:
            lines.append(f"{local} = {_dated(field.source)}")
        else:
            value = f"p.{found['name']}"
            value = _dated(f"_day({value}, zone)") if found["day"] else value
            parts.setdefault(found["part"] or found["named"], []).append((local, value))
    for part, values in parts.items():
        absent = " = ".join(local for local, _ in values)
        lines += [f"p = {part}", "if p is None:", f"    {absent} = None", "else:"]
        lines += [f"    {local} = {value}" for local, value in values]
    return lines
