"""Housekeeping in PostgreSQL: what is past its time goes, a tenant at a time."""

from chassis import errors
from storage.outbound import migrations, postgres

FORGET = (
    "DELETE FROM idempotency_keys WHERE tenant = $1 AND id < id_floor($2)",
    "DELETE FROM service_keys WHERE tenant = $1 AND id < id_floor($2)",
    "DELETE FROM past_services WHERE tenant = $1 AND id < id_floor($2)",
    "DELETE FROM traces WHERE tenant = $1 AND id < id_floor($2)",
)
# The cutoff is in instants; positions of running transactions are younger than any cutoff.
TRIM = "DELETE FROM outbox WHERE tenant = $1 AND at_ms < $2"
REVISION = "SELECT version_num FROM alembic_version"


class PostgresUpkeep:
    """Implements ports.Upkeep."""

    def __init__(self, database: postgres.Database) -> None:
        self._database = database

    async def forget_keys(self, tenant: str, before_ms: int) -> int:
        """Delete keys of claims received before an instant."""
        async with self._database.within(tenant) as connection:
            return sum([_count(await connection.execute(sql, tenant, before_ms)) for sql in FORGET])

    async def trim_events(self, tenant: str, before_ms: int) -> int:
        """Delete published events older than an instant."""
        async with self._database.within(tenant) as connection:
            return _count(await connection.execute(TRIM, tenant, before_ms))

    async def ready(self) -> str:
        """Return "" when the schema answers and is at least ours."""
        try:
            async with self._database.connection() as connection:
                found = str(await connection.fetchval(REVISION))
        except errors.Fault as fault:
            return fault.reason
        return "" if found >= migrations.HEAD else f"schema at {found}, {migrations.HEAD} needed"


def _count(status: str) -> int:
    """Return the rows of a command tag such as `DELETE 3`."""
    return int(status.rsplit(" ", 1)[-1])
