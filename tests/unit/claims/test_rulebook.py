"""The door to rules, packs, tables and reasons: for whoever may read claims, in canonical JSON."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

import claims_support as support
import rules_support
from chassis import errors
from claims.domain.rules import catalogue, engines
from claims.outbound import reason_files
from ultrathink.claims.v1 import rules_pb2, rules_pb2_grpc

BOOK = engines.Book(
    packs=[rules_support.pack(rules_support.rule(), rules_support.rule(id="R-2"))],
    tables=rules_support.KNOWN,
    crosswalk=reason_files.find(rules_support.PACKS),
)


@contextlib.asynccontextmanager
async def _book() -> AsyncIterator[Any]:
    """Yield a stub of RuleBook over two rules, one table and our reasons."""
    known = catalogue.Catalogue(BOOK, {})
    async with support.world(book=known) as made:
        channel = made.channel("gateway")
        try:
            yield rules_pb2_grpc.RuleBookStub(channel)
        finally:
            await channel.close()


def _told(answer: Any) -> Any:
    return msgspec.json.decode(answer.document)


async def test_every_question_has_its_document() -> None:
    """Rules, one rule, packs, tables, an entry, reasons."""
    who = support.wire()
    async with _book() as stub:
        rules = _told(await stub.ListRules(rules_pb2.ListRulesRequest(context=who, limit=1)))
        assert ([rule["id"] for rule in rules["items"]], rules["next_cursor"]) == (["R-1"], "R-1")
        rule = _told(await stub.GetRule(rules_pb2.GetRuleRequest(context=who, id="R-2")))
        assert rule["texts"] == {"violation": "net < 0"}
        packs = _told(await stub.ListPacks(rules_pb2.ListPacksRequest(context=who)))
        assert packs["items"][0]["rules"] == 2
        tables = _told(await stub.ListTables(rules_pb2.ListTablesRequest(context=who)))
        assert tables["items"][0]["name"] == "letters"
        asked = rules_pb2.GetTableEntryRequest(context=who, name="letters", key="a1", on="2026-08-01")
        assert _told(await stub.GetTableEntry(asked))["state"] == "found"
        reasons = _told(await stub.ListReasons(rules_pb2.ListReasonsRequest(context=who, on="2026-08-01")))
        assert (reasons["official"], reasons["on"]) == (False, "2026-08-01")


@pytest.mark.parametrize(
    "name", ["ListRules", "GetRule", "ListPacks", "ListTables", "GetTableEntry", "ListReasons"]
)
async def test_a_role_that_reads_no_claims_reads_no_rules(name: str) -> None:
    """One table of permissions for all doors."""
    request = getattr(rules_pb2, f"{name}Request")(context=support.wire(roles=["stranger"]))
    async with _book() as stub:
        with pytest.raises(errors.Denied, match=r"role\.not_allowed"):
            await getattr(stub, name)(request)


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (rules_pb2.ListRulesRequest(limit=5_000), "query.invalid"),
        (rules_pb2.ListRulesRequest(filters={"color": "red"}), "query.invalid"),
        (rules_pb2.ListRulesRequest(filters={"q": ""}), "query.invalid"),
        (rules_pb2.ListRulesRequest(cursor="x" * 999), "query.invalid"),
    ],
)
async def test_a_list_cannot_be_asked_for_anyhow(request_: Any, reason: str) -> None:
    """Unknown filters, empty values, foreign cursors and huge pages are refused."""
    request_.context.CopyFrom(support.wire())
    async with _book() as stub:
        with pytest.raises(errors.Invalid, match=reason.replace(".", r"\.")):
            await stub.ListRules(request_)


async def test_days_and_keys_are_checked() -> None:
    """A day that is none, a key that is empty; without a day it is today."""
    who = support.wire()
    async with _book() as stub:
        with pytest.raises(errors.Invalid, match=r"day\.invalid"):
            await stub.ListReasons(rules_pb2.ListReasonsRequest(context=who, on="soon"))
        with pytest.raises(errors.Invalid, match=r"key\.invalid"):
            await stub.GetTableEntry(rules_pb2.GetTableEntryRequest(context=who, name="letters"))
        told = _told(await stub.ListReasons(rules_pb2.ListReasonsRequest(context=who)))
        assert len(told["on"]) == len("2026-08-01")
