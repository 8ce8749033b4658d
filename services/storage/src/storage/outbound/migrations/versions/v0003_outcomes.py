"""Revision 0003: what each score was given for, and what payers and reviewers said of lines.

Expands only: the new columns are NULL, `record` and `record_change` take what the older program sends, and
months that exist get their place for outcomes here.
"""

from storage.outbound.migrations import statements

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns, the table of outcomes with policy and grants, and the functions that write them."""
    statements.run("v0003_outcomes.sql")
    statements.run("v0003_record.sql")
