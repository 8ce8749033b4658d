"""Rule packs: what a document must say, and its rules checked into typed trees.

Room: domain. Takes documents as plain mappings with the name of the file they stood in; reads no file itself.
Everything wrong in all documents is reported at once, each with file, rule, field, place and remedy.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import msgspec

from chassis import errors
from claims.domain import decisions
from claims.domain.rules import checking, documents, messages, parsing, schema, slips, tables, tree
from formats import model

ALWAYS = tree.Literal(value=True, kind=tree.Kind.BOOL)
MAX_RULES = 5_000  # of one pack; more are facts and belong into a table


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A checked rule; `path` is the place of a finding inside its row, `focus` the column there if any."""

    id: str
    title: decisions.Bilingual
    severity: decisions.Severity
    scope: str
    applies: documents.Applies
    valid: documents.Valid
    when: tree.Node
    violation: tree.Node
    path: str
    focus: tree.Column | None
    expected: tree.Node | None
    message: messages.Template
    suggestion: messages.Template | None
    codes: decisions.Codes | None
    source: str
    blocking: bool
    review: bool
    examples: documents.Examples


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """A dated, versioned set of rules; `revision` is its version and the start of its content's SHA-256."""

    id: str
    version: str
    revision: str
    sha256: str
    regimes: tuple[str, ...]
    valid: documents.Valid
    licence: str
    rules: tuple[Rule, ...]


type Files = Sequence[tuple[str, object]]  # name of a file, its content as a plain value


class Problem(msgspec.Struct, frozen=True):
    """One thing wrong in a document; `at` is line and column inside `text`, where a rule's text is wrong."""

    path: str
    code: str
    message: str
    remedy: str
    at: tuple[int, int] | None = None
    text: str = ""

    def violation(self) -> errors.Violation:
        """Return the problem as a fault carries it, with a caret under the place in a rule's text."""
        told = f"{self.message} {self.remedy}".strip()
        if self.at is not None:
            shown = "".join(f"\n    {line}" for line in parsing.pointed(self.text, *self.at))
            told = f"line {self.at[0]}, column {self.at[1]}: {told}{shown}"
        return errors.Violation(self.path, self.code, told)


def assemble(head: tuple[str, object], files: Files, known: tables.Tables, *, sha256: str) -> Pack:
    """Return the pack of a head document and its rule files (lists of rules).

    Raises Invalid with reason `pack.invalid` and a violation for everything that is wrong.
    """
    report = Report()
    title, rules = read(report, head, files, known)
    report.close()
    if title is None:
        raise AssertionError("a report without violations has a head")
    return Pack(
        id=title.id, version=title.version, revision=revision(title.version, sha256), sha256=sha256,
        regimes=tuple(title.regimes), valid=title.valid, licence=title.licence, rules=tuple(rules),
    )  # fmt: skip


def read(
    report: "Report", head: tuple[str, object], files: Files, known: tables.Tables
) -> tuple[documents.Head | None, list[Rule]]:
    """Return the head, if it can be read, and every sound rule; what is wrong goes into the report."""
    title = report.read(head[0], head[1], documents.Head)
    rules: list[Rule] = []
    for file, content in files:
        if not isinstance(content, list):
            report.add(
                file, "pack.rules", "The file is not a list of rules.", "Begin each rule with `- id:`."
            )
            continue
        rules += [rule for entry in content if (rule := _rule(report, file, entry, known)) is not None]
    seen: set[str] = set()
    for rule in rules:
        if rule.id in seen:
            report.add(
                f"{head[0]}: {rule.id}", "rule.duplicate", "Two rules have this id.", "Give one another id."
            )
        seen.add(rule.id)
    if len(rules) > MAX_RULES:
        report.add(head[0], "pack.too_large", f"More than {MAX_RULES} rules.", "Use a table for facts.")
    return title, rules


def needs_past(rule: Rule) -> bool:
    """Tell whether a rule looks at earlier claims, so that it can be asked only after they were looked up."""
    return any(
        column.name in schema.PAST for node in (rule.when, rule.violation) for column in tree.columns(node)
    )


def revision(version: str, sha256: str) -> str:
    """Return the name of a content: its version for people, the start of its SHA-256 for proof."""
    return f"{version}+{sha256[:12]}"


class Report:
    """Collects what is wrong; `close` raises Invalid if anything is."""

    LIMIT = 100  # violations told at once

    def __init__(self) -> None:
        self._found: list[Problem] = []

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Everything noted, in order."""
        return tuple(self._found)

    def add(
        self,
        path: str,
        code: str,
        message: str,
        remedy: str,
        *,
        at: tuple[int, int] | None = None,
        text: str = "",
    ) -> None:
        """Note one thing that is wrong; `at` is its line and column in `text`."""
        self._found.append(Problem(path, code, message, remedy, at, text))

    def extend(self, violations: Sequence[errors.Violation]) -> None:
        """Note what another reading found wrong."""
        self._found.extend(Problem(found.path, found.code, found.message, "") for found in violations)

    def read[T](
        self, file: str, content: object, kind: type[T], *, name: str = "", guide: str = "docs/rule-schema.md"
    ) -> T | None:
        """Return the content as a document of this kind; note what is wrong and return None otherwise.

        `guide` is where the fields of such documents are explained.
        """
        try:
            return msgspec.convert(content, kind)
        except msgspec.ValidationError as cause:
            said, _, place = str(cause).partition(" - at `$")
            place = place.strip("`.")
            path = f"{file}: {name}{'.' if name and place else ''}{place}".rstrip(": ")
            hint = slips.of_document(said, documents.choices(kind, place))
            remedy = f"{hint} See {guide} for the fields.".lstrip()
            self.add(path, "document.invalid", f"{said}.", remedy)
            return None

    def close(self) -> None:
        """Raise Invalid with everything noted."""
        if self._found:
            told = tuple(problem.violation() for problem in self._found[: self.LIMIT])
            first = f"{told[0].path}: {told[0].message.partition('\n')[0]}"
            raise errors.Invalid(
                "pack.invalid",
                f"Problems in packs and tables: {len(self._found)}; the first: {first}",
                violations=told,
            )


def _rule(report: Report, file: str, entry: object, known: tables.Tables) -> Rule | None:
    name = str(entry.get("id", "a rule without id")) if isinstance(entry, Mapping) else "a rule without id"
    found = report.read(file, entry, documents.Rule, name=name)
    if found is None:
        return None
    return _Reader(report, f"{file}: {found.id}", found, known).rule()


class _Reader:
    """Checks the texts of one rule."""

    def __init__(self, report: Report, place: str, found: documents.Rule, known: tables.Tables) -> None:
        self._report, self._place, self._found, self._known = report, place, found, known
        self._scope = found.applies.scope
        self._sound = True

    def rule(self) -> Rule | None:
        """Return the rule, or None after noting what is wrong with it."""
        found = self._found
        when = self._text("when", found.when, condition=True)
        violation = self._text("violation", found.violation, condition=True)
        expected = None if found.expected is None else self._text("expected", found.expected, condition=False)
        path, focus = self._path(violation)
        message = self._template("message", found.message)
        suggestion = None if found.suggestion is None else self._template("suggestion", found.suggestion)
        if when is None or violation is None or message is None or not self._sound:
            return None
        return Rule(
            id=found.id, title=decisions.Bilingual(en=found.title.en, ar=found.title.ar),
            severity=found.severity, scope=self._scope, applies=found.applies,
            valid=found.valid, when=when, violation=violation, path=path, focus=focus, expected=expected,
            message=message, suggestion=suggestion, codes=_codes(found), source=found.source,
            blocking=found.blocking, review=found.review, examples=found.examples,
        )  # fmt: skip

    def _note(self, field: str, code: str, message: str, remedy: str) -> None:
        self._sound = False
        self._report.add(f"{self._place}.{field}", code, message, remedy)

    def _text(self, field: str, text: str, *, condition: bool) -> tree.Node | None:
        read = checking.condition if condition else checking.value
        try:
            return read(text, self._scope, self._known)
        except parsing.TextError as cause:
            self._sound = False
            place, at = f"{self._place}.{field}", (cause.line, cause.column)
            self._report.add(place, "rule.text", cause.message, cause.remedy, at=at, text=text)
            return None

    def _path(self, violation: tree.Node | None) -> tuple[str, tree.Column | None]:
        named = self._found.path
        if named is None:
            columns = [] if violation is None else tree.columns(violation)
            focus = next((column for column in columns if column.owner in {"row", "claim"}), None)
        else:
            focus = checking.column(named, self._scope)
            if focus is None and self._scope == "claim" and named in model.Claim.__struct_fields__:
                return named, None
            if focus is None:
                self._note(
                    "path", "rule.path", f"There is no column `{named}` here.", "See docs/rule-schema.md."
                )
        return ("", None) if focus is None else (_field(focus, self._scope).path, focus)

    def _template(self, field: str, text: decisions.Bilingual) -> messages.Template | None:
        try:
            return messages.template(text, self._slot)
        except messages.UnknownName as cause:
            self._note(
                field, "rule.message", f"`{{{cause.name}}}` is no column here.", "Name columns or {expected}."
            )
            return None

    def _slot(self, name: str) -> tree.Kind | None:
        if name == "expected":
            return None if self._found.expected is None else tree.Kind.NULL
        column = checking.column(name, self._scope)
        return None if column is None else column.kind


def _codes(found: documents.Rule) -> decisions.Codes | None:
    """Return the codes as decisions carry them: structs of different classes are never equal."""
    return None if found.codes is None else decisions.Codes(**msgspec.structs.asdict(found.codes))


def _field(column: tree.Column, scope: str) -> schema.Field:
    return schema.SCOPES["claim" if column.owner == "claim" else scope].fields[column.name]
