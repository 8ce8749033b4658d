"""What the gateway needs from outside, in its own words."""

from collections.abc import AsyncIterator, Awaitable, Mapping
from typing import Protocol

from chassis import contexts, outcomes
from gateway.domain import callers, exchanges


class Authenticator(Protocol):
    """Tells who is calling; the one door for bearer tokens now and for the edge's assertion later."""

    async def authenticate(self, headers: Mapping[str, str]) -> callers.Caller:
        """Return the verified caller.

        `headers` have lower-case names. Raises Denied with a reason that begins with `token.`, or
        Unavailable when the issuer's keys cannot be had.
        """
        ...

    def known(self, credential: str) -> callers.Caller | None:
        """Return the caller of an Authorization header that was verified before and holds, else None."""
        ...


class ClaimsDoor(Protocol):
    """Takes claims and answers with decisions."""

    def submit(
        self, submission: exchanges.Submission, context: contexts.CallContext
    ) -> Awaitable[exchanges.Answer]:
        """Return what will be the decision on one claim, or raise the Fault that claims answered with."""
        ...

    def begin(
        self,
        submission: exchanges.Submission,
        context: contexts.CallContext,
        promise: outcomes.Promise[exchanges.Answer],
    ) -> None:
        """Tell `promise` what `submit` returns, in the turn that knows it; raises a Fault of its own."""
        ...

    def submit_file(
        self, upload: exchanges.Upload, chunks: AsyncIterator[bytes], context: contexts.CallContext
    ) -> AsyncIterator[list[exchanges.FileAnswer]]:
        """Yield an outcome per claim or payer's answer, in input order, several at a time, as they come.

        A Fault that `chunks` raises ends the upload without its end being taken for the end of the file, and
        is raised here; so is a Fault of the upload as a whole. Closing the iterator cancels the upload.
        """
        ...


class ClaimsDesk(Protocol):
    """Reads claims, takes people's decisions, tells of changes; documents are canonical JSON."""

    async def get(self, claim_id: str, context: contexts.CallContext) -> bytes:
        """Return one claim with its decision."""
        ...

    async def select(self, selection: exchanges.Selection, context: contexts.CallContext) -> bytes:
        """Return a page of claims."""
        ...

    async def history(self, claim_id: str, context: contexts.CallContext) -> bytes:
        """Return the transitions and audit entries of one claim."""
        ...

    async def explain(self, claim_id: str, context: contexts.CallContext) -> bytes:
        """Return the reasons behind one claim's risk."""
        ...

    async def decide(self, review: exchanges.Review, context: contexts.CallContext) -> bytes:
        """Return the decision after a reviewer's word; Conflict when the revision is not the newest."""
        ...

    def watch(self, after: str, context: contexts.CallContext) -> AsyncIterator[exchanges.Change]:
        """Yield changes after `after` as they are recorded; closing the iterator ends the watch."""
        ...


class Completer(Protocol):
    """Suggests what a claim leaves open; the claim is neither changed nor kept."""

    async def complete(self, body: bytes, context: contexts.CallContext) -> bytes:
        """Return canonical JSON of suggestions and refusals; Unavailable when no model can be asked."""
        ...


class RuleBook(Protocol):
    """Tells what claims are judged by; documents are canonical JSON, and no patient is in them."""

    async def rules(self, selection: exchanges.Selection, context: contexts.CallContext) -> bytes:
        """Return a page of rules."""
        ...

    async def rule(self, rule_id: str, context: contexts.CallContext) -> bytes:
        """Return one rule whole."""
        ...

    async def packs(self, context: contexts.CallContext) -> bytes:
        """Return the packs with their revisions."""
        ...

    async def tables(self, context: contexts.CallContext) -> bytes:
        """Return the dated tables with their issues."""
        ...

    async def entry(self, place: exchanges.Place, context: contexts.CallContext) -> bytes:
        """Return what a table says of a key on a day."""
        ...

    async def reasons(self, on: str, context: contexts.CallContext) -> bytes:
        """Return the lists of reasons and how they correspond on a day; "" is today."""
        ...


class Neighbour(Protocol):
    """The state of the room behind."""

    async def state(self) -> exchanges.State:
        """Return what claims says of itself; never raises, a silent room is `ok=False`."""
        ...
