"""What a decision asks for beside its findings: documents to send, and the last day to file.

Room: domain; out of the dated tables `documents` and `filing-limits`. A table that is declared only asks for
nothing.
"""

import datetime as dt
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from claims.domain import deadlines, decisions, identities, zones
from claims.domain.rules import tables
from formats import days, model

DOCUMENTS, LIMITS = "documents", "filing-limits"
REASON = "reason:"  # before a payer's reason in the key of `documents`
SEPARATOR = ";"  # between the documents of one row
EVERY_PAYER, REGIME = "*", "regime:"  # keys of `filing-limits` where a payer has no row of its own

_DUE = 4_096  # last days remembered: some payers, a season of services

type Labels = Mapping[str, decisions.Bilingual]
type Read = Callable[[str, int], object]


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """What to send and by when, with the tables that said so."""

    required_documents: list[decisions.RequiredDocument] = []
    submit_by: str | None = None
    code_sets: list[decisions.CodeSetRevision] = []


_NOTHING = Advice()


class Checklists:
    """Advice by the tables at hand; `labels` name each document that they name."""

    def __init__(self, known: tables.Tables, labels: Labels) -> None:
        self._labels = labels
        self._documents, self._document_revisions = _column(known, DOCUMENTS, "documents")
        self._services = _services(known)
        self._limit, self._limit_revisions = _column(known, LIMITS, "days")
        self._due = functools.lru_cache(maxsize=_DUE)(self._latest)

    def advise(self, claim: model.Claim, findings: Sequence[decisions.Finding], *, as_of: dt.date) -> Advice:
        """Return the documents that findings and services ask for, each once, and the last day to file."""
        required = self._required(claim, findings, as_of)
        submit_by = self._submit_by(claim)
        if not required and submit_by is None:
            return _NOTHING
        return Advice(
            required_documents=required,
            submit_by=submit_by,
            code_sets=[
                *(self._document_revisions if required else ()),
                *(self._limit_revisions if submit_by is not None else ()),
            ],
        )

    def _required(
        self, claim: model.Claim, findings: Sequence[decisions.Finding], as_of: dt.date
    ) -> list[decisions.RequiredDocument]:
        asking = self._asking(claim) if self._services else []
        if not findings and not asking:
            return []
        today = as_of.toordinal() - tables.EPOCH
        needed: dict[str, str] = {}
        for code, reason in self._answers(findings, today):
            needed.setdefault(code, reason)
        for code, reason in self._evidence(claim, asking, today):
            needed.setdefault(code, reason)
        return [
            decisions.RequiredDocument(code=code, label=self._labels[code], reason=reason)
            for code, reason in needed.items()
        ]

    def _answers(self, findings: Sequence[decisions.Finding], today: int) -> Iterator[tuple[str, str]]:
        """Yield each document that answers a finding's reason; what is at hand did not do, so it is asked."""
        for finding in findings:
            if finding.codes is not None and finding.severity != "info":
                for reason in (finding.codes.nphies, finding.codes.carc):
                    if reason:
                        yield from ((code, reason) for code in self._named(REASON + reason, today))

    def _asking(self, claim: model.Claim) -> list[tuple[str, model.Line]]:
        """Return the lines whose service any issue asks documents for, with its key."""
        services = self._services
        return [
            (key, line)
            for line in claim.lines
            if (key := _key(line.system or "", line.code or "")) in services
        ]

    def _evidence(
        self, claim: model.Claim, asking: Sequence[tuple[str, model.Line]], today: int
    ) -> Iterator[tuple[str, str]]:
        """Yield each document that a service needs and the claim does not hold."""
        if not asking:
            return
        held = {word for info in claim.supporting_info for word in (info.category, info.code)}
        zone = zones.name(claim.regime)
        for key, line in asking:
            day = days.known_day(line.service_date, zone)
            for code in self._named(key, today if day is None else day):
                if code not in held:
                    yield code, line.code or ""

    def _named(self, key: str, day: int) -> list[str]:
        found = None if self._documents is None else self._documents(key, day)
        return named(found) if isinstance(found, str) else []

    def _submit_by(self, claim: model.Claim) -> str | None:
        if self._limit is None or not deadlines.starts_afresh(claim):
            return None
        last = deadlines.last_service(claim)
        if last is None:
            return None
        return self._due(identities.focal_payer(claim), claim.regime or "base", last)

    def _latest(self, payer: str | None, regime: str, last: int) -> str | None:
        """Return the last day on which a payer takes a claim whose last service was on this day."""
        for key in (payer, EVERY_PAYER, REGIME + regime):
            limit = self._limit(key, last) if key and self._limit else None
            if isinstance(limit, int):
                return deadlines.after(last, limit)
        return None


def _services(known: tables.Tables) -> frozenset[str]:
    """Return the keys of services that any issue asks documents for."""
    table = known.find(DOCUMENTS)
    periods = () if table is None else table.periods
    keys = (key for period in periods for key in (*period.rows, *period.spans))
    return frozenset(key for key in keys if not key.startswith(REASON.upper()))


@functools.lru_cache(maxsize=4_096)  # a provider's usual services
def _key(system: str, code: str) -> str:
    return tables.normal(f"{system}{tables.JOINT}{code}", dotless=False)


def named(documents: str) -> list[str]:
    """Return the codes of documents that a row names."""
    return [word for part in documents.split(SEPARATOR) if (word := part.strip())]


def _column(
    known: tables.Tables, name: str, column: str
) -> tuple[Read | None, list[decisions.CodeSetRevision]]:
    table = known.find(name)
    if table is None or not table.periods:
        return None, []
    return table.reader(column), table.revisions()
