"""The anchor: a Merkle root and the heads under it, as they are kept outside the database."""

from collections.abc import Collection, Sequence

import msgspec

from chassis import errors
from storage.domain import chains, merkle


class Anchor(msgspec.Struct, frozen=True, kw_only=True):
    """What stood when. Hashes in base64, as JSON carries bytes."""

    at_ms: int
    merkle_root: bytes
    heads: list[chains.Head]


def encode(at_ms: int, heads: Sequence[chains.Head]) -> bytes:
    """Return the document of an anchor over these heads."""
    return msgspec.json.encode(Anchor(at_ms=at_ms, merkle_root=merkle.root_of(heads), heads=list(heads)))


def by_chain(document: bytes | None, tenants: Collection[str]) -> dict[tuple[str, str], chains.Head]:
    """Return the anchored heads of these tenants by (tenant, chain); none without a document.

    Internal `anchor.damaged` when the document cannot be read: nothing is then held against it in silence.
    """
    if document is None:
        return {}
    try:
        kept = msgspec.json.decode(document, type=Anchor)
    except ValueError as cause:  # msgspec's errors and those of bytes that are no text
        raise errors.Internal("anchor.damaged", "The last anchor cannot be read.") from cause
    return {(head.tenant, head.chain): head for head in kept.heads if head.tenant in tenants}
