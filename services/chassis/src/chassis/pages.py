"""Puts what a process keeps for its life into huge pages, where Linux offers them.

Rooms that take turns on few cores find their caches and address translations cold. What they loaded lies on
thousands of small pages; in pages of 2 MB it needs one translation where it needed 512. Measured:
docs/performance.md#the-whole-path. A kernel that cannot is left alone.
"""

import ctypes
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

MAPS: Final = Path("/proc/self/maps")
HUGE_BYTES: Final = 2 * 1024 * 1024
MADV_COLLAPSE: Final = 25  # since Linux 6.1; earlier kernels answer EINVAL

type Advise = Callable[[int, int], bool]


def gather(advise: Advise | None = None) -> int:
    """Return how many huge pages the process's private writable memory was put into; 0 where none can be."""
    try:
        with MAPS.open() as lines:
            found = list(places(lines))
    except OSError:  # not Linux, or no /proc
        return 0
    advise = advise or _kernel()
    return sum(advise(place, HUGE_BYTES) for place in found)


def places(lines: Iterable[str]) -> Iterator[int]:
    """Yield where whole huge pages begin in private writable mappings; lines of /proc/PID/maps."""
    for line in lines:
        bounds, permissions, *_ = line.split(None, 2)
        if permissions != "rw-p" or line.rstrip().endswith("[stack]"):
            continue
        begin, end = (int(bound, 16) for bound in bounds.split("-"))
        first = -(-begin // HUGE_BYTES) * HUGE_BYTES
        yield from range(first, end - HUGE_BYTES + 1, HUGE_BYTES)


def _kernel() -> Advise:
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)

    def advise(place: int, length: int) -> bool:
        return bool(madvise(place, length, MADV_COLLAPSE) == 0)

    return advise
