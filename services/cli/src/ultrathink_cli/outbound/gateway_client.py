"""The gateway as a person's commands use it: over HTTP with a bearer token."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec

from chassis import errors
from ultrathink_cli.outbound import exchanges

OK = 200
SUCCESS = 2  # the first digit of a status
READY_S = 2.0
LINES = "application/x-ndjson"
EXAMPLE = "http://127.0.0.1:8080"
NONE: Mapping[str, str] = {}
TOLD = {"accept": LINES}

_FAULTS: dict[int, type[errors.Fault]] = {
    401: errors.Denied,
    403: errors.Denied,
    404: errors.NotFound,
    409: errors.Conflict,
    429: errors.Exhausted,
    503: errors.Unavailable,
    504: errors.Unavailable,
}
SERVER_FAULT = 500


class GatewayClient:
    """Speaks to one gateway. Raises Invalid for what is no URL, Denied for what is no token."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        try:
            self._place = exchanges.Place.at(url)
        except ValueError as cause:
            raise errors.Invalid("url.invalid", f"{url} is no URL; try {EXAMPLE}") from cause
        if not (token.isascii() and token.isprintable()):
            raise errors.Denied("token.invalid", "a bearer token holds printable ASCII characters only")
        self._headers = {"authorization": f"Bearer {token}"} if token else {}

    async def ready(self) -> bool:
        """Return whether the gateway says that it can take claims."""
        asked = exchanges.exchange(self._place, ("GET", "/readyz"), self._headers, seconds=READY_S)
        try:
            async with asked as answer:
                return answer.status == OK
        except exchanges.Unreached:
            return False

    async def submit(self, body: bytes, media_type: str, headers: Mapping[str, str] = NONE) -> dict[str, Any]:
        """Send one message; return the decision. Raises the fault that the problem document names."""
        pieces = [piece async for piece in self._post("/api/v1/claims", body, media_type, headers)]
        return _document(b"".join(pieces))

    async def submit_stream(
        self, chunks: AsyncIterator[bytes], media_type: str
    ) -> AsyncIterator[list[bytes]]:
        """Send a file in chunks; yield the lines of its answers, several at a time, while it is sent.

        A line is a decision or a problem, in input order, one per claim.
        """
        async for lines in lines_of(self._post("/api/v1/claims", chunks, media_type, TOLD)):
            yield lines

    async def remit_stream(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[list[bytes]]:
        """Send payers' answers, one per line; yield what each was joined to, or a problem, in input order."""
        async for lines in lines_of(self._post("/api/v1/remittances", chunks, LINES, TOLD)):
            yield lines

    async def _post(
        self, path: str, body: bytes | AsyncIterator[bytes], media_type: str, headers: Mapping[str, str]
    ) -> AsyncIterator[bytes]:
        """Yield the body of an answer as it comes; raise the fault that a refusal tells of."""
        sent = {**self._headers, "content-type": media_type, **headers}
        try:
            async with exchanges.exchange(self._place, ("POST", path), sent, body) as answer:
                if answer.status // 100 != SUCCESS:
                    raise _fault(answer.status, await answer.whole())
                async for piece in answer.pieces():
                    yield piece
        except exchanges.Unreached as cause:
            raise errors.Unavailable(
                "gateway.unreachable",
                f"no answer from {self._url}; is the platform up (ultrathink up), is --url right?",
            ) from cause


async def lines_of(pieces: AsyncIterator[bytes]) -> AsyncIterator[list[bytes]]:
    """Yield the lines that each piece completes; blank ones are nothing, the last may lack its end."""
    rest = b""
    async for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        if lines := [line for line in whole if line.strip()]:
            yield lines
    if rest.strip():
        yield [rest]


def _document(body: str | bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError) as cause:
        raise errors.Unavailable(
            "gateway.answer", "what answered is no gateway of ours; is --url right?"
        ) from cause


def _fault(status: int, body: bytes) -> errors.Fault:
    kind = _FAULTS.get(status, errors.Internal if status >= SERVER_FAULT else errors.Invalid)
    try:
        problem: dict[str, Any] = msgspec.json.decode(body)
        violations = tuple(
            errors.Violation(str(v.get("path", "")), str(v.get("code", "")), str(v.get("message", "")))
            for v in problem.get("errors") or []
        )
        reason = str(problem.get("type") or "").rsplit("/", 1)[-1] or "gateway.answer"
        message = str(problem.get("detail") or problem.get("title") or f"the gateway answered {status}")
        return kind(reason, message, violations=violations)
    except (msgspec.DecodeError, UnicodeDecodeError, AttributeError, TypeError):
        return kind("gateway.answer", f"the gateway answered {status} without a problem document")
