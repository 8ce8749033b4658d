"""POST /api/v1/remittances: what payers answered to claims, one answer per line, told line by line."""

from starlette.types import Receive, Scope, Send

from gateway.domain import exchanges
from gateway.domain import headers as names
from gateway.inbound import arrivals, lobbies, uploads

ROUTE = "/api/v1/remittances"
ALLOWED = frozenset({exchanges.NDJSON})


class Remittances:
    """The endpoint; the file goes through as claims' files do."""

    def __init__(self, lobby: lobbies.Lobby, files: uploads.Uploads) -> None:
        self._lobby, self._files = lobby, files

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; refusals leave as Faults."""
        caller = await self._lobby.admit(scope, "remit")
        media_type = names.media_type(arrivals.of(scope).headers.get("content-type", ""), ALLOWED)
        with self._lobby.follow(scope, "gateway.remit"):
            upload = exchanges.Upload(media_type, remittance=True)
            await self._files.answer(scope, receive, send, caller, upload)
