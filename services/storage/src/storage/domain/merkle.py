"""The Merkle root over the heads of all chains (the tree of RFC 6962): one value that stands for them all."""

import hashlib
from collections.abc import Iterable, Sequence

from storage.domain import chains

LEAF, NODE = b"\x00", b"\x01"  # different prefixes, so that a node can never pass for a leaf


def leaf(head: chains.Head) -> bytes:
    """Return the leaf of one head; names are length-prefixed so that they cannot run into each other."""
    parts = [LEAF]
    for name in (head.tenant.encode(), head.chain.encode()):
        parts += [len(name).to_bytes(4), name]
    return hashlib.sha256(b"".join([*parts, head.sequence.to_bytes(8), head.hash])).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """Return the root of the tree over `leaves`; of none, the hash of nothing."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(NODE + root(leaves[:split]) + root(leaves[split:])).digest()


def root_of(heads: Iterable[chains.Head]) -> bytes:
    """Return the root over heads in the order of tenant and chain, whatever order they come in."""
    return root([leaf(head) for head in sorted(heads, key=lambda head: (head.tenant, head.chain))])
