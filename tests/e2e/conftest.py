"""One platform for all tests of the doors; the tests that kill processes start their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import platform_support


@pytest.fixture(scope="session")
def trace_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where every process of the shared platform writes its spans."""
    return tmp_path_factory.mktemp("traces") / "spans.ndjson"


@pytest.fixture(scope="session")
def platform_doors(trace_file: Path) -> Iterator[platform_support.Platform]:
    """A running platform that follows only the claims whose sender asks for it."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ULTRATHINK_TRACE_FILE", str(trace_file))
        environment.setenv("ULTRATHINK_TRACE_RATIO", "0")
        with platform_support.platform() as running:
            yield running
