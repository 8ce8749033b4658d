"""The FHIR R4 and nphies doors: messages and resources pass as they are, in both directions."""

from typing import Any

import fastapi
import msgspec
from fastapi import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway import ports
from gateway.domain import exchanges
from gateway.domain import headers as names
from gateway.inbound import arrivals, contracts, intake, lobbies, replies

ALLOWED = frozenset({exchanges.FHIR, exchanges.JSON})
FHIR_VERSION = "4.0.1"
RELEASED = "2026-11-25"  # of this statement: the day what it says last changed
PROCESS_MESSAGE = "http://hl7.org/fhir/OperationDefinition/MessageHeader-process-message"
SUBMIT = "http://hl7.org/fhir/OperationDefinition/Claim-submit"


class Operation:
    """An operation that takes one message or Claim and answers with what claims made of it."""

    def __init__(
        self, door: ports.ClaimsDoor, lobby: lobbies.Lobby, reader: intake.Reader, *, accept: str, span: str
    ) -> None:
        self._door, self._lobby, self._reader = door, lobby, reader
        self._accept, self._span = accept, span

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one operation with 200; refusals leave as Faults and become OperationOutcomes."""
        caller = await self._lobby.admit(scope, "submit")
        with self._lobby.follow(scope, self._span):
            headers = arrivals.of(scope).headers
            names.media_type(headers.get("content-type", ""), ALLOWED)
            key = names.idempotency_key(headers.get("idempotency-key"))
            body = await self._reader.read(scope, receive)
            with self._lobby.turnstile.inside(caller.tenant) as apart:
                submission = exchanges.Submission(
                    body, exchanges.FHIR, self._accept, dry_run=False, apart=apart
                )
                answer = await self._door.submit(submission, self._lobby.context(scope, caller, key=key))
            extra = {**replies.PRIVATE, **({"idempotent-replayed": "true"} if answer.replayed else {})}
            await replies.send(send, 200, exchanges.FHIR, answer.body, extra)


def capabilities(version: str) -> dict[str, Any]:
    """Return the CapabilityStatement: what is served here, and nothing that is not."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": RELEASED,
        "kind": "instance",
        "software": {"name": "Ultrathink", "version": version},
        "implementation": {"description": "Takes claims, checks them, predicts denials; it is not a payer."},
        "fhirVersion": FHIR_VERSION,
        "format": [exchanges.FHIR],
        "rest": [
            {
                "mode": "server",
                "security": {
                    "description": "OAuth 2.0 bearer tokens; roles biller, manager, payer, integrator."
                },
                "resource": [
                    {"type": "Claim", "operation": [{"name": "submit", "definition": SUBMIT}]},
                ],
                "operation": [{"name": "process-message", "definition": PROCESS_MESSAGE}],
            }
        ],
    }


def add_metadata(routes: fastapi.FastAPI, version: str) -> None:
    """Add the route that needs no claims: what this server can do."""
    body = msgspec.json.encode(capabilities(version))

    async def metadata(_: Request) -> Response:
        return Response(body, media_type=exchanges.FHIR)

    routes.add_api_route(
        "/api/fhir/metadata", metadata, methods=["GET"], **contracts.operation("fhir_metadata")
    )
