# ruff: noqa: E501 - a row of a Markdown table is one line
"""docs/reasons.md, written from the book of reasons.

Room: domain. `python -m claims.outbound.reason_files packs > docs/reasons.md` renews it; a test compares.
"""

from collections.abc import Iterable, Iterator

from claims.domain import reasons

_HEAD = """# Reasons of payers, and how the lists say the same

Written by `python -m claims.outbound.reason_files packs`; change `packs/reasons/*.yaml`, not this file.

**This crosswalk is our suggestion and official nowhere.** No body has published how nphies' rejection reasons
answer to X12's adjustment codes. Code numbers and dates are facts with the source named below; every label is
ours, in English and Arabic. The texts of X12's lists belong to X12 and are not repeated here.

- A row holds from its first to its last day; an empty cell is an open end, or a day we do not know.
- An ended code is still shown by its label, so that old answers can be read; nothing new points to it.
- A code that stands in none of these lists is stored and shown as it is. It is never refused.
- The group is our usual choice. In nphies nothing corresponds to it; in an 835 the payer decides.
- What a model predicts is marked predicted wherever it is shown, and is never a payer's answer.

Rules state a nphies reason, an adjustment code or both; where a rule states only some, the adjustment, its group
and the 277CA codes are filled in from this table when packs are loaded. The 277CA category follows from the kind
of finding: A6 where something is missing, A7 where a value is wrong, A8 where fields do not fit each other.
"""
_TAIL = """
## The files

`packs/reasons/*.yaml` hold one document each, or a list of them. A list of codes has `list` (`nphies`, `error`,
`carc`, `rarc`, `group`, `category`, `status`), `title {en, ar}`, `system`, `source`, `licence`, `revision` and
`codes`:

| field of `codes` | meaning |
|-|-|
| `code` | the code, or a list of codes that mean the same |
| `en`, `ar` | what it means, in our words, on one line |
| `from`, `to` | first and last day of use; an open end, or one not known, is left out |
| `ended` | with what it ended, where the day is not known: nothing points to it any more |
| `uses` | `claim`, `preauthorization`, `predetermination` |
| `group`, `groups` | the usual group of an adjustment, and the only ones its list allows |
| `needs_remark` | the adjustment says nothing without a remark |
| `replaced_by` | what to use instead |
| `fix` | one sentence of what helps, in `en` and `ar` |
| `no_direct` | why no adjustment says this reason, in `en` and `ar` |

The one crosswalk has `list: crosswalk`, `official: false`, `title`, `source`, `licence`, `revision`, `links` and
`names`:

| field of `links` | meaning |
|-|-|
| `nphies`, `carc`, `rarc`, `group` | a reason, the adjustment that says it, with its remark, and its group if not the usual one |
| `prefer` | 1 is the first choice; the next numbers are for other cases |
| `note` | which case |
| `from`, `to`, `source` | as above; without `source` the file's own holds |

| field of `names` | meaning |
|-|-|
| `carc` or `rarc` | what is named |
| `issue` | type of a FHIR issue |
| `adjudication` | `ar001` (not covered), `ar002` (limit reached) |
| `status`, `category` | of a 277CA; the category only where it does not follow from the kind of finding |
| `from`, `to`, `source` | as above |
"""
_LISTS: tuple[reasons.ListName, ...] = ("carc", "rarc", "group", "category", "status", "error")


def markdown(book: reasons.Book) -> str:
    """Return the document."""
    parts = [_HEAD, *_sources(book), *_crosswalk(book), *_names(book)]
    return "\n".join([*parts, *(line for name in _LISTS for line in _list(book, name))]) + "\n" + _TAIL


def _sources(book: reasons.Book) -> Iterator[str]:
    yield "\n## Sources\n\n| list | codes | source | revision |\n|-|-|-|-|"
    for name in reasons.LISTS:
        found = book.lists[name]
        yield f"| {found.title.en} | {len(found.entries)} | {found.source} | {found.revision} |"
    yield f"| Crosswalk | {len(book.links)} links | {book.links[0].source} | {book.revision} |"


def _crosswalk(book: reasons.Book) -> Iterator[str]:
    yield "\n## nphies reasons\n"
    yield "C = claim, P = pre-authorisation. Several adjustments stand in order of preference.\n"
    yield "| reason | use | means | معناه | adjustment (CARC) | remark (RARC) | group | note |\n|-|-|-|-|-|-|-|-|"
    for entry in book.lists["nphies"].entries:
        links = [link for link in book.links if link.nphies == entry.code]
        yield _reason(entry, None if links else "none")
        for link in links:
            yield _link(book, link)


def _reason(entry: reasons.Entry, carc: str | None) -> str:
    uses = " ".join(use[0].upper() for use in entry.uses)
    ended = f"ended with {entry.ended}" if entry.ended else ""
    note = "; ".join(filter(None, (ended, entry.no_direct.en if entry.no_direct else "")))
    return f"| **{entry.code}** | {uses} | {entry.label.en} | {entry.label.ar} | {carc or ''} | | | {note} |"


def _link(book: reasons.Book, link: reasons.Link) -> str:
    remark = f"{link.rarc} {book.label('rarc', link.rarc).en}" if link.rarc else ""
    entry = book.entries("carc", link.carc)[-1]
    days = " – ".join(str(day or "") for day in (link.valid.from_, link.valid.to)).strip(" –")
    note = "; ".join(filter(None, (link.note or "", days)))
    return (
        f"| | | | | {link.prefer}. {link.carc} {entry.label.en} | {remark} "
        f"| {link.group or entry.group} | {note} |"
    )


def _names(book: reasons.Book) -> Iterator[str]:
    yield "\n## FHIR and 277CA\n"
    yield "`issue`: OperationOutcome.issue.code (what is missing is `required`). `adjudication`: HL7's example list"
    yield "adjudication-reason. A nphies reason itself travels in ClaimResponse.error.code of our refusals and in"
    yield "ClaimResponse.item.adjudication.reason of a payer's answer.\n"
    yield "| code | means | issue | adjudication | 277CA status | category |\n|-|-|-|-|-|-|"
    for found in book.names:
        status = f"{found.status} {book.label('status', found.status).en}" if found.status else ""
        yield (
            f"| {found.of.upper()} {found.code} | {book.label(found.of, found.code).en} | {found.issue or ''} "
            f"| {found.adjudication or ''} | {status} | {found.category or ('by kind' if status else '')} |"
        )


def _list(book: reasons.Book, name: reasons.ListName) -> Iterator[str]:
    found = book.lists[name]
    yield f"\n## {found.title.en} · {found.title.ar}\n"
    if found.system:
        yield f"`{found.system}`\n"
    yield "| code | means | معناه | from | to | group | remark needed | use instead |\n|-|-|-|-|-|-|-|-|"
    for entry in _ordered(found.entries):
        last = entry.valid.to or (f"ended ({entry.ended})" if entry.ended else "")
        allowed = f" (only {', '.join(entry.groups)})" if entry.groups else ""
        yield (
            f"| {entry.code} | {entry.label.en} | {entry.label.ar} | {entry.valid.from_ or ''} | {last} "
            f"| {entry.group or ''}{allowed} | {'yes' if entry.needs_remark else ''} | {', '.join(entry.replaced_by)} |"
        )


def _ordered(entries: Iterable[reasons.Entry]) -> list[reasons.Entry]:
    """Return entries by letters, then by number: 2 before 10, M9 before M10."""
    return sorted(entries, key=lambda entry: (entry.code.rstrip("0123456789"), len(entry.code), entry.code))
