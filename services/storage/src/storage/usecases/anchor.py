"""Anchor the heads of all chains in the object store, outside the reach of who can write the database."""

from chassis import clock as clocks
from storage import ports
from storage.domain import anchors, chains, merkle
from storage.usecases import know_tenants


async def anchor(
    *, store: ports.Chains, objects: ports.ObjectStore, tenants: know_tenants.Tenants, clock: clocks.Clock
) -> bytes:
    """Return the Merkle root over all heads; it is stored with them unless the last anchor says the same.

    Heads without entries or lost are left out: what is wrong with them is for `verify` to say.
    """
    heads: list[chains.Head] = []
    names = await tenants.names()
    for name in names:
        heads += [head for head in await store.heads(name) if head.sequence > 0]
    root = merkle.root_of(heads)
    last = anchors.by_chain(await objects.last_anchor(), names)
    if merkle.root_of(last.values()) != root:
        at_ms = int(clock.now().timestamp() * 1000)
        await objects.keep_anchor(at_ms, anchors.encode(at_ms, heads))
    return root
