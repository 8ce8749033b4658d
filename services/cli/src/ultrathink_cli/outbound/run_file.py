"""run.json: how other commands find a running platform."""

import os
from pathlib import Path

import msgspec


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """What runs: the parent's pid, where its doors are, since when (ISO 8601, UTC)."""

    pid: int
    mode: str  # processes or single
    http: str
    grpc: str
    targets: dict[str, str]  # loopback addresses of the rooms; empty with --single
    streams: dict[str, str] = {}  # their doors for batch streams
    auth: str
    started_at: str


def write(path: Path, running: Running) -> None:
    """Write the file whole or not at all."""
    fresh = path.with_suffix(".new")
    fresh.write_bytes(msgspec.json.format(msgspec.json.encode(running), indent=2) + b"\n")
    fresh.replace(path)


def read(path: Path) -> Running | None:
    """Return what runs, or None when nothing does: no file, an unreadable one, or its process is gone."""
    try:
        running = msgspec.json.decode(path.read_bytes(), type=Running)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
    return running if _lives(running.pid) else None


def _lives(pid: int) -> bool:
    """Return whether the process exists; zero and below name groups, not a process."""
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:  # it lives, and belongs to somebody else
        return True
    except (OSError, OverflowError):
        return False
    return True


def remove(path: Path) -> None:
    """Forget the file; no complaint when it is gone."""
    path.unlink(missing_ok=True)
