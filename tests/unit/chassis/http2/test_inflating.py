"""Compressed messages: as gRPC's clients send them, and as somebody sends them who means harm."""

import contextlib
import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis import errors
from chassis.http2 import inflating, streams

MAKERS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "deflate": zlib.compress}


@pytest.mark.parametrize("encoding", MAKERS)
@given(data=st.binary(max_size=2_000))
def test_a_message_comes_back(encoding: str, data: bytes) -> None:
    """In either encoding of gRPC."""
    assert inflating.inflater(encoding)(MAKERS[encoding](data)) == data


@pytest.mark.parametrize("encoding", ["identity", "snappy", "", "GZIP"])
def test_another_encoding_is_not_known(encoding: str) -> None:
    """Whoever asks answers UNIMPLEMENTED."""
    with pytest.raises(KeyError):
        inflating.inflater(encoding)


@pytest.mark.parametrize("encoding", MAKERS)
def test_a_message_that_grows_without_end_is_refused_at_the_limit(encoding: str) -> None:
    """A hundred thousand bytes stand for a hundred million; they are never made."""
    bomb = MAKERS[encoding](bytes(100_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(errors.Exhausted, match=r"call\.exhausted"):
            inflating.inflater(encoding)(bomb)
        assert tracemalloc.get_traced_memory()[1] < 3 * streams.MAX_MESSAGE_BYTES
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("encoding", MAKERS)
def test_the_largest_message_passes(encoding: str) -> None:
    """To the byte."""
    data = bytes(streams.MAX_MESSAGE_BYTES)
    assert len(inflating.inflater(encoding)(MAKERS[encoding](data))) == len(data)


@given(st.sampled_from(sorted(MAKERS)), st.binary(max_size=200), st.integers(0, 60))
def test_garbage_and_halves_are_damaged_and_nothing_else(encoding: str, data: bytes, kept: int) -> None:
    """Only faults leave, whatever the bytes."""
    for told in (data, MAKERS[encoding](data)[:kept]):
        with contextlib.suppress(errors.Internal):
            assert inflating.inflater(encoding)(told) == data
