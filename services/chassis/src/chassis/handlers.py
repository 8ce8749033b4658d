"""Every form a gRPC handler may take, made one: a coroutine function or an asynchronous generator function.

Generated stubs allow plain functions that return an awaitable or an asynchronous iterator, coroutine
functions that write through their context, and asynchronous generators. The server's interceptor and the
in-process channel both call handlers through here, so that a handler behaves alike behind either.
"""

import inspect
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, cast

import grpc
from google.protobuf import message as messages

from chassis import errors

type Handler = grpc.RpcMethodHandler[Any, Any]
"""Named here because gRPC's class takes type arguments in its stubs alone."""

_FACTORIES: dict[tuple[bool, bool], tuple[str, Callable[..., Handler]]] = {
    (False, False): ("unary_unary", grpc.unary_unary_rpc_method_handler),
    (False, True): ("unary_stream", grpc.unary_stream_rpc_method_handler),
    (True, False): ("stream_unary", grpc.stream_unary_rpc_method_handler),
    (True, True): ("stream_stream", grpc.stream_stream_rpc_method_handler),
}


def behaviour(handler: Handler) -> Callable[[Any, Any], Any]:
    """Return the servicer's own function: `(request or iterator of requests, context)`."""
    name, _ = _FACTORIES[handler.request_streaming, handler.response_streaming]
    found: Callable[[Any, Any], Any] = getattr(handler, name)
    return found


def rebuilt(handler: Handler, replacement: Callable[[Any, Any], Any]) -> Handler:
    """Return a handler of the same shape around another function, which reads a lone request itself."""
    _, factory = _FACTORIES[handler.request_streaming, handler.response_streaming]
    return factory(
        replacement,
        request_deserializer=handler.request_deserializer if handler.request_streaming else None,
        response_serializer=handler.response_serializer,
    )


def read(handler: Handler, data: bytes) -> Any:
    """Return the request that these bytes are; raises Invalid `message.unreadable`."""
    try:
        return handler.request_deserializer(data)  # type: ignore[misc]  # handlers of messages have one
    except messages.DecodeError as cause:
        raise errors.Invalid("message.unreadable", "The message is not of the method's type.") from cause


def written(handler: Handler, response: Any) -> bytes:
    """Return a response as bytes."""
    data: bytes = handler.response_serializer(response)  # type: ignore[misc]
    return data


def collected(register: Callable[[grpc.aio.Server], None]) -> dict[str, Handler]:
    """Return the handlers that an app would put on a server, by full method name."""
    found = _Collected()
    register(cast("grpc.aio.Server", found))
    return found.handlers


class _Collected:
    """What an app takes for a server when it registers its handlers."""

    def __init__(self) -> None:
        self.handlers: dict[str, Handler] = {}

    def add_generic_rpc_handlers(self, _: Iterable[grpc.GenericRpcHandler]) -> None:
        """Do nothing: generated code registers the same handlers by name as well."""

    def add_registered_method_handlers(self, service: str, found: dict[str, Handler]) -> None:
        """Keep handlers by full method name."""
        self.handlers.update({f"/{service}/{name}": handler for name, handler in found.items()})


async def answer(function: Callable[[Any, Any], Any], request: Any, context: Any) -> Any:
    """Return the one response of a handler."""
    result = function(request, context)
    return await result if inspect.isawaitable(result) else result


async def answers(function: Callable[[Any, Any], Any], request: Any, context: Any) -> AsyncIterator[Any]:
    """Yield the responses of a handler; those it writes through its context go their own way.

    When the caller goes away the handler's generator is closed at once, not whenever memory is swept.
    """
    result = function(request, context)
    if inspect.isawaitable(result):
        await result
        return
    try:
        async for response in result:
            yield response
    finally:
        close = getattr(result, "aclose", None)  # an iterator that is no generator has nothing to close
        if close is not None:
            await close()
