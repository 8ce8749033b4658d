"""Reading claims and deciding them: query and path in, canonical JSON out as claims wrote it."""

import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

import fastapi
import msgspec
import pydantic
from fastapi import Request
from starlette.responses import Response

from chassis import contexts, errors
from gateway import ports
from gateway.domain import callers, exchanges
from gateway.domain import headers as names
from gateway.inbound import contracts, intake, lobbies, replies

DEFAULT_LIMIT = 50  # a page a person reads
MAX_LIMIT = 1_000
CLAIMS = "/api/v1/claims"
MAX_TEXT = 200  # longer than any identifier of a claim
MAX_CURSOR = 1_000
MAX_REVIEW_BYTES = 16_384
FIELD = re.compile(r"`\$\.([a-z]{1,20})`|field `([a-z]{1,20})`")
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")

type Read = Callable[[str, contexts.CallContext], Awaitable[bytes]]
type Text = Annotated[str, pydantic.StringConstraints(min_length=1, max_length=MAX_TEXT)]
type Day = Annotated[
    str, pydantic.StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}(T[0-9:.]+(Z|[+-]\d{2}:\d{2}))?$")
]


class Page(pydantic.BaseModel):
    """Query parameters of a list; an unknown one is refused, so that a misspelt filter never shows all."""

    model_config = pydantic.ConfigDict(extra="forbid")

    limit: Annotated[int, pydantic.Field(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT
    cursor: Annotated[str, pydantic.StringConstraints(max_length=MAX_CURSOR)] = ""
    sort: Annotated[str, pydantic.StringConstraints(pattern=r"^-?[a-z_]{1,40}$")] = "-received_at"
    claim_id: Text | None = None
    verdict: Literal["accept", "review", "reject"] | None = None
    status: Text | None = None
    payer: Text | None = None
    provider: Text | None = None
    since: Annotated[Day | None, pydantic.Field(alias="from")] = None
    until: Annotated[Day | None, pydantic.Field(alias="to")] = None

    def selection(self) -> exchanges.Selection:
        """Return what claims is asked for."""
        named = self.model_dump(by_alias=True, exclude_none=True, exclude={"limit", "cursor", "sort"})
        return exchanges.Selection(self.limit, self.cursor, named, self.sort)


class ReviewBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A reviewer's decision as it is sent."""

    verdict: Literal["accept", "reject"]
    revision: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
    note: Annotated[str, msgspec.Meta(max_length=2_000)] = ""


class Desk:
    """The routes of one desk; each is convert, call, convert."""

    def __init__(self, desk: ports.ClaimsDesk, lobby: lobbies.Lobby, reader: intake.Reader) -> None:
        self._desk, self._lobby, self._reader = desk, lobby, reader

    def add_to(self, routes: fastapi.FastAPI) -> None:
        """Add the routes."""
        enter = self._lobby.enter
        self._add_list(routes, enter("read"))
        self._add_document(routes, "", "get_claim", enter("read"), self._desk.get)
        self._add_document(routes, "/history", "get_history", enter("read"), self._desk.history)
        self._add_document(routes, "/explanation", "get_explanation", enter("read"), self._desk.explain)
        self._add_decision(routes, enter("decide"))

    def _add_list(self, routes: fastapi.FastAPI, enter: lobbies.Entrance) -> None:
        async def select(
            request: Request,
            caller: Annotated[callers.Caller, fastapi.Depends(enter)],
            page: Annotated[Page, fastapi.Query()],
        ) -> Response:
            with self._lobby.follow(request.scope, "gateway.list_claims"):
                context = self._lobby.context(request.scope, caller)
                return replies.document(await self._desk.select(page.selection(), context))

        routes.add_api_route(CLAIMS, select, methods=["GET"], **contracts.operation("list_claims"))

    def _add_document(
        self, routes: fastapi.FastAPI, path: str, name: str, enter: lobbies.Entrance, read: Read
    ) -> None:
        async def document(
            request: Request,
            caller: Annotated[callers.Caller, fastapi.Depends(enter)],
            id: str,  # noqa: A002 - the path's word
        ) -> Response:
            with self._lobby.follow(request.scope, f"gateway.{name}"):
                context = self._lobby.context(request.scope, caller)
                return replies.document(await read(_known(id), context))

        routes.add_api_route(f"{CLAIMS}/{{id}}{path}", document, methods=["GET"], **contracts.operation(name))

    def _add_decision(self, routes: fastapi.FastAPI, enter: lobbies.Entrance) -> None:
        async def decide(
            request: Request,
            caller: Annotated[callers.Caller, fastapi.Depends(enter)],
            id: str,  # noqa: A002 - the path's word
        ) -> Response:
            with self._lobby.follow(request.scope, "gateway.decide"):
                names.media_type(request.headers.get("content-type", ""), frozenset({exchanges.JSON}))
                body = await self._reader.read(request.scope, request.receive, MAX_REVIEW_BYTES)
                review = _review(_known(id), body)
                return replies.document(
                    await self._desk.decide(review, self._lobby.context(request.scope, caller))
                )

        routes.add_api_route(
            f"{CLAIMS}/{{id}}/decision", decide, methods=["POST"], **contracts.operation("decide")
        )


def _known(claim_id: str) -> str:
    """Return an id that could be ours; anything else names nothing, whatever it is."""
    if ID.fullmatch(claim_id):
        return claim_id
    raise errors.NotFound("claim.unknown", "There is no claim by that id.")


def _review(claim_id: str, body: bytes) -> exchanges.Review:
    try:
        told = msgspec.json.decode(body, type=ReviewBody)
    except msgspec.ValidationError as cause:
        raise _misread(cause) from cause
    except (msgspec.DecodeError, UnicodeDecodeError) as cause:
        raise errors.Invalid("json.malformed", "The body is not JSON in UTF-8.") from cause
    return exchanges.Review(claim_id, told.verdict, told.note, told.revision)


def _misread(cause: msgspec.ValidationError) -> errors.Invalid:
    """Return which field is wrong; the text of the cause may quote what was sent and stays inside."""
    found = FIELD.search(str(cause))
    path = next((name for name in found.groups() if name), "") if found else ""
    return errors.Invalid(
        "review.invalid",
        "A review is {verdict: accept | reject, revision, note}; note is optional.",
        violations=(errors.Violation(path, "review.invalid", "Missing, unknown or of the wrong kind."),),
    )
