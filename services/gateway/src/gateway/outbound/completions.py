"""Suggestions for what a claim leaves open, asked of the claims room."""

import grpc

from chassis import clock as clocks
from chassis import contexts, deadlines
from gateway.outbound import claims, converters
from ultrathink.claims.v1 import completions_pb2, completions_pb2_grpc


class Completer:
    """Implements `ports.Completer` on claims' Completer."""

    def __init__(self, channel: grpc.aio.Channel, clock: clocks.Clock) -> None:
        self._clock = clock
        self._stub = completions_pb2_grpc.CompleterStub(channel)

    async def complete(self, body: bytes, context: contexts.CallContext) -> bytes:
        """Return the suggestions and refusals for one claim."""
        request = completions_pb2.CompleteRequest(context=converters.context(context, self._clock), body=body)
        seconds = deadlines.left_for_hop(context, self._clock)
        return (await claims.answered(self._stub.Complete(request, timeout=seconds))).document
