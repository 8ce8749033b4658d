"""The tree over the heads of all chains: one value that changes with any of them, in any order."""

import hashlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.domain import anchors, chains, merkle

TEXT = st.text(max_size=12)
DIGEST = st.binary(min_size=32, max_size=32)
ENTRIES = st.builds(
    chains.Entry,
    tenant=TEXT,
    chain=TEXT,
    event=TEXT,
    subject=TEXT,
    id=TEXT,
    revision=st.integers(0, 2**31),
    at_ms=st.integers(0, 2**47),
    content_hash=st.one_of(st.just(b""), DIGEST),
    document_hash=st.one_of(st.just(b""), DIGEST),
)
HEADS = st.builds(chains.Head, tenant=TEXT, chain=TEXT, sequence=st.integers(0, 2**62), hash=DIGEST)
START = chains.Head(tenant="demo", chain="s0.0", sequence=0, hash=chains.GENESIS)


@given(st.lists(HEADS, max_size=9, unique_by=lambda head: (head.tenant, head.chain)), st.randoms())
def test_the_root_does_not_depend_on_the_order_heads_come_in(
    heads: list[chains.Head], random: object
) -> None:
    """Two processes that list the same heads differently agree on the root."""
    shuffled = list(heads)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    assert merkle.root_of(shuffled) == merkle.root_of(heads)


@given(st.lists(HEADS, min_size=1, max_size=9, unique_by=lambda head: (head.tenant, head.chain)), st.data())
def test_the_root_changes_with_any_head(heads: list[chains.Head], data: st.DataObject) -> None:
    """One chain grown, forged or left out changes the one value that stands for them all."""
    root = merkle.root_of(heads)
    place = data.draw(st.integers(0, len(heads) - 1))
    grown = msgspec.structs.replace(heads[place], sequence=heads[place].sequence + 1)
    forged = msgspec.structs.replace(heads[place], hash=hashlib.sha256(heads[place].hash).digest())
    for other in ([grown], [forged], []):
        assert merkle.root_of([*heads[:place], *other, *heads[place + 1 :]]) != root


def test_names_of_tenant_and_chain_cannot_run_into_each_other() -> None:
    """Tenant `ab` with chain `c` is not tenant `a` with chain `bc`."""
    one = chains.Head(tenant="ab", chain="c", sequence=1, hash=chains.GENESIS)
    two = chains.Head(tenant="a", chain="bc", sequence=1, hash=chains.GENESIS)
    assert merkle.leaf(one) != merkle.leaf(two)


def sha(data: bytes) -> bytes:
    """Return a SHA-256 digest."""
    return hashlib.sha256(data).digest()


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5])
def test_the_tree_is_that_of_rfc_6962(count: int) -> None:
    """Roots of small trees, written out by hand, split at the largest power of two below the count."""
    a, b, c, d, e = (sha(bytes([number])) for number in range(5))
    ab, cd = sha(b"\x01" + a + b), sha(b"\x01" + c + d)
    five = sha(b"\x01" + sha(b"\x01" + ab + cd) + e)
    roots = {0: sha(b""), 1: a, 2: ab, 3: sha(b"\x01" + ab + c), 5: five}
    assert merkle.root([a, b, c, d, e][:count]) == roots[count]


def test_without_an_anchor_nothing_is_anchored() -> None:
    """A platform that has just begun has no anchored head to be held against."""
    assert anchors.by_chain(None, {"demo"}) == {}
