"""The door for suggestions: a claim in, what could stand in its open places out."""

from typing import Any

from chassis import identity
from claims.inbound import callers
from claims.usecases import complete
from ultrathink.claims.v1 import completions_pb2, completions_pb2_grpc


class Completer(completions_pb2_grpc.CompleterServicer):
    """Serves Completer."""

    def __init__(self, completing: complete.Complete, who: callers.Callers) -> None:
        self._complete, self._callers = completing, who

    async def Complete(  # noqa: N802 - the contract's name
        self, request: completions_pb2.CompleteRequest, context: Any
    ) -> completions_pb2.CompleteResponse:
        """Suggest what the claim leaves open."""
        del context
        who = self._callers.context(request.context, identity.caller(), given=request.HasField("context"))
        return completions_pb2.CompleteResponse(document=await self._complete(who, request.body))
