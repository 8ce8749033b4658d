"""The rule engine: which rules apply to a claim, what they say, how it reads.

Room: domain; pure, never waits. Selection by regime, use, date and so on happens before evaluation and is
remembered, so a claim costs what its applicable rules cost. Everything remembered is bounded.
"""

import bisect
import dataclasses
import datetime as dt
import decimal
import itertools
import math
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from chassis import errors
from claims.domain import checklists, decisions, windows, zones
from claims.domain.rules import explaining, packs, programs, runtime, tables, tree
from claims.domain.rules.columnar import batches, forms
from formats import model

SCALAR_TURN = (
    8  # claims judged one by one before a caller gets a turn: well under a millisecond for most packs
)
COLUMNAR_TURN = 256  # claims judged in columns before that: some ten milliseconds
MAX_SELECTIONS = 1_024  # remembered kinds of claim; a kind is a handful of words, a program is shared by many
_PLACE = operator.itemgetter(0, 1)  # of a hit: rule and row
_EPOCH = dt.date(1970, 1, 1).toordinal()
# What rules are selected by, and how a claim tells it.
_DIMENSIONS: Mapping[str, Callable[[model.Claim], object]] = {
    "use": operator.attrgetter("use"),
    "type": operator.attrgetter("type"),
    "subtype": operator.attrgetter("subtype"),
    "encounter_class": lambda claim: claim.encounter and claim.encounter.class_,
    "payer": lambda claim: (found := runtime.focal(claim)) and found.payer,
    "profile": lambda claim: tuple(claim.profile),
}

_FIELDS = frozenset({"use", "type", "subtype"})  # dimensions that are fields of a claim: read in one go

type _Rule = packs.Rule
type _Rules = Sequence[packs.Rule]
type Facts = Mapping[str, Any]  # what is known beyond the claim; "zone" is the provider's IANA time zone


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules say about one claim, with the revisions of what was asked.

    Claims share what is the same for them: lists of an outcome are read, never changed.
    """

    findings: list[decisions.Finding]
    not_checked: list[decisions.NotChecked]
    rules: list[decisions.Revision]
    code_sets: list[decisions.CodeSetRevision]


@dataclasses.dataclass(frozen=True, slots=True)
class _Program:
    """The rules that apply to a kind of claim, compiled; `later` is for those that need earlier claims."""

    rules: tuple[packs.Rule, ...]
    forms: forms.Forms
    later_rules: tuple[packs.Rule, ...]
    later: programs.Judge
    silence: Outcome  # of a claim that no rule has a word on

    def said(self, findings: list[decisions.Finding], not_checked: list[decisions.NotChecked]) -> Outcome:
        """Return an outcome with what was asked."""
        return Outcome(
            findings=findings,
            not_checked=not_checked,
            rules=self.silence.rules,
            code_sets=self.silence.code_sets,
        )


class Engine:
    """Evaluates claims by packs; raises Invalid at construction where two packs hold a rule of one id.

    A batch of `many` claims of one kind (left out: enough for it to pay) is judged by the columnar form, a
    smaller one claim by claim.
    """

    def __init__(
        self,
        packs: Sequence[packs.Pack],
        tables: tables.Tables,
        *,
        labels: checklists.Labels | None = None,
        many: int | None = None,
    ) -> None:
        self._packs, self._tables, self._many = tuple(packs), tables, many
        self._gatherers = batches.Gatherers()
        self._rules = [(pack, rule) for pack in packs for rule in pack.rules]
        _refuse_doubles([rule.id for _, rule in self._rules])
        self._named = [name for name in _DIMENSIONS if any(getattr(r.applies, name) for _, r in self._rules)]
        fields = [name for name in self._named if name in _FIELDS]
        self._fields = operator.attrgetter("regime", "use", *fields)
        self._tell = [_DIMENSIONS[name] for name in self._named if name not in fields]
        self._turns = _turns(self._packs)
        self._programs: dict[tuple[int, ...], _Program] = {}
        self._selected: dict[tuple[object, ...], _Program] = {}
        self._explainers: dict[str, explaining.Explainer] = {}
        self.windows = windows.Windows(tables)  # how far back a line looks, by these tables
        self.checklists = checklists.Checklists(tables, labels or {})

    @property
    def packs(self) -> tuple[packs.Pack, ...]:
        """The packs in force."""
        return self._packs

    def of(self, tenant: str) -> "Engine":
        """Return this engine: alone it is the same for every tenant (see `engines` for those that differ)."""
        del tenant
        return self

    def applying(self, claim: model.Claim, as_of: dt.date) -> tuple[_Rule, ...]:
        """Return the rules selected for a claim on a day, those that look at earlier claims last."""
        program = self._program(claim, as_of)
        return (*program.rules, *program.later_rules)

    def evaluate(self, claim: model.Claim, *, as_of: dt.date, facts: Facts | None = None) -> Outcome:
        """Return findings and undecided rules of a claim, as of a day; a missing regime is "base".

        Days are counted in `facts["zone"]`, else in the zone of the claim's regime. Rules that look at
        earlier claims are not among these: see `evaluate_past`.
        """
        program = self._program(claim, as_of)
        case = _case(claim, as_of, facts, None)
        return self._judged(program, program.forms.judge, program.rules, case)

    def evaluate_batch(
        self,
        claims: Sequence[model.Claim],
        *,
        as_of: Sequence[dt.date],
        facts: Sequence[Facts | None] | None = None,
    ) -> list[Outcome | errors.Fault]:
        """Return what `evaluate` returns for each claim, in order; Internal for one that made it fail."""
        answers: dict[int, Outcome | errors.Fault] = {}
        for turn in self._in_turns(claims, as_of, facts, len(claims)):
            answers.update(turn)
        return [answers[at] for at in range(len(claims))]

    def evaluate_turns(
        self,
        claims: Sequence[model.Claim],
        *,
        as_of: Sequence[dt.date],
        facts: Sequence[Facts | None] | None = None,
    ) -> Iterator[Sequence[tuple[int, Outcome | errors.Fault]]]:
        """Yield what `evaluate_batch` returns, part by part, each with the claim's place in the batch.

        Between two parts the caller may do other work: a part is a few claims judged one by one, or so many
        that columns pay.
        """
        return self._in_turns(claims, as_of, facts, COLUMNAR_TURN)

    def _in_turns(
        self,
        claims: Sequence[model.Claim],
        as_of: Sequence[dt.date],
        facts: Sequence[Facts | None] | None,
        most: int,
    ) -> Iterator[Sequence[tuple[int, Outcome | errors.Fault]]]:
        kinds: dict[tuple[int, str], tuple[_Program, list[tuple[int, explaining.Case]]]] = {}
        known = facts if facts is not None else [None] * len(claims)
        for at, (claim, day, fact) in enumerate(zip(claims, as_of, known, strict=True)):
            try:
                program, case = self._program(claim, day), _case(claim, day, fact, None)
            except Exception as cause:  # noqa: BLE001 - told as the fault of one item
                yield [(at, _failed(cause))]
            else:
                kinds.setdefault((id(program), case.zone), (program, []))[1].append((at, case))
        for program, cases in kinds.values():
            even = math.ceil(len(cases) / math.ceil(len(cases) / most))  # no turn is much smaller than others
            size = even if program.forms.pays(even) else SCALAR_TURN
            for turn in itertools.batched(cases, size):
                said = program.forms.hits([case for _, case in turn])
                yield [
                    (at, self._answer(program, case, hits))
                    for (at, case), hits in zip(turn, said, strict=True)
                ]

    def evaluate_past(
        self, claim: model.Claim, *, as_of: dt.date, past: programs.Past, facts: Facts | None = None
    ) -> Outcome:
        """Return what the rules that look at earlier claims say.

        `past` has one entry per line, in order; without it every one of these rules is undecided.
        """
        program = self._program(claim, as_of)
        case = _case(claim, as_of, facts, past)
        return self._judged(program, program.later, program.later_rules, case)

    def _judged(
        self, program: _Program, judge: programs.Judge, rules: _Rules, case: explaining.Case
    ) -> Outcome:
        before = decimal.getcontext()
        decimal.setcontext(runtime.EXACT)  # half of what `localcontext` costs: nothing here changes a context
        try:
            hits = judge(case.claim, case.today, case.zone, case.past)
            return self._told(program, rules, case, hits)
        finally:
            decimal.setcontext(before)

    def _answer(self, program: _Program, case: explaining.Case, said: forms.Said) -> Outcome | errors.Fault:
        if isinstance(said, Exception):
            return _failed(said)
        try:
            with decimal.localcontext(runtime.EXACT):
                return self._told(program, program.rules, case, said)
        except Exception as cause:  # noqa: BLE001 - told as the fault of one item
            return _failed(cause)

    def _told(
        self, program: _Program, rules: _Rules, case: explaining.Case, hits: list[programs.Hit]
    ) -> Outcome:
        if not hits:
            return program.silence
        if len(hits) > 1:
            hits.sort(key=_PLACE)
        last = -1
        fired: list[int] = []
        open_: list[tuple[int, programs.Openings | None]] = []
        groups = []
        for at, row, said in hits:
            if at != last:
                last, fired, open_ = at, [], []
                groups.append((self._explainer(rules[at]), fired, open_))
            if said is True:
                fired.append(row)
            else:
                open_.append((row, said))
        findings: list[decisions.Finding] = []
        unchecked: list[decisions.NotChecked] = []
        for explainer, fired, open_ in groups:
            if fired:
                findings += explainer.findings(case, fired)
            if open_:
                unchecked += explainer.undecided(case, open_)
        return program.said(findings, unchecked)

    def _explainer(self, rule: _Rule) -> explaining.Explainer:
        found = self._explainers.get(rule.id)
        if found is None:
            found = self._explainers[rule.id] = explaining.Explainer(rule, self._tables)
        return found

    def _program(self, claim: model.Claim, as_of: dt.date) -> _Program:
        turn = bisect.bisect_right(self._turns, as_of)
        key = (turn, self._fields(claim), *[tell(claim) for tell in self._tell])
        found = self._selected.get(key)
        if found is None:
            values = {name: _DIMENSIONS[name](claim) for name in self._named}
            found = self._select(claim.regime or "base", as_of, values)
            if len(self._selected) >= MAX_SELECTIONS:
                self._selected.clear()
            self._selected[key] = found
        return found

    def _select(self, regime: str, as_of: dt.date, values: Mapping[str, object]) -> _Program:
        chosen = tuple(
            at for at, (pack, rule) in enumerate(self._rules)
            if regime in pack.regimes
            and (not rule.applies.regime or regime in rule.applies.regime)
            and pack.valid.holds(as_of) and rule.valid.holds(as_of)
            and all(_fits(getattr(rule.applies, name), value) for name, value in values.items())
        )  # fmt: skip
        if chosen not in self._programs:
            if len(self._programs) >= MAX_SELECTIONS:
                self._programs.clear()
            self._programs[chosen] = self._compile(chosen, regime, as_of)
        return self._programs[chosen]

    def _compile(self, chosen: tuple[int, ...], regime: str, as_of: dt.date) -> _Program:
        rules = tuple(self._rules[at][1] for at in chosen)
        asked = [pack for pack in self._packs if regime in pack.regimes and pack.valid.holds(as_of)]
        names = {
            part.table
            for rule in rules
            for node in (rule.when, rule.violation)
            for part in tree.walk(node)
            if isinstance(part, tree.Call) and part.table
        }
        known = [table for name in sorted(names) if (table := self._tables.find(name)) is not None]
        now = tuple(rule for rule in rules if not packs.needs_past(rule))
        later = tuple(rule for rule in rules if packs.needs_past(rule))
        return _Program(
            rules=now,
            forms=forms.Forms(now, self._tables, self._gatherers, many=self._many),
            later_rules=later,
            later=programs.judge(later, self._tables),
            silence=Outcome(
                findings=[],
                not_checked=[],
                rules=[decisions.Revision(pack=pack.id, revision=pack.revision) for pack in asked],
                code_sets=[revision for table in known for revision in table.revisions()],
            ),
        )


def misfits(pack: packs.Pack, rule: packs.Rule, claim: model.Claim, as_of: dt.date) -> list[str]:
    """Return the names of what keeps a rule from being selected for a claim on a day."""
    regime = claim.regime or "base"
    found = []
    if regime not in pack.regimes or (rule.applies.regime and regime not in rule.applies.regime):
        found.append("regime")
    if not (pack.valid.holds(as_of) and rule.valid.holds(as_of)):
        found.append("valid")
    return found + [n for n, tell in _DIMENSIONS.items() if not _fits(getattr(rule.applies, n), tell(claim))]


def _case(claim: model.Claim, as_of: dt.date, facts: Facts | None, past: programs.Past) -> explaining.Case:
    zone = str(facts.get("zone") or zones.name(claim.regime)) if facts else zones.name(claim.regime)
    return explaining.Case(claim, as_of.toordinal() - _EPOCH, zone, past)


def _failed(cause: Exception) -> errors.Internal:
    fault = errors.Internal("rules.failed", "The rules could not be applied to this claim.")
    fault.__cause__ = cause
    return fault


def _refuse_doubles(ids: Sequence[str]) -> None:
    twice = sorted({found for found in ids if ids.count(found) > 1})
    if twice:
        raise errors.Invalid(
            "pack.invalid",
            "Two packs hold a rule of the same id.",
            violations=tuple(
                errors.Violation(found, "rule.duplicate", "Rename one of them.") for found in twice
            ),
        )


def _turns(found: Sequence[packs.Pack]) -> list[dt.date]:
    """Return the days on which the set of valid rules changes, sorted."""
    spans = [span for pack in found for span in (pack.valid, *(rule.valid for rule in pack.rules))]
    starts = {span.from_ for span in spans if span.from_ is not None}
    ends = {span.to + dt.timedelta(days=1) for span in spans if span.to is not None and span.to < dt.date.max}
    return sorted(starts | ends)


def _fits(wanted: Sequence[str], value: object) -> bool:
    if not wanted:
        return True
    if isinstance(value, tuple):  # a profile is named with or without its version
        return any(part in wanted or str(part).partition("|")[0] in wanted for part in value)
    return value in wanted
