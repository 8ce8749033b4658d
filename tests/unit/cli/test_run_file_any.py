"""Whatever lies in run.json, other commands get an answer, not a stack trace."""

import os
import tempfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultrathink_cli.outbound import run_file

TOLD = {
    "mode": "processes", "http": "http://127.0.0.1:8080", "grpc": "127.0.0.1:50051", "targets": {},
    "auth": "dev", "started_at": "2026-01-01T00:00:00+00:00",
}  # fmt: skip


def _read(body: bytes) -> run_file.Running | None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.json"
        path.write_bytes(body)
        return run_file.read(path)


@given(st.binary(max_size=60))
def test_any_bytes_mean_nothing_runs(body: bytes) -> None:
    """A damaged file is as good as none."""
    assert _read(body) is None


@pytest.mark.parametrize("pid", [0, -1, 2**31, 2**62, 10**30])
def test_a_number_that_is_no_process_means_nothing_runs(pid: int) -> None:
    """Zero and below would name groups of processes; too large names nothing."""
    assert (
        _read(msgspec.json.encode({**TOLD, "pid": str(pid)}).replace(f'"{pid}"'.encode(), b"%d" % pid))
        is None
    )


def test_text_that_is_not_unicode_means_nothing_runs() -> None:
    """A byte that flipped within a name does not matter."""
    body = msgspec.json.encode({**TOLD, "pid": os.getpid()})
    assert _read(body) is not None
    assert _read(body.replace(b'"dev"', b'"\xff"')) is None


def test_a_process_of_somebody_else_runs_too() -> None:
    """A platform started as a system service is seen by a person who may not signal it."""
    assert _read(msgspec.json.encode({**TOLD, "pid": 1})) is not None


def test_the_file_is_replaced_whole(tmp_path: Path) -> None:
    """Whoever reads while it is written sees the old or the new one, and no leftovers stay."""
    path = tmp_path / "run.json"
    for pid in (1, 2):
        run_file.write(path, msgspec.convert({**TOLD, "pid": pid}, run_file.Running))
    assert msgspec.json.decode(path.read_bytes())["pid"] == 2
    assert list(tmp_path.iterdir()) == [path]
