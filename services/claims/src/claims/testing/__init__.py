"""In-memory twins of the ports, with the promises of the real ones: the same contract suites test both."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import msgspec

from chassis import contexts, errors
from claims import ports
from claims.domain import (
    checklists,
    decisions,
    past,
    risk,
    tenants,
    windows,
)
from claims.domain.rules import tables
from formats import model

MODEL = decisions.Model(name="denial", revision="0" * 64)


class MemoryTenants:
    """Tenants of a dictionary."""

    def __init__(self, *known: tenants.Tenant) -> None:
        self.known = {tenant.name: tenant for tenant in known or (tenants.Tenant(name="demo"),)}

    async def find(self, name: str) -> tenants.Tenant:
        """Return an active tenant; raise Denied `tenant.unknown`."""
        tenant = self.known.get(name)
        if tenant is None or not tenant.active:
            raise tenants.unknown()
        return tenant


class FakeOutcome(msgspec.Struct, kw_only=True):
    """An outcome of rules as a test wants it."""

    findings: list[decisions.Finding] = []
    not_checked: list[decisions.NotChecked] = []
    rules: list[decisions.Revision] = []
    code_sets: list[decisions.CodeSetRevision] = []


class FakeRules:
    """Rules that find what `judge` says; nothing unless told otherwise."""

    def __init__(self, judge: Callable[[model.Claim], Sequence[decisions.Finding]] = lambda _: ()) -> None:
        self.judge = judge
        self.windows = windows.Windows(tables.Tables())
        self.checklists = checklists.Checklists(tables.Tables(), {})
        self.asked: list[tuple[model.Claim, date]] = []
        self.histories: list[Sequence[past.LineHistory] | None] = []
        self.batches: list[int] = []
        self.tenants: list[str] = []

    def of(self, tenant: str) -> "FakeRules":
        """Return the same rules for everyone, and remember who asked."""
        self.tenants.append(tenant)
        return self

    def evaluate(
        self, claim: model.Claim, *, as_of: date, facts: Mapping[str, Any] | None = None
    ) -> FakeOutcome:
        """Return the findings of `judge`, under a pack that says it is a fake."""
        del facts
        self.asked.append((claim, as_of))
        return FakeOutcome(
            findings=list(self.judge(claim)), rules=[decisions.Revision(pack="fake", revision="1")]
        )

    def evaluate_turns(
        self,
        claims: Sequence[model.Claim],
        *,
        as_of: Sequence[date],
        facts: Sequence[Mapping[str, Any] | None] | None = None,
    ) -> Iterator[list[tuple[int, FakeOutcome | errors.Fault]]]:
        """Yield the last half of the claims first; a claim that fails is a fault; remember the sizes."""
        del facts
        half = len(claims) // 2
        for places in (range(half, len(claims)), range(half)):
            self.batches.append(len(places))
            yield [(at, self._tried(claims[at], as_of[at])) for at in places]

    def _tried(self, claim: model.Claim, as_of: date) -> FakeOutcome | errors.Fault:
        try:
            return self.evaluate(claim, as_of=as_of)
        except Exception as cause:  # noqa: BLE001 - a claim that fails does so alone, as in the engine
            return errors.Internal("rules.failed", str(cause))

    def evaluate_past(
        self,
        claim: model.Claim,
        *,
        as_of: date,
        past: Sequence[past.LineHistory] | None,
        facts: Mapping[str, Any] | None = None,
    ) -> FakeOutcome:
        """Return nothing, and remember the history that was given."""
        del claim, as_of, facts
        self.histories.append(past)
        return FakeOutcome()


class FakeScorer:
    """A model that gives every claim and line the probability of `chance`; `fault` stands for its absence."""

    def __init__(self, chance: Callable[[model.Claim], float] = lambda _: 0.125) -> None:
        self.chance = chance
        self.fault: errors.Fault | None = None
        self.asked: list[ports.Case] = []

    def lay_out(self, asked: Sequence[tuple[contexts.CallContext, model.Claim]]) -> None:
        """Do nothing: there is nothing to make ready."""
        del asked

    async def score(self, cases: Sequence[ports.Case], *, deadline: float) -> list[risk.Score | errors.Fault]:
        """Return a score per case; raise Nothing: an absent model is a fault per case, as outbound."""
        del deadline
        self.asked += cases
        return [self._score(case.claim) if self.fault is None else self.fault for case in cases]

    async def explain(self, case: ports.Case) -> risk.Score:
        """Return a score whose every line has a reason."""
        self.asked.append(case)
        if self.fault is not None:
            raise self.fault
        part = decisions.Contribution(
            feature="net", label=decisions.Bilingual(en="Net", ar="الصافي"), log_odds=0.5
        )
        reasons = [risk.LineReason(row=row, contributions=[part]) for row in range(len(case.claim.lines))]
        return msgspec.structs.replace(self._score(case.claim), line_reasons=reasons, contributions=[part])

    def _score(self, claim: model.Claim) -> risk.Score:
        chance = self.chance(claim)
        return risk.Score(
            state="scored",
            probability=chance,
            line_probabilities=[chance] * len(claim.lines),
            model=MODEL,
            simulated=True,
        )
