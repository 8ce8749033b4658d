"""Lets a test put the clock of one room off, while it runs; on the path of a platform's processes only.

The product has no setting for this: whoever could set it could date the record back. `ULTRATHINK_SKEW_FILE`
names a file of lines `room seconds`; a process started as `python -m room` reads it with every look at the
clock.
"""

import contextlib
import os
import sys
from datetime import datetime, timedelta
from pathlib import Path

FILE = os.environ.get("ULTRATHINK_SKEW_FILE", "")
ROOM = sys.orig_argv[sys.orig_argv.index("-m") + 1] if "-m" in sys.orig_argv else ""


def skew() -> timedelta:
    """Return how far the clock of this room is off now."""
    with contextlib.suppress(OSError, ValueError):
        for line in Path(FILE).read_text().splitlines():
            room, seconds = line.split()
            if room == ROOM:
                return timedelta(seconds=float(seconds))
    return timedelta()


if FILE and ROOM in {"gateway", "claims", "scoring", "storage"}:
    from chassis import clock

    right = clock.SystemClock.now

    def off(self: clock.SystemClock) -> datetime:
        """Return the instant as the room's clock shows it."""
        return right(self) + skew()

    clock.SystemClock.now = off  # type: ignore[method-assign]
