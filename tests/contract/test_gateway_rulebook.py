"""The gateway's port to the rule book: one suite for the twin, for claims in process and over a socket."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import grpc
import msgspec
import pytest

import wired
from chassis import apps, contexts, errors, local
from chassis import clock as clocks
from chassis import testing as plumbing
from gateway import testing
from gateway.domain import exchanges
from gateway.outbound import rulebooks
from ultrathink.claims.v1 import rules_pb2, rules_pb2_grpc

NAME = "ultrathink.claims.v1.RuleBook"
METHODS = ("ListRules", "GetRule", "ListPacks", "ListTables", "GetTableEntry", "ListReasons")


class _Book(rules_pb2_grpc.RuleBookServicer):
    """RuleBook over the twin."""

    def __init__(self, far: testing.MemoryRuleBook) -> None:
        self._far, self._clock = far, clocks.SystemClock()

    def _who(self, request: Any) -> contexts.CallContext:
        return wired.context(request.context, self._clock)

    async def ListRules(self, request: Any, context: Any) -> rules_pb2.ListRulesResponse:  # noqa: N802, ARG002 - the contract's names
        """Answer a page."""
        wish = exchanges.Selection(request.limit, request.cursor, dict(request.filters), "")
        return rules_pb2.ListRulesResponse(document=await self._far.rules(wish, self._who(request)))

    async def GetRule(self, request: Any, context: Any) -> rules_pb2.GetRuleResponse:  # noqa: N802, ARG002
        """Answer a rule."""
        return rules_pb2.GetRuleResponse(document=await self._far.rule(request.id, self._who(request)))

    async def ListPacks(self, request: Any, context: Any) -> rules_pb2.ListPacksResponse:  # noqa: N802, ARG002
        """Answer the packs."""
        return rules_pb2.ListPacksResponse(document=await self._far.packs(self._who(request)))

    async def ListTables(self, request: Any, context: Any) -> rules_pb2.ListTablesResponse:  # noqa: N802, ARG002
        """Answer the tables."""
        return rules_pb2.ListTablesResponse(document=await self._far.tables(self._who(request)))

    async def GetTableEntry(self, request: Any, context: Any) -> rules_pb2.GetTableEntryResponse:  # noqa: N802, ARG002
        """Answer an entry."""
        place = exchanges.Place(request.name, request.key, request.on)
        return rules_pb2.GetTableEntryResponse(document=await self._far.entry(place, self._who(request)))

    async def ListReasons(self, request: Any, context: Any) -> rules_pb2.ListReasonsResponse:  # noqa: N802, ARG002
        """Answer the reasons."""
        return rules_pb2.ListReasonsResponse(document=await self._far.reasons(request.on, self._who(request)))


class Subject(msgspec.Struct):
    """The port under test and the twin at the far end."""

    book: Any
    far: testing.MemoryRuleBook


def _room(far: testing.MemoryRuleBook) -> apps.App:
    def register(server: grpc.aio.Server) -> None:
        rules_pb2_grpc.add_RuleBookServicer_to_server(_Book(far), server)

    async def ready() -> apps.Readiness:
        return apps.Readiness(ok=True)

    callers = {f"/{NAME}/{method}": frozenset({"gateway"}) for method in METHODS}
    return apps.App("claims", register, (NAME,), callers, ready)


@pytest.fixture(params=["twin", "local", "socket"])
async def subject(request: pytest.FixtureRequest) -> AsyncIterator[Subject]:
    """Yield the port over each way to claims."""
    far = testing.MemoryRuleBook()
    if request.param == "twin":
        yield Subject(far, far)
        return
    async with AsyncExitStack() as stack:
        opened = local.LocalChannel if request.param == "local" else plumbing.serve
        channel: Any = await stack.enter_async_context(opened(_room(far), caller="gateway"))
        yield Subject(rulebooks.RuleBook(channel, clocks.SystemClock()), far)


def _context() -> contexts.CallContext:
    return plumbing.context(deadline=clocks.SystemClock().monotonic() + 10)


async def test_every_question_arrives_as_it_was_asked(subject: Subject) -> None:
    """Selection, id, place and day come through whole; the document comes back as it was."""
    book, who = subject.book, _context()
    selection = exchanges.Selection(7, "R-0", {"regime": "nphies", "q": "صافي"}, "")
    place = exchanges.Place("letters", "a|b/c", "2026-08-01")
    told = [
        await book.rules(selection, who), await book.rule("R-1", who), await book.packs(who),
        await book.tables(who), await book.entry(place, who), await book.reasons("2026-08-01", who),
    ]  # fmt: skip
    assert subject.far.asked == [selection, "R-1", "packs", "tables", place, "2026-08-01"]
    assert [msgspec.json.decode(one)["tenant"] for one in told] == [who.tenant] * len(told)


async def test_what_is_not_there_and_who_is_away_are_told_apart(subject: Subject) -> None:
    """Faults keep their kind and reason on the way."""
    with pytest.raises(errors.NotFound, match=r"rule\.unknown"):
        await subject.book.rule("R-2", _context())
    with pytest.raises(errors.NotFound, match=r"table\.unknown"):
        await subject.book.entry(exchanges.Place("gone", "a"), _context())
    subject.far.failure = errors.Unavailable("claims.busy", "Too much at once.", retry_after_ms=500)
    with pytest.raises(errors.Unavailable, match=r"claims\.busy") as caught:
        await subject.book.packs(_context())
    assert caught.value.retry_after_ms == 500
