"""gRPC ignores an option whose name it does not know: every name of ours is looked for in its library."""

import importlib.util
from pathlib import Path

import pytest

from chassis import channels, server

SPEC = importlib.util.find_spec("grpc._cython.cygrpc")
LIBRARY = Path(str(SPEC and SPEC.origin)).read_bytes()
NAMES = sorted({name for name, _ in (*server.OPTIONS, *channels.OPTIONS)})


@pytest.mark.parametrize("name", NAMES)
def test_an_option_is_one_that_grpc_knows(name: str) -> None:
    """A misspelt one would change nothing: pings of idle clients were taken for abuse that way."""
    assert name.encode() + b"\0" in LIBRARY


def test_a_misspelt_option_is_seen() -> None:
    """The check fails on the name that was once written here."""
    assert b"grpc.http2.min_recv_ping_interval_without_data_ms\0" not in LIBRARY
