"""Bodies as they are stored: what was packed is cut out again, and damage is said, never guessed around."""

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from chassis import errors
from storage.domain import records
from storage.outbound import bodies, documents

TRIPLES = st.lists(
    st.tuples(st.binary(max_size=60), st.binary(max_size=60), st.binary(max_size=60)), min_size=1, max_size=6
)
FRAME = documents.pack([b'{"claim_id":"C-1"}' * 9, b'{"verdict":"accept"}', b"received"])


@given(TRIPLES)
def test_each_claim_is_cut_out_of_the_body_it_shares(claims: list[tuple[bytes, bytes, bytes]]) -> None:
    """Claims of one body come back as they went in, wherever in it they lie and however small they are."""
    raw = documents.unpack(documents.pack([part for claim in claims for part in claim]))
    start = 0
    for claim in claims:
        one, two, three = map(len, claim)
        place = records.Place("body", None, start, one, two, three, "")
        assert documents.cut(raw, place) == claim
        start += sum(map(len, claim))
    assert start == len(raw)


@given(st.integers(0, len(FRAME) - 1))
def test_a_truncated_body_is_not_opened(size: int) -> None:
    """Cut at any byte, a body is refused as a whole: half of a claim is no claim."""
    with pytest.raises(ValueError, match="frame"):
        documents.unpack(FRAME[:size])


@given(st.binary(max_size=200))
def test_bytes_that_are_no_body_are_refused_as_such(content: bytes) -> None:
    """Whatever stands where a body should be, the answer is the one error its callers translate."""
    with pytest.raises(ValueError, match="frame"):
        documents.unpack(b"\0" + content)


def test_a_body_with_something_behind_it_is_refused() -> None:
    """Bytes after the frame were not written by us, so neither is the rest believed."""
    with pytest.raises(ValueError, match="frame"):
        documents.unpack(FRAME + b"more")


@pytest.mark.parametrize("stated", [True, False])
def test_a_frame_larger_than_any_of_ours_is_not_opened(*, stated: bool) -> None:
    """A small object that unpacks into more than the bound is refused, whether it states its size or not."""
    bomb = zstandard.ZstdCompressor(level=1, write_content_size=stated).compress(
        bytes(documents.FRAME_LIMIT + 1)
    )
    assert len(bomb) < documents.FRAME_LIMIT // 1_000
    with pytest.raises(ValueError, match="frame"):
        documents.unpack(bomb)


def test_a_frame_that_only_claims_to_be_huge_takes_no_memory() -> None:
    """The size in a forged head is judged before anything is set aside for it."""
    head = b"\x28\xb5\x2f\xfd\xe0" + (2**44).to_bytes(8, "little")
    with pytest.raises(ValueError, match="frame"):
        documents.unpack(head + b"\x01\x00\x00")


def test_a_damaged_decision_is_an_internal_fault_without_its_bytes() -> None:
    """A caller learns that the stored decision is damaged, and nothing of what it holds."""
    with pytest.raises(errors.Internal) as damaged:
        bodies.decision_of(b"secret patient")
    assert damaged.value.reason == "body.damaged"
    assert "secret" not in str(damaged.value)
    assert bodies.decision_of(documents.pack([b'{"verdict":"reject"}'])) == b'{"verdict":"reject"}'
