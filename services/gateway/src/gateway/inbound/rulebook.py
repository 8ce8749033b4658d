"""What claims are judged by: query and path in, canonical JSON out as claims wrote it; no patient in it."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

import fastapi
import pydantic
from fastapi import Request
from starlette.responses import Response

from chassis import contexts
from gateway import ports
from gateway.domain import callers, exchanges
from gateway.inbound import contracts, lobbies, replies

DEFAULT_LIMIT = 50
MAX_LIMIT = 1_000
MAX_TEXT = 200  # longer than any id, code or key of the field
RULES, TABLES, REASONS = "/api/v1/rules", "/api/v1/tables", "/api/v1/reasons"

type Text = Annotated[str, pydantic.StringConstraints(min_length=1, max_length=MAX_TEXT)]
type Day = Annotated[str, pydantic.StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$")]
type Ask = Callable[[contexts.CallContext], Awaitable[bytes]]


class Page(pydantic.BaseModel):
    """Query parameters of the list; an unknown one is refused, so that a misspelt filter never shows all."""

    model_config = pydantic.ConfigDict(extra="forbid")

    limit: Annotated[int, pydantic.Field(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT
    cursor: Annotated[str, pydantic.StringConstraints(max_length=MAX_TEXT)] = ""
    regime: Literal["nphies", "x12-us", "base"] | None = None
    severity: Literal["error", "warning", "info"] | None = None
    scope: Text | None = None
    pack: Text | None = None
    q: Text | None = None

    def selection(self) -> exchanges.Selection:
        """Return what claims is asked for."""
        named = self.model_dump(exclude_none=True, exclude={"limit", "cursor"})
        return exchanges.Selection(self.limit, self.cursor, named, "")


class OnDay(pydantic.BaseModel):
    """The day a dated table is looked into; left out it is today."""

    model_config = pydantic.ConfigDict(extra="forbid")

    on: Day | None = None


class RuleBook:
    """The routes; each is convert, call, convert."""

    def __init__(self, book: ports.RuleBook, lobby: lobbies.Lobby) -> None:
        self._book, self._lobby = book, lobby

    def add_to(self, routes: fastapi.FastAPI) -> None:
        """Add the routes; those with fixed words before the one that takes an id."""
        enter = self._lobby.enter("read")
        self._add_rules(routes, enter)
        self._add_whole(routes, f"{RULES}/packs", "list_packs", enter, self._book.packs)
        self._add_whole(routes, TABLES, "list_tables", enter, self._book.tables)
        self._add_rule(routes, enter)
        self._add_entry(routes, enter)
        self._add_reasons(routes, enter)

    async def _told(self, request: Request, caller: callers.Caller, name: str, ask: Ask) -> Response:
        with self._lobby.follow(request.scope, f"gateway.{name}"):
            return replies.document(await ask(self._lobby.context(request.scope, caller)))

    def _add_rules(self, routes: fastapi.FastAPI, enter: lobbies.Entrance) -> None:
        async def rules(
            request: Request,
            caller: Annotated[callers.Caller, fastapi.Depends(enter)],
            page: Annotated[Page, fastapi.Query()],
        ) -> Response:
            selection = page.selection()
            return await self._told(
                request, caller, "list_rules", lambda context: self._book.rules(selection, context)
            )

        routes.add_api_route(RULES, rules, methods=["GET"], **contracts.operation("list_rules"))

    def _add_rule(self, routes: fastapi.FastAPI, enter: lobbies.Entrance) -> None:
        async def rule(
            request: Request,
            caller: Annotated[callers.Caller, fastapi.Depends(enter)],
            id: str,  # noqa: A002 - the path's word
        ) -> Response:
            return await self._told(
                request, caller, "get_rule", lambda context: self._book.rule(id[:MAX_TEXT], context)
            )

        routes.add_api_route(f"{RULES}/{{id}}", rule, methods=["GET"], **contracts.operation("get_rule"))

    def _add_whole(
        self, routes: fastapi.FastAPI, path: str, name: str, enter: lobbies.Entrance, ask: Ask
    ) -> None:
        async def whole(
            request: Request, caller: Annotated[callers.Caller, fastapi.Depends(enter)]
        ) -> Response:
            return await self._told(request, caller, name, ask)

        routes.add_api_route(path, whole, methods=["GET"], **contracts.operation(name))

    def _add_entry(self, routes: fastapi.FastAPI, enter: lobbies.Entrance) -> None:
        async def entry(
            request: Request,
            caller: Annotated[callers.Caller, fastapi.Depends(enter)],
            name: str,
            key: str,
            day: Annotated[OnDay, fastapi.Query()],
        ) -> Response:
            place = exchanges.Place(name, key, day.on or "")
            return await self._told(
                request, caller, "get_table_entry", lambda context: self._book.entry(place, context)
            )

        path = f"{TABLES}/{{name}}/{{key:path}}"
        routes.add_api_route(path, entry, methods=["GET"], **contracts.operation("get_table_entry"))

    def _add_reasons(self, routes: fastapi.FastAPI, enter: lobbies.Entrance) -> None:
        async def reasons(
            request: Request,
            caller: Annotated[callers.Caller, fastapi.Depends(enter)],
            day: Annotated[OnDay, fastapi.Query()],
        ) -> Response:
            return await self._told(
                request, caller, "list_reasons", lambda context: self._book.reasons(day.on or "", context)
            )

        routes.add_api_route(REASONS, reasons, methods=["GET"], **contracts.operation("list_reasons"))
