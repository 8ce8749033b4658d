"""Revision 0002: what later claims may ask of earlier ones, beyond being the same.

Expands only: `record`, `lookup` and `service_keys` stay for the older program, and rows of `service_keys` are
still found. They hold no day and no quantity, so they are not carried over.
"""

from storage.outbound.migrations import statements

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table of past services, its policy and grants, and the functions that write and ask."""
    statements.run("v0002_history.sql")
