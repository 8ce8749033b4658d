"""Revision 0005: indexes for every list, and history's keys in an index that compares them first.

Rows and functions stay as they are, so an older program asks through the new indexes.
"""

from storage.outbound.migrations import statements

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make and exchange indexes."""
    statements.run("v0005_indexes.sql")
