"""A person's packs on the bench: theirs beside ours, with every tool over them, told as plain documents.

Room: outbound. Nothing here judges; it loads folders and asks the domain.
"""

import contextlib
import datetime as dt
import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from chassis import errors
from claims.domain import comparisons, zones
from claims.domain.rules import (
    coverage,
    differences,
    documents,
    engine,
    examples,
    linting,
    packs,
    portraits,
    tables,
    written,
)  # fmt: skip
from claims.domain.rules import shapes as table_shapes
from claims.outbound import claim_files, corpora, pack_sources, reason_files, table_files
from formats import readers

type Progress = Callable[[int, int], None]  # how many of how many


class Workbench:
    """Packs of some folders; `base` is the folder of packs whose tables they may name."""

    def __init__(
        self, base: Path, directories: Sequence[Path] = (), tables_from: Sequence[Path] = ()
    ) -> None:
        self._remarks: list[tuple[Path, written.Remark]] = []
        self._base = base.resolve()  # `.` has no name of its own
        self._directories = [directory.resolve() for directory in directories] or [self._base]
        self._tables = self._layered([self._base, *self._directories, *tables_from])
        self._sources = [
            source for directory in self._directories for source in pack_sources.read(directory, self._tables)
        ]
        self._parents = {
            folder.name: folder.parent
            for directory in self._directories
            for folder in pack_sources.folders(directory)
        }

    def lint(self, today: dt.date) -> list[dict[str, Any]]:
        """Return every remark: its struct's fields, and `path`, where its file lies from here."""
        book = reason_files.find(self._base)
        told = linting.lint(self._sources, today=today, beside=self._beside(), book=book)
        found = [*self._remarks, *((self._above(remark.file), remark) for remark in told)]
        return [msgspec.to_builtins(remark) | {"path": _shown(root / remark.file)} for root, remark in found]

    def _above(self, file: str) -> Path:
        """Return the folder that a remark's file is named from."""
        return self._parents.get(file.partition("/")[0], self._base)

    def rules(self, regime: str = "") -> list[dict[str, Any]]:
        """Return id, pack, severity, scope, regimes and title of every rule, of one regime if it is named.

        Raises Invalid `regime.unknown`.
        """
        known = documents.choices(documents.Head, "regimes[0]")
        if regime and regime not in known:
            raise errors.Invalid("regime.unknown", f"There is no regime {regime}: {', '.join(known)}.")
        return [
            {
                "id": rule.id, "pack": source.folder, "severity": rule.severity, "scope": rule.scope,
                "regimes": _regimes(source, rule), "title": msgspec.to_builtins(rule.title),
            }
            for source in self._sources
            for rule in source.rules
            if not regime or regime in _regimes(source, rule)
        ]  # fmt: skip

    def trial(self, progress: Progress) -> dict[str, Any]:
        """Return {rules, examples, mistakes: [{rule, example, problem}]} after running every example."""
        self._refuse_broken()
        rules = [(source, rule) for source in self._sources for rule in source.rules]
        mistakes: list[examples.Mistake] = []
        count = 0
        for at, (source, rule) in enumerate(rules):
            progress(at, len(rules))
            count += len(rule.examples.violates) + len(rule.examples.satisfies)
            mistakes += _tried(_pack(source, (rule,)), rule, self._tables)
        progress(len(rules), len(rules))
        told = [msgspec.to_builtins(mistake) for mistake in mistakes]
        return {"rules": len(rules), "examples": count, "mistakes": told}

    def explain(
        self, rule_id: str, files: Sequence[Path], *, as_of: dt.date | None, now: dt.datetime
    ) -> dict[str, Any]:
        """Return a rule with everything it is made of and, per claim of the files, what its parts were.

        Raises NotFound `rule.unknown`, Invalid for a claim that cannot be read. Without `as_of` a claim is
        judged on the day that `now` is in its zone.
        """
        self._refuse_broken()
        found = self._find(rule_id)
        told = portraits.of(found.rule, found.entry, self._tables) | {"pack": found.source.folder}
        told["claims"] = [
            portraits.on(
                packs_of([found.source])[0],
                found.rule,
                claim,
                as_of or zones.day(now, claim.regime),
                self._tables,
            )
            for file in files
            for claim in corpora.claims(file)
        ]
        return told

    def coverage(
        self, files: Sequence[Path], *, as_of: dt.date | None, now: dt.datetime, progress: Progress
    ) -> dict[str, Any]:
        """Return {claims, unreadable, rules, never_applied, never_reached, never_decided, never_fired}."""
        found = self.covering(as_of)
        for file in files:
            for read in claim_files.read(file):
                found.add(None if isinstance(read, readers.Refused) else read.claim, now)
                progress(found.claims, 0)
        return found.document()

    def covering(self, as_of: dt.date | None) -> corpora.Covering:
        """Return a count over claims that come from elsewhere."""
        return corpora.Covering(coverage.Coverage(self.engine(), self._tables), as_of)

    def diff(self, after: "Workbench") -> dict[str, Any]:
        """Return what the other bench's packs and tables have otherwise than these."""
        self._refuse_broken()
        after._refuse_broken()  # noqa: SLF001 - one of its own kind
        found = differences.between(self._side(), after._side())  # noqa: SLF001 - as above
        return {**msgspec.to_builtins(found), "differ": found.any()}

    def compared(
        self,
        after: "Workbench",
        files: Sequence[Path],
        *,
        as_of: dt.date | None,
        now: dt.datetime,
        progress: Progress,
    ) -> dict[str, Any]:
        """Return what the other bench's packs make otherwise of the claims of files: rules, verdicts, money.

        The verdict is of the rules alone: no model is asked, so "accept" stands for "no error, no review".
        """
        engines = self.engine(), after.engine()
        report = comparisons.Report()
        for file in files:
            for read in claim_files.read(file):
                if isinstance(read, readers.Refused):
                    report.unreadable += 1
                    continue
                day = as_of or zones.day(now, read.claim.regime)
                report.add(
                    corpora.difference(read.claim, *(one.evaluate(read.claim, as_of=day) for one in engines))
                )
                progress(report.claims, 0)
        return report.document()

    def engine(self) -> engine.Engine:
        """Return the engine of these packs; raise Invalid where one does not load."""
        self._refuse_broken()
        return engine.Engine(packs_of(self._sources), self._tables)

    def _side(self) -> differences.Side:
        return [rule for source in self._sources for rule in source.rules], self._tables

    def _find(self, rule_id: str) -> "_Found":
        known = [(source, rule) for source in self._sources for rule in source.rules]
        named = [one for one in known if one[1].id == rule_id] or [
            one for one in known if one[1].codes is not None and one[1].codes.bv == rule_id
        ]  # people know a rule of nphies by its number, whatever we call it
        if len(named) == 1:
            ((source, rule),) = named
            return _Found(source, rule, next(one for one in source.entries if one.rule == rule.id))
        if named:
            several = ", ".join(rule.id for _, rule in named)
            raise errors.NotFound("rule.several", f"{rule_id} is the number of {several}: name one of them.")
        near = difflib.get_close_matches(rule_id, [rule.id for _, rule in known], n=2, cutoff=0.7)
        remedy = f"Did you mean {' or '.join(near)}?" if near else "`ultrathink rules list` shows all."
        raise errors.NotFound("rule.unknown", f"There is no rule {rule_id} in these packs. {remedy}")

    def _beside(self) -> list[linting.Source]:
        """Return our own packs that these will run beside: all but those they replace."""
        mine = {source.head.id for source in self._sources if source.head is not None}
        ours = [] if self._base in self._directories else pack_sources.read(self._base, self._tables)
        return [source for source in ours if source.head is not None and source.head.id not in mine]

    def _refuse_broken(self) -> None:
        """Raise Invalid where a pack does not load: its sound rules alone would be half an answer."""
        tables = (remark for _, remark in self._remarks)
        wrong = [*tables, *(remark for source in self._sources for remark in _wrong(source))]
        if wrong:
            raise errors.Invalid(
                "pack.invalid",
                f"Problems in the rule packs: {len(wrong)}; `ultrathink rules lint` shows where.",
                violations=tuple(
                    errors.Violation(
                        f"{one.file}: {one.rule}".rstrip(": "),
                        one.code,
                        f"{one.message} {one.remedy}".strip(),
                    )
                    for one in wrong
                ),
            )

    def _layered(self, directories: Sequence[Path]) -> tables.Tables:
        """Return the tables of all folders, a later one over an earlier; what is wrong becomes a remark."""
        found = tables.Tables()
        shapes: dict[str, table_shapes.Shape] = {}
        for directory in dict.fromkeys(_root(directory) for directory in directories):
            try:
                loaded = _loaded(directory, shapes)
            except errors.Invalid as fault:
                self._remarks += [(directory, _told(violation)) for violation in fault.violations]
                continue
            found, shapes = found.under(loaded.tables), {**shapes, **loaded.shapes}
        return found


class _Found(msgspec.Struct, frozen=True):
    """A rule with its pack and the place it is written in."""

    source: linting.Source
    rule: packs.Rule
    entry: written.Entry


def _loaded(directory: Path, declared: Mapping[str, table_shapes.Shape]) -> table_files.Loaded:
    """Return a folder's tables: laid over what is declared, or, as a folder of its own, by themselves."""
    try:
        return table_files.load(directory, declared)
    except errors.Invalid:
        if not declared:
            raise
        with contextlib.suppress(errors.Invalid):
            return table_files.load(directory)
        raise


def _shown(path: Path) -> str:
    """Return a path as a person here would type it."""
    here = Path.cwd()
    whole = path.resolve()
    return str(whole.relative_to(here)) if whole.is_relative_to(here) else str(path)


def _root(directory: Path) -> Path:
    """Return the folder whose `code-sets` a directory of packs, or one pack, goes with."""
    return directory.parent if (directory / pack_sources.HEAD).is_file() else directory


def _told(violation: errors.Violation) -> written.Remark:
    file, _, rest = violation.path.partition(": ")
    return written.Remark(
        level="error", code=violation.code, file=file, field=rest, message=violation.message, remedy=""
    )


def _wrong(source: linting.Source) -> Iterator[written.Remark]:
    """Yield what keeps a pack from loading."""
    return (remark for remark in linting.lint([source], today=dt.date.max) if remark.level == "error")


def _regimes(source: linting.Source, rule: packs.Rule) -> list[str]:
    """Return the regimes a rule can speak in: its own, within those of its pack."""
    mine = list(source.head.regimes) if source.head is not None else []
    return [regime for regime in mine if not rule.applies.regime or regime in rule.applies.regime]


def packs_of(sources: Sequence[linting.Source]) -> list[packs.Pack]:
    """Return sources as packs; one without a head is refused before it comes here."""
    return [_pack(source, source.rules) for source in sources]


def _pack(source: linting.Source, rules: tuple[packs.Rule, ...]) -> packs.Pack:
    if source.head is None:
        raise AssertionError("a pack without head is refused before")
    return packs.Pack(
        id=source.head.id, version=source.head.version, revision="", sha256="",
        regimes=tuple(source.head.regimes), valid=source.head.valid, licence=source.head.licence,
        rules=rules,
    )  # fmt: skip


def _tried(pack: packs.Pack, rule: packs.Rule, known: tables.Tables) -> list[examples.Mistake]:
    """Return the mistakes of a rule's examples; one that is no claim at all is a mistake too."""
    try:
        return examples.check(pack, known)
    except errors.Invalid as fault:
        said = "; ".join(f"{one.path}: {one.message}" for one in fault.violations) or fault.message
        return [examples.Mistake(rule.id, "examples", f"an example cannot be read: {said}")]
    except RecursionError:
        return [
            examples.Mistake(rule.id, "examples", "an example holds itself: an alias names what it is in")
        ]
    except msgspec.ValidationError as cause:
        return [examples.Mistake(rule.id, "examples", f"the history of an example cannot be read: {cause}")]
