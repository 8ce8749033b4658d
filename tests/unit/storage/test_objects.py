"""Objects in a folder and in memory: only whole, rightly named and small enough bytes are ever kept."""

import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest
from obstore import store

from chassis import errors
from storage import ports
from storage.outbound import objects
from storage.testing import objects as twins

MOST = 3_000
type Make = Callable[[Path], ports.ObjectStore]
STORES: Mapping[str, Make] = {
    "folder": lambda folder: objects.StoredObjects(objects.open_store(f"file://{folder}/kept"), MOST),
    "twin": lambda _folder: twins.TwinObjects(MOST),
}


@pytest.fixture(params=sorted(STORES))
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> ports.ObjectStore:
    """Yield an empty store of each kind, three thousand bytes an object at most."""
    return STORES[request.param](tmp_path)


async def pieces(*chunks: bytes) -> AsyncIterator[bytes]:
    """Yield chunks as a sender's stream does."""
    for chunk in chunks:
        yield chunk


def sha(data: bytes) -> bytes:
    """Return the name of some bytes."""
    return hashlib.sha256(data).digest()


async def read(kept: ports.ObjectStore, name: bytes) -> bytes:
    """Return an object whole."""
    return b"".join([chunk async for chunk in kept.get(name)])


@pytest.mark.parametrize(
    "chunks", [[b""], [], [b"a"], [b"a" * 1_000, b"", b"b" * 2_000], [bytes([n]) for n in range(50)]]
)
async def test_an_object_comes_back_however_it_was_cut(kept: ports.ObjectStore, chunks: list[bytes]) -> None:
    """Size and bytes are those sent, an empty object and one at the bound included."""
    data = b"".join(chunks)
    assert await kept.put(sha(data), "bundle", pieces(*chunks)) == len(data)
    assert await kept.head(sha(data)) == len(data)
    assert await read(kept, sha(data)) == data


@pytest.mark.parametrize("sent", [b"other", b"dat", b"data+", b""])
async def test_bytes_that_are_not_their_name_are_not_kept(kept: ports.ObjectStore, sent: bytes) -> None:
    """Changed, truncated or longer bytes are refused, and nothing stands under the name afterwards."""
    with pytest.raises(errors.Invalid) as refused:
        await kept.put(sha(b"data"), "bundle", pieces(sent))
    assert refused.value.reason == "object.mismatch"
    for asked in (kept.head(sha(b"data")), read(kept, sha(b"data"))):
        with pytest.raises(errors.NotFound) as missing:
            await asked
        assert missing.value.reason == "object.unknown"


async def test_one_byte_too_many_is_refused_and_not_kept(kept: ports.ObjectStore) -> None:
    """The bound holds over the whole stream, not only over its first chunk."""
    data = bytes(MOST + 1)
    with pytest.raises(errors.Invalid) as refused:
        await kept.put(sha(data), "bundle", pieces(data[:MOST], data[MOST:]))
    assert refused.value.reason == "object.too_large"
    with pytest.raises(errors.NotFound):
        await kept.head(sha(data))


async def test_a_stream_that_breaks_leaves_nothing(kept: ports.ObjectStore) -> None:
    """A sender who goes away in the middle leaves no half an object behind."""

    async def broken() -> AsyncIterator[bytes]:
        yield b"da"
        raise errors.Unavailable("stream.lost", "The sender went away.")

    with pytest.raises(errors.Unavailable, match=r"stream\.lost"):
        await kept.put(sha(b"data"), "bundle", broken())
    with pytest.raises(errors.NotFound):
        await kept.head(sha(b"data"))


@pytest.mark.parametrize("kind", ["", "Bundle", "../up", "a" * 33, "1a", "a b", "a\n"])
async def test_a_kind_is_a_short_plain_word(kept: ports.ObjectStore, kind: str) -> None:
    """Nothing that could lead out of the folder or break a log's line is taken for a kind."""
    with pytest.raises(errors.Invalid) as refused:
        await kept.put(sha(b"data"), kind, pieces(b"data"))
    assert refused.value.reason == "object.name"


async def test_the_same_object_twice_is_one(kept: ports.ObjectStore) -> None:
    """Sending an object again changes nothing and says its size again."""
    for _ in range(2):
        assert await kept.put(sha(b"data"), "bundle", pieces(b"data")) == 4
    assert await read(kept, sha(b"data")) == b"data"


async def test_the_latest_anchor_is_the_one_with_the_latest_instant(kept: ports.ObjectStore) -> None:
    """Anchors are found by their instant, in whatever order they were kept, across digits of its number."""
    assert await kept.last_anchor() is None
    for at_ms in (999, 10_000, 1_785_574_800_000, 2_000):
        await kept.keep_anchor(at_ms, b"%d" % at_ms)
    assert await kept.last_anchor() == b"1785574800000"


@pytest.mark.parametrize("name", [b"", b"x" * 31, b"x" * 33])
async def test_a_name_has_thirty_two_bytes(tmp_path: Path, name: bytes) -> None:
    """A name that is no digest is refused before a byte is taken in."""
    stored = objects.StoredObjects(objects.open_store(f"file://{tmp_path}"), MOST)
    with pytest.raises(errors.Invalid) as refused:
        await stored.put(name, "bundle", pieces(b"data"))
    assert refused.value.reason == "object.name"


def test_addresses_of_stores_are_read(tmp_path: Path) -> None:
    """A folder is made when missing and its name unquoted; r2 becomes the endpoint of its account."""
    opened = objects.open_store(f"file://{tmp_path}/with%20space/deep")
    assert isinstance(opened, store.LocalStore)
    assert (tmp_path / "with space" / "deep").is_dir()
    bucket = objects.open_store("r2://account/bucket")
    assert isinstance(bucket, store.S3Store)
    assert bucket.config["endpoint"] == "https://account.r2.cloudflarestorage.com"
    assert bucket.config["bucket"] == "bucket"


async def test_a_store_that_cannot_write_is_unavailable(tmp_path: Path) -> None:
    """Where a folder's place is taken by a file, the fault says unavailable and not which path."""
    stored = objects.StoredObjects(objects.open_store(f"file://{tmp_path}/kept"), MOST)
    (tmp_path / "kept" / "objects").write_text("in the way")
    with pytest.raises(errors.Unavailable) as refused:
        await stored.put(sha(b"data"), "bundle", pieces(b"data"))
    assert refused.value.reason == "objects.unavailable"
    assert str(tmp_path) not in str(refused.value)
