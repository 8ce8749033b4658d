"""Rules that apply to a kind of claim, judged over a batch at once: where each is TRUE or unknown.

Room: domain. The same answers as programs.judge, claim by claim; what cannot be decided exactly here comes
back as rules and claims left over, for which the caller asks the scalar form.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from claims.domain.rules import packs, programs, schema, tables
from claims.domain.rules.columnar import batches, plans, steps, vectors
from formats import model


@dataclasses.dataclass(frozen=True, slots=True)
class Judged:
    """Hits per claim, and what the scalar form still has to judge: rules for all claims, claims by all rules.

    Hits of a claim that is left over are none.
    """

    hits: list[list[programs.Hit]]
    rules: tuple[int, ...]
    claims: list[int]


@dataclasses.dataclass(frozen=True, slots=True)
class _Test:
    """A rule's place, its rows, and the steps of its conditions in order; no `when` is always."""

    at: int
    rows: str
    when: list[int]
    violation: list[int]


class Program:
    """The columnar form of rules; `left` are those without one."""

    def __init__(
        self, rules: Sequence[packs.Rule], known: tables.Tables, gatherers: batches.Gatherers
    ) -> None:
        self._plan, self._gatherers = steps.Plan(known), gatherers
        self._tests: list[_Test] = []
        self.left: list[int] = []
        for at, rule in enumerate(rules):
            try:
                self._tests.append(self._test(at, rule))
            except plans.NoFormError:
                self.left.append(at)

    def judge(self, claims: Sequence[model.Claim], today: Sequence[int], zone: str) -> Judged:
        """Return where these claims violate the rules, each as of its day number, all in one zone."""
        batch = batches.Batch(claims, today, zone, self._gatherers)
        run = steps.Run(batch, self._plan)
        hits: list[list[programs.Hit]] = [[] for _ in claims]
        left = list(self.left)
        for test in self._tests:
            try:
                self._judge(run, test, hits)
            except vectors.HandedOverError:
                left.append(test.at)
        odd = [int(at) for at in np.flatnonzero(batch.odd)]
        for at in odd:
            hits[at].clear()
        return Judged(hits, tuple(sorted(left)), odd)

    def _test(self, at: int, rule: packs.Rule) -> _Test:
        rows = schema.SCOPES[rule.scope].rows
        level = plans.Level.ROW if rows else plans.Level.CLAIM
        writer = plans.Writer(self._plan, plans.Frame(rows))
        order = self._plan.order
        when = [] if rule.when == packs.ALWAYS else order(writer.slot(rule.when, level))
        return _Test(at, rows, when, order(writer.slot(rule.violation, level)))

    def _judge(self, run: steps.Run, test: _Test, hits: list[list[programs.Hit]]) -> None:
        when: vectors.Truths | None = run.get(test.when) if test.when else None
        if when is not None and not np.count_nonzero(when.true):
            return
        said: vectors.Truths = run.get(test.violation)
        open_ = said.open if when is None else said.open & when.true
        if np.count_nonzero(open_):
            _note(run.batch.rows(test.rows), test.at, open_, said.true, hits)


def _note(
    rows: batches.Rows, at: int, open_: vectors.Flags, true: vectors.Flags, hits: list[list[programs.Hit]]
) -> None:
    length = len(rows.structs)
    places = np.flatnonzero(vectors.spread(open_, length))
    owners = rows.owner[places]
    steps = places - rows.starts[owners]
    said = vectors.spread(true, length)[places]
    for owner, row, fired in zip(owners.tolist(), steps.tolist(), said.tolist(), strict=True):
        hits[owner].append((at, row, True if fired else None))
