"""The embedded PostgreSQL: its life, its death, and that it outlives nobody."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import asyncpg
import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

import storage_support as support
from chassis import errors
from storage import compose
from storage.outbound import embedded, launcher, migrate, migrations, server_files

pytestmark = pytest.mark.xdist_group("embedded")

GONE_SECONDS = 15.0


def alive(pid: int) -> bool:
    """Return whether a process exists and is not a zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def wait_until_gone(pid: int) -> None:
    """Return when a process has ended; fail after GONE_SECONDS."""
    deadline = time.monotonic() + GONE_SECONDS
    while alive(pid):
        assert time.monotonic() < deadline, "the server outlived its parent"
        time.sleep(0.02)


async def value(dsn: str, sql: str) -> object:
    """Return one value."""
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


def test_a_data_directory_comes_up_again_with_what_it_held():
    """What was written is there after a stop and a start.

    Nothing lies outside the folder, nothing is open.
    """
    with support.data_directory() as folder:
        with compose.embedded_database(folder) as database:
            asyncio.run(value(database.owner_dsn, "CREATE TABLE kept AS SELECT 7 AS n"))
            assert (folder / "database.json").stat().st_mode & 0o077 == 0
            assert stat.S_IMODE((folder / "postgres").stat().st_mode) == 0o700
            pid = database.pid
            assert database.poll() is None
        assert pid is not None
        assert not alive(pid)
        with compose.embedded_database(folder) as database:
            assert asyncio.run(value(database.owner_dsn, "SELECT n FROM kept")) == 7


def test_nobody_comes_in_without_the_password():
    """The server asks for a password on its socket too, and the application role is no superuser."""
    with support.data_directory() as folder, compose.embedded_database(folder) as database:
        with pytest.raises(asyncpg.InvalidPasswordError):
            asyncio.run(
                value(database.superuser_dsn.replace(database.credentials.superuser, "guess"), "SELECT 1")
            )
        assert (
            asyncio.run(
                value(
                    database.dsn, "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
                )
            )
            is False
        )
        assert asyncio.run(value(database.dsn, "SHOW synchronous_commit")) == "on"


def test_a_second_supervisor_is_told():
    """Two platforms on one data directory are refused, with the folder's name."""
    with support.data_directory() as folder, embedded.opened(folder):
        with pytest.raises(errors.Conflict) as refused, embedded.opened(folder):
            pass
        assert refused.value.reason == "database.in_use"


def test_a_killed_server_is_restarted():
    """After kill -9 poll tells the end and restart brings the server back with its data."""
    with support.data_directory() as folder, compose.embedded_database(folder) as database:
        asyncio.run(value(database.owner_dsn, "CREATE TABLE kept AS SELECT 7 AS n"))
        assert database.pid is not None
        os.kill(database.pid, signal.SIGKILL)
        wait_until_gone(database.pid)
        assert database.poll() == -signal.SIGKILL
        database.restart()
        assert database.poll() is None
        assert asyncio.run(value(database.owner_dsn, "SELECT n FROM kept")) == 7


HOLDER = """
import sys, time
from pathlib import Path
from storage.outbound import embedded
with embedded.opened(Path(sys.argv[1])) as database:
    print(database.pid, flush=True)
    time.sleep(600)
"""


def test_the_server_dies_with_a_killed_parent():
    """Kill -9 of the parent leaves no server behind, and the next start works on what is left."""
    with support.data_directory() as folder:
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(folder)], stdout=subprocess.PIPE, start_new_session=True
        )
        assert holder.stdout is not None
        pid = int(holder.stdout.readline())
        holder.kill()
        holder.wait()
        holder.stdout.close()
        with embedded.opened(folder) as database:  # does not even wait for the old one to be gone
            assert database.poll() is None
        wait_until_gone(pid)


def test_a_stale_lock_file_of_a_living_stranger_is_cleared():
    """A lock file whose process id belongs to somebody else by now does not keep the server down."""
    with support.data_directory() as folder:
        with embedded.opened(folder):
            pass
        lock = folder / "postgres" / "data" / "postmaster.pid"
        lock.write_text(f"{os.getpid()}\n{lock.parent}\n0\n5432\n\n\n\nready   \n")
        with embedded.opened(folder) as database:
            assert asyncio.run(value(database.superuser_dsn, "SELECT 1")) == 1


def test_a_half_made_data_folder_is_made_again():
    """A kill during the first start leaves nothing that a second start trips over."""
    with support.data_directory() as folder:
        (folder / "postgres" / "fresh").mkdir(parents=True)
        (folder / "postgres" / "fresh" / "PG_VERSION").write_text("18")
        with embedded.opened(folder) as database:
            assert database.poll() is None


def test_a_deep_folder_falls_back_to_loopback():
    """A path too long for a unix socket is served over loopback on a free port."""
    with support.data_directory() as folder:
        deep = folder / ("d" * 60) / ("e" * 60)
        with embedded.opened(deep) as database:
            assert "@127.0.0.1:" in database.superuser_dsn
            assert asyncio.run(value(database.superuser_dsn, "SELECT 1")) == 1


@pytest.mark.skipif(os.getuid() != 0, reason="only root runs the server as another user")
def test_a_folder_closed_to_the_servers_user_is_named():
    """As root, a folder under a closed parent is refused with that parent's name, before anything starts."""
    with support.data_directory() as folder:
        closed = folder / "closed"
        closed.mkdir(mode=0o700)
        with pytest.raises(errors.Invalid, match="closed") as refused:
            server_files.prepare(closed / "data" / "postgres")
        assert refused.value.reason == "database.unreachable_folder"


def test_a_start_that_fails_says_where_the_log_is():
    """A server that ends at once is told as unavailable, not waited for."""
    with support.data_directory() as folder:
        with embedded.opened(folder):
            pass
        (folder / "postgres" / "data" / "postgresql.conf").write_text("no_such_setting = 1\n")
        with pytest.raises(errors.Unavailable) as refused, embedded.opened(folder):
            pass
        assert refused.value.reason == "database.start_failed"


def test_the_watcher_ends_the_server_when_its_pipe_closes():
    """Where the kernel sends no death signal, the closed pipe does."""
    command = [sys.executable, "-I", "-S", launcher.__file__, str(os.getpid()), str(os.getuid()), "0", "pipe"]
    watcher = subprocess.Popen([*command, "/bin/sleep", "600"], stdin=subprocess.PIPE)
    assert watcher.stdin is not None
    watcher.stdin.close()
    assert watcher.wait(GONE_SECONDS) == -signal.SIGQUIT % 256 or watcher.returncode != 0


def test_the_watcher_passes_signals_and_the_exit_code_on():
    """SIGINT reaches the server behind the watcher."""
    command = [sys.executable, "-I", "-S", launcher.__file__, str(os.getpid()), str(os.getuid()), "0", "pipe"]
    script = "trap 'exit 7' INT; echo up; while :; do sleep 0.05; done"
    with subprocess.Popen(
        [*command, "/bin/sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as watcher:
        assert watcher.stdout is not None
        assert watcher.stdout.readline() == b"up\n"
        watcher.send_signal(signal.SIGINT)
        assert watcher.wait(GONE_SECONDS) == 7


def test_a_launcher_without_its_parent_starts_nothing():
    """When the parent is gone before the server began, the server never begins."""
    command = [
        sys.executable,
        "-I",
        "-S",
        launcher.__file__,
        "1",
        str(os.getuid()),
        "0",
        "signal",
        "/bin/true",
    ]
    assert subprocess.run(command, check=False).returncode == launcher.ORPHANED


async def test_two_processes_migrate_once(embedded_postgres: support.Server):
    """Two `python -m storage migrate` at the same moment on an empty database both succeed."""
    connection = await asyncpg.connect(embedded_postgres.database.superuser_dsn)
    try:
        await connection.execute("CREATE DATABASE two_processes OWNER ultrathink_owner")
    finally:
        await connection.close()
    dsn = embedded_postgres.dsn("two_processes", owner=True)
    environment = {"PATH": os.environ["PATH"], "DATABASE_OWNER_URL": dsn, "DATABASE_URL": dsn}
    command = (sys.executable, "-m", "storage", "migrate")
    started = [await asyncio.create_subprocess_exec(*command, env=environment) for _ in range(2)]
    assert [await process.wait() for process in started] == [0, 0]
    assert await migrate.revision(dsn) == migrations.HEAD


async def test_the_service_serves_as_a_process(embedded_postgres: support.Server, tmp_path: Path):
    """`python -m storage` migrates, opens its door, says where, and leaves with 0 on SIGTERM."""
    name = await embedded_postgres.fresh()
    address = tmp_path / "address"
    environment = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": embedded_postgres.dsn(name),
        "DATABASE_OWNER_URL": embedded_postgres.dsn(name, owner=True),
        "OBJECT_STORE_URL": f"file://{tmp_path}/objects",
        "ULTRATHINK_GRPC_ADDRESS_FILE": str(address),
    }
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "storage", env=environment)
    async with asyncio.timeout(30):
        while not address.exists():  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.02)
    async with grpc.aio.insecure_channel(address.read_text()) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=10)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING
    process.terminate()
    assert await asyncio.wait_for(process.wait(), 30) == 0


def test_an_unknown_command_is_told():
    """A word that is no command ends with the usage and code 2."""
    command = [sys.executable, "-m", "storage", "migrat"]
    assert subprocess.run(command, check=False, capture_output=True).returncode == 2


async def test_two_starts_migrate_once(embedded_postgres: support.Server):
    """Two services that start together on an empty database leave one schema at the newest revision."""
    connection = await asyncpg.connect(embedded_postgres.database.superuser_dsn)
    try:
        await connection.execute("CREATE DATABASE raced OWNER ultrathink_owner")
        await connection.execute("GRANT CONNECT ON DATABASE raced TO ultrathink_app")
    finally:
        await connection.close()
    dsn = embedded_postgres.dsn("raced", owner=True)
    await asyncio.gather(migrate.upgrade(dsn), migrate.upgrade(dsn))
    assert await migrate.revision(dsn) == migrations.HEAD
    assert not await migrate.upgrade(dsn)


def test_the_known_head_is_the_newest_revision():
    """The revision the service expects is the one its migrations end in, and their history is linear."""
    from alembic import config, script  # noqa: PLC0415 - the migration tool is slow to load

    settings = config.Config()
    settings.set_main_option("script_location", "storage.outbound:migrations")
    assert script.ScriptDirectory.from_config(settings).get_heads() == [migrations.HEAD]
