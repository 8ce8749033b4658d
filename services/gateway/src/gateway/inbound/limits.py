"""The bounds every door keeps; composed from the settings, which say why each is what it is."""

from pathlib import Path

import msgspec


class Limits(msgspec.Struct, frozen=True):
    """Sizes in bytes, times in seconds, counts of things at once."""

    message_bytes: int = 10_000_000
    memory_bytes: int = 256 * 1024 * 1024
    body_seconds: float = 30.0
    deadline_seconds: float = 10.0
    claim_seconds: float = 0.07
    upload_bytes: int = 16 * 1024**3
    upload_idle_seconds: float = 60.0
    upload_seconds: float = 4 * 3600.0
    uploads: int = 16
    spool_bytes: int = 1024**3
    spool_dir: Path | None = None
    watches: int = 1_000
    watch_seconds: float = 900.0
    heartbeat_seconds: float = 15.0
    requests: int = 4_096
