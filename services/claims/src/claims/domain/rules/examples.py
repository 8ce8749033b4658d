"""Examples of rules: small partial claims, merged over the smallest claim that satisfies every rule.

Room: domain. A mapping merges field by field; a list merges each of its members over the first member of the
same list below, with sequence 1, 2, … unless it says otherwise; null removes a field; `as_of` is the day,
`history` what earlier claims say about each line (nothing was claimed before, where it is left out); `tables`
rows of tables for this example alone, as `{mue: {A0425: {units: 250}}}`, valid on every day.
"""

import dataclasses
import datetime as dt
from collections.abc import Mapping
from typing import Any

import msgspec

from claims.domain import past
from claims.domain.rules import cells, engine, tables
from claims.domain.rules import packs as rule_packs
from formats import canonical, model

AS_OF = dt.date(2026, 8, 2)
MINIMAL: Mapping[str, Any] = {
    "claim_id": "EXAMPLE-1", "type": "professional", "subtype": "op", "use": "claim",
    "created": "2026-08-02", "currency": "SAR",
    "provider": {"id": "10000000000101"},
    "patient": {"id": "1012345678", "birth_date": "1984-05-02", "sex": "male"},
    "insurance": [{"sequence": 1, "focal": True, "coverage": {"member_id": "M-1", "payer": "7001571327"}}],
    "encounter": {"class": "AMB", "start": "2026-08-01", "end": "2026-08-01"},
    "diagnoses": [{"sequence": 1, "code": "E11.9", "system": "icd-10-cm", "type": ["principal"]}],
    "care_team": [{"sequence": 1, "practitioner": "PR-1", "role": "primary"}],
    "supporting_info": [{"sequence": 1, "category": "chief-complaint", "text": "thirst"}],
    "lines": [{
        "sequence": 1, "code": "X-100", "system": "local", "service_date": "2026-08-01", "quantity": 1,
        "unit_price": 100, "factor": 1, "tax": 0, "net": 100, "patient_share": 0,
        "diagnosis_sequences": [1], "care_team_sequences": [1], "information_sequences": [1],
    }],
    "total": 100,
}  # fmt: skip
_BESIDE = frozenset({"as_of", "history", "tables"})  # what an example says beside its claim
# Lists whose members carry a sequence.
_NUMBERED = frozenset({
    "lines", "details", "diagnoses", "procedures", "care_team", "supporting_info", "insurance",
})  # fmt: skip
_DETAIL: Mapping[str, Any] = {"sequence": 1, "code": "X-1", "system": "local"}


class Mistake(msgspec.Struct, frozen=True):
    """An example that does not do what it is there for."""

    rule: str
    example: str
    problem: str


def build(partial: Mapping[str, Any]) -> tuple[model.Claim, dt.date]:
    """Return the claim of a partial one and the day it is judged on; raise Invalid where it is unreadable."""
    rest = {name: value for name, value in partial.items() if name not in _BESIDE}
    merged = _merged(MINIMAL, rest)
    return canonical.decode(msgspec.json.encode(merged)), partial.get("as_of", AS_OF)


def history(partial: Mapping[str, Any]) -> list[past.LineHistory] | None:
    """Return the history of each line; None where the example says that it is unknown (`history: null`).

    Raises msgspec.ValidationError for a field that histories do not have.
    """
    lines = len(_merged(MINIMAL, {"lines": partial.get("lines", [{}])})["lines"])
    told = partial.get("history", [])
    if told is None:
        return None
    known = [
        msgspec.convert({**msgspec.structs.asdict(past.NOTHING), **entry}, past.LineHistory) for entry in told
    ]
    return (known + [past.NOTHING] * lines)[:lines]


def laid(partial: Mapping[str, Any], known: tables.Tables) -> tables.Tables:
    """Return the tables with an example's own rows in place of theirs.

    Raises ValueError for a table or column that there is not, or a value that does not fit its column.
    """
    return known.under(tables.Tables([_table(known, *entry) for entry in partial.get("tables", {}).items()]))


def check(pack: rule_packs.Pack, known: tables.Tables) -> list[Mistake]:
    """Return every example of a pack's rules that does not come out as it says."""
    judge = engine.Engine([pack], known)
    return [
        Mistake(rule.id, f"{name}[{at}]", problem)
        for rule in pack.rules
        for name in ("violates", "satisfies")
        for at, partial in enumerate(getattr(rule.examples, name))
        if (problem := tried(pack, rule, partial, known, fires=name == "violates", judge=judge))
    ]


def tried(
    pack: rule_packs.Pack,
    rule: rule_packs.Rule,
    partial: Mapping[str, Any],
    known: tables.Tables,
    *,
    fires: bool,
    judge: engine.Engine | None = None,
) -> str:
    """Return why an example does not come out as it should, empty where it does.

    `judge` is an engine of the pack and the tables; an example with tables of its own is judged by another.
    """
    if judge is None or "tables" in partial:
        try:
            judge = engine.Engine([dataclasses.replace(pack, rules=(rule,))], laid(partial, known))
        except ValueError as cause:
            return f"the example's tables: {cause}"
    return _problem(judge, rule.id, partial, fires=fires)


def _table(known: tables.Tables, name: str, rows: Mapping[str, Mapping[str, Any]]) -> tables.Table:
    below = known.find(name)
    if below is None:
        raise ValueError(f"there is no table `{name}`")
    if unknown := sorted({column for row in rows.values() for column in row} - set(below.fields)):
        raise ValueError(f"table `{name}` has no column {', '.join(unknown)}")
    period = tables.Period(
        first=dt.date.min, last=None, revision="example",
        rows={tables.normal(key, dotless=below.dotless): _row(below, row) for key, row in rows.items()},
    )  # fmt: skip
    return msgspec.structs.replace(below, periods=(period,))


def _row(table: tables.Table, row: Mapping[str, Any]) -> tables.Row:
    try:
        return tuple(
            None if row.get(name) is None else cells.read(kind, str(row[name]))
            for name, kind in table.fields.items()
        )
    except cells.Problem as cause:
        raise ValueError(f"table `{table.name}`: {cause.message} {cause.remedy}") from cause


def _problem(judge: engine.Engine, rule: str, partial: Mapping[str, Any], *, fires: bool) -> str:
    claim, as_of = build(partial)
    said = (
        judge.evaluate(claim, as_of=as_of),
        judge.evaluate_past(claim, as_of=as_of, past=history(partial)),
    )
    fired = any(finding.rule == rule for outcome in said for finding in outcome.findings)
    unknown = [entry.reason for outcome in said for entry in outcome.not_checked if entry.rule == rule]
    if fires:
        return "" if fired else f"the rule does not fire; {unknown or 'it is satisfied or does not apply'}"
    return "the rule fires" if fired else f"the rule is undecided: {unknown}" if unknown else ""


def _merged(below: Any, above: Any, *, numbered: bool = True) -> Any:
    if isinstance(above, Mapping):
        base = below if isinstance(below, Mapping) else {}
        names = [*base, *(name for name in above if name not in base)]
        return {
            name: _merged(_below(base, name), above[name], numbered=name in _NUMBERED)
            if name in above
            else base[name]
            for name in names
            if name not in above or above[name] is not None
        }
    if isinstance(above, list) and above and all(isinstance(member, Mapping) for member in above):
        first = below[0] if isinstance(below, list) and below else {}
        return [
            _merged({**first, "sequence": at} if numbered else first, member)
            for at, member in enumerate(above, start=1)
        ]
    return above


def _below(base: Mapping[str, Any], name: str) -> Any:
    return [_DETAIL] if name == "details" else base.get(name)
