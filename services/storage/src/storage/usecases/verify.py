"""Verify the audit chains: walk every entry of every chain in bounded memory, or stop at the first break."""

from collections.abc import AsyncIterator, Mapping, Sequence

import msgspec

from storage import ports
from storage.domain import anchors, chains, merkle

PAGE = 500  # links, and with them documents, held at once


class Broken(msgspec.Struct, frozen=True):
    """The first link that does not fit."""

    tenant: str
    chain: str
    sequence: int
    reason: chains.Break


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far the walk is; the last one has `done`, and the root and heads or the break."""

    checked: int
    total: int
    done: bool = False
    merkle_root: bytes = b""
    heads: list[chains.Head] = []
    broken: Broken | None = None


class _BrokenError(Exception):
    """Carries the break out of the walk."""

    def __init__(self, broken: Broken) -> None:
        super().__init__(broken.reason)
        self.broken = broken


async def verify(
    names: Sequence[str], *, store: ports.Chains, objects: ports.ObjectStore
) -> AsyncIterator[Progress]:
    """Yield progress while walking the chains of these tenants, then one last message.

    Entries appended after the start are left for the next walk. Heads that were anchored in the object store
    must lie on their chains, so a chain cut and closed again is noticed too.
    """
    anchored = anchors.by_chain(await objects.last_anchor(), names)
    heads = [head for name in names for head in await store.heads(name)]
    total, checked = sum(max(0, head.sequence) for head in heads), 0
    try:
        _all_there(heads, anchored)
        for head in heads:
            async for count in _walk(head, store, anchored.get((head.tenant, head.chain))):
                checked += count
                yield Progress(checked=checked, total=total)
    except _BrokenError as found:
        yield Progress(checked=checked, total=total, done=True, broken=found.broken)
        return
    yield Progress(checked=checked, total=total, done=True, merkle_root=merkle.root_of(heads), heads=heads)


def _all_there(heads: Sequence[chains.Head], anchored: Mapping[tuple[str, str], chains.Head]) -> None:
    """Break as `truncated` where a chain is not what was anchored or recorded.

    It has lost its head, is shorter than it was when anchored, or is gone altogether.
    """
    present = {(head.tenant, head.chain): head for head in heads}
    for head in heads:
        if head.sequence < 0:
            raise _BrokenError(Broken(head.tenant, head.chain, 0, "truncated"))
    for place, old in anchored.items():
        now = present.get(place)
        if now is None or now.sequence < old.sequence:
            raise _BrokenError(Broken(*place, now.sequence if now else 0, "truncated"))


async def _walk(head: chains.Head, store: ports.Chains, anchored: chains.Head | None) -> AsyncIterator[int]:
    """Check a chain up to its head, yielding the links checked per page."""
    at = chains.Head(tenant=head.tenant, chain=head.chain, sequence=0, hash=chains.GENESIS)
    while at.sequence < head.sequence:
        links = await store.links(
            head.tenant, head.chain, at.sequence, min(PAGE, head.sequence - at.sequence)
        )
        if not links:
            raise _BrokenError(Broken(head.tenant, head.chain, at.sequence + 1, "truncated"))
        for link in links:
            at = _step(at, link)
            if anchored is not None and at.sequence == anchored.sequence and at.hash != anchored.hash:
                raise _BrokenError(Broken(head.tenant, head.chain, at.sequence, "hash"))
        await _check_content(head, links, store)
        yield len(links)
    if at.hash != head.hash:
        raise _BrokenError(Broken(head.tenant, head.chain, at.sequence, "truncated"))


def _step(at: chains.Head, link: chains.Link) -> chains.Head:
    reason = chains.check(at, link)
    if reason is not None:
        raise _BrokenError(Broken(at.tenant, at.chain, at.sequence + 1, reason))
    return chains.Head(tenant=at.tenant, chain=at.chain, sequence=link.sequence, hash=link.hash)


async def _check_content(head: chains.Head, links: Sequence[chains.Link], store: ports.Chains) -> None:
    """Compare what entries say of documents with the documents themselves."""
    kept = await store.evidence(head.tenant, links)
    for link in links:
        entry = link.entry
        if not entry.document_hash:
            continue
        content, document = kept.get(link.sequence, (b"", b""))
        same_claim = not entry.content_hash or content == entry.content_hash
        if not same_claim or document != entry.document_hash:
            raise _BrokenError(Broken(head.tenant, head.chain, link.sequence, "content"))
