"""Revision 0006: values that lists are sorted by lie in lanes of verdict and review status.

Rows and functions stay as they are. An older program's sorted lists are right and slow until it is replaced.
"""

from storage.outbound.migrations import statements

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Exchange the indexes of values."""
    statements.run("v0006_lanes.sql")
