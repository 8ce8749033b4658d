"""A served unary call: its handler begins when the one request is whole, its answer leaves in one piece."""

import asyncio
from typing import Any, Final

import grpc

from chassis import errors, faults, handlers
from chassis.http2 import blocks, served, status, streams

_OPENING: Final = blocks.written(served.ANSWER)
_TRAILERS: Final = blocks.written(status.trailers(None))
_OURS: Final = frozenset({"te", "content-type"})  # The transport's own, as `grpc-` and `:` are.


class Call(served.Call):
    """One request and its answer; also what the handler sees as gRPC's servicer context."""

    def __init__(self, *told: Any) -> None:
        super().__init__(*told)
        self._found: streams.Headers = []
        self._request: bytes | None = None
        self._admitted = False
        self._chosen: streams.Headers | None = None  # The status that the handler gave up with.

    def headers(self, found: streams.Headers, *, ended: bool) -> None:
        """Begin the call, or learn of its end."""
        self._found = self._found or found
        super().headers(found, ended=ended)

    def message(self, data: bytes) -> None:
        """Keep the request until it is known to be the only one."""
        if self._request is not None:
            self.end(_miscounted())
        self._request = data

    def half_closed(self) -> None:
        """Answer, if the caller was admitted meanwhile."""
        self._half_closed = True
        if self._admitted and not self._over:
            self.run(self._answer(), self._context)

    def leave(self) -> None:
        """Do nothing: what is at work has its time."""

    async def serve(self) -> None:
        """Answer what came whole meanwhile."""
        self._admitted = True
        if self._half_closed and not self._over:
            await self._answer()

    async def _answer(self) -> None:
        handler, data = self._handler, self._request
        if data is None:
            self.end(_miscounted())
            return
        try:
            request = handlers.read(handler, data)
            response = await handlers.answer(handlers.behaviour(handler), request, self)
            answer = handlers.written(handler, response)
        except asyncio.CancelledError:
            self.end(errors.Unavailable("call.cancelled", "The call was given up."))
            raise
        except Exception as error:  # noqa: BLE001 - the door answers for everything behind it
            self._fail(error)
        else:
            self._reply(answer)

    def _fail(self, error: Exception) -> None:
        if self._chosen is not None and isinstance(error, grpc.aio.AbortError):
            self.refuse(self._chosen, "aborted")
        else:
            self.end(faults.of_exception(error, self._method))

    def _reply(self, answer: bytes) -> None:
        if len(answer) > streams.MAX_MESSAGE_BYTES:
            self.end(streams.too_large())
        elif not self._over:
            self._conclude("ok")
            self._stream.whole(_OPENING, answer, _TRAILERS)
            self.settle()

    async def abort(
        self, code: grpc.StatusCode, details: str = "", trailing_metadata: status.Metadata = ()
    ) -> None:
        """End the call with this status."""
        self._chosen = status.chosen(code, details, trailing_metadata)
        raise grpc.aio.AbortError

    def invocation_metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        """Return the metadata that the caller sent."""
        return tuple(
            (name, status.binary(value) if name.endswith("-bin") else value)
            for name, value in self._found
            if name not in _OURS and not name.startswith((":", "grpc-"))
        )

    def time_remaining(self) -> float | None:
        """Return the seconds left, None when the call has no deadline."""
        if self._timer is None:
            return None
        return max(0.0, self._timer.when() - asyncio.get_running_loop().time())


def _miscounted() -> errors.Internal:
    return errors.Internal("call.requests", "A unary call has one request.")
