"""One service with every shape of RPC, for tests of the plumbing: built from well-known messages only."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import grpc
from google.protobuf import wrappers_pb2

from chassis import apps, errors, identity, tokens

SERVICE = "ultrathink.test.v1.Echo"
METHODS = ("Unary", "Down", "Up", "Both")
CALLER = "tester"

Word = wrappers_pb2.StringValue

VIOLATIONS = (errors.Violation(path="lines[0].net", code="money.negative", message="Below zero."),)


def method(name: str) -> str:
    """Return the full name of a method of the service."""
    return f"/{SERVICE}/{name}"


def fault(word: str) -> errors.Fault:
    """Return the fault a word like `fault:conflict` asks for."""
    kind = errors.KINDS[word.removeprefix("fault:")]
    return kind("test.asked", "As asked.", violations=VIOLATIONS, retry_after_ms=250)


def check(word: str) -> None:
    """Raise what the word asks for, if anything."""
    if word.startswith("fault:"):
        raise fault(word)
    if word == "crash":
        raise RuntimeError("secret text of an exception")


class Echo:
    """Answers words with words; `held` keeps a word `hold` waiting, `began` tells that one waits."""

    def __init__(self) -> None:
        self.held = asyncio.Event()
        self.began = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.callers: list[identity.Caller] = []

    async def _reply(self, word: str) -> Any:
        check(word)
        if word == "hold":
            self.began.set()
            try:
                await self.held.wait()
            except asyncio.CancelledError:
                self.cancelled.set()
                raise
        return Word(value=word.upper())

    async def unary(self, request: Any, context: Any) -> Any:
        """Answer one word with one."""
        self.callers.append(identity.caller())
        if request.value == "abort":
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not now")
        return await self._reply(request.value)

    async def down(self, request: Any, _: Any) -> AsyncIterator[Any]:
        """Answer one word with its letters."""
        self.callers.append(identity.caller())
        first, _, rest = request.value.partition(" ")
        for letter in first:
            yield Word(value=letter)
        if rest:
            yield await self._reply(rest)

    async def up(self, requests: AsyncIterator[Any], _: Any) -> Any:
        """Answer words with their sentence."""
        self.callers.append(identity.caller())
        words = []
        async for request in requests:
            check(request.value)
            words.append(request.value)
        return Word(value=" ".join(words))

    def both(self, requests: AsyncIterator[Any], _: Any) -> AsyncIterator[Any]:
        """Answer each word; a plain function that returns an asynchronous iterator, as stubs allow."""
        self.callers.append(identity.caller())
        return self._each(requests)

    async def _each(self, requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
        async for request in requests:
            if request.value == "end":
                return
            yield await self._reply(request.value)

    def register(self, server: grpc.aio.Server) -> None:
        """Register as generated code does."""
        shapes: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
            "Unary": (grpc.unary_unary_rpc_method_handler, self.unary),
            "Down": (grpc.unary_stream_rpc_method_handler, self.down),
            "Up": (grpc.stream_unary_rpc_method_handler, self.up),
            "Both": (grpc.stream_stream_rpc_method_handler, self.both),
        }
        handlers = {
            name: make(
                function,
                request_deserializer=Word.FromString,
                response_serializer=Word.SerializeToString,
            )
            for name, (make, function) in shapes.items()
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
        server.add_registered_method_handlers(SERVICE, handlers)


class EchoStub:
    """A client as generated code makes it."""

    def __init__(self, channel: Any) -> None:
        codec = {
            "request_serializer": Word.SerializeToString,
            "response_deserializer": Word.FromString,
            "_registered_method": True,
        }
        self.Unary = channel.unary_unary(method("Unary"), **codec)
        self.Down = channel.unary_stream(method("Down"), **codec)
        self.Up = channel.stream_unary(method("Up"), **codec)
        self.Both = channel.stream_stream(method("Both"), **codec)
        self.Missing = channel.unary_unary(method("Missing"), **codec)


async def words(*values: str) -> AsyncIterator[Any]:
    """Yield requests of these words."""
    for value in values:
        yield Word(value=value)


async def values(call: Any) -> list[str]:
    """Return the words a call answers."""
    return [response.value async for response in call]


async def say(stub: EchoStub, shape: str, word: str) -> list[str]:
    """Return what a call of this shape answers to the word."""
    if shape == "Unary":
        return [(await stub.Unary(Word(value=word))).value]
    if shape == "Down":
        return await values(stub.Down(Word(value=f"a {word}")))
    if shape == "Up":
        return [(await stub.Up(words(word))).value]
    return await values(stub.Both(words(word)))


async def always_ready() -> apps.Readiness:
    """Say that work may be sent."""
    return apps.Readiness(ok=True)


def app(
    echo: Echo,
    *,
    callers: Mapping[str, frozenset[str]] | None = None,
    ready: Callable[[], Any] = always_ready,
    verifier: tokens.TokenVerifier | None = None,
) -> apps.App:
    """Return the service as an app that `CALLER` may call."""
    table = callers
    if table is None:
        table = {method(name): frozenset({CALLER}) for name in (*METHODS, "Missing")}
    return apps.App("echo", echo.register, (SERVICE,), table, ready, verifier)
