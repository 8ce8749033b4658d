"""What the twins hold, and how a row becomes what readers get."""

import math
from collections.abc import Iterable, Sequence

import msgspec

from chassis import errors
from storage.domain import answers, chains, queries, records, views

NEGATIVE_INFINITY = float("-inf")
type Value = str | int | float | None


class Row(msgspec.Struct, kw_only=True):
    """One claim: its columns by name, its documents, and its revisions."""

    id: str
    tenant: str
    columns: dict[str, Value]
    item: records.Item
    lines: list[dict[str, Value]]
    history: records.History
    transitions: list[views.Transition]
    outcomes: list[tuple[int, answers.Outcomes]] = []  # each with the revision that brought it

    def text(self, name: str) -> str:
        """Return a column that is never missing."""
        return str(self.columns[name])


class State(msgspec.Struct):
    """Everything the twin holds."""

    tenants: dict[str, views.Tenant]
    rows: dict[tuple[str, str], Row] = {}
    keys: dict[tuple[str, bytes], records.Earlier] = {}
    links: dict[tuple[str, str], list[chains.Link]] = {}
    events: list[tuple[str, views.Event]] = []
    months: set[tuple[int, int]] = set()
    published: int = 0

    def of(self, tenant: str) -> list[Row]:
        """Return a tenant's claims, oldest first."""
        return sorted(
            (row for (owner, _), row in self.rows.items() if owner == tenant), key=lambda row: row.id
        )

    def append(self, entry: chains.Entry) -> None:
        """Add an entry to its chain."""
        links = self.links.setdefault((entry.tenant, entry.chain), [])
        previous = links[-1].hash if links else chains.GENESIS
        number = len(links) + 1
        digest = chains.link_hash(previous, number, chains.canonical(entry))
        links.append(chains.Link(entry=entry, sequence=number, previous_hash=previous, hash=digest))

    def forget(self, gone: list[tuple[str, views.Event]]) -> None:
        """Drop events; positions of the others stay."""
        self.events = [pair for pair in self.events if pair not in gone]

    def publish(self, row: Row, event: str, at_ms: int) -> None:
        """Add an event to the outbox."""
        self.published += 1
        position = f"1-1-{self.published}"
        statuses = {name: row.text(name) for name in STATUSES}
        claim_id = row.text("claim_id")
        found = views.Event(
            position=position, id=row.id, claim_id=claim_id, event=event, at_ms=at_ms, **statuses
        )
        self.events.append((row.tenant, found))


STATUSES = ("verdict", "wire_status", "business_status", "review_status")


def row_of(columns: records.Columns, place: int) -> dict[str, Value]:
    """Return one row of columns by name, missing values as None."""
    return {name: present(getattr(columns, name)[place]) for name in columns.__struct_fields__}


def present(value: Value) -> Value:
    """Return a value, or None for the contract's missing text, integer and number."""
    absent = value in {"", records.NO_INT} or (isinstance(value, float) and math.isnan(value))
    return None if absent else value


def transition(row: Row, event: str, subject: str, at_ms: int, decision: bytes) -> views.Transition:
    """Return the transition to a row's present statuses."""
    statuses = {name: row.text(name) for name in STATUSES[1:]}
    return views.Transition(
        revision=len(row.transitions) + 1,
        event=event,
        subject=subject,
        at_ms=at_ms,
        decision_json=decision,
        **statuses,
    )


def latest(row: Row) -> bytes:
    """Return the newest decision that came with a revision."""
    return next(found.decision_json for found in reversed(row.transitions) if found.decision_json)


def refuse_unstorable(batch: records.Batch) -> None:
    """Refuse what PostgreSQL cannot store: integers beyond 64 bits never get here, NUL in a text may."""
    for columns in (batch.submission.claims, batch.submission.lines, batch.submission.findings):
        for column in msgspec.structs.astuple(columns):
            if any(isinstance(value, str) and "\0" in value for value in column):
                raise errors.Invalid("record.refused", "A value cannot be stored.")


def aggregate(rows: Iterable[Row]) -> records.Aggregate:
    """Return the aggregate over claims; other uses do not count."""
    counted = [row for row in rows if row.columns["use"] == "claim"]
    net = sum(int(row.columns["submitted_minor"] or 0) for row in counted)
    return records.Aggregate(len(counted), sum(map(denied, counted)), net)


def stands(row: Row) -> bool:
    """Return whether a claim asks for something: neither refused nor cancelled."""
    return row.columns["wire_status"] != "refused" and row.columns["business_status"] != "cancelled"


def denied(row: Row) -> bool:
    """Return whether the payer or a reviewer said no."""
    reviewed = row.columns["review_status"] == "decided" and row.columns["verdict"] == "reject"
    return reviewed or row.columns["business_status"] == "rejected"


def matches(row: Row, question: queries.Listing) -> bool:
    """Return whether a row passes a list's filters."""
    inside = question.from_id is None or row.id >= question.from_id
    inside = inside and (question.until_id is None or row.id < question.until_id)
    return inside and all(row.columns[name] == value for name, value in question.equal.items())


def on_walk(row: Row, question: queries.Walk) -> bool:
    """Return whether a walk still comes by a row."""
    inside = question.from_id is None or row.id >= question.from_id
    return inside and row.id > question.after and (question.until_id is None or row.id < question.until_id)


def page(rows: Sequence[Row], question: queries.Listing) -> list[views.ClaimRow]:
    """Return the rows of a page: sorted with missing values last, cut behind the cursor."""
    found = sorted((row for row in rows if matches(row, question)), key=lambda row: _rank(row, question))
    if question.after is not None:
        value, identifier = question.after
        last = _rank_of(value, identifier, question)
        found = [row for row in found if _rank(row, question) > last]
    return [claim_row(row) for row in found[: question.limit]]


def _rank(row: Row, question: queries.Listing) -> tuple[bool, float, int]:
    value = None if question.column == "id" else row.columns[question.column]
    return _rank_of(None if value is None else float(value), row.id, question)


def _rank_of(value: float | None, identifier: str, question: queries.Listing) -> tuple[bool, float, int]:
    sign = -1 if question.descending else 1
    number = int(identifier.replace("-", ""), 16)
    return value is None, sign * (value or 0), sign * number


def claim_row(row: Row) -> views.ClaimRow:
    """Return what a list shows of a row."""
    names = [name for name in views.ClaimRow.__struct_fields__ if name not in {"id", "revision"}]
    values = {name: row.columns[name] for name in names}
    return msgspec.convert(values | {"id": row.id, "revision": len(row.transitions)}, views.ClaimRow)


def export_row(row: Row, line: dict[str, Value]) -> views.ExportRow:
    """Return an export's row of one line."""
    taken = ("code", "system", "service_day", "net_minor")
    apart = {"id", "line", "line_probability", "inputs", "payer", "reviewer", *taken}
    names = [name for name in views.ExportRow.__struct_fields__ if name not in apart]
    sequence = int(line["sequence"] or 0)
    values: dict[str, object] = {name: row.columns[name] for name in names}
    values |= {name: line[name] for name in taken}
    values |= {"id": row.id, "line": sequence, "line_probability": line["probability"]}
    values |= {"inputs": tuple(row.columns[name] for name in records.LATER)}
    values |= {source: _said(row, sequence, source) for source in ("payer", "reviewer")}
    return msgspec.convert(values, views.ExportRow)


def found(row: Row, claim: views.StoredClaim) -> views.FoundClaim:
    """Return a row as it is found by its sender's id."""
    told = {int(line["sequence"] or 0): _said(row, int(line["sequence"] or 0), "payer") for line in row.lines}
    values = {name: row.columns[name] for name in ("use", "provider_id", "payer_id")}
    payer = {line: said for line, said in told.items() if said is not None}
    return views.FoundClaim(claim=claim, payer=payer, **values)  # type: ignore[arg-type]  # columns by name


def _said(row: Row, line: int, source: str) -> views.LineOutcome | None:
    """Return the latest word of a source on a line."""
    told = [one for _, one in row.outcomes if one.source == source and line in one.line]
    if not told:
        return None
    place = told[-1].line.index(line)
    names = [name for name in views.LineOutcome.__struct_fields__ if name != "at_ms"]
    values = {name: present(getattr(told[-1], name)[place]) for name in names}
    return msgspec.convert(values | {"at_ms": told[-1].at_ms}, views.LineOutcome)
