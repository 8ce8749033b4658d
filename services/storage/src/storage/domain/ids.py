"""UUIDv7 (RFC 9562): ids that sort by the time they were minted, whatever the clock does."""

import re
from collections.abc import Callable

from chassis import clock as clocks

RANDOM_BITS = 74  # of 128, after 48 bits of milliseconds, 4 of version and 2 of variant
STEP_BITS = (
    32  # within a millisecond the random part grows by up to this many random bits: unguessable, sorted
)
STEP_BYTES = STEP_BITS // 8
DRAWN_BYTES = 2_048  # random bytes for a hundred batches of one
LAST_RANDOM = (1 << RANDOM_BITS) - 1
FIELD_B = 62  # the lower random bits, behind the variant
_CANONICAL = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class Mint:
    """Mints ids that are unique and strictly increasing in this process.

    When the clock stands still or runs backwards, ids go on from the last one; the millisecond then advances
    only when the random part is used up.
    """

    def __init__(self, clock: clocks.Clock, entropy: Callable[[int], bytes]) -> None:
        self._clock, self._entropy = clock, entropy
        self._ms, self._random = -1, 0
        self._drawn, self._used = b"", 0

    def mint(self, count: int) -> list[str]:
        """Return `count` new ids in canonical text, in order."""
        now = int(self._clock.now().timestamp() * 1000)
        if now > self._ms:
            self._ms = now
            self._random = int.from_bytes(self._draw(10)) >> 7  # the top bit stays free for steps
        steps = self._draw(STEP_BYTES * count)
        minted = []
        for index in range(count):
            self._random += 1 + int.from_bytes(steps[STEP_BYTES * index : STEP_BYTES * (index + 1)])
            if self._random > LAST_RANDOM:
                self._ms, self._random = self._ms + 1, self._random & ((1 << (RANDOM_BITS - 1)) - 1)
            minted.append(_text(self._ms, self._random))
        return minted

    def _draw(self, count: int) -> bytes:
        """Return so many random bytes, each told once: the system is asked for many at a time."""
        if self._used + count > len(self._drawn):
            self._drawn, self._used = self._entropy(max(count, DRAWN_BYTES)), 0
        start = self._used
        self._used += count
        return self._drawn[start : self._used]


def _text(ms: int, random: int) -> str:
    high, low = random >> FIELD_B, random & ((1 << FIELD_B) - 1)
    digits = f"{(ms << 80) | (7 << 76) | (high << 64) | (2 << FIELD_B) | low:032x}"
    return _parted(digits)


def _parted(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def text(identifier: bytes) -> str:
    """Return the canonical text of an id's 16 bytes."""
    return _parted(identifier.hex())


def ms_of(identifier: str) -> int:
    """Return the milliseconds since 1970-01-01 UTC in an id."""
    return int(identifier[:8] + identifier[9:13], 16)


def is_canonical(text: str) -> bool:
    """Whether a text is a UUID as we write it: texts of this form sort like the ids they are."""
    return _CANONICAL.fullmatch(text) is not None


def floor(ms: int) -> str:
    """Return the smallest UUID of a millisecond: the bound of a range of ids."""
    digits = f"{ms:012x}"
    return f"{digits[:8]}-{digits[8:12]}-0000-0000-000000000000"
