"""The door for claims: batches on a stream, one batch, a check, a file."""

from collections.abc import AsyncIterator
from typing import Any

from chassis import identity, streams
from claims.inbound import batches, files
from ultrathink.claims.v1 import claims_pb2, claims_pb2_grpc


class Intake(claims_pb2_grpc.ClaimIntakeServicer):
    """Serves ClaimIntake."""

    def __init__(
        self, carrying: batches.Batches, filing: files.Files, verbs: tuple[batches.Verb, batches.Verb]
    ) -> None:
        self._batches, self._files = carrying, filing
        self._submit, self._check = verbs

    def Submit(  # noqa: N802 - the contract's name
        self, request_iterator: AsyncIterator[claims_pb2.SubmitRequest], context: Any
    ) -> AsyncIterator[claims_pb2.SubmitResponse]:
        """Answer batches as they get ready."""
        del context
        who = identity.caller()

        async def answer(request: claims_pb2.SubmitRequest) -> claims_pb2.SubmitResponse:
            return await self._answer(request, who)

        return streams.serve_batches(request_iterator, answer)

    async def SubmitClaim(  # noqa: N802 - the contract's name
        self, request: claims_pb2.SubmitRequest, context: Any
    ) -> claims_pb2.SubmitResponse:
        """Answer one batch."""
        del context
        return await self._answer(request, identity.caller())

    async def Check(  # noqa: N802 - the contract's name
        self, request: claims_pb2.SubmitRequest, context: Any
    ) -> claims_pb2.SubmitResponse:
        """Answer one batch, store nothing."""
        del context
        return await self._batches.answer(request, self._check, identity.caller())

    async def SubmitFile(  # noqa: N802 - the contract's name
        self, request_iterator: AsyncIterator[claims_pb2.FileChunk], context: Any
    ) -> AsyncIterator[claims_pb2.SubmitResult]:
        """Answer the claims of a file in its order, one by one."""
        del context
        async for message in self._files.answer(request_iterator, identity.caller()):
            for result in message.results:
                yield result

    async def StreamFile(  # noqa: N802 - the contract's name
        self, request_iterator: AsyncIterator[claims_pb2.FileChunk], context: Any
    ) -> AsyncIterator[claims_pb2.SubmitResponse]:
        """Answer the claims of a file in its order, those that get ready together in one message."""
        del context
        async for message in self._files.answer(request_iterator, identity.caller()):
            yield message

    async def _answer(
        self, request: claims_pb2.SubmitRequest, who: identity.Caller
    ) -> claims_pb2.SubmitResponse:
        return await self._batches.answer(request, self._check if request.dry_run else self._submit, who)
