"""Writing CSV: claims as rows a reader takes back, and decisions as a report for a spreadsheet.

Room: formats.tabular. A report is opened by people in spreadsheets, so a text cell that a spreadsheet would
run as a formula is led by an apostrophe (OWASP, "CSV Injection"); numbers keep their sign. Claims are written
for machines and unchanged.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from formats import model
from formats.tabular import columns

REPORT_COLUMNS = (
    "id", "claim_id", "revision", "verdict", "status", "submitted", "payer_share", "probability",
    "at_risk_minor", "currency", "line", "rule", "severity", "path", "message", "suggestion", "blocking",
)  # fmt: skip
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def report_header() -> str:
    """Return the header line of a report."""
    return _row(REPORT_COLUMNS)


def report_rows(decision: Mapping[str, Any], language: str = "en") -> str:
    """Return one row per finding of a decision (one row without a finding when it has none)."""
    risk = decision.get("risk") or {}
    amounts = decision.get("amounts") or {}
    head = [decision.get(name) for name in ("id", "claim_id", "revision", "verdict")]
    head.append((decision.get("status") or {}).get("business"))
    head += [amounts.get("submitted"), amounts.get("payer_share")]
    head += [risk.get(name) for name in ("probability", "at_risk_minor", "currency")]
    return "".join(
        _row([_cell(value) for value in (*head, *_finding(finding, language))])
        for finding in decision.get("findings") or [{}]
    )


def problem_row(position: int, path: str, code: str, message: str) -> str:
    """Return the report row of a claim that could not be read, found at a line of the input."""
    cells: list[Any] = [None] * len(REPORT_COLUMNS)
    for name, value in {
        "verdict": "unreadable", "line": position, "rule": code, "severity": "error",
        "path": path, "message": message, "blocking": True,
    }.items():  # fmt: skip
        cells[REPORT_COLUMNS.index(name)] = value
    return _row([_cell(value) for value in cells])


def claim_table(claims: Sequence[model.Claim]) -> str:
    """Return claims as CSV with the columns they need; raise ValueError for one that CSV cannot carry."""
    rows = [row for claim in claims for row in _claim_rows(claim)]
    used = {name for row in rows for name in row}
    names = [name for name in columns.known() if name in used]
    if len(names) < len(used):
        raise ValueError(f"no column for {min(used - set(names))}")
    return _row(names) + "".join(_row([row.get(name, "") for name in names]) for row in rows)


def neutral(text: str) -> str:
    """Return a text that a spreadsheet shows and does not run."""
    return "'" + text if text.startswith(_FORMULA_STARTS) else text


def _finding(finding: Mapping[str, Any], language: str) -> Iterator[Any]:
    yield from (finding.get(name) for name in ("line", "rule", "severity", "path"))
    yield (finding.get("message") or {}).get(language)
    yield (finding.get("suggestion") or {}).get(language)
    yield finding.get("blocking", False) if finding else None


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        return str(value)
    return neutral(str(value))


def _row(cells: Iterable[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue()


def _claim_rows(claim: model.Claim) -> Iterator[dict[str, str]]:
    plain = msgspec.to_builtins(claim, builtin_types=(Decimal,))
    lines = plain.pop("lines")
    plain.pop("source", None)
    head = dict(_flat(plain, "", 0))
    for line in lines:
        yield {**head, **dict(_flat(line, columns.LINES, 0))}


def _flat(node: Mapping[str, Any], prefix: str, depth: int) -> Iterator[tuple[str, str]]:
    for name, value in node.items():
        path = prefix + name
        if isinstance(value, dict):
            yield from _flat(value, f"{path}.", depth)
        elif isinstance(value, list):
            yield from _listed(value, path, depth)
        else:
            text = format(value, "f") if isinstance(value, Decimal) else value
            text = str(text).lower() if isinstance(value, bool) else str(text)
            yield path, columns.escape(text) if depth else text


def _listed(entries: list[Any], path: str, depth: int) -> Iterator[tuple[str, str]]:
    if depth >= len(columns.SEPARATORS):
        raise ValueError(f"no column for {path}")
    separator = columns.SEPARATORS[depth]
    if not isinstance(entries[0], dict):
        yield path, separator.join(columns.escape(str(entry)) for entry in entries)
        return
    flat = [dict(_flat(entry, f"{path}.", depth + 1)) for entry in entries]
    names = {name: None for entry in flat for name in entry}
    for name in names:
        yield name, separator.join(entry.get(name, "") for entry in flat)
