"""What a file's sender gets back: one line per claim, as NDJSON, as a table in CSV, or in Arrow (`tables`).

It reads decisions, which are ours; the claim itself is never opened.
"""

import csv
import io
from collections.abc import Sequence
from typing import Protocol

import msgspec

from chassis import errors
from gateway.domain import exchanges
from gateway.inbound import problems

COLUMNS = (
    "position", "claim_id", "id", "verdict", "replayed", "errors", "warnings", "rules",
    "probability", "at_risk_minor", "currency", "problem", "detail",
)  # fmt: skip
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would run a cell that begins so


class Finding(msgspec.Struct, frozen=True):
    """What a report says of a finding."""

    rule: str
    severity: str


class Risk(msgspec.Struct, frozen=True):
    """What a report says of the risk."""

    probability: float | None = None
    at_risk_minor: int | None = None
    currency: str | None = None


class Summary(msgspec.Struct, frozen=True):
    """The columns' share of a decision."""

    claim_id: str
    verdict: str
    findings: list[Finding] = []
    risk: Risk = Risk()


class Report(Protocol):
    """Turns outcomes into the bytes of an answer."""

    media_type: str

    def head(self) -> bytes:
        """Return what stands before the first line."""
        ...

    def lines(self, answers: Sequence[exchanges.FileAnswer]) -> bytes:
        """Return the lines of some claims, in order."""
        ...

    def broken(self, fault: errors.Fault) -> bytes:
        """Return the line that says why no more lines follow."""
        ...

    def tail(self) -> bytes:
        """Return what stands after the last line."""
        ...


class Lines:
    """NDJSON: the decision as it is, or a problem document with its position."""

    media_type = exchanges.NDJSON

    def __init__(self, instance: str, request_id: str) -> None:
        self._instance, self._request_id = instance, request_id

    def head(self) -> bytes:
        """Return nothing: NDJSON has no head."""
        return b""

    def lines(self, answers: Sequence[exchanges.FileAnswer]) -> bytes:
        """Return the lines of some claims."""
        return b"".join(map(self._line, answers))

    def broken(self, fault: errors.Fault) -> bytes:
        """Return a problem without a position: it is about the file."""
        return self._problem(fault, None)

    def tail(self) -> bytes:
        """Return nothing: NDJSON has no end of its own."""
        return b""

    def _line(self, answer: exchanges.FileAnswer) -> bytes:
        if isinstance(answer.outcome, errors.Fault):
            return self._problem(answer.outcome, answer.position)
        return answer.outcome.body + b"\n"

    def _problem(self, fault: errors.Fault, position: int | None) -> bytes:
        told = problems.body(fault, instance=self._instance, request_id=self._request_id, position=position)
        return told + b"\n"


class Table:
    """CSV: one row per claim in `COLUMNS`."""

    media_type = "text/csv; charset=utf-8; header=present"

    def __init__(self) -> None:
        self._decoder = decoder()

    def head(self) -> bytes:
        """Return the row of column names."""
        return _row(COLUMNS)

    def lines(self, answers: Sequence[exchanges.FileAnswer]) -> bytes:
        """Return the rows of some claims."""
        return b"".join(_row(_spelled(cells)) for cells in map(self._cells, answers))

    def broken(self, fault: errors.Fault) -> bytes:
        """Return a row without a position: it is about the file."""
        return _row(_spelled(refused(fault, None)))

    def tail(self) -> bytes:
        """Return nothing: CSV has no end of its own."""
        return b""

    def _cells(self, answer: exchanges.FileAnswer) -> tuple[object, ...]:
        return cells(answer, self._decoder)


def decoder() -> msgspec.json.Decoder[Summary]:
    """Return what reads a decision's share of a row."""
    return msgspec.json.Decoder(Summary)


def cells(answer: exchanges.FileAnswer, reads: msgspec.json.Decoder[Summary]) -> tuple[object, ...]:
    """Return the values of one claim's row in the order of `COLUMNS`; None where there is none."""
    if isinstance(answer.outcome, errors.Fault):
        return refused(answer.outcome, answer.position)
    told = reads.decode(answer.outcome.body)
    severities = [finding.severity for finding in told.findings]
    return (
        answer.position, told.claim_id, answer.outcome.claim_id, told.verdict, answer.outcome.replayed,
        severities.count("error"), severities.count("warning"), [finding.rule for finding in told.findings],
        told.risk.probability, told.risk.at_risk_minor, told.risk.currency, None, None,
    )  # fmt: skip


def refused(fault: errors.Fault, position: int | None) -> tuple[object, ...]:
    """Return the values of a row that says why there is no decision, of the file where it has no position."""
    told = "; ".join(f"{one.path}: {one.message}" for one in fault.violations) or fault.message
    return (position, *[None] * (len(COLUMNS) - 3), fault.reason, told)


def _spelled(row: tuple[object, ...]) -> tuple[object, ...]:
    return tuple(map(_spell, row))


def _spell(cell: object) -> object:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return " ".join(cell) if isinstance(cell, list) else cell


def _row(cells: tuple[object, ...]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow([_safe(cell) for cell in cells])
    return text.getvalue().encode()


def _safe(cell: object) -> object:
    if isinstance(cell, str) and cell.startswith(FORMULA):
        return "'" + cell
    return "" if cell is None else cell
