"""The door to objects."""

from collections.abc import AsyncIterator
from typing import Any

from chassis import errors
from storage import ports
from storage.inbound import converters
from ultrathink.storage.v1 import storage_pb2, storage_pb2_grpc


class Objects(storage_pb2_grpc.ObjectsServicer):
    """Converts, calls, converts."""

    def __init__(self, store: ports.ObjectStore) -> None:
        self._store = store

    async def Put(  # noqa: N802 - the contract's name
        self, request_iterator: AsyncIterator[storage_pb2.PutRequest], context: Any
    ) -> storage_pb2.PutResponse:
        """Take an object in; it is stored whole or not at all."""
        del context
        first = await anext(aiter(request_iterator), None)
        if first is None:
            raise errors.Invalid("object.name", "The first message names the object.")
        digest = converters.sha256(first.sha256)
        size = await self._store.put(digest, first.kind, _data(first, request_iterator))
        return storage_pb2.PutResponse(sha256=digest.hex(), size=size)

    async def Get(  # noqa: N802 - the contract's name
        self, request: storage_pb2.GetRequest, context: Any
    ) -> AsyncIterator[storage_pb2.GetResponse]:
        """Stream an object's bytes."""
        del context
        async for chunk in self._store.get(converters.sha256(request.sha256)):
            yield storage_pb2.GetResponse(data=chunk)

    async def Head(  # noqa: N802 - the contract's name
        self, request: storage_pb2.HeadRequest, context: Any
    ) -> storage_pb2.HeadResponse:
        """Return an object's size."""
        del context
        return storage_pb2.HeadResponse(size=await self._store.head(converters.sha256(request.sha256)))


async def _data(
    first: storage_pb2.PutRequest, rest: AsyncIterator[storage_pb2.PutRequest]
) -> AsyncIterator[bytes]:
    yield first.data
    async for message in rest:
        yield message.data
