"""Cursors over FHIR data: each value is taken once; what nobody takes is kept, a wrong type is refused.

Room: formats.fhir. Knows JSON and paths; knows no element of any resource.
"""

import re
from collections import Counter
from decimal import Decimal
from typing import Any

from chassis import errors
from formats import days, model, violations

MAX_NOTES = 50  # a receipt is read by a person
MAX_EXTRAS = 1_000  # kept values of one claim; a message that has more is not about a claim
MAX_ENTRIES = 5_000  # of one list: five times the lines a claim may have
_PARTIAL_DATE = re.compile(r"\d{4}(-\d{2})?")
_INDEX = re.compile(r"\[\d+\]")
_RENDERINGS = frozenset({"resourceType", "id", "text", "meta"})


class Sink:
    """What reading one claim brings besides the claim: violations, kept values and notes."""

    def __init__(self) -> None:
        self.violations: list[errors.Violation] = []
        self._notes: dict[str, None] = {}
        self._cursors: list[Cursor] = []
        self._kept: list[model.Extra] = []

    def refuse(self, path: str, code: str, message: str) -> None:
        """Note a violation, the first of its path; beyond the bound they are dropped."""
        if any(violation.path == path for violation in self.violations):
            return
        if len(self.violations) < violations.MAX_VIOLATIONS:
            self.violations.append(errors.Violation(path, code, message))

    def note(self, text: str) -> None:
        """Add a note for the receipt, once."""
        self._notes[text] = None

    def keep(self, path: str, value: Any) -> None:
        """Keep a value the model has no field for."""
        if len(self._kept) < MAX_EXTRAS:
            self._kept.append(model.Extra(path=path, value=value))
        elif len(self._kept) == MAX_EXTRAS:
            self.refuse(path, "extra.too_many", f"More than {MAX_EXTRAS} values have no place in a claim.")

    def opened(self, cursor: "Cursor") -> None:
        """Remember a cursor, whose leftovers will be kept."""
        self._cursors.append(cursor)

    def extras(self) -> list[model.Extra]:
        """Return all kept values; to be asked once, when reading is done."""
        for cursor in self._cursors:
            for path, value in cursor.leftovers():
                self.keep(path, value)
        self._cursors.clear()
        return self._kept

    def notes(self) -> tuple[str, ...]:
        """Return the notes, kept values summed up by element."""
        elements = Counter(_INDEX.sub("", extra.path) for extra in self._kept)
        kept = [f"kept, not read: {path} ({count})" for path, count in elements.items()]
        return tuple([*self._notes, *kept][:MAX_NOTES])


class Cursor:
    """One JSON object: at a path of the document, which violations name, and at an element of its resource.

    Kept values are named by the element (`Coverage.class`), so that they do not depend on where in a bundle
    the resource stands.
    """

    def __init__(self, data: dict[str, Any], path: str, sink: Sink, *, element: str) -> None:
        self.path = path
        self.element = element
        self.sink = sink
        self._left = dict(data)
        self._size = len(data)
        sink.opened(self)

    def leftovers(self) -> list[tuple[str, Any]]:
        """Return the members nobody took with their paths, renderings excepted; an unread object whole."""
        if len(self._left) == self._size:
            return [(self.element, self._left)] if self._left else []
        left = ((name, value) for name, value in self._left.items() if name not in _RENDERINGS)
        return [(f"{self.element}.{violations.printable(name)}", value) for name, value in left]

    def take(self, name: str) -> Any:
        """Return a member as it is and count it as read."""
        return self._left.pop(name, None)

    def peek(self, name: str) -> Any:
        """Return a member without counting it as read."""
        return self._left.get(name)

    def put_back(self, name: str, value: Any) -> None:
        """Count a member as not read."""
        self._left[name] = value

    def refuse(self, name: str, code: str, message: str) -> None:
        """Note a violation of a member."""
        self.sink.refuse(f"{self.path}.{name}" if name else self.path, code, message)

    def text(self, name: str) -> str | None:
        """Return a text member; None where absent."""
        value = self.take(name)
        if value is None or (isinstance(value, str) and value.strip()):
            return value
        self.refuse(name, "field.type", "A text that is not empty is expected here.")
        return None

    def boolean(self, name: str) -> bool | None:
        """Return a boolean member; None where absent."""
        value = self.take(name)
        if value is None or isinstance(value, bool):
            return value
        self.refuse(name, "field.type", "true or false is expected here.")
        return None

    def integer(self, name: str) -> int | None:
        """Return a whole number; None where absent."""
        value = self.take(name)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        self.refuse(name, "field.type", "A whole number is expected here.")
        return None

    def decimal(self, name: str) -> Decimal | None:
        """Return an exact number; None where absent."""
        value = self.take(name)
        if isinstance(value, Decimal) and value.is_finite():
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return Decimal(value)
        if value is not None:
            self.refuse(name, "field.type", "A number is expected here.")
        return None

    def day(self, name: str) -> str | None:
        """Return a day `YYYY-MM-DD`; an incomplete date is kept aside, because it cannot be compared."""
        return self._date(name, days.is_day)

    def when(self, name: str) -> str | None:
        """Return a day or date-time; an incomplete date is kept aside, because it cannot be compared."""
        return self._date(name, days.is_when)

    def child(self, name: str) -> "Cursor | None":
        """Return an object member; None where absent."""
        value = self.take(name)
        if isinstance(value, dict):
            return self._inner(value, name)
        if value is not None:
            self.refuse(name, "field.type", "An object is expected here.")
        return None

    def children(self, name: str) -> "list[Cursor]":
        """Return the objects of a list member; none where absent."""
        found = []
        for index, value in enumerate(self.items(name)):
            if isinstance(value, dict):
                found.append(self._inner(value, f"{name}[{index}]"))
            else:
                self.refuse(f"{name}[{index}]", "field.type", "An object is expected here.")
        return found

    def items(self, name: str) -> list[Any]:
        """Return a list member as it is; empty where absent."""
        value = self.take(name)
        if isinstance(value, list) and len(value) <= MAX_ENTRIES:
            return value
        if isinstance(value, list):
            self.refuse(name, "list.too_long", f"A list has at most {MAX_ENTRIES:,} entries.")
        elif value is not None:
            self.refuse(name, "field.type", "A list is expected here.")
        return []

    def texts(self, name: str) -> list[str]:
        """Return a list of texts."""
        found = self.items(name)
        if all(isinstance(value, str) for value in found):
            return found
        self.refuse(name, "field.type", "A list of texts is expected here.")
        return []

    def integers(self, name: str) -> list[int]:
        """Return a list of whole numbers."""
        found = self.items(name)
        if all(isinstance(value, int) and not isinstance(value, bool) for value in found):
            return found
        self.refuse(name, "field.type", "A list of whole numbers is expected here.")
        return []

    def _inner(self, data: dict[str, Any], name: str) -> "Cursor":
        return Cursor(data, f"{self.path}.{name}", self.sink, element=f"{self.element}.{name}")

    def _date(self, name: str, accepted: Any) -> str | None:
        value = self.take(name)
        if value is None or (isinstance(value, str) and accepted(value)):
            return value
        if isinstance(value, str) and _PARTIAL_DATE.fullmatch(value):
            self.put_back(name, value)
        else:
            self.refuse(
                name, "date.invalid", "A date of the form FHIR defines is expected here, and must exist."
            )
        return None
