"""How far back each line looks, out of the dated tables `visits` and `frequency`.

Room: domain. The words of the tables: a visit within `follow_up_days` after another one to the same provider
is its follow-up; of a service no more than `quantity` may be claimed in any `days` days, both ends counted.
"""

from collections.abc import Callable

import msgspec

from claims.domain.rules import tables
from formats import model


class Window(msgspec.Struct, frozen=True, gc=False):
    """Days of one line; None where no table knows its code."""

    follow_up_days: int | None = None
    frequency_days: int | None = None


NONE = Window()  # of a line that looks nowhere
_KNOWN = 8_192  # windows remembered: the usual services of some months


class Windows:
    """The windows of the tables at hand."""

    def __init__(self, known: tables.Tables) -> None:
        self._follow_up = _reader(known, "visits", "follow_up_days")
        self._frequency = _reader(known, "frequency", "days")
        self._known: dict[tuple[str, str, int], Window] = {}

    def of(self, line: model.Line, day: int) -> Window:
        """Return how far back a line of this service day looks."""
        if (self._follow_up is None and self._frequency is None) or not line.code or not line.system:
            return NONE
        asked = (line.system, line.code, day)
        found = self._known.get(asked)
        if found is None:
            key = f"{line.system}{tables.JOINT}{line.code}"
            found = Window(_days(self._follow_up, key, day), _days(self._frequency, key, day))
            if len(self._known) >= _KNOWN:
                self._known.clear()
            self._known[asked] = found
        return found


def _reader(known: tables.Tables, name: str, field: str) -> Callable[[str, int], object] | None:
    table = known.find(name)
    return table.reader(field) if table is not None and table.periods else None


def _days(reader: Callable[[str, int], object] | None, key: str, day: int) -> int | None:
    found = None if reader is None else reader(key, day)
    return found if isinstance(found, int) and found > 0 else None
