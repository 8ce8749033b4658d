"""Tenants are listed and added by the owner of the database, on a running platform or a stopped one."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

import storage_support as support
from chassis import clock as clocks
from chassis import errors
from storage import compose
from storage.outbound import migrate, postgres, reader, registry
from storage.usecases import know_tenants

DEFAULTS: dict[str, Any] = {"display_name": "Clinic", "review_threshold": 0.5, "default_regime": "base"}


async def test_an_added_tenant_is_known_to_the_service_at_once(embedded_postgres: support.Server) -> None:
    """Its name, its words in any language and its defaults, as the service's own role reads them."""
    name = await embedded_postgres.fresh()
    async with postgres.opened(
        embedded_postgres.dsn(name), least=1, most=1, statement_seconds=5, acquire_seconds=5
    ) as database:
        known = know_tenants.Tenants(reader.PostgresReader(database, None), clocks.SystemClock())  # type: ignore[arg-type]  # no body is read
        assert await known.names() == ["demo"]
        async with registry.opened(embedded_postgres.dsn(name, owner=True)) as tenants:
            await tenants.add(
                "clinic-1", display_name="عيادة السلام", review_threshold=0.25, default_regime="nphies"
            )
            assert [one.tenant for one in await tenants.listed()] == ["clinic-1", "demo"]
        seen = await reader.PostgresReader(database, None).tenants()  # type: ignore[arg-type]  # the same
    told = seen["clinic-1"]
    assert (told.display_name, told.review_threshold, told.default_regime, told.active) == (
        "عيادة السلام", 0.25, "nphies", True,
    )  # fmt: skip


async def test_a_name_is_given_once(embedded_postgres: support.Server) -> None:
    """A second one is refused and changes nothing of the first."""
    name = await embedded_postgres.fresh()
    async with registry.opened(embedded_postgres.dsn(name, owner=True)) as tenants:
        before = await tenants.listed()
        with pytest.raises(errors.Conflict, match=r"tenant\.exists"):
            await tenants.add("demo", **DEFAULTS)
        assert await tenants.listed() == before


async def test_the_service_s_own_role_may_read_tenants_and_not_write_them(
    embedded_postgres: support.Server,
) -> None:
    """Who breaks into a service cannot make himself a customer; the person learns which login may."""
    name = await embedded_postgres.fresh()
    async with registry.opened(embedded_postgres.dsn(name)) as tenants:
        assert [one.tenant for one in await tenants.listed()] == ["demo"]
        with pytest.raises(errors.Denied, match=r"database\.not_owner") as refused:
            await tenants.add("clinic-1", **DEFAULTS)
    assert "DATABASE_OWNER_URL" in refused.value.message


async def test_a_database_without_schema_or_without_server_is_told_as_such(
    embedded_postgres: support.Server,
) -> None:
    """Each with what to do."""
    superuser = await asyncpg.connect(embedded_postgres.database.superuser_dsn)
    await superuser.execute(f"CREATE DATABASE bare_{os.getpid()} OWNER ultrathink_owner")
    await superuser.close()
    async with registry.opened(embedded_postgres.dsn(f"bare_{os.getpid()}", owner=True)) as tenants:
        with pytest.raises(errors.NotFound, match=r"database\.no_schema"):
            await tenants.listed()
    with pytest.raises(errors.Unavailable, match=r"database\.unavailable"):
        async with registry.opened("postgresql://nobody@127.0.0.1:1/none"):
            pass


NAMES = st.text("aB0._- ,'é\n", max_size=70)
SHOWN = st.text("ab ي\n\x00\u2028", max_size=6) | st.just("x" * 201)


@given(
    name=NAMES,
    shown=SHOWN,
    threshold=st.floats(-1, 2) | st.just(float("nan")),
    regime=st.sampled_from(["base", "x12"]),
)
def test_what_is_wrong_with_a_tenant_is_told_by_field(
    name: str, shown: str, threshold: float, regime: str
) -> None:
    """Exactly what the table would refuse, and lines that no screen could show, before anything is asked."""
    told = {one.path for one in registry._violations(name, shown, threshold, regime)}
    assert ("name" in told) is (postgres.TENANT.fullmatch(name) is None)
    assert ("display_name" in told) is (not shown.strip() or len(shown) > 200 or not shown.isprintable())
    assert ("review_threshold" in told) is not (0 <= threshold <= 1)
    assert ("default_regime" in told) is (regime == "x12")


async def test_everything_wrong_is_told_at_once_and_nothing_is_added(
    embedded_postgres: support.Server,
) -> None:
    """One look at the answer is enough to mend the command."""
    name = await embedded_postgres.fresh()
    async with registry.opened(embedded_postgres.dsn(name, owner=True)) as tenants:
        with pytest.raises(errors.Invalid, match=r"tenant\.invalid") as refused:
            await tenants.add("Clinic 1", display_name=" ", review_threshold=50, default_regime="saudi")
        assert [one.tenant for one in await tenants.listed()] == ["demo"]
    assert [one.path for one in refused.value.violations] == [
        "name", "display_name", "review_threshold", "default_regime",
    ]  # fmt: skip


def _command(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    program = str(Path(sys.executable).with_name("ultrathink"))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DATABASE_")}
    return subprocess.run(
        [program, "tenant", *arguments, "--data", str(folder)],
        capture_output=True, text=True, check=False, timeout=60, env=kept | environment,
    )  # fmt: skip


@pytest.fixture(scope="module")
def stopped(embedded_postgres: support.Server) -> Iterator[Path]:
    """A data directory whose database was made and stopped."""
    assert embedded_postgres.database.pid
    with support.data_directory() as folder:
        with compose.embedded_database(folder) as database:
            asyncio.run(migrate.upgrade(database.owner_dsn))
        yield folder


def test_a_platform_that_does_not_run_gets_a_tenant_for_its_next_start(stopped: Path) -> None:
    """The server is up for the while of the command, and what was added stays."""
    done = _command(stopped, "add", "clinic-1", "--display-name", "Praxis")
    assert (done.returncode, "token --tenant clinic-1" in done.stdout) == (0, True), done.stderr
    shown = _command(stopped, "list").stdout
    assert all(word in shown for word in ("clinic-1", "Praxis", "demo"))


def test_a_running_database_is_joined_and_another_one_gone_to(stopped: Path) -> None:
    """The data directory's own server where it runs, or where DATABASE_OWNER_URL says."""
    with compose.embedded_database(stopped) as database, support.data_directory() as elsewhere:
        assert _command(stopped, "add", "clinic-2").returncode == 0
        owner = database.owner_dsn
        far = _command(elsewhere, "add", "clinic-3", "--regime", "nphies", DATABASE_OWNER_URL=owner)
        assert far.returncode == 0, far.stderr
        told = {one["tenant"]: one for one in json.loads(_command(stopped, "list", "--json").stdout)}
        again = _command(stopped, "add", "clinic-2")
    assert told["clinic-2"]["display_name"] == "clinic-2"
    assert told["clinic-3"]["default_regime"] == "nphies"
    assert (again.returncode, "tenant.exists" in again.stderr) == (2, True)


def test_a_directory_without_a_database_is_told_with_its_remedies() -> None:
    """Neither is one made nor is there a stack trace."""
    with support.data_directory() as folder:
        done = _command(folder, "list")
        assert (done.returncode, "--data" in done.stderr, "DATABASE_OWNER_URL" in done.stderr) == (
            2,
            True,
            True,
        )
        assert not list(folder.iterdir())
