"""What the use cases of the claims room need of others, in this room's words; knows no transport and no SQL.

Batches go out and batches come back: one entry per entry asked, same order, a Fault where one entry failed.
What the whole batch has in common (the other side is away, or too slow) is raised as a Fault.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal, Protocol

import msgspec

from chassis import contexts, errors
from claims.domain import (
    amounts,
    checklists,
    completions,
    decisions,
    histories,
    identities,
    past,
    risk,
    tenants,
    windows,
)
from formats import model


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """One claim at the door: decoded, or the fault that decoding ended in.

    `body` is what was sent, empty when there were no bytes of its own.
    """

    context: contexts.CallContext
    claim: model.Claim | errors.Fault
    body: bytes = b""
    media_type: str = ""


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One claim to be scored; `known` is None when storage did not answer.

    `sheet` is what the scorer laid out beforehand for all claims that it was asked to, this one among them.
    """

    context: contexts.CallContext
    claim: model.Claim
    known: histories.Known | None = None
    sheet: object = None


class Inputs(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a model was asked with, so that its features can be made again: their print, and the history."""

    feature_hash: int | None
    known: histories.Known | None


class Draft(Protocol):
    """A claim that will be decided and recorded; see Submission."""

    @property
    def claim(self) -> model.Claim:
        """The claim, its regime known."""
        ...

    @property
    def claim_json(self) -> bytes:
        """The claim as canonical JSON sends it."""
        ...

    @property
    def content_hash(self) -> bytes:
        """The hash of what was sent."""
        ...

    @property
    def identity(self) -> identities.Identity:
        """Who it is about and what its lines are."""
        ...

    @property
    def left(self) -> list[histories.Left]:
        """What it leaves in history."""
        ...

    @property
    def sums(self) -> amounts.Sums:
        """Its money."""
        ...

    @property
    def body(self) -> bytes:
        """What was sent, empty when there were no bytes of its own."""
        ...

    @property
    def media_type(self) -> str:
        """How to read that."""
        ...


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """One decided claim on its way into the record; `document` is the decision without an id.

    `claim_json` is the claim as canonical JSON sends it, `left` what it leaves in history. `sheet` is what
    the store laid out beforehand for all claims that it was asked to, this one among them.
    """

    context: contexts.CallContext
    claim: model.Claim
    claim_json: bytes
    content_hash: bytes
    decision: decisions.Decision
    document: bytes
    identity: identities.Identity
    left: list[histories.Left]
    sums: amounts.Sums
    body: bytes = b""
    media_type: str = ""
    inputs: Inputs | None = None
    sheet: object = None


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """What storage made of a submission; `document` is the original decision when it was replayed."""

    id: str
    replayed: bool = False
    document: bytes = b""


class Outcomes(msgspec.Struct, frozen=True, kw_only=True):
    """What one source said of a claim's lines, and when (milliseconds since 1970-01-01 UTC)."""

    source: Literal["payer", "reviewer"]
    at_ms: int
    lines: Sequence[decisions.LineOutcome]


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A new decision on a recorded claim; `revision` is the one the caller saw, `document` the new whole."""

    context: contexts.CallContext
    id: str
    revision: int
    event: str
    verdict: decisions.Verdict
    status: decisions.Status
    risk: decisions.Risk
    document: bytes
    note: str = ""
    inputs: Inputs | None = None  # of a new score
    outcomes: Outcomes | None = None


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A recorded claim; `claim` and `decision` are canonical JSON, the decision without its id."""

    tenant: str
    id: str
    revision: int
    claim: bytes
    decision: bytes
    status: decisions.Status
    received_at: datetime


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A recorded claim found by its sender's id, with what the payer said last of its lines."""

    stored: Stored
    claim_id: str
    use: str
    provider: str
    payer: str
    said: Outcomes | None = None


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a list: `sort` is a column, "-" before it for descending."""

    limit: int
    cursor: str
    filters: Mapping[str, str]
    sort: str


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Rows as they are shown, and where the next page begins; "" at the end."""

    items: list[dict[str, Any]]
    next_cursor: str


class History(msgspec.Struct, frozen=True, kw_only=True):
    """Transitions and audit entries as they are shown, oldest first."""

    transitions: list[dict[str, Any]]
    audit: list[dict[str, Any]]


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One recorded change, for those who watch."""

    position: str
    document: dict[str, Any]


class Outcome(Protocol):
    """What the rules found in one claim."""

    @property
    def findings(self) -> Sequence[decisions.Finding]:
        """Rules that fired."""
        ...

    @property
    def not_checked(self) -> Sequence[decisions.NotChecked]:
        """Rules that could not be decided."""
        ...

    @property
    def rules(self) -> Sequence[decisions.Revision]:
        """Packs that were applied."""
        ...

    @property
    def code_sets(self) -> Sequence[decisions.CodeSetRevision]:
        """Tables that were looked into."""
        ...


class TenantRules(Protocol):
    """The rule engines of tenants."""

    def of(self, tenant: str) -> "Rules":
        """Return what judges a tenant's claims: the common packs and tables with its own laid over them."""
        ...


class Rules(Protocol):
    """The rule engine."""

    @property
    def checklists(self) -> checklists.Checklists:
        """What a decision asks for beside its findings, by the tables of these rules."""
        ...

    @property
    def windows(self) -> windows.Windows:
        """How far back lines look, by the tables of these rules."""
        ...

    def evaluate(self, claim: model.Claim, *, as_of: date, facts: Mapping[str, Any] | None = None) -> Outcome:
        """Return what the packs valid on `as_of` say about a claim; pure and without waiting.

        Rules that look at earlier claims are left to `evaluate_past`.
        """
        ...

    def evaluate_turns(
        self,
        claims: Sequence[model.Claim],
        *,
        as_of: Sequence[date],
        facts: Sequence[Mapping[str, Any] | None] | None = None,
    ) -> Iterator[Sequence[tuple[int, Outcome | errors.Fault]]]:
        """Yield what `evaluate` returns, part by part, each with the claim's place in the batch.

        Between two parts other work may be done; Internal stands for a claim that made it fail.
        """
        ...

    def evaluate_past(
        self,
        claim: model.Claim,
        *,
        as_of: date,
        past: Sequence[past.LineHistory] | None,
        facts: Mapping[str, Any] | None = None,
    ) -> Outcome:
        """Return what the rules that look at earlier claims say; `past` has one entry per line, in order.

        Without `past` (None) each of them is undecided and says so.
        """
        ...


class Tenants(Protocol):
    """Settings of tenants."""

    async def find(self, name: str) -> tenants.Tenant:
        """Return an active tenant; raise Denied `tenant.unknown` for any other."""
        ...


class Scorer(Protocol):
    """The model's opinion."""

    def lay_out(self, asked: Sequence[tuple[contexts.CallContext, model.Claim]]) -> object:
        """Return what can be made ready before history is known, to go with the cases of these claims."""
        ...

    async def score(self, cases: Sequence[Case], *, deadline: float) -> Sequence[risk.Score | errors.Fault]:
        """Return one score per case; `deadline` is in monotonic seconds of this process."""
        ...

    async def explain(self, case: Case) -> risk.Score:
        """Return the score of one claim with the exact contributions of every line, flagged or not."""
        ...


class Completer(Protocol):
    """What models suggest for what a claim leaves open."""

    async def complete(
        self, context: contexts.CallContext, claim: model.Claim, opened: Sequence[completions.Open]
    ) -> completions.Told:
        """Return one suggestion or refusal per open place, in order; Unavailable when none can be asked."""
        ...


class Store(Protocol):
    """The system of record, for writing."""

    def lay_out(self, drafts: Sequence[Draft]) -> object:
        """Return what can be made ready before these claims are decided, to go with their submissions."""
        ...

    async def record(self, submissions: Sequence[Submission]) -> Sequence[Recorded | errors.Fault]:
        """Make submissions durable, each once for its key and content, and return when they are.

        An entry is Conflict `idempotency.key_reused` where the key is known with other content.
        """
        ...

    async def lookup(
        self, questions: Sequence[tuple[contexts.CallContext, histories.Question]], *, deadline: float
    ) -> Sequence[histories.Known | errors.Fault]:
        """Return what is remembered about each question; `deadline` is in monotonic seconds."""
        ...

    async def append(self, change: Change) -> int:
        """Append a decision to a recorded claim and return its new revision; Conflict for an old revision."""
        ...

    async def append_each(self, changes: Sequence[Change]) -> Sequence[int | errors.Fault]:
        """Append one tenant's changes, each for itself; return new revisions, or why there is none."""
        ...

    async def unscored(self, limit: int) -> Sequence[Stored]:
        """Return claims recorded without a score, oldest first."""
        ...


class Archive(Protocol):
    """The system of record, for reading; one tenant at a time, that of the context."""

    async def claim(self, context: contexts.CallContext, identifier: str) -> Stored:
        """Return a recorded claim; raise NotFound `claim.not_found`."""
        ...

    async def find(self, context: contexts.CallContext, claim_ids: Sequence[str]) -> Sequence[Found]:
        """Return the tenant's claims with these senders' ids; several providers may use the same."""
        ...

    async def page(self, context: contexts.CallContext, query: Query) -> Page:
        """Return one page of the tenant's claims."""
        ...

    async def history(self, context: contexts.CallContext, identifier: str) -> History:
        """Return what happened to a claim; raise NotFound `claim.not_found`."""
        ...

    def watch(self, context: contexts.CallContext, after: str) -> AsyncIterator[Event]:
        """Yield the tenant's changes after a position ("" begins with the next), at least once each."""
        ...

    async def note_read(self, context: contexts.CallContext, identifier: str, event: str) -> None:
        """Append an audit entry that the caller read a claim's content."""
        ...
