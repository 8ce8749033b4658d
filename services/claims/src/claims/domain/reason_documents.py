"""Documents of reasons: their shape, and how they become a book, with everything wrong in them told at once.

Room: domain. Takes plain values with the name of the file they stood in; reads no file itself.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec

from claims.domain import decisions, reason_checks, reasons
from claims.domain.rules import documents, packs

GUIDE = "docs/reasons.md"  # where the fields below are explained

type CodeText = Annotated[
    str, msgspec.Meta(min_length=1, max_length=20, pattern=r"^[A-Za-z0-9][A-Za-z0-9-]*$")
]
# The types of FHIR R4's value set issue-type that a finding may have.
type Issue = Literal[
    "invalid", "structure", "required", "value", "invariant", "not-supported", "duplicate", "not-found",
    "too-long", "code-invalid", "business-rule", "conflict", "incomplete",
]  # fmt: skip
type Adjudication = Literal[
    "ar001", "ar002"
]  # HL7 code system adjudication-reason: not covered, limit reached


class Code(documents.Document, frozen=True, kw_only=True):
    """One row of a list; `code` may be several codes that mean the same."""

    code: CodeText | Annotated[list[CodeText], msgspec.Meta(min_length=2)]
    en: documents.Text
    ar: documents.Text
    from_: dt.date | None = msgspec.field(default=None, name="from")
    to: dt.date | None = None
    ended: str | None = None
    uses: tuple[documents.Use, ...] = ()
    group: CodeText | None = None
    groups: tuple[CodeText, ...] = ()
    needs_remark: bool = False
    replaced_by: tuple[CodeText, ...] = ()
    fix: documents.Bilingual | None = None
    no_direct: documents.Bilingual | None = None


class CodeList(documents.Document, frozen=True, kw_only=True):
    """A list of codes."""

    name: reasons.ListName = msgspec.field(name="list")
    title: documents.Bilingual
    system: str | None = None
    source: documents.Text
    licence: documents.Text
    revision: dt.date
    codes: Annotated[list[Code], msgspec.Meta(min_length=1)]


class Link(documents.Document, frozen=True, kw_only=True):
    """A nphies reason and an adjustment that says it."""

    nphies: CodeText
    carc: CodeText
    rarc: CodeText | None = None
    group: CodeText | None = None
    prefer: Annotated[int, msgspec.Meta(ge=1)]
    from_: dt.date | None = msgspec.field(default=None, name="from")
    to: dt.date | None = None
    source: str | None = None
    note: str | None = None


class Name(documents.Document, frozen=True, kw_only=True):
    """What FHIR and the 277CA call an adjustment or a remark: one of `carc` and `rarc` is given."""

    carc: CodeText | None = None
    rarc: CodeText | None = None
    issue: Issue | None = None
    adjudication: Adjudication | None = None
    status: CodeText | None = None
    category: CodeText | None = None
    from_: dt.date | None = msgspec.field(default=None, name="from")
    to: dt.date | None = None
    source: str | None = None


class Crosswalk(documents.Document, frozen=True, kw_only=True):
    """The links between lists; `official` is false, because no body has published one."""

    name: Literal["crosswalk"] = msgspec.field(name="list")
    title: documents.Bilingual
    official: Literal[False]
    source: documents.Text
    licence: documents.Text
    revision: dt.date
    links: Annotated[list[Link], msgspec.Meta(min_length=1)]
    names: Annotated[list[Name], msgspec.Meta(min_length=1)]


def read(files: Sequence[tuple[str, object]]) -> reasons.Book:
    """Return the book of documents: name of a file and its content each, which is one or a list of them.

    Raises Invalid with reason `pack.invalid` and a violation for everything that is wrong.
    """
    report = packs.Report()
    lists: list[tuple[str, CodeList]] = []
    walks: list[tuple[str, Crosswalk]] = []
    for file, content in files:
        for document in content if isinstance(content, list) else [content]:
            if isinstance(document, dict) and document.get("list") == "crosswalk":
                walk = report.read(file, document, Crosswalk, guide=GUIDE)
                walks += [] if walk is None else [(file, walk)]
            else:
                found = report.read(file, document, CodeList, guide=GUIDE)
                lists += [] if found is None else [(file, found)]
    if len(walks) != 1:
        report.add(
            "reasons", "reasons.crosswalk", "There is not exactly one crosswalk.", "Keep one file of it."
        )
    missing = set(reasons.LISTS) - {found.name for _, found in lists}
    for name in sorted(missing):
        report.add("reasons", "reasons.list", f"The list `{name}` is missing.", "Add its file.")
    report.close()
    file, walk = walks[0]
    book = reasons.Book(
        [_list(found) for _, found in lists], _links(walk), _names(walk), revision=walk.revision
    )
    reason_checks.check(report, book, file, {found.name: name for name, found in lists})
    report.close()
    return book


def _list(found: CodeList) -> reasons.CodeList:
    return reasons.CodeList(
        name=found.name, title=_both(found.title), system=found.system, source=found.source,
        licence=found.licence, revision=found.revision,
        entries=tuple(_entry(row, code) for row in found.codes for code in _codes(row)),
    )  # fmt: skip


def _codes(row: Code) -> Sequence[str]:
    return row.code if isinstance(row.code, list) else [row.code]


def _entry(row: Code, code: str) -> reasons.Entry:
    return reasons.Entry(
        code=code, label=decisions.Bilingual(en=row.en, ar=row.ar),
        valid=documents.Valid(from_=row.from_, to=row.to), ended=row.ended, uses=row.uses,
        group=row.group, groups=row.groups, needs_remark=row.needs_remark,
        replaced_by=row.replaced_by, fix=_maybe(row.fix), no_direct=_maybe(row.no_direct),
    )  # fmt: skip


def _maybe(text: documents.Bilingual | None) -> decisions.Bilingual | None:
    return None if text is None else _both(text)


def _both(text: documents.Bilingual) -> decisions.Bilingual:
    """Return a text as decisions carry it: structs of different classes are never equal."""
    return decisions.Bilingual(en=text.en, ar=text.ar)


def _links(walk: Crosswalk) -> list[reasons.Link]:
    return [
        reasons.Link(
            nphies=row.nphies, carc=row.carc, rarc=row.rarc, group=row.group, prefer=row.prefer,
            valid=documents.Valid(from_=row.from_, to=row.to), source=row.source or walk.source,
            note=row.note,
        )
        for row in walk.links
    ]  # fmt: skip


def _names(walk: Crosswalk) -> list[reasons.Name]:
    return [
        reasons.Name(
            of="rarc" if row.carc is None else "carc", code=row.carc or row.rarc or "", issue=row.issue,
            adjudication=row.adjudication, status=row.status, category=row.category,
            valid=documents.Valid(from_=row.from_, to=row.to), source=row.source or walk.source,
        )
        for row in walk.names
    ]  # fmt: skip
