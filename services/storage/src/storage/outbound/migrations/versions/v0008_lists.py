"""Revision 0008: sorted lists of one provider are found within its index.

Expands only: an older program's lists are as they were.
"""

from storage.outbound.migrations import statements

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Exchange the provider's index, and have months looked through as they grow."""
    statements.run("v0008_lists.sql")
