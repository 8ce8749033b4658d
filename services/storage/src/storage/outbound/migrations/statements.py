"""Reads the SQL beside a revision; a line `----` parts statements, since functions hold semicolons."""

from pathlib import Path

from alembic import op

SEPARATOR = "\n----\n"


def run(name: str) -> None:
    """Execute every statement of versions/`name` on the migration's connection."""
    text = (Path(__file__).parent / "versions" / name).read_text(encoding="utf-8")
    for statement in text.split(SEPARATOR):
        op.get_bind().exec_driver_sql(statement)
