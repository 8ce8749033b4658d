"""In-memory twins of the gateway's ports; the contract suite runs over them and over the real ones."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping

import msgspec

from chassis import contexts, errors, outcomes
from gateway.domain import callers, exchanges


class MemoryClaims:
    """Twin of `ports.ClaimsDoor` and `ports.ClaimsDesk`: keeps what it is given, answers with what it was.

    It follows the contract where the gateway can see it: a body that is no JSON object is refused, the same
    key with the same body is a repetition and with another body a conflict, a check stores nothing.
    """

    def __init__(self) -> None:
        self.submissions: list[tuple[exchanges.Submission, contexts.CallContext]] = []
        self.stored: dict[str, bytes] = {}
        self.keys: dict[tuple[str, str], tuple[bytes, str]] = {}
        self.reviews: list[exchanges.Review] = []
        self.selections: list[exchanges.Selection] = []
        self.changes: list[exchanges.Change] = []
        self.changed = asyncio.Condition()
        self.failure: errors.Fault | None = None
        self.uploads_open = 0
        self._telling: set[asyncio.Task[None]] = set()
        self.uploads_closed = asyncio.Event()

    async def submit(
        self, submission: exchanges.Submission, context: contexts.CallContext
    ) -> exchanges.Answer:
        """Return the decision on one claim."""
        self._fail()
        self.submissions.append((submission, context))
        return self._decided(submission.body, submission.accept, context, dry_run=submission.dry_run)

    def begin(
        self,
        submission: exchanges.Submission,
        context: contexts.CallContext,
        promise: outcomes.Promise[exchanges.Answer],
    ) -> None:
        """Tell the decision on one claim."""
        deciding = self.submit(submission, context)

        async def tell() -> None:
            try:
                promise.set_result(await deciding)
            except errors.Fault as fault:
                promise.set_exception(fault)

        task = asyncio.get_running_loop().create_task(tell())
        self._telling.add(task)  # the loop itself holds tasks weakly
        task.add_done_callback(self._telling.discard)

    async def submit_file(
        self, upload: exchanges.Upload, chunks: AsyncIterator[bytes], context: contexts.CallContext
    ) -> AsyncIterator[list[exchanges.FileAnswer]]:
        """Yield one outcome per line."""
        self._fail()
        self.uploads_open += 1
        try:
            position = 0
            async for line in _lines(chunks):
                position += 1
                yield [exchanges.FileAnswer(position, self._outcome(line, upload, context))]
        finally:
            self.uploads_open -= 1
            self.uploads_closed.set()

    def _outcome(
        self, line: bytes, upload: exchanges.Upload, context: contexts.CallContext
    ) -> exchanges.Answer | errors.Fault:
        try:
            return self._decided(line, exchanges.JSON, context, dry_run=upload.dry_run)
        except errors.Fault as fault:
            return fault

    def _decided(
        self, body: bytes, accept: str, context: contexts.CallContext, *, dry_run: bool
    ) -> exchanges.Answer:
        claim = _read(body)
        replayed, claim_id = False, ""
        if not dry_run:
            replayed, claim_id = self._record(body, context)
        document = msgspec.json.encode(
            {"id": claim_id, "claim_id": claim.get("claim_id", ""), "verdict": "accept", "findings": []}
        )
        media_type = accept.partition(";")[0]
        return exchanges.Answer(document, media_type, replayed, claim_id, "accept")

    def _record(self, body: bytes, context: contexts.CallContext) -> tuple[bool, str]:
        digest = hashlib.sha256(body).digest()
        key = (context.tenant, context.idempotency_key or digest.hex())
        known = self.keys.get(key)
        if known is not None and known[0] != digest:
            raise errors.Conflict("idempotency.key_reused", "The key was used for another claim.")
        if known is not None:
            return True, known[1]
        claim_id = f"01990d5a-6b1e-7c3a-9f10-{len(self.stored):012x}"
        self.keys[key] = (digest, claim_id)
        self.stored[claim_id] = body
        return False, claim_id

    async def get(self, claim_id: str, context: contexts.CallContext) -> bytes:
        """Return one claim."""
        return self._document(claim_id, context, "claim")

    async def select(self, selection: exchanges.Selection, context: contexts.CallContext) -> bytes:
        """Return the first claims there are."""
        self._fail()
        self.selections.append(selection)
        items = [{"id": claim_id, "tenant": context.tenant} for claim_id in self.stored][: selection.limit]
        return msgspec.json.encode({"items": items, "next_cursor": None})

    async def history(self, claim_id: str, context: contexts.CallContext) -> bytes:
        """Return an empty history of a known claim."""
        return self._document(claim_id, context, "history")

    async def explain(self, claim_id: str, context: contexts.CallContext) -> bytes:
        """Return an empty explanation of a known claim."""
        return self._document(claim_id, context, "explanation")

    async def decide(self, review: exchanges.Review, context: contexts.CallContext) -> bytes:
        """Keep a review; Conflict unless it names revision 1, the only one there is."""
        self._document(review.claim_id, context, "decision")
        if review.revision != 1:
            raise errors.Conflict("claim.revision_stale", "The claim has another revision by now.")
        self.reviews.append(review)
        return msgspec.json.encode({"id": review.claim_id, "verdict": review.verdict})

    async def watch(self, after: str, context: contexts.CallContext) -> AsyncIterator[exchanges.Change]:
        """Yield the changes after a position, stored ones and then new ones; positions count from 1."""
        self._fail()
        seen = int(after) if after else len(self.changes)
        while context.tenant:
            async with self.changed:
                while len(self.changes) <= seen:
                    await self.changed.wait()
            self._fail()
            yield self.changes[seen]
            seen += 1

    async def change(self, document: bytes) -> None:
        """Record a change that watchers are told of."""
        async with self.changed:
            self.changes.append(exchanges.Change(str(len(self.changes) + 1), document))
            self.changed.notify_all()

    def _document(self, claim_id: str, context: contexts.CallContext, part: str) -> bytes:
        self._fail()
        if claim_id not in self.stored:
            raise errors.NotFound("claim.unknown", "There is no claim by that id.")
        return msgspec.json.encode({"id": claim_id, "part": part, "tenant": context.tenant})

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure


class MemoryRuleBook:
    """Twin of `ports.RuleBook`: one rule, one pack, one table; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[object] = []
        self.failure: errors.Fault | None = None

    async def rules(self, selection: exchanges.Selection, context: contexts.CallContext) -> bytes:
        """Return the one rule there is."""
        return self._told({"items": [{"id": "R-1"}], "next_cursor": None}, selection, context)

    async def rule(self, rule_id: str, context: contexts.CallContext) -> bytes:
        """Return the one rule there is; NotFound for any other."""
        if rule_id != "R-1":
            raise errors.NotFound("rule.unknown", "There is no rule by that id.")
        return self._told({"id": "R-1"}, rule_id, context)

    async def packs(self, context: contexts.CallContext) -> bytes:
        """Return the one pack there is."""
        return self._told({"items": [{"id": "base"}]}, "packs", context)

    async def tables(self, context: contexts.CallContext) -> bytes:
        """Return the one table there is."""
        return self._told({"items": [{"name": "letters"}]}, "tables", context)

    async def entry(self, place: exchanges.Place, context: contexts.CallContext) -> bytes:
        """Return an entry of the one table there is; NotFound for any other table."""
        if place.table != "letters":
            raise errors.NotFound("table.unknown", "There is no table by that name.")
        return self._told({"table": place.table, "key": place.key, "state": "absent"}, place, context)

    async def reasons(self, on: str, context: contexts.CallContext) -> bytes:
        """Return no reasons."""
        return self._told({"on": on, "lists": []}, on, context)

    def _told(self, document: dict[str, object], asked: object, context: contexts.CallContext) -> bytes:
        if self.failure is not None:
            raise self.failure
        self.asked.append(asked)
        return msgspec.json.encode({**document, "tenant": context.tenant})


class MemoryCompleter:
    """Twin of `ports.Completer`: has one refusal for the amount of each line that states none."""

    def __init__(self) -> None:
        self.failure: errors.Fault | None = None
        self.asked: list[tuple[bytes, str]] = []

    async def complete(self, body: bytes, context: contexts.CallContext) -> bytes:
        """Return a refusal per open line; Invalid for what is not JSON."""
        if self.failure is not None:
            raise self.failure
        self.asked.append((body, context.tenant))
        lines = _read(body).get("lines")
        opened = [
            {"path": f"lines[{place}].net", "reason": "completion.no_model"}
            for place, line in enumerate(lines if isinstance(lines, list) else [])
            if "net" not in line
        ]
        return msgspec.json.encode({"suggestions": [], "refusals": opened})


class MemoryAuthenticator:
    """Twin of `ports.Authenticator`: knows callers by token."""

    def __init__(self, known: Mapping[str, callers.Caller]) -> None:
        self._known = dict(known)

    def forget(self) -> None:
        """Know nobody any more."""
        self._known.clear()

    async def authenticate(self, headers: Mapping[str, str]) -> callers.Caller:
        """Return the caller of a known token."""
        token = headers.get("authorization")
        if token is None:
            raise errors.Denied("token.missing", "Send a bearer token in the Authorization header.")
        caller = self._known.get(token.removeprefix("Bearer "))
        if caller is None:
            raise errors.Denied("token.signature", "The token is not signed by a key we trust.")
        return caller

    def known(self, credential: str) -> callers.Caller | None:
        """Return the caller of a known token."""
        return self._known.get(credential.removeprefix("Bearer "))


class MemoryNeighbour:
    """Twin of `ports.Neighbour`: in the state it was put."""

    def __init__(self) -> None:
        self.now = exchanges.State(ok=True, detail="")
        self.asked = 0

    async def state(self) -> exchanges.State:
        """Return the state it was put in."""
        self.asked += 1
        return self.now


def _read(body: bytes) -> dict[str, object]:
    try:
        return msgspec.json.decode(body, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError) as cause:
        raise errors.Invalid("json.malformed", "The body is not JSON in UTF-8.") from cause


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    left = b""
    async for chunk in chunks:
        *whole, left = (left + chunk).split(b"\n")
        for line in whole:
            yield line
    if left:
        yield left
