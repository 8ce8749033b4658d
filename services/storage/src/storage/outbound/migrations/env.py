"""Runs migrations on the connection it is given; one start at a time holds the lock."""

from alembic import context
from sqlalchemy import engine

SCHEMA = "ultrathink"
LOCK = 0x756C7472  # "ultr": any two programs of ours agree on it


def migrate(connection: engine.Connection) -> None:
    """Upgrade or downgrade inside one transaction, behind the lock."""
    connection.exec_driver_sql(f"SELECT pg_advisory_lock({LOCK})")
    try:
        connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        connection.exec_driver_sql(f"SET search_path = {SCHEMA}")
        connection.commit()
        context.configure(connection=connection, version_table_schema=SCHEMA)
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()
    finally:
        connection.rollback()
        connection.exec_driver_sql(f"SELECT pg_advisory_unlock({LOCK})")
        connection.commit()


migrate(context.config.attributes["connection"])
