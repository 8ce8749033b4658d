"""Whatever is changed behind storage's back, a walk over the chains names the first break."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

import storage_support as support
from ultrathink.storage.v1 import storage_pb2

pytestmark = pytest.mark.xdist_group("postgres")


@pytest.fixture
async def storage(embedded_postgres: support.Server) -> AsyncIterator[support.Stubs]:
    """A storage service on a fresh database."""
    async with support.service(embedded_postgres, anchor_seconds=3_600) as stubs:
        yield stubs


async def execute(dsn: str, *statements: str) -> None:
    """Execute statements on a connection of their own."""
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def tampered(
    server: support.Server, storage: support.Stubs, *statements: str
) -> storage_pb2.BrokenLink:
    """Change the database behind storage's back, as a superuser could, and return what a walk finds."""
    await execute(server.superuser_dsn(storage.database), *statements)
    last = await support.verified(storage)
    assert last.done
    assert not last.merkle_root
    return last.broken


@pytest.mark.parametrize(
    ("statement", "sequence", "reason"),
    [
        ("UPDATE ultrathink.audit_entries SET subject = 'someone else' WHERE sequence = 2", 2, "hash"),
        ("UPDATE ultrathink.audit_entries SET hash = sha256(hash) WHERE sequence = 2", 2, "hash"),
        (
            "UPDATE ultrathink.audit_entries SET previous_hash = sha256('') WHERE sequence = 2",
            2,
            "previous_hash",
        ),
        ("DELETE FROM ultrathink.audit_entries WHERE sequence = 2", 2, "gap"),
        ("DELETE FROM ultrathink.audit_entries WHERE sequence = 3", 3, "truncated"),
        ("DELETE FROM ultrathink.audit_heads", 0, "truncated"),
        ("UPDATE ultrathink.audit_heads SET sequence = 4", 4, "truncated"),
        ("UPDATE ultrathink.audit_heads SET hash = sha256(hash)", 3, "truncated"),
        ("UPDATE ultrathink.claims SET content_hash = sha256('') WHERE claim_id = 'B'", 2, "content"),
        ("UPDATE ultrathink.claims SET decision_size = 3 WHERE claim_id = 'B'", 2, "content"),
        ("DELETE FROM ultrathink.claims WHERE claim_id = 'B'", 2, "content"),
        ("UPDATE ultrathink.bodies SET content = 'rubbish'", 1, "content"),
        ("DELETE FROM ultrathink.bodies", 1, "content"),
    ],
)
async def test_tampering_is_named(
    embedded_postgres: support.Server, storage: support.Stubs, statement: str, sequence: int, reason: str
):
    """Whatever a superuser changes in entries, heads, claims or documents, the walk names the first break."""
    await support.recorded(storage, "A", "B", "C")
    assert (await support.verified(storage)).merkle_root
    broken = await tampered(embedded_postgres, storage, statement)
    assert (broken.tenant, broken.chain, broken.sequence, broken.reason) == ("demo", "s0.0", sequence, reason)


async def test_a_tampered_change_is_named(embedded_postgres: support.Server, storage: support.Stubs):
    """A reviewer's decision that was rewritten later breaks the chain of changes."""
    [claim] = await support.recorded(storage, "A")
    await storage.store.RecordChange(support.changed(claim))
    broken = await tampered(
        embedded_postgres, storage, "UPDATE ultrathink.transitions SET decision = 'x' WHERE revision = 2"
    )
    assert (broken.chain, broken.sequence, broken.reason) == ("s0.changes", 1, "content")


async def test_a_chain_cut_and_closed_again_is_caught_by_its_anchor(embedded_postgres: support.Server):
    """Removing the last entries with their head leaves a sound chain, but the anchor outside remembers."""
    async with support.service(embedded_postgres, anchor_seconds=0.05) as storage:
        await support.recorded(storage, "A", "B", "C")
        anchors = embedded_postgres.data_dir / f"objects-{storage.database}" / "anchors"
        async with asyncio.timeout(10):
            while not list(anchors.glob("*.json")):  # noqa: ASYNC110 - a file in a store rings no event
                await asyncio.sleep(0.01)
    async with support.service(embedded_postgres, name=storage.database, anchor_seconds=3_600) as storage:
        broken = await tampered(
            embedded_postgres,
            storage,
            "DELETE FROM ultrathink.claims WHERE claim_id = 'C'",
            "DELETE FROM ultrathink.audit_entries WHERE sequence = 3",
            "UPDATE ultrathink.audit_heads h SET sequence = 2, hash = e.hash"
            " FROM ultrathink.audit_entries e WHERE e.sequence = 2",
        )
    assert (broken.sequence, broken.reason) == (2, "truncated")
