"""Fixtures for every test: a PostgreSQL that starts on first use and lives as long as the session."""

from collections.abc import Iterator

import pytest

import storage_support


@pytest.fixture(scope="session")
def embedded_postgres() -> Iterator[storage_support.Server]:
    """A running embedded PostgreSQL, migrated; one per session (per worker under xdist)."""
    with storage_support.embedded_postgres() as server:
        yield server
