"""Lists in PostgreSQL: what is read for a page."""

import asyncpg
import pytest

import storage_support as support
from storage.domain import queries
from storage.outbound import listing, tables

pytestmark = pytest.mark.xdist_group("postgres")


@pytest.mark.parametrize("sort", ["-probability", "submitted", "-at_risk"])
async def test_a_providers_sorted_list_reads_the_claims_of_its_page_alone(
    embedded_postgres: support.Server, sort: str
):
    """A provider's claims are sorted within an index; a claim is opened only when it is on the page."""
    async with support.service(embedded_postgres, anchor_seconds=3_600) as storage:
        batch = support.Batch()
        for number in range(400):
            batch.add(f"C-{number}", lines=1, provider_id=f"P{number % 4}")
        await support.record(storage, batch)
        question = queries.listing("demo", {"provider": "P1", "verdict": "accept"}, sort, "", 5)
        statement = listing.page(question, in_lanes=False).compile(dialect=tables._DIALECT)
        connection = await asyncpg.connect(embedded_postgres.superuser_dsn(storage.database))
        try:
            await connection.execute("SET search_path = ultrathink; SET enable_seqscan = off")
            await connection.execute("SET enable_bitmapscan = off")
            await connection.execute("VACUUM ANALYZE claims")
            explained = await connection.fetch(
                f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {statement.string}",
                *(statement.params[name] for name in statement.positiontup or ()),
            )
        finally:
            await connection.close()
    lines = [row[0].strip() for row in explained]
    assert any("Index Only Scan using claims_" in line for line in lines)
    assert {line for line in lines if line.startswith("Heap Fetches")} == {"Heap Fetches: 0"}
