"""Objects behind obstore: a local folder, S3, R2 or Google's store, named by the sha256 of their bytes."""

import contextlib
import hashlib
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib import parse

import obstore
from obstore import exceptions, store

from chassis import errors

ANCHORS = "anchors"
READ_BYTES = 1024 * 1024  # one chunk of an answer: far below a message's 16 MiB
NAME_DIGITS = 15  # milliseconds as decimal digits, so that names sort by time until the year 33658
HASH_BYTES = 32


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, exceptions.NotFoundError) as cause:
        raise errors.NotFound("object.unknown", "There is no such object.") from cause
    except (exceptions.BaseError, OSError) as cause:
        raise errors.Unavailable(
            "objects.unavailable", "The object store does not answer as it should."
        ) from cause


def open_store(url: str) -> store.ObjectStore:
    """Return the store of a URL: file:///folder (made when missing), s3://, gs://, r2://account/bucket.

    Credentials come from the environment as each cloud's own tools expect them.
    """
    address = parse.urlsplit(url)
    if address.scheme == "file":
        folder = Path(parse.unquote(address.path))
        folder.mkdir(parents=True, exist_ok=True)
        return store.LocalStore(folder)
    if address.scheme == "r2":
        endpoint = f"https://{address.netloc}.r2.cloudflarestorage.com"
        return store.S3Store(address.path.strip("/"), endpoint=endpoint, region="auto")
    return store.from_url(url)


class StoredObjects:
    """Implements ports.ObjectStore. `most` bounds one object in bytes."""

    def __init__(self, backing: store.ObjectStore, most: int) -> None:
        self._store, self._most = backing, most

    async def put(self, sha256: bytes, kind: str, chunks: AsyncIterator[bytes]) -> int:
        """Take an object in, then store it whole: the store makes it visible only when it is complete."""
        if len(sha256) != HASH_BYTES or not re.fullmatch(r"[a-z][a-z0-9.-]{0,31}", kind):
            raise errors.Invalid("object.name", "An object is named by its sha256 and a short kind.")
        taken = bytearray()
        async for chunk in chunks:
            if len(taken) + len(chunk) > self._most:
                raise errors.Invalid("object.too_large", f"An object holds at most {self._most} bytes.")
            taken += chunk
        if hashlib.sha256(taken).digest() != sha256:
            raise errors.Invalid("object.mismatch", "The bytes do not hash to the object's name.")
        with _translated():
            await obstore.put_async(self._store, _path(sha256), bytes(taken), attributes=None)
        return len(taken)

    async def head(self, sha256: bytes) -> int:
        """Return an object's size in bytes."""
        with _translated():
            return int((await obstore.head_async(self._store, _path(sha256)))["size"])

    async def get(self, sha256: bytes) -> AsyncIterator[bytes]:
        """Stream an object's bytes."""
        with _translated():
            found = await obstore.get_async(self._store, _path(sha256))
            async for chunk in found.stream(min_chunk_size=READ_BYTES):
                for start in range(0, len(chunk), READ_BYTES):
                    yield bytes(chunk[start : start + READ_BYTES])

    async def keep_anchor(self, at_ms: int, document: bytes) -> None:
        """Store an anchor under its instant."""
        with _translated():
            await obstore.put_async(self._store, f"{ANCHORS}/{at_ms:0{NAME_DIGITS}}.json", document)

    async def last_anchor(self) -> bytes | None:
        """Return the anchor with the latest name."""
        latest = ""
        with _translated():
            async for found in obstore.list(self._store, ANCHORS):
                latest = max([latest, *(entry["path"] for entry in found)])
            if not latest:
                return None
            return bytes(await (await obstore.get_async(self._store, latest)).bytes_async())


def _path(sha256: bytes) -> str:
    name = sha256.hex()
    return f"objects/{name[:2]}/{name}"


async def whole(objects: StoredObjects, sha256: bytes) -> bytes:
    """Return an object's bytes at once; for those known to be small enough."""
    return b"".join([chunk async for chunk in objects.get(sha256)])
