"""Writing batches in PostgreSQL: chains that others move, and batches of which a part is known."""

import asyncio

import asyncpg
import pytest

import storage_support as support
from storage.domain import views
from ultrathink.storage.v1 import storage_pb2

pytestmark = pytest.mark.xdist_group("postgres")

OTHER = views.Tenant(tenant="other", display_name="Another", default_regime="base")


def batch_of(*claim_ids: str, tenant: str = "demo") -> support.Batch:
    """Return a batch of these claims."""
    batch = support.Batch()
    for claim_id in claim_ids:
        batch.add(claim_id, tenant=tenant)
    return batch


def ids_of(results: list[storage_pb2.RecordResult]) -> list[str]:
    """Return the ids that were answered; no item failed."""
    assert not any(result.HasField("error") for result in results)
    return [result.recorded.id for result in results]


async def test_two_processes_of_one_name_append_to_one_chain(embedded_postgres: support.Server):
    """A head that another process moved is read again: nothing is lost or doubled."""
    async with support.service(embedded_postgres, anchor_seconds=3_600, writers=1) as first:
        again = support.service(embedded_postgres, name=first.database, anchor_seconds=3_600, writers=1)
        async with again as second:
            for turn in range(3):
                await support.recorded(first, f"A-{turn}")
                await support.recorded(second, f"B-{turn}")
            await asyncio.gather(
                *(
                    support.recorded(one, f"{name}-{n}")
                    for n in range(4)
                    for name, one in (("C", first), ("D", second))
                )
            )
            assert [(head.chain, head.entries) for head in (await support.verified(first)).heads] == [
                ("s0.0", 14)
            ]


async def test_what_is_new_in_a_batch_is_recorded_beside_what_is_known(embedded_postgres: support.Server):
    """Known keys, new ones and repeats in the batch get their own answers; only the new are written."""
    async with support.service(embedded_postgres, anchor_seconds=3_600) as storage:
        [known] = ids_of(await support.record(storage, batch_of("A")))
        results = await support.record(storage, batch_of("A", "B", "C", "B", "A"))
        a, b, c, b_again, a_again = ids_of(results)
        assert (a, a_again, b_again) == (known, known, b)
        assert [result.recorded.replayed for result in results] == [True, False, False, True, True]
        assert c not in {known, b}
        assert [head.entries for head in (await support.verified(storage)).heads] == [3]
        connection = await asyncpg.connect(embedded_postgres.superuser_dsn(storage.database))
        try:
            counts = await connection.fetchrow(
                "SELECT (SELECT count(*) FROM ultrathink.claims),"
                " (SELECT count(*) FROM ultrathink.idempotency_keys),"
                " (SELECT count(*) FROM ultrathink.outbox)"
            )
            assert counts is not None
            assert tuple(counts) == (3, 3, 3)
        finally:
            await connection.close()


async def test_tenants_of_one_batch_have_chains_of_their_own(embedded_postgres: support.Server):
    """One statement appends to every tenant's chain and moves every head."""
    name = await embedded_postgres.fresh()
    await embedded_postgres.add_tenants(name, OTHER)
    async with support.service(embedded_postgres, name=name, anchor_seconds=3_600) as storage:
        for turn in range(2):
            batch = support.Batch()
            for tenant in ("other", "demo", "other"):
                batch.add(f"{tenant}-{turn}-{len(batch.request.items)}", tenant=tenant)
            ids_of(await support.record(storage, batch))
        heads = (await support.verified(storage)).heads
        assert {(head.tenant, head.entries) for head in heads} == {("demo", 2), ("other", 4)}


async def test_a_chain_whose_head_is_gone_takes_nothing_more(embedded_postgres: support.Server):
    """Where a head was removed, the next batch is refused instead of beginning the chain anew."""
    async with support.service(embedded_postgres, anchor_seconds=3_600, writers=1) as storage:
        await support.recorded(storage, "A")
        connection = await asyncpg.connect(embedded_postgres.superuser_dsn(storage.database))
        try:
            await connection.execute("DELETE FROM ultrathink.audit_heads")
        finally:
            await connection.close()
        [result] = await support.record(storage, batch_of("B"))
        assert result.HasField("error")
