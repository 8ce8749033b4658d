"""Brings the schema to this version; the only door to Alembic, which is loaded only when there is work.

What is asked of a server given by DATABASE_URL: PostgreSQL 15 or newer, UTF-8; a login that may create a
schema in the database (DATABASE_OWNER_URL, or DATABASE_URL itself) and that owns what it creates; and a role
`ultrathink_app`, which the owner makes itself where it has CREATEROLE, else an administrator does
(`CREATE ROLE ultrathink_app NOLOGIN; GRANT ultrathink_app TO <login of DATABASE_URL>`). The owner needs
neither superuser nor BYPASSRLS, and must not have them when it also serves.
"""

import asyncio
import importlib
import threading

import asyncpg

from chassis import errors
from storage.outbound import migrations, postgres

CONNECT_SECONDS = 10.0
_ONE_AT_A_TIME = (
    threading.Lock()
)  # Alembic keeps its environment in globals; between processes the database locks


async def revision(dsn: str) -> str:
    """Return the revision the database stands at; "" when it has none."""
    connection = await _connect(dsn)
    try:
        with postgres.translated():
            if await connection.fetchval("SELECT to_regclass('ultrathink.alembic_version')") is None:
                return ""
            return str(await connection.fetchval("SELECT version_num FROM ultrathink.alembic_version") or "")
    finally:
        await connection.close()


async def upgrade(owner_dsn: str) -> bool:
    """Migrate to the newest revision; return whether there was anything to do.

    A database that is ahead of this program is left alone: the older program must still work with it.
    """
    found = await revision(owner_dsn)
    if found == migrations.HEAD or found > migrations.HEAD:
        return False
    await _ensure_role(owner_dsn)
    await asyncio.to_thread(_run, owner_dsn)
    return True


async def _connect(dsn: str) -> asyncpg.Connection:
    with postgres.translated():
        return await asyncpg.connect(dsn, timeout=CONNECT_SECONDS)


async def _ensure_role(dsn: str) -> None:
    connection = await _connect(dsn)
    role = postgres.APPLICATION_ROLE
    try:
        if await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role):
            return
        await connection.execute(f"CREATE ROLE {role} NOLOGIN")
        await connection.execute(f"GRANT {role} TO CURRENT_USER")
    except asyncpg.PostgresError as cause:
        raise errors.Unavailable(
            "database.role_missing", f"The role {role} is missing and the owner's login may not create it."
        ) from cause
    finally:
        await connection.close()


def _run(dsn: str) -> None:
    """Run Alembic with its own connection and loop, in a thread of its own."""
    command = importlib.import_module("alembic.command")
    config = importlib.import_module("alembic.config")
    aio = importlib.import_module("sqlalchemy.ext.asyncio")
    sqlalchemy_pool = importlib.import_module("sqlalchemy.pool")

    async def connect() -> asyncpg.Connection:
        return await asyncpg.connect(dsn, timeout=CONNECT_SECONDS)

    async def work() -> None:
        engine = aio.create_async_engine(
            "postgresql+asyncpg://", async_creator=connect, poolclass=sqlalchemy_pool.NullPool
        )
        settings = config.Config()
        settings.set_main_option("script_location", "storage.outbound:migrations")
        async with engine.connect() as connection:

            def migrate(synchronous: object) -> None:
                settings.attributes["connection"] = synchronous
                command.upgrade(settings, "head")

            await connection.run_sync(migrate)
        await engine.dispose()

    with _ONE_AT_A_TIME, postgres.translated():
        asyncio.run(work())
