"""From a rule that fired to a finding: path, values, message; from one that was unknown to what it lacked.

Room: domain. This is the slow path, taken for the rows a program pointed at and for no other.
"""

from collections.abc import Hashable, Sequence

import msgspec

from claims.domain import decisions
from claims.domain.rules import checking, messages, nulls, packs, programs, runtime, schema, tables, tree
from formats import model

_LISTS = {
    "line": "lines", "diagnosis": "diagnoses", "care_team": "care_team",
    "information": "supporting_info", "insurance": "insurance", "procedure": "procedures",
    "related": "related",
}  # fmt: skip
type Place = tuple[str, int | None, int | None]  # path of the row, sequence of its line and of its detail

NO_HISTORY = "history.unavailable"
_NO_TABLE = "not checked: no table for this date"
_NO_VALUE = "not decidable: the calculation has no result"
_MEMORY = 256  # entries kept per rule; a rule that stays open lacks the same few things again and again


class Case(msgspec.Struct, frozen=True, gc=False):
    """A claim with the day and zone it is judged in, and what is known of its lines' history."""

    claim: model.Claim
    today: int
    zone: str
    past: programs.Past = None


class Explainer:
    """Explains one rule; its programs are compiled when first needed."""

    def __init__(self, rule: packs.Rule, known: tables.Tables) -> None:
        self._rule, self._tables = rule, known
        self._names = _names(rule)
        texts = {*rule.message.names, *(rule.suggestion.names if rule.suggestion else ())}
        self._uses = [
            (name, node.kind, name in texts, node is rule.focus, node is rule.expected)
            for name, node in self._names
        ]
        self._below = f".{rule.path}".rstrip(".")
        self._stays = rule.focus is not None and rule.focus.owner == "claim"
        self._lacking = nulls.sources(rule.violation)
        self._asked = nulls.look_ups(rule.violation)
        self._looks_up = any(isinstance(part, tree.Call) and part.table for part in tree.walk(rule.violation))
        self._needs_past = packs.needs_past(rule)
        self._shown: programs.Explain | None = None
        self._open: programs.Explain | None = None
        self._entries: dict[tuple[Hashable, programs.Openings | None], decisions.NotChecked] = {}

    def findings(self, case: Case, rows: Sequence[int]) -> list[decisions.Finding]:
        """Return a finding per row."""
        if not rows:
            return []
        if self._shown is None:
            nodes = [node for _, node in self._names]
            self._shown = programs.explain(self._rule.scope, nodes, self._tables)
        values = self._shown(case.claim, case.today, case.zone, rows, case.past)
        where = places(self._rule.scope, case.claim, rows)
        currency = case.claim.currency
        return [self._finding(currency, place, found) for place, found in zip(where, values, strict=True)]

    def undecided(
        self, case: Case, rows: Sequence[tuple[int, programs.Openings | None]]
    ) -> list[decisions.NotChecked]:
        """Return what was missing, per row; with it what leaves it open, where the program already knew."""
        if self._needs_past and case.past is None:  # the same for every line, so it is said once
            return [
                decisions.NotChecked(rule=self._rule.id, path="lines", missing=["history"], reason=NO_HISTORY)
            ]
        if self._rule.scope == "detail":  # a row's place alone does not tell which line it stands in
            at = runtime.details(case.claim)
            return [self._unchecked(case, (at[row].steps, open_), row) for row, open_ in rows]
        known = self._entries
        return [known.get(row) or self._unchecked(case, row, row[0]) for row in rows]

    def _finding(self, currency: str | None, place: Place, found: tuple[object, ...]) -> decisions.Finding:
        rule = self._rule
        focus = wanted = None
        shown: dict[str, messages.Shown] = {}
        for (name, kind, told, is_focus, is_wanted), value in zip(self._uses, found, strict=True):
            if told:
                shown[name] = messages.shown(kind, value, currency)
            if is_focus:
                focus = messages.plain(kind, value, currency)
            if is_wanted:
                wanted = messages.plain(kind, value, currency)
        prefix, line, detail = place
        return decisions.Finding(
            rule=rule.id, severity=rule.severity, path=self._path(prefix), line=line, detail=detail,
            actual=focus, expected=wanted, message=rule.message.fill(shown),
            suggestion=None if rule.suggestion is None else rule.suggestion.fill(shown),
            blocking=rule.blocking, review=rule.review, codes=rule.codes, source=rule.source,
        )  # fmt: skip

    def _path(self, prefix: str) -> str:
        if self._stays:
            return prefix or self._rule.path  # a row stays the place even where the rule looks at the claim
        return prefix + self._below if prefix else self._below.removeprefix(".")

    def _unchecked(
        self, case: Case, key: tuple[Hashable, programs.Openings | None], row: int
    ) -> decisions.NotChecked:
        """Return what is told of a row in this place that is left open by this, and remember it."""
        rule, facts = self._rule, key[1]
        if facts is None:
            facts = self._openings(case, row)
        prefix, _, _ = places(rule.scope, case.claim, [row])[0]
        absent = [column for column, lacks in zip(self._lacking, facts, strict=False) if lacks]
        entry = decisions.NotChecked(
            rule=rule.id,
            path=self._path(prefix),
            missing=[_missing(column, prefix, rule.scope) for column in absent],
            reason=self._reason(absent, facts[len(self._lacking) :]),
        )
        if key[1] is not None:
            if len(self._entries) >= _MEMORY:
                self._entries.clear()
            self._entries[key] = entry
        return entry

    def _openings(self, case: Case, row: int) -> programs.Openings:
        if self._open is None:
            self._open = programs.openings(self._rule.scope, self._rule.violation, self._tables)
        (found,) = self._open(case.claim, case.today, case.zone, [row], case.past)
        return tuple(bool(flag) for flag in found)

    def _reason(self, absent: Sequence[tree.Column], without_issue: Sequence[object]) -> str:
        if absent:
            names = ", ".join(_field(column, self._rule.scope).path for column in absent)
            return f"not decidable: {names} {'is' if len(absent) == 1 else 'are'} missing"
        if not self._asked:  # look-ups inside aggregates are asked once for many rows
            return _NO_TABLE if self._looks_up else _NO_VALUE
        if any(without_issue):
            return _NO_TABLE
        names = " and ".join(dict.fromkeys(call.table for call in self._asked))
        return f"not decidable: {names} lacks a value for this key"


def _names(rule: packs.Rule) -> list[tuple[str, tree.Node]]:
    """Return what a finding of the rule shows: the columns of its texts, its focus, the expected value."""
    wanted = [*rule.message.names, *(rule.suggestion.names if rule.suggestion else ())]
    names: dict[str, tree.Node] = {}
    for name in wanted:
        column = checking.column(name, rule.scope)
        if column is not None:
            names[name] = column
    if rule.focus is not None:
        names[rule.focus.name] = rule.focus
    if rule.expected is not None:
        names["expected"] = rule.expected
    return list(names.items())


def places(scope: str, claim: model.Claim, rows: Sequence[int]) -> list[Place]:
    """Return path, line and detail of rows of a scope, by their places in the claim."""
    if scope == "claim":
        return [("", None, None)] * len(rows)
    if scope != "detail":
        lines = claim.lines if scope == "line" else None
        return [
            (f"{_LISTS[scope]}[{row}]", None if lines is None else lines[row].sequence, None) for row in rows
        ]
    return [
        (
            f"lines[{found.steps[0]}]" + "".join(f".details[{step}]" for step in found.steps[1:]),
            found.line.sequence,
            found.item.sequence,
        )
        for found in _details(claim, rows)
    ]


def _details(claim: model.Claim, rows: Sequence[int]) -> list[runtime.Place]:
    found = runtime.details(claim)
    return [found[row] for row in rows]


def _field(column: tree.Column, scope: str) -> schema.Field:
    if column.owner in schema.ROWS:
        return schema.ROWS[column.owner].fields[column.name]
    return schema.SCOPES["claim" if column.owner == "claim" else scope].fields[column.name]


def _missing(column: tree.Column, prefix: str, scope: str) -> str:
    path = _field(column, scope).path
    if column.owner == "row":
        return f"{prefix}.{path}"
    if column.owner == "claim":
        return path
    return f"{_LISTS.get(schema.ROWS[column.owner].name, 'lines.details')}.{path}"
