"""The audit chain and the Merkle root: every change shows."""

import hashlib

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from storage.domain import anchors, chains, merkle

TEXTS = st.text(max_size=12)
HASHES = st.binary(min_size=32, max_size=32)
ENTRIES = st.builds(
    chains.Entry,
    tenant=TEXTS,
    chain=TEXTS,
    event=TEXTS,
    subject=TEXTS,
    id=TEXTS,
    revision=st.integers(0, 9),
    at_ms=st.integers(0, 2**53),
    content_hash=st.one_of(st.just(b""), HASHES),
    document_hash=st.one_of(st.just(b""), HASHES),
)
HEADS = st.builds(chains.Head, tenant=TEXTS, chain=TEXTS, sequence=st.integers(0, 2**40), hash=HASHES)


def linked(entries: list[chains.Entry]) -> list[chains.Link]:
    """Return the chain over entries."""
    links: list[chains.Link] = []
    previous = chains.GENESIS
    for number, entry in enumerate(entries, start=1):
        digest = chains.link_hash(previous, number, chains.canonical(entry))
        links.append(chains.Link(entry=entry, sequence=number, previous_hash=previous, hash=digest))
        previous = digest
    return links


def walk(links: list[chains.Link]) -> tuple[int, chains.Break] | None:
    """Return the place and reason of the first break, None when the chain is sound."""
    at = chains.Head(tenant="", chain="", sequence=0, hash=chains.GENESIS)
    for place, link in enumerate(links):
        reason = chains.check(at, link)
        if reason is not None:
            return place, reason
        at = chains.Head(tenant="", chain="", sequence=link.sequence, hash=link.hash)
    return None


@given(st.lists(ENTRIES, max_size=8))
def test_an_untouched_chain_is_sound(entries: list[chains.Entry]):
    """What was chained verifies."""
    assert walk(linked(entries)) is None


@given(st.lists(ENTRIES, min_size=1, max_size=6), st.data())
def test_any_changed_field_breaks_the_chain_there(entries: list[chains.Entry], data: st.DataObject):
    """Whichever field of whichever entry is changed, the walk stops at that entry."""
    links = linked(entries)
    place = data.draw(st.integers(0, len(links) - 1))
    other = data.draw(ENTRIES.filter(lambda entry: entry != links[place].entry))
    links[place] = msgspec.structs.replace(links[place], entry=other)
    assert walk(links) == (place, "hash")


@given(st.lists(ENTRIES, min_size=2, max_size=6), st.data())
def test_a_removed_entry_is_a_gap(entries: list[chains.Entry], data: st.DataObject):
    """An entry that is missing in the middle is told as a gap in its place."""
    links = linked(entries)
    place = data.draw(st.integers(0, len(links) - 2))
    del links[place]
    assert walk(links) == (place, "gap")


@given(st.lists(ENTRIES, min_size=2, max_size=6))
def test_a_rewritten_past_shows_at_the_next_entry(entries: list[chains.Entry]):
    """An entry rewritten together with its own hash no longer fits the entry behind it."""
    links = linked(entries)
    forged = msgspec.structs.replace(links[0].entry, subject=links[0].entry.subject + "x")
    digest = chains.link_hash(chains.GENESIS, 1, chains.canonical(forged))
    links[0] = msgspec.structs.replace(links[0], entry=forged, hash=digest)
    assert walk(links) == (1, "previous_hash")


def test_the_canonical_entry_is_what_the_documentation_says():
    """The bytes that are hashed are a JSON array in the documented order: anyone can check a chain."""
    entry = chains.Entry(
        tenant="demo", chain="s0.0", event="claim.recorded", subject="s", id="i", revision=1, at_ms=7,
        content_hash=b"\x01", document_hash=b"\x02",
    )  # fmt: skip
    text = b'["demo","s0.0","claim.recorded","s","i",1,7,"01","02"]'
    assert chains.canonical(entry) == text
    expected = hashlib.sha256(bytes(32) + (5).to_bytes(8) + text).digest()
    assert chains.link_hash(chains.GENESIS, 5, text) == expected


@given(st.binary(max_size=9), st.binary(max_size=9), st.binary(max_size=9))
def test_documents_cannot_borrow_bytes_from_each_other(claim: bytes, decision: bytes, received: bytes):
    """Moving a byte from one document to its neighbour changes the digest."""
    digest = chains.document_hash(claim, decision, received)
    if claim:
        assert chains.document_hash(claim[:-1], claim[-1:] + decision, received) != digest
    if received:
        assert chains.document_hash(claim, decision + received[:1], received[1:]) != digest


def reference(leaves: list[bytes]) -> bytes:
    """Return the root as RFC 6962 defines it, by the recursive definition over the largest power of two."""
    if len(leaves) == 0:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = max(power for power in (2**n for n in range(20)) if power < len(leaves))
    return hashlib.sha256(b"\x01" + reference(leaves[:split]) + reference(leaves[split:])).digest()


@given(st.lists(HASHES, max_size=40))
def test_the_root_is_that_of_the_standard(leaves: list[bytes]):
    """The tree is split as RFC 6962 splits it."""
    assert merkle.root(leaves) == reference(leaves)


@given(st.lists(HEADS, min_size=1, max_size=8, unique_by=lambda head: (head.tenant, head.chain)), st.data())
def test_the_root_stands_for_every_head(heads: list[chains.Head], data: st.DataObject):
    """The order of heads does not matter; any other head gives another root."""
    root = merkle.root_of(heads)
    assert merkle.root_of(data.draw(st.permutations(heads))) == root
    place = data.draw(st.integers(0, len(heads) - 1))
    other = data.draw(HEADS.filter(lambda head: head != heads[place]))
    assert merkle.root_of([*heads[:place], other, *heads[place + 1 :]]) != root


@given(st.lists(HEADS, max_size=5, unique_by=lambda head: (head.tenant, head.chain)))
def test_an_anchor_is_read_back(heads: list[chains.Head]):
    """An anchor keeps every head, and only those of the tenants asked for come back."""
    document = anchors.encode(7, heads)
    everyone = {head.tenant for head in heads}
    assert anchors.by_chain(document, everyone) == {(head.tenant, head.chain): head for head in heads}
    assert anchors.by_chain(document, set()) == {}
    assert anchors.by_chain(None, everyone) == {}
