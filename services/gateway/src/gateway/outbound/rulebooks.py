"""What claims are judged by, asked of the claims room."""

from typing import Any

import grpc

from chassis import clock as clocks
from chassis import contexts, deadlines
from gateway.domain import exchanges
from gateway.outbound import claims, converters
from ultrathink.claims.v1 import rules_pb2, rules_pb2_grpc
from ultrathink.common.v1 import common_pb2


class RuleBook:
    """Implements `ports.RuleBook` on claims' RuleBook."""

    def __init__(self, channel: grpc.aio.Channel, clock: clocks.Clock) -> None:
        self._clock = clock
        self._stub = rules_pb2_grpc.RuleBookStub(channel)

    async def rules(self, selection: exchanges.Selection, context: contexts.CallContext) -> bytes:
        """Return a page of rules."""
        request = rules_pb2.ListRulesRequest(
            context=self._context(context),
            limit=selection.limit,
            cursor=selection.cursor,
            filters=selection.filters,
        )
        return await self._document(self._stub.ListRules, request, context)

    async def rule(self, rule_id: str, context: contexts.CallContext) -> bytes:
        """Return one rule whole."""
        request = rules_pb2.GetRuleRequest(context=self._context(context), id=rule_id)
        return await self._document(self._stub.GetRule, request, context)

    async def packs(self, context: contexts.CallContext) -> bytes:
        """Return the packs with their revisions."""
        request = rules_pb2.ListPacksRequest(context=self._context(context))
        return await self._document(self._stub.ListPacks, request, context)

    async def tables(self, context: contexts.CallContext) -> bytes:
        """Return the dated tables with their issues."""
        request = rules_pb2.ListTablesRequest(context=self._context(context))
        return await self._document(self._stub.ListTables, request, context)

    async def entry(self, place: exchanges.Place, context: contexts.CallContext) -> bytes:
        """Return what a table says of a key on a day."""
        request = rules_pb2.GetTableEntryRequest(
            context=self._context(context), name=place.table, key=place.key, on=place.on
        )
        return await self._document(self._stub.GetTableEntry, request, context)

    async def reasons(self, on: str, context: contexts.CallContext) -> bytes:
        """Return the lists of reasons and how they correspond."""
        request = rules_pb2.ListReasonsRequest(context=self._context(context), on=on)
        return await self._document(self._stub.ListReasons, request, context)

    async def _document(self, ask: Any, request: Any, context: contexts.CallContext) -> bytes:
        answer = await claims.answered(ask(request, timeout=deadlines.left_for_hop(context, self._clock)))
        document: bytes = answer.document
        return document

    def _context(self, context: contexts.CallContext) -> common_pb2.Context:
        return converters.context(context, self._clock)
