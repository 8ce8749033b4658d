"""What exactly is wrong with a claim: every problem with its path and code, up to a bound.

Room: formats; runs only after a quick check has failed. It walks plain data (dicts, lists) along the shapes
of the model, so that one refusal names many problems. Messages name fields of the model and never repeat a
value, because any value may be a patient's.
"""

import contextlib
import re
from decimal import Decimal, InvalidOperation
from typing import Any

from chassis import errors
from formats import days, model, money, shapes, soundness

MAX_VIOLATIONS = 20  # a sender repairs a list of twenty; a longer one only costs
NAME = re.compile(r"[a-z][A-Za-z0-9_]{0,63}")  # what a field of any format of ours could be called
UNNAMED = "(a name of another form)"  # a key that is no field's name may be a patient's
MAX_NAME_LENGTH = 64  # of an unknown field quoted in a path
_LARGEST_QUANTITY = Decimal(10) ** 11


class _Full(Exception):  # noqa: N818 - a signal that the bound is reached
    """Raised to stop the walk."""


class Collector:
    """Gathers violations of one claim; `digits` are the minor digits of its currency."""

    def __init__(self, digits: int) -> None:
        self.digits = digits
        self.found: list[errors.Violation] = []

    def add(self, path: str, code: str, message: str) -> None:
        """Note one violation; stop the walk at the bound."""
        self.found.append(errors.Violation(path, code, message))
        if len(self.found) >= MAX_VIOLATIONS:
            raise _Full


def refusal(raw: Any) -> errors.Invalid:
    """Return the Invalid that names what is wrong with plain claim data."""
    found = collect(raw)
    if not found:  # the typed decoder refused what this walk accepts
        found = (errors.Violation("$", "field.type", "The claim does not have the expected structure."),)
    count = "1 problem" if len(found) == 1 else f"{len(found)} problems"
    return errors.Invalid("claim.unreadable", f"The claim cannot be read: {count}.", violations=found)


def collect(raw: Any) -> tuple[errors.Violation, ...]:
    """Return up to 20 violations of plain claim data in document order."""
    currency = raw.get("currency") if isinstance(raw, dict) else None
    into = Collector(money.minor_digits(currency if isinstance(currency, str) else None))
    with contextlib.suppress(_Full):
        _struct(into, shapes.of(model.Claim), raw, "")
        _whole(into, raw)
    return tuple(into.found)


def refuse_nul(raw: Any) -> None:
    """Raise Invalid where a text of the claim holds the NUL character, which no database text can keep."""
    into = Collector(money.DEFAULT_MINOR_DIGITS)
    with contextlib.suppress(_Full):
        _nul(into, raw, "")
    if into.found:
        message = "A text holds the NUL character."
        raise errors.Invalid("claim.unreadable", message, violations=tuple(into.found))


def _nul(into: Collector, raw: Any, path: str) -> None:
    if isinstance(raw, dict):
        for name, value in raw.items():
            if "\0" in name:
                into.add(path or "$", "text.nul", "A name holds the NUL character.")
            _nul(into, value, _join(path, name))
    elif isinstance(raw, list):
        for index, value in enumerate(raw):
            _nul(into, value, f"{path}[{index}]")
    elif isinstance(raw, str) and "\0" in raw:
        into.add(path or "$", "text.nul", "The text holds the NUL character.")


def printable(name: str) -> str:
    """Return a sender's column or element name cut and cleaned for a path in a message."""
    return "".join(char if char.isprintable() else "?" for char in name[:MAX_NAME_LENGTH])


def _join(path: str, name: str) -> str:
    return f"{path}.{printable(name)}" if path else printable(name)


def _struct(into: Collector, shape: shapes.Shape, raw: Any, path: str) -> None:
    if not isinstance(raw, dict):
        into.add(path or "$", "field.type", "An object is expected here.")
        return
    known = {field.wire for field in shape.fields}
    for name in raw:
        if name not in known:
            into.add(
                _join(path, name if NAME.fullmatch(name) else UNNAMED),
                "field.unknown",
                "The claim format has no such field.",
            )
    for field in shape.fields:
        if field.wire in raw:
            _field(into, field, raw[field.wire], _join(path, field.wire))
        elif field.required:
            into.add(_join(path, field.wire), "field.missing", "This field is required.")
    if shape.struct is model.SupportingInfo:
        _one_value(into, raw, path)


def _one_value(into: Collector, raw: dict[str, Any], path: str) -> None:
    filled = [name for name, value in raw.items() if name.startswith("value_") and value is not None]
    if len(filled) > 1:
        into.add(path, "value.ambiguous", "At most one of the value fields may be filled.")


def _field(into: Collector, field: shapes.Field, raw: Any, path: str) -> None:
    if raw is None:
        if not field.nullable and field.kind != "any":
            into.add(path, "field.type", "This field must not be null.")
        return
    if not field.many:
        _value(into, field, raw, path)
        return
    if not isinstance(raw, list):
        into.add(path, "field.type", "A list is expected here.")
        return
    for index, item in enumerate(raw):
        _value(into, field, item, f"{path}[{index}]")


def _value(into: Collector, field: shapes.Field, raw: Any, path: str) -> None:
    match field.kind:
        case "struct" if field.shape is not None:
            _struct(into, field.shape, raw, path)
        case "money" | "quantity" | "decimal":
            _number(into, field.kind, raw, path)
        case "day" | "when":
            _date(into, field.kind, raw, path)
        case "integer":
            _integer(into, field, raw, path)
        case "choice":
            if raw not in field.choices:
                into.add(path, "field.choice", "One of these is expected: " + ", ".join(field.choices) + ".")
        case "boolean" if not isinstance(raw, bool):
            into.add(path, "field.type", "true or false is expected here.")
        case "text" if not isinstance(raw, str):
            into.add(path, "field.type", "A text is expected here.")
        case _:
            pass


def _integer(into: Collector, field: shapes.Field, raw: Any, path: str) -> None:
    if isinstance(raw, bool) or not isinstance(raw, int):
        into.add(path, "field.type", "A whole number is expected here.")
    elif field.name == "size":
        if raw < 0 or raw > soundness.MAX_SEQUENCE:
            into.add(path, "number.out_of_range", "A size is between 0 and 2,147,483,647.")
    elif not 0 < raw <= soundness.MAX_SEQUENCE:
        into.add(path, "sequence.invalid", "A sequence is a whole number from 1 to 2,147,483,647.")


def _date(into: Collector, kind: str, raw: Any, path: str) -> None:
    if not isinstance(raw, str):
        into.add(path, "field.type", "A date is expected here, as text.")
    elif kind == "day" and not days.is_day(raw):
        into.add(path, "date.invalid", "A day must read YYYY-MM-DD and exist.")
    elif kind == "when" and not days.is_when(raw):
        into.add(path, "date.invalid", "A date must read YYYY-MM-DD or YYYY-MM-DDThh:mm:ss+hh:mm, and exist.")


def _number(into: Collector, kind: str, raw: Any, path: str) -> None:
    number = _decimal(raw)
    if number is None:
        into.add(path, "field.type", "A number or a decimal text is expected here.")
    elif kind == "money":
        code = money.problem(number, into.digits)
        if code == "money.too_many_decimals":
            into.add(path, code, f"An amount in this currency has at most {into.digits} decimals.")
        elif code:
            into.add(path, code, "An amount has at most 15 digits in all.")
    elif not number.is_finite() or abs(number) >= _LARGEST_QUANTITY:
        into.add(path, "number.out_of_range", "The number is not finite or too large.")
    elif kind == "quantity" and money.problem(number, 4) == "money.too_many_decimals":
        into.add(path, "quantity.too_many_decimals", "A quantity or factor has at most 4 decimals.")


def _decimal(raw: Any) -> Decimal | None:
    if isinstance(raw, bool) or not isinstance(raw, int | float | str | Decimal):
        return None
    try:
        return Decimal(str(raw))
    except InvalidOperation:
        return None


def _whole(into: Collector, raw: Any) -> None:
    if not isinstance(raw, dict):
        return
    for name in ("insurance", "lines"):
        if raw.get(name) == []:
            into.add(name, "field.missing", "At least one entry is required.")
    if raw.get("type") == "":
        into.add("type", "field.missing", "This field is required.")
    identity = raw.get("claim_id")
    if isinstance(identity, str) and len(identity) > soundness.MAX_IDENTITY_LENGTH:
        limit = soundness.MAX_IDENTITY_LENGTH
        into.add("claim_id", "text.too_long", f"A claim id has at most {limit} characters.")
    _lines(into, raw.get("lines"))
    _extras(into, raw.get("extra"))


def _lines(into: Collector, lines: Any) -> None:
    if not isinstance(lines, list):
        return
    if len(lines) > model.MAX_LINES:
        into.add("lines", "claim.too_many_lines", f"A claim has at most {model.MAX_LINES:,} lines.")
    for index, line in enumerate(lines):
        if isinstance(line, dict) and not any(
            line.get(name) for name in ("code", "revenue_code", "description")
        ):
            message = "A line needs a code, a revenue_code or a description."
            into.add(f"lines[{index}].code", "field.missing", message)


def _extras(into: Collector, extras: Any) -> None:
    for index, extra in enumerate(extras if isinstance(extras, list) else ()):
        if isinstance(extra, dict) and not soundness.shallow(extra.get("value")):
            into.add(f"extra[{index}].value", "json.too_deep", "The kept value nests too deep.")
