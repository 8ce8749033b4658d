"""What a careful reader would say about packs: what keeps them from loading, and what is sound but doubtful.

Room: domain. Works on packs already read (packs.read) beside where each rule was written; reads no file.
"""

import datetime as dt
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from claims.domain import reasons
from claims.domain.rules import advice, coding, documents, packs, tree, written


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """One pack as its author sees it: the head where it could be read, sound rules, and where each stands."""

    folder: str
    head: documents.Head | None
    rules: tuple[packs.Rule, ...]
    entries: tuple[written.Entry, ...]
    problems: tuple[packs.Problem, ...]
    remarks: tuple[written.Remark, ...] = ()  # what reading the files already showed


def lint(
    sources: Sequence[Source],
    *,
    today: dt.date,
    beside: Sequence[Source] = (),
    book: reasons.Book | None = None,
) -> list[written.Remark]:
    """Return every remark about these packs, in the order of their files.

    `beside` are packs they will run beside: nothing is said about those. With `book`, codes that it does not
    know or that are out of use are told.
    """
    found = [remark for source in sources for remark in (*_one(source, today), *_coded(source, book))]
    mine = {source.folder for source in sources}
    found += [remark for remark in _across([*beside, *sources]) if remark.file.partition("/")[0] in mine]
    return sorted(found, key=lambda remark: (remark.file, remark.line, remark.column, remark.code))


def errors(remarks: Iterable[written.Remark]) -> int:
    """Return how many remarks keep a pack from loading."""
    return sum(remark.level == "error" for remark in remarks)


def _one(source: Source, today: dt.date) -> Iterator[written.Remark]:
    yield from source.remarks
    for problem in source.problems:
        entry, field = _meant(source.entries, problem.path)
        yield written.remark(
            entry, level="error", code=problem.code, field=field,
            file=problem.path.partition(":")[0] if entry is None else entry.file,
            message=problem.message, remedy=problem.remedy, at=problem.at,
        )  # fmt: skip
    entries = {entry.rule: entry for entry in source.entries}
    for rule in source.rules:
        entry = entries.get(rule.id)
        for note in advice.about(rule, source.head, today):
            yield _advice(entry, note)


def _coded(source: Source, book: reasons.Book | None) -> Iterator[written.Remark]:
    """Tell codes of rules that no list of reasons knows: the rule works, what it says is wrong."""
    if book is None:
        return
    entries = {entry.rule: entry for entry in source.entries}
    for rule in source.rules:
        for problem in coding.problems(rule, book):
            note = advice.Note(
                code="rule.code",
                field=f"codes.{problem.field}",
                message=problem.message,
                remedy=problem.remedy,
            )
            yield _advice(entries.get(rule.id), note)


def _advice(entry: written.Entry | None, note: advice.Note) -> written.Remark:
    return written.remark(
        entry, level="advice", code=note.code, file="" if entry is None else entry.file, field=note.field,
        message=note.message, remedy=note.remedy,
    )  # fmt: skip


def _meant(entries: Sequence[written.Entry], path: str) -> tuple[written.Entry | None, str]:
    """Return the rule and field a problem's path names: `file: rule.field`."""
    for entry in reversed(entries):  # of two rules with one id the later is in the way
        if path == f"{entry.pack}/pack.yaml: {entry.rule}":
            return entry, "id"
        name = f"{entry.file}: {entry.rule}"
        if path == name:
            return entry, ""
        if path.startswith(f"{name}."):
            return entry, path.removeprefix(f"{name}.")
    return None, path.partition(": ")[2]


def _across(sources: Sequence[Source]) -> Iterator[written.Remark]:
    places = {(source.folder, entry.rule): entry for source in sources for entry in source.entries}
    rules = [(source, rule) for source in sources for rule in source.rules]
    yield from _doubled(rules, places)
    yield from _repeated(rules, places)


def _doubled(
    rules: Sequence[tuple[Source, packs.Rule]], places: Mapping[tuple[str, str], written.Entry]
) -> Iterator[written.Remark]:
    """Tell ids that two packs use: the platform does not start with them."""
    first: dict[str, str] = {}
    for source, rule in rules:
        other = first.setdefault(rule.id, source.folder)
        if other != source.folder:
            entry = places[source.folder, rule.id]
            yield written.remark(
                entry, level="error", code="rule.duplicate", file=entry.file, field="id",
                message=f"The pack `{other}` has a rule of this id too.",
                remedy="Give one of them another id.",
            )  # fmt: skip


def _repeated(
    rules: Sequence[tuple[Source, packs.Rule]], places: Mapping[tuple[str, str], written.Entry]
) -> Iterator[written.Remark]:
    """Tell rules that ask the same of the same claims: both would speak, about one thing."""
    same: dict[tuple[str, tree.Node, tree.Node], list[tuple[Source, packs.Rule]]] = {}
    for source, rule in rules:
        same.setdefault((rule.scope, rule.when, rule.violation), []).append((source, rule))
    for group in same.values():
        for (before, earlier), (source, later) in itertools.combinations(group, 2):
            if advice.overlap(earlier, later) and _meet((before, earlier), (source, later)):
                entry = places[source.folder, later.id]
                yield written.remark(
                    entry, level="advice", code="rule.repeated", file=entry.file, field="violation",
                    message=f"Rule {earlier.id} asks the same of the same claims.",
                    remedy="Keep one, or let each apply to other claims.",
                )  # fmt: skip


def _meet(one: tuple[Source, packs.Rule], other: tuple[Source, packs.Rule]) -> bool:
    """Tell whether two packs bring their rules to one regime: a rule that names none has its pack's."""
    mine, others = (
        set(rule.applies.regime or (source.head.regimes if source.head else ()))
        for source, rule in (one, other)
    )
    return not mine or not others or not mine.isdisjoint(others)
