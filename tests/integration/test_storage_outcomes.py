"""Schema 0003 in PostgreSQL: what was there before it, the older program beside it, who may see outcomes."""

import asyncpg
import pytest

import storage_support as support
from storage.domain import records
from storage.outbound import migrate

pytestmark = pytest.mark.xdist_group("postgres")


async def _superuser(server: support.Server, name: str) -> asyncpg.Connection:
    connection = await asyncpg.connect(server.superuser_dsn(name))
    await connection.execute("SET search_path = ultrathink")
    return connection


async def test_months_of_before_get_a_place_for_outcomes(embedded_postgres: support.Server):
    """A claim recorded under schema 0002 takes an outcome after the migration."""
    name = await embedded_postgres.fresh()
    connection = await _superuser(embedded_postgres, name)
    try:
        await _back_to_0002(connection)
        await connection.execute("SELECT prepare_month(1751328000000, 1754006400000, '2025_07')")
        assert await connection.fetchval("SELECT to_regclass('line_outcomes')") is None
        assert await migrate.upgrade(embedded_postgres.dsn(name, owner=True))
        bound = "SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE relname = $1"
        expected = await connection.fetchval(bound, "claims_2025_07")
        assert await connection.fetchval(bound, "line_outcomes_2025_07") == expected is not None
    finally:
        await connection.close()


async def _back_to_0002(connection: asyncpg.Connection) -> None:
    """Take the newer revisions away, as a database of that release stands."""
    await connection.execute("DROP TABLE traces CASCADE")
    await connection.execute(
        "DROP FUNCTION record_claims, past_of, trace_state, trace_head, trace_entry, party_of"
    )
    await connection.execute("CREATE INDEX claims_by_patient ON claims (patient_key, tenant)")
    await connection.execute("DROP FUNCTION record_batch, chain_heads")
    await connection.execute(
        "DROP INDEX past_services_of_key, past_services_of_tenant, claims_in_lanes_by_risk,"
        " claims_in_lanes_by_probability, claims_in_lanes_by_amount, claims_moved,"
        " claims_by_provider_and_values, claims_by_payer, claims_reviewed, claims_rejected,"
        " claims_of_other_use"
    )
    await connection.execute("CREATE INDEX past_services_by_key ON past_services (tenant, key, day)")
    await connection.execute("CREATE INDEX claims_in_review ON claims (tenant, at_risk_minor, id)")
    await connection.execute("DROP TABLE line_outcomes CASCADE")
    await connection.execute(
        f"ALTER TABLE claims {', '.join(f'DROP COLUMN {name}' for name in records.LATER)}"
    )
    await connection.execute("DROP FUNCTION record_change_with_outcomes")
    definition = await connection.fetchval("SELECT pg_get_functiondef('prepare_month'::regproc)")
    await connection.execute(definition.replace(", 'line_outcomes'", ""))
    await connection.execute("UPDATE alembic_version SET version_num = '0002'")


async def test_an_older_program_still_records_and_decides(embedded_postgres: support.Server):
    """The functions of before take what they took: no column more, and the inputs are NULL."""
    async with support.service(embedded_postgres, anchor_seconds=3_600) as storage:
        [identifier] = await support.recorded(storage, "C-1", **(dict.fromkeys(records.LATER, 5)))
        connection = await asyncpg.connect(embedded_postgres.dsn(storage.database))
        try:
            await connection.execute("SET search_path = ultrathink")
            revision = await connection.fetchval(
                "SELECT record_change('demo', 'old.changes', $1, 1, 'review.decided', NULL, 'accept', '', '',"
                " 'decided', '', 'NaN', -9223372036854775808, '', '', 'r', 1754000000000, '[]', '')",
                identifier,
            )
            assert revision == 2
            await connection.execute("SELECT set_config('ultrathink.tenants', 'demo', false)")
            assert await connection.fetchval("SELECT provider_claims FROM claims") == 5
        finally:
            await connection.close()


async def test_outcomes_are_under_row_level_security_and_stay(embedded_postgres: support.Server):
    """The application sees a tenant's outcomes only when it was told of the tenant, and changes none."""
    name = await embedded_postgres.fresh()
    connection = await asyncpg.connect(embedded_postgres.dsn(name))
    try:
        await connection.execute("SET search_path = ultrathink")
        await connection.execute("SET ROLE ultrathink_app")
        await connection.execute("SELECT prepare_month(1751328000000, 1754006400000, '2025_07')")
        insert = (
            "INSERT INTO line_outcomes (id, at_ms, revision, line, tenant, source, outcome)"
            " VALUES ('0197e000-0000-7000-8000-000000000000', 1, 2, 1, 'demo', 'payer', 'denied')"
        )
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(insert)
        await connection.execute("SELECT set_config('ultrathink.tenants', 'demo', false)")
        await connection.execute(insert)
        assert await connection.fetchval("SELECT count(*) FROM line_outcomes") == 1
        await connection.execute("SELECT set_config('ultrathink.tenants', 'other', false)")
        assert await connection.fetchval("SELECT count(*) FROM line_outcomes") == 0
        for change in ("UPDATE line_outcomes SET outcome = 'approved'", "DELETE FROM line_outcomes"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(change)
    finally:
        await connection.close()
