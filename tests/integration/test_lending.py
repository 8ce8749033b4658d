"""Databases lent to tests: whoever comes next finds nothing of who was there before."""

import asyncpg
import pytest

import lending
import storage_support as support
from storage.domain import views

pytestmark = pytest.mark.xdist_group("postgres")

OTHER = views.Tenant(tenant="other", display_name="Another", default_regime="base")


async def test_a_database_is_lent_again_as_good_as_new(embedded_postgres: support.Server) -> None:
    """Claims, chains, answers, tenants and objects of one test are gone for the next, and it is no copy."""
    lender = lending.Lender(embedded_postgres)
    async with lender.lend() as first:
        new = await lender.content(first)
        await embedded_postgres.add_tenants(first, OTHER)
        async with support.service(embedded_postgres, name=first) as storage:
            await support.recorded(storage, "A")
        assert await lender.content(first) != new
    async with lender.lend() as second:
        assert second == first
        assert await lender.content(second) == new
        assert "tenants" in new.rows
        async with support.service(embedded_postgres, name=second) as storage:
            await support.recorded(storage, "A")
            assert [head.entries for head in (await support.verified(storage)).heads] == [1]


async def test_a_database_with_other_tables_is_not_lent_again(embedded_postgres: support.Server) -> None:
    """A table more than a new database has: another one is made."""
    lender = lending.Lender(embedded_postgres)
    async with lender.lend() as first:
        connection = await asyncpg.connect(embedded_postgres.superuser_dsn(first))
        await connection.execute("CREATE TABLE ultrathink.more (one int)")
        await connection.close()
    async with lender.lend() as second:
        assert second != first


async def test_what_a_failed_test_left_is_not_lent_again(embedded_postgres: support.Server) -> None:
    """Who looks for the cause of a failure finds the rows."""
    lender = lending.Lender(embedded_postgres)
    lent: list[str] = []

    async def fail() -> None:
        async with lender.lend() as name:
            lent.append(name)
            raise AssertionError

    for _ in range(2):
        with pytest.raises(AssertionError):
            await fail()
    assert len(set(lent)) == 2
