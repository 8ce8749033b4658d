"""What the OpenAPI document says of each operation; the endpoints themselves are elsewhere.

Operations the framework serves take theirs by `operation`; the plain ASGI ones are described by `paths`.
"""

from typing import Any

from gateway.domain import exchanges
from gateway.inbound import examples, problems

type Schema = dict[str, Any]

SECURED: list[dict[str, list[str]]] = [{"bearer": []}]
OPEN: list[dict[str, list[str]]] = []
REFUSALS: dict[int, str] = {
    400: "The body is not what its media type says.",
    401: "No token, or one that does not hold.",
    403: "The caller's roles do not allow it.",
    404: "Nothing there for this caller.",
    408: "The body did not arrive in time.",
    409: "It contradicts what is recorded: the same key with another body, or an older revision.",
    413: "The body is too large.",
    415: "The media type, charset or content encoding is not served.",
    422: "It can be read and is wrong; `errors` says where.",
    429: "Too much at once; see Retry-After.",
    503: "A service behind is not available; see Retry-After.",
    504: "It was not done within the deadline; sending again is safe.",
}
READING = (401, 403, 404, 422, 429, 503, 504)
LISTING = (401, 403, 422, 429, 503, 504)
WRITING = (400, 401, 403, 408, 413, 415, 422, 429, 503, 504)
SCHEMA_TYPE = "application/schema+json"
OUTCOME_SCHEMA: Schema = {
    "type": "object",
    "required": ["resourceType", "issue"],
    "properties": {"resourceType": {"const": "OperationOutcome"}, "issue": {"type": "array", "minItems": 1}},
}


def _content(media_type: str, example: object, schema: Schema | None = None) -> Schema:
    return {media_type: {"schema": schema or {"type": "object"}, "example": example}}


def _text(media_type: str, example: str) -> Schema:
    return _content(media_type, example, {"type": "string"})


def _refusals(statuses: tuple[int, ...]) -> dict[int | str, Schema]:
    schema = {"$ref": "#/components/schemas/Problem"}
    content = {problems.MEDIA_TYPE: {"schema": schema, "example": examples.PROBLEM}}
    return {status: {"description": REFUSALS[status], "content": content} for status in statuses}


def _ok(description: str, content: Schema) -> Schema:
    return {"description": description, "content": content}


DECISION = _content(exchanges.JSON, examples.DECISION)
PLAIN = _text("text/plain", "ok\n")

SUGGESTING = (
    "One canonical claim, partial as it is. Each open place (the principal diagnosis, nets of lines) has a "
    "suggestion with confidence, alternatives and evidence, or a refusal with reason and remedy. Nothing is "
    "filled in, changed or stored. 503 when no model can be asked."
)

# name: (tag, summary, description, answer of 200, refusals, security)
_SERVED: dict[str, tuple[str, str, str, Schema, tuple[int, ...], list[dict[str, list[str]]]]] = {
    "list_claims": (
        "claims", "List claims", "Newest first unless `sort` says otherwise; `next_cursor` leads on.",
        _ok("A page.", _content(exchanges.JSON, {"items": [], "next_cursor": None})), LISTING, SECURED,
    ),
    "get_claim": (
        "claims", "One claim with its decision", "Masked by the caller's roles; reading is an audit entry.",
        _ok("The claim.", _content(exchanges.JSON, {
            "id": examples.ID, "claim": examples.CLAIM, "decision": examples.DECISION,
            "status": examples.DECISION["status"], "received_at": examples.DECISION["received_at"],
        })), READING, SECURED,
    ),
    "get_history": (
        "claims", "Transitions and audit entries of a claim", "In the order in which they were recorded.",
        _ok("The history.", _content(exchanges.JSON, {"id": examples.ID, "transitions": [], "audit": []})),
        READING, SECURED,
    ),
    "get_explanation": (
        "claims", "Why the model says so", "Contributions to the risk, exact, per claim and per line.",
        _ok("The reasons.", _content(exchanges.JSON, {"id": examples.ID, "lines": []})), READING, SECURED,
    ),
    "decide": (
        "claims", "A reviewer's decision", "Needs the role reviewer or manager and the newest revision.",
        _ok("The decision after the review.", DECISION), (*WRITING, 404, 409), SECURED,
    ),
    "complete": (
        "claims", "Suggest what a claim leaves open",
        SUGGESTING,
        _ok("Suggestions and refusals.", _content(exchanges.JSON, examples.COMPLETION)), WRITING, SECURED,
    ),
    "list_rules": (
        "rules", "List rules", "In the order of their packs; `q` looks into id, title, source and codes.",
        _ok("A page.", _content(exchanges.JSON, {"items": [examples.RULE], "next_cursor": None})),
        LISTING, SECURED,
    ),
    "get_rule": (
        "rules", "One rule", "Its texts, the columns it reads and the issues of its tables.",
        _ok("The rule.", _content(exchanges.JSON, examples.RULE)), READING, SECURED,
    ),
    "list_packs": (
        "rules", "Packs in force", "Version for people, revision and SHA-256 for proof.",
        _ok("The packs.", _content(exchanges.JSON, {"items": [examples.PACK]})), LISTING, SECURED,
    ),
    "list_tables": (
        "rules", "Dated tables", "Each with its issues; none means that the table is declared only.",
        _ok("The tables.", _content(exchanges.JSON, {"items": [examples.TABLE]})), LISTING, SECURED,
    ),
    "get_table_entry": (
        "rules", "What a table says of a key on a day",
        "`state` is found, absent, or unknown where no issue covers the day. Parts of a key are joined by |.",
        _ok("The entry.", _content(exchanges.JSON, examples.TABLE_ENTRY)), READING, SECURED,
    ),
    "list_reasons": (
        "rules", "Reasons and how they correspond",
        "nphies, CARC, RARC and X12 statuses with texts of our own; not an official mapping.",
        _ok("The lists.", _content(exchanges.JSON, {"official": False, "lists": [], "links": []})),
        READING, SECURED,
    ),
    "claim_schema": (
        "schemas", "JSON Schema of a claim", "The canonical claim, draft 2020-12.",
        _ok("The schema.", _content(SCHEMA_TYPE, {"$schema": "https://json-schema.org/draft/2020-12/schema"})),
        (), OPEN,
    ),
    "fhir_metadata": (
        "fhir", "CapabilityStatement", "What this server does in FHIR terms.",
        _ok("The statement.", _content(exchanges.FHIR, {"resourceType": "CapabilityStatement"})), (), OPEN,
    ),
    "healthz": ("operation", "Is the process alive", "Of this one alone.", _ok("Alive.", PLAIN), (), OPEN),
    "readyz": (
        "operation", "Can it serve", "Follows the room behind; 503 says why it cannot.",
        _ok("Ready.", PLAIN), (), OPEN,
    ),
    "metrics": (
        "operation", "Metrics in Prometheus' text form", "Counts and durations of this process.",
        _ok("The metrics.", PLAIN), (), OPEN,
    ),
    "health": (
        "operation", "State of each room, as far as known from here", "A report: 200 whatever the state is.",
        _ok("The report.", _content(exchanges.JSON, {"status": "ready", "rooms": {}})),
        (), OPEN,
    ),
}  # fmt: skip


BODIES: dict[str, Schema] = {
    "decide": _content(exchanges.JSON, examples.REVIEW),
    "complete": _content(exchanges.JSON, examples.OPEN_CLAIM, {"$ref": "#/components/schemas/Claim"}),
}


def operation(name: str) -> dict[str, Any]:
    """Return what the framework is told of an operation it serves."""
    tag, summary, description, ok, refusals, security = _SERVED[name]
    extra: Schema = {"security": security}
    if name in BODIES:
        extra["requestBody"] = {"required": True, "content": BODIES[name]}
    responses: dict[int | str, Schema] = {200: ok, **_refusals(refusals)}
    if name == "readyz":
        responses[503] = _ok("Not ready; the body says why.", PLAIN)
    return {
        "name": name, "operation_id": name, "tags": [tag], "summary": summary, "description": description,
        "responses": responses, "openapi_extra": extra,
    }  # fmt: skip


def _parameter(name: str, description: str) -> Schema:
    return {"name": name, "in": "header", "description": description, "schema": {"type": "string"}}


def _plain(name: str, tag: str, summary: str, description: str, **members: object) -> Schema:
    return {
        "operationId": name, "tags": [tag], "summary": summary, "description": description,
        "security": SECURED, **members,
    }  # fmt: skip


def _responses(successes: dict[int, Schema], refusals: tuple[int, ...]) -> Schema:
    return {str(status): told for status, told in (successes | _refusals(refusals)).items()}


KEY = _parameter(
    "Idempotency-Key", "1 to 200 visible ASCII characters; the same claim again repeats the answer."
)
_BINARY: Schema = {exchanges.ARROW: {"schema": {"type": "string", "format": "binary"}}}
CLAIMS_BODY: Schema = {
    "required": True,
    "content": {
        **_content(exchanges.JSON, examples.CLAIM, {"$ref": "#/components/schemas/Claim"}),
        **_content(exchanges.FHIR, {"resourceType": "Claim"}),
        **_text(exchanges.NDJSON, "one claim as JSON per line\n"),
        **_text(exchanges.CSV, examples.CSV_CLAIM),
        **_BINARY,
    },
}
STREAMED = {
    **DECISION,
    **_content(exchanges.FHIR, {"resourceType": "ClaimResponse"}),
    **_text(exchanges.NDJSON, "one decision or problem per line, in input order, as they are decided\n"),
    **_text(exchanges.CSV, examples.CSV_REPORT),
    **_BINARY,
}
FHIR_BODY: Schema = {
    "required": True,
    "content": _content(exchanges.FHIR, {"resourceType": "Bundle", "type": "message"}),
}
FHIR_REFUSALS = (400, 401, 403, 409, 413, 415, 422, 429, 503, 504)


def _outcomes() -> dict[int, Schema]:
    content = _content(exchanges.FHIR, examples.OUTCOME, OUTCOME_SCHEMA)
    return {status: _ok(REFUSALS[status], content) for status in FHIR_REFUSALS}


def paths() -> dict[str, Schema]:
    """Return the path items of the endpoints that the framework does not describe."""
    stream = (
        "One claim (`application/json`, `application/fhir+json`) or a file (`application/x-ndjson`, "
        "`text/csv`, or an Arrow IPC stream of one record per claim). A file is answered while it is being "
        "sent; a line that is wrong fails alone; should the whole file fail midway, the last line is a "
        "problem without `position`."
    )
    created = _ok("The decision; `Location` names the claim.", DECISION)
    repeated = _ok("Repeated (`Idempotent-Replayed: true`), or a file's answers.", STREAMED)
    receipt = _ok("The receipt.", _content(exchanges.FHIR, {"resourceType": "ClaimResponse"}))
    events = _ok("Events until the client leaves.", _text("text/event-stream", examples.EVENT))
    return {
        "/api/v1/claims": {"post": _plain(
            "submit_claims", "claims", "Submit claims", stream, parameters=[KEY], requestBody=CLAIMS_BODY,
            responses=_responses({201: created, 200: repeated}, (*WRITING, 409)),
        )},
        "/api/v1/claims/check": {"post": _plain(
            "check_claims", "claims", "Check claims, store nothing", stream, requestBody=CLAIMS_BODY,
            responses=_responses({200: _ok("The decision a submission would give.", STREAMED)}, WRITING),
        )},
        "/api/v1/remittances": {"post": _plain(
            "remit", "claims", "What payers answered",
            "One answer per line (docs/schemas/adjudication.json): approved, partial or rejected, of every "
            "line the reason and amounts. Each line of the reply says what was joined, or is a "
            "problem with its `position`. The same answer again changes nothing and says `replayed`.",
            requestBody={"required": True, "content": _text(exchanges.NDJSON, examples.ADJUDICATION)},
            responses=_responses(
                {200: _ok("What was joined.", _text(exchanges.NDJSON, examples.JOINED))}, WRITING),
        )},
        "/api/v1/events": {"get": _plain(
            "watch", "events", "Changes as they are recorded",
            "Server-sent events, at least once, in order per claim; the stream ends now and then: reconnect.",
            parameters=[_parameter("Last-Event-ID", "Go on after this event.")],
            responses=_responses({200: events}, LISTING),
        )},
        "/api/fhir/$process-message": {"post": _plain(
            "process_message", "fhir", "A FHIR or nphies message", "Answers with a message Bundle.",
            requestBody=FHIR_BODY, parameters=[KEY], responses=_responses(
                {200: _ok("The response message.", FHIR_BODY["content"]), **_outcomes()}, ()),
        )},
        "/api/fhir/Claim/$submit": {"post": _plain(
            "submit_fhir_claim", "fhir", "A FHIR Claim", "Answers with a ClaimResponse, never `complete`.",
            requestBody={"required": True, "content": _content(exchanges.FHIR, {"resourceType": "Claim"})},
            parameters=[KEY], responses=_responses({200: receipt, **_outcomes()}, ()),
        )},
    }  # fmt: skip


def components(*, schema_served: bool) -> Schema:
    """Return what the document refers to."""
    claim: Schema = {"$ref": "/api/v1/schemas/claim.json"} if schema_served else {"type": "object"}
    return {
        "schemas": {**problems.schema(), "Claim": claim},
        "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
    }
