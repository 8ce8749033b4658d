"""Revision 0007: what a claim leaves for its patient is one row, found by one probe, not a row per key.

Expands only. What was left is copied into the new form, so nothing of the past is lost, and functions of
older programs write both. While both run, an older program does not find what newer ones leave.
"""

from storage.outbound.migrations import statements

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the table of traces, fill it, and make the functions that write and read it."""
    statements.run("v0007_traces.sql")
