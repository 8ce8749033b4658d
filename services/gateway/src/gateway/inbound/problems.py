"""A Fault as RFC 9457 problem+json, and the one table from kinds and reasons to HTTP statuses."""

import math
from typing import Any

import msgspec

from chassis import errors

MEDIA_TYPE = "application/problem+json"

STATUS_BY_KIND: dict[str, int] = {
    "invalid": 422,
    "not_found": 404,
    "conflict": 409,
    "denied": 403,
    "exhausted": 429,
    "unavailable": 503,
    "internal": 500,
}
# Where HTTP has a more exact word than the kind: the message itself is at fault, or time ran out.
STATUS_BY_REASON: dict[str, int] = {
    "json.malformed": 400,
    "json.encoding": 400,
    "json.too_deep": 400,
    "text.encoding": 400,
    "body.too_slow": 408,
    "body.too_large": 413,
    "upload.too_large": 413,
    "claim.too_large": 413,
    "file.too_large": 413,
    "media_type.unsupported": 415,
    "content_encoding.unsupported": 415,
    "headers.too_large": 431,
    "headers.malformed": 400,
    "route.method_not_allowed": 405,
    "deadline.exceeded": 504,
}
UNAUTHENTICATED = (
    "token."  # reasons that begin so: the caller is not known (401), not known and refused (403)
)
TITLES: dict[str, str] = {
    "invalid": "The request cannot be accepted",
    "not_found": "Nothing here by that name",
    "conflict": "It contradicts what is already recorded",
    "denied": "The caller may not do this",
    "exhausted": "Too much at once",
    "unavailable": "A service behind is not available",
    "internal": "A defect of ours",
}
RETRY_AFTER_SECONDS = 1  # for what passes by itself but came without a time of its own


class Item(msgspec.Struct, frozen=True):
    """One thing wrong with what was sent."""

    path: str
    code: str
    message: str


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """The members of a problem document; `request_id` and `position` extend RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[Item]
    request_id: str
    position: int | None = None


def status(fault: errors.Fault) -> int:
    """Return the HTTP status of a Fault."""
    exact = STATUS_BY_REASON.get(fault.reason)
    if exact is not None:
        return exact
    if fault.kind == "denied" and fault.reason.startswith(UNAUTHENTICATED):
        return 401
    return STATUS_BY_KIND[fault.kind]


def body(fault: errors.Fault, *, instance: str, request_id: str, position: int | None = None) -> bytes:
    """Return the problem document; it is one line, so that it may stand in an NDJSON answer."""
    return msgspec.json.encode(
        Problem(
            type=f"/problems/{fault.reason}",
            title=TITLES[fault.kind],
            status=status(fault),
            detail=fault.message,
            instance=instance,
            errors=[Item(one.path, one.code, one.message) for one in fault.violations],
            request_id=request_id,
            position=position,
        )
    )


def headers(fault: errors.Fault) -> dict[str, str]:
    """Return what a status asks for beside the body: when to come back, how to authenticate."""
    code = status(fault)
    wanted: dict[str, str] = {}
    if code in {429, 503, 504}:
        wanted["retry-after"] = str(max(RETRY_AFTER_SECONDS, math.ceil(fault.retry_after_ms / 1000)))
    if code == 401:  # noqa: PLR2004 - the statuses are this module's subject
        hint = "" if fault.reason == "token.missing" else ', error="invalid_token"'
        wanted["www-authenticate"] = f'Bearer realm="ultrathink"{hint}'
    if code in {408, 413, 431}:
        wanted["connection"] = "close"  # the rest of the body is not read, so the connection cannot go on
    return wanted


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a problem, for the OpenAPI document."""
    (_, *_), components = msgspec.json.schema_components(
        [Problem], ref_template="#/components/schemas/{name}"
    )
    return dict(components)
