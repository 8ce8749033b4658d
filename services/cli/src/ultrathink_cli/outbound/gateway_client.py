"""The gateway as a person's commands use it: over HTTP with a bearer token."""

from collections.abc import AsyncIterator
from typing import Any, Self

import httpx2 as httpx
import msgspec

from chassis import errors

CONNECT_S = 5.0
ANSWER_S = 60.0
LINES = "application/x-ndjson"
EXAMPLE = "http://127.0.0.1:8080"

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
    """Speaks to one gateway; use as an async context manager. Raises Invalid for what is no URL."""

    def __init__(self, url: str, token: str) -> None:
        timeout = httpx.Timeout(ANSWER_S, connect=CONNECT_S)
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self._url = url
        try:
            self._client = httpx.AsyncClient(base_url=url, headers=headers, timeout=timeout, trust_env=False)
        except httpx.InvalidURL as cause:
            raise errors.Invalid("url.invalid", f"{url} is no URL; try {EXAMPLE}") from cause
        except UnicodeEncodeError as cause:
            raise errors.Denied("token.invalid", "a bearer token holds ASCII characters only") from cause

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def ready(self) -> bool:
        """Return whether the gateway says that it can take claims."""
        try:
            return (await self._client.get("/readyz", timeout=2.0)).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    async def submit(
        self, body: bytes, media_type: str, headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """Send one message; return the decision. Raises the fault that the problem document names."""
        answer = await self._request(
            "POST", "/api/v1/claims", content=body, headers={"content-type": media_type, **(headers or {})}
        )
        return _document(answer.content)

    async def submit_stream(
        self, chunks: AsyncIterator[bytes], media_type: str
    ) -> AsyncIterator[dict[str, Any]]:
        """Send a file in chunks; yield one decision or problem per claim as they come, in input order."""
        async for receipt in self._stream("/api/v1/claims", chunks, media_type):
            yield receipt

    async def remit_stream(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[dict[str, Any]]:
        """Send payers' answers, one per line; yield what each was joined to, or a problem, in input order."""
        async for receipt in self._stream("/api/v1/remittances", chunks, LINES):
            yield receipt

    async def _stream(
        self, path: str, chunks: AsyncIterator[bytes], media_type: str
    ) -> AsyncIterator[dict[str, Any]]:
        headers = {"content-type": media_type, "accept": LINES}
        try:
            async with self._client.stream("POST", path, content=chunks, headers=headers) as answer:
                if answer.is_error:
                    raise _fault(answer.status_code, await answer.aread())
                async for line in answer.aiter_lines():
                    if line.strip():
                        yield _document(line)
        except httpx.HTTPError as error:
            raise self._unreachable() from error

    async def _request(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            answer = await self._client.request(method, path, **options)
        except httpx.HTTPError as error:
            raise self._unreachable() from error
        if answer.is_error:
            raise _fault(answer.status_code, answer.content)
        return answer

    def _unreachable(self) -> errors.Unavailable:
        return errors.Unavailable(
            "gateway.unreachable",
            f"no answer from {self._url}; is the platform up (ultrathink up), is --url right?",
        )


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
