"""What people see of tables: which there are, with their issues, and what one says of a key on a day.

Room: domain; plain values for the API and the command line alike.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from claims.domain.rules import tables, tree


def issues(table: tables.Table) -> dict[str, Any]:
    """Return a table with its issues, those that answer first in front; no issue means declared only."""
    return {
        "name": table.name,
        "title": table.title,
        "key": list(table.key),
        "columns": dict(table.fields),
        "issues": [_issue(period) for period in table.periods],
    }


def listed(known: tables.Tables) -> list[dict[str, Any]]:
    """Return every table with its issues, sorted by name."""
    return [issues(table) for table in known.every()]


def entry(table: tables.Table, key: str | Sequence[str], day: dt.date) -> dict[str, Any]:
    """Return what a table says of a key on a day.

    `state` is found, absent (the issue of that day lacks the key) or unknown (no issue covers the day);
    `values` are the columns of a found row, `issue` where it stands.
    """
    asked = key if isinstance(key, str) else tables.JOINT.join(key)
    number = day.toordinal() - tables.EPOCH
    found = table.look(asked, number)
    told: dict[str, Any] = {
        "table": table.name,
        "key": tables.normal(asked, dotless=table.dotless),
        "on": day.isoformat(),
        "state": "unknown" if found is None else "absent",
    }
    if found is not None:
        period, row = found
        told["issue"] = _issue(period)
        if row is not None:
            told["state"] = "found"
            told["values"] = {
                name: shown(table.kind(name), value)
                for name, value in zip(table.fields, row, strict=True)
                if value is not None
            }
    return told


def near(table: tables.Table, key: str, day: dt.date, *, most: int = 5) -> list[str]:
    """Return keys of that day's issue that begin as a key does, for someone who mistyped it."""
    found = table.look(key, day.toordinal() - tables.EPOCH)
    if found is None:
        return []
    begun = tables.normal(key, dotless=table.dotless)
    while begun:
        alike = sorted(known for known in (*found[0].rows, *found[0].spans) if known.startswith(begun))
        if alike:
            return alike[:most]
        begun = begun[:-1]
    return []


def shown(kind: tree.Kind | None, value: object) -> object:
    """Return a value of a table as JSON shows it: days as text, numbers as they were written."""
    if kind is tree.Kind.DATE and isinstance(value, int):
        return dt.date.fromordinal(value + tables.EPOCH).isoformat()
    return value if isinstance(value, bool | int | str) or value is None else str(value)


def _issue(period: tables.Period) -> Mapping[str, Any]:
    return {
        "revision": period.revision,
        "from": period.first.isoformat(),
        "to": None if period.last is None else period.last.isoformat(),
        "rows": period.size,
        "sha256": period.sha256,
        "title": period.title,
        "source": period.source,
        "licence": period.licence,
    }
