"""The gateway's HTTP application: every route that exists, and how refusals leave."""

import functools
from collections.abc import Callable

import fastapi
import msgspec
from fastapi import Request, exceptions
from fastapi import telemetry as fastapi_telemetry
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from chassis import clock as clocks
from chassis import errors
from gateway import ports
from gateway.domain import exchanges
from gateway.inbound import (
    bodies,
    completions,
    contracts,
    desk,
    documents,
    envelopes,
    events,
    express,
    fhir,
    health,
    intake,
    limits,
    lobbies,
    meters,
    remittances,
    replies,
    rulebook,
    uploads,
)
from gateway.usecases import judge_readiness

VARYING = {"vary": "Origin"}  # of every answer, where some origins are told more than others
CLIENT_GONE = 499  # nobody reads it; it tells the measures apart from answers
# chassis measures; what the framework would measure holds paths
QUIET: fastapi_telemetry.TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}


class Parts(msgspec.Struct, frozen=True):
    """What the application is made of."""

    door: ports.ClaimsDoor
    desk: ports.ClaimsDesk
    completer: ports.Completer
    rulebook: ports.RuleBook
    authenticator: ports.Authenticator
    readiness: judge_readiness.Readiness
    clock: clocks.Clock
    bounds: limits.Limits
    version: str
    schema: bytes | None = None
    origins: tuple[str, ...] = ()


def build(parts: Parts) -> envelopes.Envelope:
    """Return the application."""
    app = fastapi.FastAPI(
        title=documents.TITLE, version=parts.version, openapi_url=None, docs_url=None, redoc_url=None,
        redirect_slashes=False, default_response_class=Response, telemetry=QUIET,
    )  # fmt: skip
    lobby = lobbies.Lobby(parts.authenticator, parts.clock, parts.bounds)
    reader = intake.Reader(parts.bounds)
    meter = meters.Meter(parts.clock, parts.bounds.requests)
    lanes = _lanes(parts, lobby, reader, meter)
    for lane in lanes:
        app.router.routes.append(Route(lane.path, lane.endpoint, methods=["POST"], include_in_schema=False))
    watch = events.Events(parts.desk, lobby, parts.bounds, parts.readiness.draining)
    app.router.routes.append(Route(events.ROUTE, watch, methods=["GET"], include_in_schema=False))
    desk.Desk(parts.desk, lobby, reader).add_to(app)
    completions.Completions(parts.completer, lobby, reader).add_to(app)
    rulebook.RuleBook(parts.rulebook, lobby).add_to(app)
    fhir.add_metadata(app, parts.version)
    health.Probes(parts.readiness, parts.clock, parts.version).add_to(app)
    if parts.schema is not None:
        _serve_schema(app, parts.schema)
    documents.mount(app, schema_served=parts.schema is not None)
    _refuse_in_our_words(app)
    return envelopes.Envelope(
        app, lanes, meter, draining=parts.readiness.draining, opened=_opened(parts.origins)
    )


def _lanes(
    parts: Parts, lobby: lobbies.Lobby, reader: intake.Reader, meter: meters.Meter
) -> tuple[envelopes.Fastlane, ...]:
    files = uploads.Uploads(parts.door, lobby, parts.bounds)
    endpoints: dict[str, ASGIApp] = {
        "/api/v1/claims": intake.Intake(parts.door, lobby, reader, files, dry_run=False),
        "/api/v1/claims/check": intake.Intake(parts.door, lobby, reader, files, dry_run=True),
        remittances.ROUTE: remittances.Remittances(lobby, files),
        "/api/fhir/$process-message": fhir.Operation(
            parts.door, lobby, reader, accept=exchanges.FHIR_MESSAGE, span="gateway.process_message"
        ),
        "/api/fhir/Claim/$submit": fhir.Operation(
            parts.door, lobby, reader, accept=exchanges.FHIR, span="gateway.submit_fhir"
        ),
    }
    quick = {
        path: express.Express(
            parts.door,
            lobby,
            meter,
            path=path,
            dry_run=dry_run,
            limit=parts.bounds.message_bytes,
            fixed=VARYING if parts.origins else replies.NONE,
        )
        for path, dry_run in (("/api/v1/claims", False), ("/api/v1/claims/check", True))
    }
    return tuple(envelopes.Fastlane(path, endpoint, quick.get(path)) for path, endpoint in endpoints.items())


def _serve_schema(app: fastapi.FastAPI, schema: bytes) -> None:
    async def claim_schema(_: Request) -> Response:
        return Response(
            schema, headers={"cache-control": "public, max-age=300"}, media_type="application/schema+json"
        )

    app.add_api_route(
        "/api/v1/schemas/claim.json", claim_schema, methods=["GET"], **contracts.operation("claim_schema")
    )


def _opened(origins: tuple[str, ...]) -> Callable[[ASGIApp], ASGIApp]:
    """Return what opens an application to the named origins; it does nothing when none are named."""
    if not origins:
        return lambda app: app
    return functools.partial(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=["GET", "POST"],
        allow_headers=["authorization", "content-type", "idempotency-key", "last-event-id", "x-request-id"],
        expose_headers=["idempotent-replayed", "location", "retry-after", "x-request-id"],
    )


def _refuse_in_our_words(app: fastapi.FastAPI) -> None:
    """Turn what the framework raises into Faults, so that every refusal has one shape."""

    async def fault(request: Request, cause: Exception) -> Response:
        assert isinstance(cause, errors.Fault)  # noqa: S101 - the framework calls it for nothing else
        return replies.refusal(request.scope, cause)

    async def routing(request: Request, cause: Exception) -> Response:
        if isinstance(cause, HTTPException) and cause.status_code == 405:  # noqa: PLR2004 - the framework's word
            told = errors.Invalid("route.method_not_allowed", "This route does not take that method.")
            return replies.refusal(request.scope, told, {"allow": ", ".join(_methods(app, request))})
        return replies.refusal(request.scope, errors.NotFound("route.unknown", "There is no such route."))

    async def query(request: Request, cause: Exception) -> Response:
        assert isinstance(cause, exceptions.RequestValidationError)  # noqa: S101 - as above
        return replies.refusal(request.scope, _misasked(cause))

    async def defect(request: Request, _: Exception) -> Response:
        return replies.refusal(request.scope, replies.DEFECT)  # the envelope gets the exception and logs it

    async def gone(_: Request, __: Exception) -> Response:
        return Response(status_code=CLIENT_GONE)

    app.add_exception_handler(errors.Fault, fault)
    app.add_exception_handler(HTTPException, routing)
    app.add_exception_handler(exceptions.RequestValidationError, query)
    app.add_exception_handler(Exception, defect)
    app.add_exception_handler(bodies.Disconnected, gone)


def _methods(app: fastapi.FastAPI, request: Request) -> list[str]:
    """Return every method that some route takes at this path."""
    found: set[str] = set()
    for route in app.routes:
        for method in getattr(route, "methods", None) or ():
            if route.matches({**request.scope, "method": method})[0].name == "FULL":
                found.add(method)
    return sorted(found)


def _misasked(cause: exceptions.RequestValidationError) -> errors.Invalid:
    """Return which parameters are wrong, in our words: the framework's would repeat what was sent."""
    violations = tuple(
        errors.Violation(
            ".".join(str(step) for step in one["loc"]), f"query.{one['type']}", "Not as documented."
        )
        for one in cause.errors()
    )
    return errors.Invalid(
        "query.invalid", "The request's parameters are not as documented.", violations=violations
    )
