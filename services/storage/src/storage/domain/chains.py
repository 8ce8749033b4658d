"""The audit chain: what one entry says, how it is bound to the one before, and what can be wrong with it.

Entry hash = SHA-256(previous hash ‖ sequence as 8 bytes, big-endian ‖ canonical entry). The canonical entry
is the JSON array of tenant, chain, event, subject, id, revision, instant in ms, content hash, document hash
(hashes in hexadecimal), without spaces. It holds no patient's data.
"""

import hashlib
from typing import Literal

import msgspec

GENESIS = bytes(32)  # the hash before a chain's first entry

type Break = Literal["hash", "previous_hash", "gap", "content", "truncated"]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One audited event. `content_hash` is the claim's, `document_hash` that of what storage keeps of it."""

    tenant: str
    chain: str
    event: str
    subject: str
    id: str
    revision: int = 0
    at_ms: int
    content_hash: bytes = b""
    document_hash: bytes = b""


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """An entry in its place."""

    entry: Entry
    sequence: int
    previous_hash: bytes
    hash: bytes


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The last entry of one chain: its sequence (the chain's length) and hash."""

    tenant: str
    chain: str
    sequence: int
    hash: bytes


_ENCODER = msgspec.json.Encoder()


def canonical(entry: Entry) -> bytes:
    """Return the bytes of an entry that are hashed."""
    return _ENCODER.encode(
        (
            entry.tenant,
            entry.chain,
            entry.event,
            entry.subject,
            entry.id,
            entry.revision,
            entry.at_ms,
            entry.content_hash.hex(),
            entry.document_hash.hex(),
        )
    )


def link_hash(previous: bytes, sequence: int, entry: bytes) -> bytes:
    """Return the hash that binds a canonical entry to the one before it."""
    return hashlib.sha256(previous + sequence.to_bytes(8) + entry).digest()


def document_hash(claim_json: bytes, decision_json: bytes, received: bytes) -> bytes:
    """Return the digest of a claim's stored documents, their lengths included so that none can shift."""
    sizes = len(claim_json).to_bytes(8) + len(decision_json).to_bytes(8)
    return hashlib.sha256(b"".join((sizes, claim_json, decision_json, received))).digest()


def check(previous: Head, link: Link) -> Break | None:
    """Return what does not fit between a chain's verified head so far and the next link.

    None when it fits.
    """
    if link.sequence != previous.sequence + 1:
        return "gap"
    if link.previous_hash != previous.hash:
        return "previous_hash"
    if link_hash(link.previous_hash, link.sequence, canonical(link.entry)) != link.hash:
        return "hash"
    return None
