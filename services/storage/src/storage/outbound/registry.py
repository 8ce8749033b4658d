"""The table of tenants as the schema's owner writes it: the service's own role may only read it."""

import contextlib
import unicodedata
from collections.abc import AsyncIterator, Iterator

import asyncpg

from chassis import errors
from storage.domain import views
from storage.outbound import postgres

LISTED = """
SELECT tenant, display_name, review_threshold, default_regime, active FROM ultrathink.tenants ORDER BY tenant
"""
ADDED = """
INSERT INTO ultrathink.tenants (tenant, display_name, review_threshold, default_regime)
VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING tenant
"""
REGIMES = ("base", "nphies", "x12-us")
MAX_DISPLAY_NAME = 200


class Registry:
    """The tenants of one database."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def listed(self) -> list[views.Tenant]:
        """Return all tenants by name."""
        with _told():
            return [views.Tenant(**row) for row in await self._connection.fetch(LISTED)]

    async def add(
        self, name: str, *, display_name: str, review_threshold: float, default_regime: str
    ) -> None:
        """Add a tenant; the services know it at once, or some seconds after they refused its name.

        Raises Invalid `tenant.invalid` with a violation per field, Conflict `tenant.exists`, NotFound
        `database.no_schema`, Denied `database.not_owner`.
        """
        if violations := tuple(_violations(name, display_name, review_threshold, default_regime)):
            raise errors.Invalid("tenant.invalid", "The tenant cannot be added.", violations=violations)
        values = (name, display_name, review_threshold, default_regime)
        with _told():
            added = await self._connection.fetchval(ADDED, *values)
        if added is None:
            raise errors.Conflict("tenant.exists", f"There is a tenant {name} already.")


@contextlib.asynccontextmanager
async def opened(owner_dsn: str) -> AsyncIterator[Registry]:
    """Yield the tenants of a database; Unavailable `database.unavailable` when it is away."""
    with postgres.translated():
        connection = await asyncpg.connect(owner_dsn, timeout=postgres.CONNECT_SECONDS)
    try:
        yield Registry(connection)
    finally:
        await connection.close()


def _violations(name: str, shown: str, threshold: float, regime: str) -> Iterator[errors.Violation]:
    if not postgres.TENANT.fullmatch(name):
        yield errors.Violation(
            "name",
            "tenant.name",
            "begins with a small letter a-z or a digit, goes on with these, '.', '_' or '-', 63 at most",
        )
    if not shown.strip() or len(shown) > MAX_DISPLAY_NAME or any(map(_is_control, shown)):
        yield errors.Violation(
            "display_name", "tenant.display_name", f"is one line of 1 to {MAX_DISPLAY_NAME} characters"
        )
    if not 0 <= threshold <= 1:
        yield errors.Violation("review_threshold", "tenant.threshold", "lies between 0 and 1")
    if regime not in REGIMES:
        yield errors.Violation("default_regime", "tenant.regime", f"is one of {', '.join(REGIMES)}")


def _is_control(letter: str) -> bool:
    return unicodedata.category(letter) in {"Cc", "Cs", "Zl", "Zp"}


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Say what a person can mend about the database they named."""
    try:
        with postgres.translated():
            yield
    except errors.Fault as fault:
        match fault.__cause__:
            case asyncpg.UndefinedTableError():
                raise errors.NotFound(
                    "database.no_schema", "The database holds no schema yet; start the platform on it once."
                ) from fault
            case asyncpg.InsufficientPrivilegeError():
                raise errors.Denied(
                    "database.not_owner",
                    "This login may not write tenants; name the schema's owner in DATABASE_OWNER_URL.",
                ) from fault
        raise
