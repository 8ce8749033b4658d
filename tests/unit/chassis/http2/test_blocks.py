"""Blocks of headers: what is written reads back, and what is kept never says anything else than the table."""

from typing import Any

import hpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.http2 import blocks

NAMES = st.sampled_from([":path", ":status", "authorization", "grpc-timeout", "x-a", "x-b"])
VALUES = st.one_of(st.sampled_from(["", "a", "200", "/a.b/C"]), st.text(max_size=300))
PAIRS = st.lists(st.tuples(NAMES, VALUES), max_size=6)


@given(st.lists(PAIRS, max_size=4))
def test_what_is_written_reads_back(told: list[list[tuple[str, str]]]) -> None:
    """By anybody's decoder, block after block, and nothing was put into its table."""
    decoder = hpack.Decoder()
    for pairs in told:
        found = decoder.decode(blocks.written(pairs))
        assert [(str(name), str(value)) for name, value in found] == pairs
    assert not decoder.header_table.dynamic_entries


@pytest.mark.parametrize("size", [0, 1, 126, 127, 128, 254, 255, 16_384])
def test_lengths_of_every_form_are_written(size: int) -> None:
    """One byte, then seven bits each, as RFC 7541 counts."""
    pairs = [("a", "v" * size)]
    found = hpack.Decoder().decode(blocks.written(pairs))
    assert [(str(name), str(value)) for name, value in found] == pairs


def test_nobody_on_the_way_may_keep_what_is_written() -> None:
    """A token stays out of the tables of intermediaries."""
    (found,) = hpack.Decoder().decode(blocks.written([("authorization", "Service secret")]))
    assert isinstance(found, hpack.NeverIndexedHeaderTuple)


STEPS = st.one_of(
    st.tuples(st.just("say"), PAIRS, st.booleans()),
    st.tuples(st.just("again"), st.integers(0, 40), st.just(value=False)),
    st.tuples(st.just("size"), st.sampled_from([0, 60, 100, 4_096]), st.just(value=False)),
)


@given(st.lists(STEPS, max_size=40))
def test_a_reader_that_keeps_reads_as_one_that_does_not(steps: list[tuple[str, Any, bool]]) -> None:
    """Whatever is said, repeated byte by byte, put into the table, and driven out of it."""
    plain, keeping, encoder = hpack.Decoder(), blocks.Reader(), hpack.Encoder()
    said: list[bytes] = []
    for kind, what, huffman in steps:
        if kind == "size":
            encoder.header_table_size = what
            continue
        if kind == "say":
            said.append(encoder.encode(what, huffman=huffman))
        block = said[what % len(said)] if kind == "again" and said else said[-1] if said else b""
        assert _read(keeping, block) == _decoded(plain, block)


def _read(reader: blocks.Reader, block: bytes) -> object:
    try:
        return reader.read(block)
    except hpack.HPACKError as cause:
        return type(cause)


def _decoded(decoder: hpack.Decoder, block: bytes) -> object:
    try:
        return [(str(name), str(value)) for name, value in decoder.decode(block)]
    except hpack.HPACKError as cause:
        return type(cause)


def test_what_is_kept_is_bounded() -> None:
    """A peer that says something new each time is not remembered."""
    reader = blocks.Reader()
    for number in range(1_000):
        reader.read(blocks.written([("x", f"{number}")]))
        reader.read(blocks.written([("x", f"{number}" * blocks.MAX_KEPT_BYTES)][: number % 2]))
    kept = reader._kept
    assert len(kept) <= blocks.MAX_KEPT
    assert all(len(block) <= blocks.MAX_KEPT_BYTES for block in kept)
