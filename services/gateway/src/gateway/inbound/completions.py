"""POST /api/v1/completions: a claim in as JSON, suggestions for its open places out; nothing is stored."""

from typing import Annotated

import fastapi
from fastapi import Request
from starlette.responses import Response

from gateway import ports
from gateway.domain import callers, exchanges
from gateway.domain import headers as names
from gateway.inbound import contracts, intake, lobbies, replies

ROUTE = "/api/v1/completions"
TYPES = frozenset({exchanges.JSON})


class Completions:
    """The route: convert, call, convert."""

    def __init__(self, completer: ports.Completer, lobby: lobbies.Lobby, reader: intake.Reader) -> None:
        self._completer, self._lobby, self._reader = completer, lobby, reader

    def add_to(self, routes: fastapi.FastAPI) -> None:
        """Add the route; who may check claims may ask for suggestions."""
        enter = self._lobby.enter("check")

        async def complete(
            request: Request, caller: Annotated[callers.Caller, fastapi.Depends(enter)]
        ) -> Response:
            with self._lobby.follow(request.scope, "gateway.complete"):
                names.media_type(request.headers.get("content-type", ""), TYPES)
                body = await self._reader.read(request.scope, request.receive)
                context = self._lobby.context(request.scope, caller)
                return replies.document(await self._completer.complete(body, context))

        routes.add_api_route(ROUTE, complete, methods=["POST"], **contracts.operation("complete"))
