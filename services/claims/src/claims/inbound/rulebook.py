"""The door to what the room judges by: rules, packs, tables and reasons."""

from typing import Any

from chassis import contexts, identity
from claims.inbound import callers
from claims.usecases import consult
from ultrathink.claims.v1 import rules_pb2, rules_pb2_grpc


class RuleBook(rules_pb2_grpc.RuleBookServicer):
    """Serves RuleBook."""

    def __init__(self, known: consult.Consult, who: callers.Callers) -> None:
        self._consult, self._callers = known, who

    async def ListRules(  # noqa: N802 - the contract's name
        self, request: rules_pb2.ListRulesRequest, context: Any
    ) -> rules_pb2.ListRulesResponse:
        """Show a page of rules."""
        del context
        document = self._consult.rules(
            self._who(request), limit=request.limit, cursor=request.cursor, filters=dict(request.filters)
        )
        return rules_pb2.ListRulesResponse(document=document)

    async def GetRule(  # noqa: N802 - the contract's name
        self, request: rules_pb2.GetRuleRequest, context: Any
    ) -> rules_pb2.GetRuleResponse:
        """Show one rule."""
        del context
        return rules_pb2.GetRuleResponse(document=self._consult.rule(self._who(request), request.id))

    async def ListPacks(  # noqa: N802 - the contract's name
        self, request: rules_pb2.ListPacksRequest, context: Any
    ) -> rules_pb2.ListPacksResponse:
        """Show the packs."""
        del context
        return rules_pb2.ListPacksResponse(document=self._consult.packs(self._who(request)))

    async def ListTables(  # noqa: N802 - the contract's name
        self, request: rules_pb2.ListTablesRequest, context: Any
    ) -> rules_pb2.ListTablesResponse:
        """Show the tables."""
        del context
        return rules_pb2.ListTablesResponse(document=self._consult.tables(self._who(request)))

    async def GetTableEntry(  # noqa: N802 - the contract's name
        self, request: rules_pb2.GetTableEntryRequest, context: Any
    ) -> rules_pb2.GetTableEntryResponse:
        """Show what a table says of a key."""
        del context
        who = self._who(request)
        document = self._consult.entry(who, request.name, request.key, request.on)
        return rules_pb2.GetTableEntryResponse(document=document)

    async def ListReasons(  # noqa: N802 - the contract's name
        self, request: rules_pb2.ListReasonsRequest, context: Any
    ) -> rules_pb2.ListReasonsResponse:
        """Show the reasons and how they correspond."""
        del context
        return rules_pb2.ListReasonsResponse(document=self._consult.reasons(self._who(request), request.on))

    def _who(self, request: Any) -> contexts.CallContext:
        return self._callers.context(request.context, identity.caller(), given=request.HasField("context"))
