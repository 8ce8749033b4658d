"""Revision 0004: a batch is written by few statements over few parameters.

Expands only: `record_with_history` stays for the older program, and both write the same rows.
"""

from storage.outbound.migrations import statements

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the functions that tell chains' heads and write a batch behind them."""
    statements.run("v0004_batch.sql")
