"""Why payers refuse, in every list that names it, and how the lists say the same: codes, links and look-ups.

Room: domain. A book is read once from documents (`reason_documents`) and then only asked. The links are this
product's suggestion and official nowhere. A code no list knows is shown as it is, never refused; what a model
predicts stays marked predicted in `decisions.LikelyReason` and is never a payer's answer.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from claims.domain import decisions
from claims.domain.rules import documents

type ListName = Literal["nphies", "error", "carc", "rarc", "group", "category", "status"]
type Kind = Literal["missing", "invalid", "relational"]

LISTS: tuple[ListName, ...] = ("nphies", "error", "carc", "rarc", "group", "category", "status")
# 277CA, code source 507: rejected as something is missing, is wrong, or fields do not fit each other.
CATEGORIES: Mapping[Kind, str] = {"missing": "A6", "invalid": "A7", "relational": "A8"}
REQUIRED = "required"  # FHIR issue type of what is missing


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One code of a list; `ended` says with what it ended where the day is not known."""

    code: str
    label: decisions.Bilingual
    valid: documents.Valid = documents.Valid()
    ended: str | None = None
    uses: tuple[str, ...] = ()
    group: str | None = None
    groups: tuple[str, ...] = ()
    needs_remark: bool = False
    replaced_by: tuple[str, ...] = ()
    fix: decisions.Bilingual | None = None
    no_direct: decisions.Bilingual | None = None

    def in_use(self, day: dt.date) -> bool:
        """Tell whether the code may be used on a day; one that ended on an unknown day may not."""
        return self.valid.holds(day) and (self.ended is None or self.valid.to is not None)


class CodeList(msgspec.Struct, frozen=True, kw_only=True):
    """A list of codes with where it comes from."""

    name: ListName
    title: decisions.Bilingual
    system: str | None
    source: str
    licence: str
    revision: dt.date
    entries: tuple[Entry, ...]


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A nphies reason and an adjustment that says it; `prefer` 1 comes first."""

    nphies: str
    carc: str
    rarc: str | None = None
    group: str | None = None
    prefer: int
    valid: documents.Valid = documents.Valid()
    source: str
    note: str | None = None


class Name(msgspec.Struct, frozen=True, kw_only=True):
    """How FHIR and the 277CA name an adjustment or a remark; a remark may name a status only."""

    of: Literal["carc", "rarc"]
    code: str
    issue: str | None = None
    adjudication: str | None = None
    status: str | None = None
    category: str | None = None
    valid: documents.Valid = documents.Valid()
    source: str


class Book:
    """All lists and links, ready to be asked."""

    def __init__(
        self, lists: Iterable[CodeList], links: Iterable[Link], names: Iterable[Name], *, revision: dt.date
    ) -> None:
        self.lists: Mapping[ListName, CodeList] = {found.name: found for found in lists}
        self.links = tuple(sorted(links, key=lambda link: (link.nphies, link.prefer)))
        self.names = tuple(names)
        self.revision = revision
        self._entries: dict[tuple[str, str], list[Entry]] = {}
        for found in self.lists.values():
            for entry in found.entries:
                self._entries.setdefault((found.name, entry.code), []).append(entry)

    def entries(self, name: ListName, code: str) -> Sequence[Entry]:
        """Return what a list says of a code, one entry per period; none where it does not know the code."""
        return self._entries.get((name, code), ())

    def find(self, name: ListName, code: str, on: dt.date) -> Entry | None:
        """Return the entry of a code in use on a day, else None."""
        return next((entry for entry in self.entries(name, code) if entry.in_use(on)), None)

    def label(self, name: ListName, code: str) -> decisions.Bilingual:
        """Return what a code means, ended or not; an unknown code is its own label."""
        known = self.entries(name, code)
        return known[-1].label if known else decisions.Bilingual(en=code, ar=code)

    def adjustments(self, nphies: str, on: dt.date) -> list[Link]:
        """Return the adjustments that say a nphies reason on a day, the preferred first."""
        return [link for link in self.links if link.nphies == nphies and self.holds(link, on)]

    def reasons(self, carc: str, on: dt.date, rarc: str | None = None) -> list[Link]:
        """Return the nphies reasons an adjustment may say, those of its remark first, then the preferred."""
        found = [link for link in self.links if link.carc == carc and self.holds(link, on)]
        return sorted(found, key=lambda link: (rarc is not None and link.rarc != rarc, link.prefer))

    def holds(self, link: Link, on: dt.date) -> bool:
        """Tell whether a link and every code of it are in use on a day."""
        named: tuple[tuple[ListName, str | None], ...] = (
            ("nphies", link.nphies), ("carc", link.carc), ("rarc", link.rarc),
        )  # fmt: skip
        return link.valid.holds(on) and all(
            code is None or self.find(name, code, on) is not None for name, code in named
        )

    def name(self, of: Literal["carc", "rarc"], code: str | None, on: dt.date) -> Name | None:
        """Return how FHIR and the 277CA name an adjustment or a remark on a day."""
        return next(
            (found for found in self.names if (found.of, found.code) == (of, code) and found.valid.holds(on)),
            None,
        )

    def named(self, field: Literal["issue", "adjudication", "status"], value: str, on: dt.date) -> list[Name]:
        """Return the adjustments and remarks that FHIR or the 277CA call so on a day: `name` reversed."""
        return [found for found in self.names if getattr(found, field) == value and found.valid.holds(on)]

    def issue(self, codes: decisions.Codes, kind: Kind, on: dt.date) -> str | None:
        """Return the FHIR issue type of a finding; what is missing is always `required`."""
        if kind == "missing":
            return REQUIRED
        found = self.name("carc", codes.carc, on)
        return None if found is None else found.issue

    def completed(self, codes: decisions.Codes, kind: Kind, on: dt.date) -> decisions.Codes:
        """Return the codes of a finding with what follows from them: adjustment, group, 277CA.

        What the codes state stays as it is. Nothing follows from codes that no list knows.
        """
        link = self._preferred(codes, on)
        carc = codes.carc or (link.carc if link else None)
        rarc = codes.rarc or (link.rarc if link and codes.carc is None else None)
        return decisions.Codes(
            nphies=codes.nphies,
            bv=codes.bv,
            carc=carc,
            rarc=rarc,
            group=codes.group or self._group(carc, link, on),
            x12=codes.x12 or self._acknowledgement(carc, rarc, kind, on),
        )

    def likely(self, told: decisions.LikelyReason, on: dt.date) -> decisions.LikelyReason:
        """Return a predicted reason with the code its model left out; it stays marked predicted."""
        if told.nphies and not told.carc:
            links = self.adjustments(told.nphies, on)
            return msgspec.structs.replace(told, carc=links[0].carc) if links else told
        if told.carc and not told.nphies:
            links = self.reasons(told.carc, on)
            # Several reasons may share an adjustment; a guess of a guess is not made.
            alone = {link.nphies for link in links}
            return msgspec.structs.replace(told, nphies=alone.pop()) if len(alone) == 1 else told
        return told

    def _preferred(self, codes: decisions.Codes, on: dt.date) -> Link | None:
        if codes.nphies is None:
            return None
        links = self.adjustments(codes.nphies, on)
        if codes.carc is None:
            return links[0] if links else None
        same = [link for link in links if link.carc == codes.carc]
        exact = [link for link in same if link.rarc == codes.rarc]
        return next(iter(exact or same), None)

    def _group(self, carc: str | None, link: Link | None, on: dt.date) -> str | None:
        if link is not None and link.group is not None:
            return link.group
        entry = None if carc is None else self.find("carc", carc, on)
        return None if entry is None else entry.group

    def _acknowledgement(
        self, carc: str | None, rarc: str | None, kind: Kind, on: dt.date
    ) -> dict[str, str] | None:
        names = [
            found for found in (self.name("rarc", rarc, on), self.name("carc", carc, on)) if found is not None
        ]
        status = next((found.status for found in names if found.status), None)
        if status is None:
            return None
        category = next((found.category for found in names if found.category), CATEGORIES[kind])
        return {"category": category, "status": status}


def as_documents(book: Book, on: dt.date) -> dict[str, Any]:
    """Return the codes, links and names of a book that hold on a day, as plain data for a reader."""
    return {
        "on": on.isoformat(),
        "official": False,
        "revision": book.revision.isoformat(),
        "lists": [_shown_list(found, on) for found in book.lists.values()],
        "links": [_plain(link, on) for link in book.links if book.holds(link, on)],
        "names": [_plain(found, on) for found in book.names if found.valid.holds(on)],
    }


def _shown_list(found: CodeList, on: dt.date) -> dict[str, Any]:
    head = {
        name: value for name, value in msgspec.to_builtins(found).items() if name not in {"name", "entries"}
    }
    return {
        "list": found.name,
        **head,
        "codes": [_plain(entry, on) for entry in found.entries],
    }


def _plain(row: Entry | Link | Name, on: dt.date) -> dict[str, Any]:
    """Return a row without what it does not say; its days are `from` and `to`, an entry tells its use."""
    said = msgspec.to_builtins(row)
    days = said.pop("valid")
    shown = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in {**said, **days}.items()
        if value not in (None, (), False)
    }
    return {**shown, "in_use": row.in_use(on)} if isinstance(row, Entry) else shown
