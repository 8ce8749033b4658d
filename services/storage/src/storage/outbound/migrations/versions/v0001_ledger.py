"""Revision 0001: the ledger of claims, its keys, chains and outbox."""

from storage.outbound.migrations import statements

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make tables, policies, functions and grants."""
    for name in ("v0001_tables.sql", "v0001_policies.sql", "v0001_record.sql", "v0001_asking.sql"):
        statements.run(name)
