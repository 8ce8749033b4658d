"""Roles and the database of an embedded server, made by its superuser; safe to repeat.

On a server of one's own (DATABASE_URL) nothing here runs: see migrate.py for what is asked of it.
"""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

from chassis import errors
from storage.outbound import embedded

BOOTSTRAP = """
\\set ON_ERROR_STOP on
SET password_encryption = 'scram-sha-256';
SELECT format('CREATE ROLE %I LOGIN NOINHERIT', name)
  FROM (VALUES ('ultrathink_owner'), ('ultrathink_app')) r(name)
  WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \\gexec
ALTER ROLE ultrathink_owner PASSWORD :'owner';
ALTER ROLE ultrathink_app PASSWORD :'application';
SELECT 'CREATE DATABASE ultrathink OWNER ultrathink_owner' WHERE NOT EXISTS (
  SELECT FROM pg_database WHERE datname = 'ultrathink') \\gexec
REVOKE ALL ON DATABASE ultrathink FROM PUBLIC;
GRANT CONNECT ON DATABASE ultrathink TO ultrathink_app;
"""
BOOTSTRAP_SECONDS = 30.0


@contextlib.contextmanager
def furnished(data_dir: Path) -> Iterator[embedded.EmbeddedDatabase]:
    """Yield the running PostgreSQL of a data directory, with roles and database made.

    Enter from the main thread. The caller is its parent and it dies with the caller. Raises
    Conflict `database.in_use`, Invalid `database.unreachable_folder`, Unavailable `database.…_failed`.
    """
    with embedded.opened(data_dir) as database:
        bootstrap(database)
        yield database


def bootstrap(database: embedded.EmbeddedDatabase) -> None:
    """Make the owner, the application role and the database; Unavailable `database.bootstrap_failed`."""
    kept = database.credentials
    variables = f"\\set owner '{kept.owner}'\n\\set application '{kept.application}'\n"
    made = subprocess.run(  # noqa: S603 - the server's own client; secrets travel by standard input
        [
            str(database.program("psql")),
            "-X",
            "-q",
            "-t",
            "-A",
            "-w",
            "-d",
            database.address("postgres", "postgres"),
        ],
        input=(variables + BOOTSTRAP).encode(),
        capture_output=True,
        check=False,
        timeout=BOOTSTRAP_SECONDS,
        env=database.client_environment(),
    )
    if made.returncode != 0:
        raise errors.Unavailable("database.bootstrap_failed", "Roles and database could not be made.")
