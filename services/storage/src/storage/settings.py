"""Settings of storage: where data lies, and how much may be under way at once."""

from pathlib import Path

import pydantic

from chassis import settings as chassis_settings


class Settings(chassis_settings.ServiceSettings):
    """Frozen; a field without the house's prefix keeps the name that other tools use for it."""

    database_url: pydantic.SecretStr = pydantic.Field(
        default=pydantic.SecretStr(""), validation_alias=pydantic.AliasChoices("database_url", "DATABASE_URL")
    )
    """Where the service logs in, postgresql://…; the login is the role ultrathink_app or a member of it.
    Required, or its file. No default: a service must not guess where its record lies."""

    database_url_file: Path | None = pydantic.Field(
        default=None, validation_alias=pydantic.AliasChoices("database_url_file", "DATABASE_URL_FILE")
    )
    """File holding the above, for a mounted secret; wins over it."""

    database_owner_url: pydantic.SecretStr = pydantic.Field(
        default=pydantic.SecretStr(""),
        validation_alias=pydantic.AliasChoices("database_owner_url", "DATABASE_OWNER_URL"),
    )
    """Where migrations log in: the owner of the schema. Empty: as database_url."""

    database_owner_url_file: Path | None = pydantic.Field(
        default=None,
        validation_alias=pydantic.AliasChoices("database_owner_url_file", "DATABASE_OWNER_URL_FILE"),
    )
    """File holding the above; wins over it."""

    object_store_url: str = pydantic.Field(
        default="", validation_alias=pydantic.AliasChoices("object_store_url", "OBJECT_STORE_URL")
    )
    """file:///folder, s3://bucket/prefix, gs://bucket/prefix or r2://account/bucket. Required: objects are
    part of the record, so there is no default that could vanish with a container."""

    migrate_on_start: bool = True
    """Whether a start brings the schema up to date. On, because one machine has nobody else to do it; a
    cluster runs `python -m storage migrate` as a job first and finds nothing left to do."""

    shard: str = pydantic.Field(default="s0", pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")
    """Name of this process's audit chains. Give each copy its own (the pod's name): two copies of one name
    are correct, but wait for each other."""

    writers: int = pydantic.Field(default=2, ge=1, le=8)
    """Transactions under way at once. Two keep the disk and a processor busy; more make batches smaller,
    and cost is the number of batches."""

    group_bytes: int = pydantic.Field(default=4 * 1024 * 1024, ge=64 * 1024)
    """Bytes of documents gathered into one transaction. 4 MiB is a batch of a thousand claims: beyond it
    the cost of a transaction no longer shows."""

    pool_min: int = pydantic.Field(default=2, ge=1)
    """Connections held open. Opening one costs 10 to 20 ms."""

    pool_max: int = pydantic.Field(default=8, ge=2)
    """Connections at most: the writers, and a few readers; PostgreSQL pays a process for each."""

    statement_seconds: float = pydantic.Field(default=30.0, gt=0)
    """Longest any statement may take, in seconds; longer is an error of ours or of the disk."""

    acquire_seconds: float = pydantic.Field(default=5.0, gt=0)
    """Longest wait for a connection or a lock, in seconds; the caller's deadline is of this order."""

    object_max_bytes: int = pydantic.Field(default=64 * 1024 * 1024, ge=1024)
    """Largest object in bytes. Bundles are 5 MB, code sets 20 MB, attachments less."""

    anchor_seconds: float = pydantic.Field(default=300.0, gt=0)
    """Seconds between anchors of the audit chains: how much history an intruder with the database could
    rewrite before it is fixed outside."""

    house_seconds: float = pydantic.Field(default=3_600.0, gt=0)
    """Seconds between rounds of housekeeping. An hour: months come slowly."""

    def dsn(self) -> str:
        """Return where the service logs in."""
        return _secret(self.database_url, self.database_url_file)

    def owner_dsn(self) -> str:
        """Return where migrations log in."""
        return _secret(self.database_owner_url, self.database_owner_url_file) or self.dsn()


def _secret(value: pydantic.SecretStr, file: Path | None) -> str:
    return file.read_text(encoding="utf-8").strip() if file is not None else value.get_secret_value()
