"""The frame of a generated program: which columns it loads, which aggregates it computes once, its constants.

Room: domain. Columns of a row set are gathered once per claim into tuples; a row and its siblings read the
same tuples. Everything is added on first use, so a program loads what its rules read and no more.
"""

from collections.abc import Hashable

from claims.domain.rules import runtime, schema, tables, tree


class Layout:
    """Collects names while expressions are written; `prologue` then returns the lines that define them."""

    def __init__(self, known: tables.Tables) -> None:
        self.namespace: dict[str, object] = dict(runtime.NAMESPACE)
        self._tables = known
        self._claim: dict[str, str] = {}
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

    def uncovered(self, call: tree.Call) -> str:
        """Return the name of the function that tells whether a call's table has no issue for a day."""
        return self.constant(self._table(call).uncovered(), key=("uncovered", call.table))

    def quantum(self) -> str:
        """Return the name of the currency's smallest unit."""
        self._uses_quantum = True
        return "quantum"

    def column(self, column: tree.Column) -> str:
        """Return the expression that reads a column where it is used."""
        if column.owner == "claim":
            return self._claim.setdefault(column.name, f"c_{column.name}")
        if column.owner == "row":
            return f"r_{column.name}"
        return f"s[{self._place(column.owner, column.name)}]"

    def row_columns(self, rows: str, names: list[str]) -> None:
        """Make sure that the row set carries these columns."""
        for name in names:
            self._place(rows, name)

    def rows(self, rows: str) -> str:
        """Return the name of the list of tuples of a row set."""
        self._rows.setdefault(rows, [])
        return f"rows_{rows}"

    def unpacked(self, rows: str) -> str:
        """Return the target that binds a row's columns to `r_` names; a lone column keeps its comma."""
        return "(" + "".join(f"r_{name}, " for name in self._rows[rows]) + ")"

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
        lines = ["x = claim"]
        if self._uses_quantum:
            lines.append("quantum = _quantum(claim.currency)")
        lines += [f"{local} = {schema.CLAIM[name].source}" for name, local in self._claim.items()]
        for rows, names in self._rows.items():
            scope = schema.ROWS[rows]
            values = "".join(f"{scope.fields[name].source}, " for name in names)
            past = any(scope.fields[name].past for name in names)
            each = f"x, h in _with_past({scope.items}, past)" if past else f"x in {scope.items}"
            lines.append(f"rows_{rows} = [({values}) for {each}]")
        return lines + self._late

    def _table(self, call: tree.Call) -> tables.Table:
        found = self._tables.find(call.table)
        if found is None:
            raise AssertionError(f"table {call.table} was there when the rule was checked")
        return found

    def _place(self, rows: str, name: str) -> int:
        names = self._rows.setdefault(rows, [])
        if name not in names:
            names.append(name)
        return names.index(name)
