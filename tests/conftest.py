"""For every test: a PostgreSQL that starts on first use, and property tests that do not look at the clock.

Also how workers share the tests.
"""

from collections.abc import Iterator

import hypothesis
import pytest

import sharing_out
import storage_support

# How quickly examples are drawn says how busy the machine is, and nothing about the code.
hypothesis.settings.register_profile(
    "house", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("house")


@pytest.fixture(scope="session")
def embedded_postgres() -> Iterator[storage_support.Server]:
    """A running embedded PostgreSQL, migrated; one per session (per worker under xdist)."""
    with storage_support.embedded_postgres() as server:
        yield server


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> sharing_out.ByFile:
    """Share the tests file by file."""
    return sharing_out.ByFile(config, log)
