"""The one interceptor of every server: who calls, may they, and what a failure looks like to them.

The caller is known and permitted before a byte of the request is read. Any exception of a handler becomes a
status here and nowhere else; its text stays in the log. Each call is counted with its duration and outcome.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc

from chassis import clock as clocks
from chassis import faults, handlers, identity, metrics, streams

OPEN_SERVICES = ("/grpc.health.v1.Health/", "/grpc.reflection.")
"""Callable by anyone who reaches the port: a probe holds no key, and reflection tells what the repository
tells. Neither holds data."""

OK = "ok"
CANCELLED = "cancelled"


class Door(grpc.aio.ServerInterceptor):
    """Admits calls, answers for them, and tells handlers (through `streams.draining`) when to finish."""

    def __init__(self, gate: identity.Gate, *, clock: clocks.Clock, draining: asyncio.Event) -> None:
        self._gate = gate
        self._clock = clock
        self._draining = draining
        self._doors: dict[
            str, tuple[handlers.Handler, handlers.Handler]
        ] = {}  # as many as methods are served

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[handlers.Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> handlers.Handler | None:
        """Return the handler behind this door, or one that refuses without reading the request."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        method = handler_call_details.method
        streams.draining.set(self._draining)
        if not method.startswith(OPEN_SERVICES):
            try:
                await self._gate.admit(method, handler_call_details.invocation_metadata)
            except Exception as error:  # noqa: BLE001 - the door answers for everything behind it
                return self._refusing(error, method)
        return self._answering(handler, method)

    def _refusing(self, error: Exception, method: str) -> handlers.Handler:
        """Return a handler that refuses; of the shape that gRPC calls before it reads any request."""

        async def refuse(_: Any, context: Any) -> None:
            await self._refuse(error, method, context, self._clock.monotonic())

        return grpc.stream_stream_rpc_method_handler(refuse)

    def _answering(self, handler: handlers.Handler, method: str) -> handlers.Handler:
        """Return the handler behind this door, made once: it is the same for every call that was admitted."""
        known = self._doors.get(method)
        if known is None or known[0] is not handler:
            known = self._doors[method] = handler, self._behind(handler, method)
        return known[1]

    def _behind(self, handler: handlers.Handler, method: str) -> handlers.Handler:
        function = handlers.behaviour(handler)

        def asked(request: Any) -> Any:
            return request if handler.request_streaming else handlers.read(handler, request)

        async def unary(request: Any, context: Any) -> Any:
            began = self._clock.monotonic()
            try:
                response = await handlers.answer(function, asked(request), context)
            except asyncio.CancelledError:
                self._count(method, CANCELLED, began)
                raise
            except Exception as error:  # noqa: BLE001 - the door answers for everything behind it
                return await self._refuse(error, method, context, began)
            self._count(method, OK, began)
            return response

        async def streaming(request: Any, context: Any) -> AsyncIterator[Any]:
            began, outcome = self._clock.monotonic(), CANCELLED
            try:
                async for response in handlers.answers(function, asked(request), context):
                    yield response
                outcome = OK
            except Exception as error:  # noqa: BLE001 - the door answers for everything behind it
                outcome = ""
                await self._refuse(error, method, context, began)
            finally:
                if outcome:
                    self._count(method, outcome, began)

        return handlers.rebuilt(handler, streaming if handler.response_streaming else unary)

    async def _refuse(self, error: Exception, method: str, context: Any, began: float) -> None:
        """End the call with the status of its fault; an abort a handler chose itself passes unchanged."""
        if isinstance(error, grpc.aio.AbortError):
            self._count(method, "aborted", began)
            raise error
        fault = faults.of_exception(error, method)
        self._count(method, fault.kind, began)
        code, details, trailing = faults.to_status(fault)
        await context.abort(code, details, trailing)

    def _count(self, method: str, kind: str, began: float) -> None:
        metrics.observe_rpc(method, kind, self._clock.monotonic() - began, side="server")
