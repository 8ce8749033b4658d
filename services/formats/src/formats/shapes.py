"""The claim model seen as data: which field of which struct is money, a day, a list or a struct of its own.

Room: formats. Derived from the model's annotations once, at first use, so that the model stays the only place
that says what a claim looks like; the checks of `soundness` and `violations` walk these shapes.
"""

import functools
import types
import typing
from dataclasses import dataclass
from decimal import Decimal

import msgspec

from formats import model

_KINDS: dict[object, str] = {
    model.Money: "money",
    model.Quantity: "quantity",
    Decimal: "decimal",
    model.Day: "day",
    model.When: "when",
    str: "text",
    bool: "boolean",
    int: "integer",
    typing.Any: "any",
}


@dataclass(frozen=True)
class Field:
    """One field: its name in Python and on the wire, its kind, and the shape or choices where it has any."""

    name: str
    wire: str
    required: bool
    nullable: bool
    many: bool
    kind: str
    shape: "Shape | None" = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Shape:
    """One struct and its fields."""

    struct: type[msgspec.Struct]
    fields: tuple[Field, ...]


@functools.cache
def of(struct: type[msgspec.Struct]) -> Shape:
    """Return the shape of a struct of the model."""
    return Shape(struct, tuple(_field(info) for info in msgspec.structs.fields(struct)))


def _field(info: msgspec.structs.FieldInfo) -> Field:
    kind = info.type
    nullable = types.NoneType in typing.get_args(kind)
    if nullable:
        (kind,) = (part for part in typing.get_args(kind) if part is not types.NoneType)
    many = typing.get_origin(kind) is list
    if many:
        (kind,) = typing.get_args(kind)
    shape = of(kind) if isinstance(kind, type) and issubclass(kind, msgspec.Struct) else None
    choices = typing.get_args(kind) if typing.get_origin(kind) is typing.Literal else ()
    name = "struct" if shape else "choice" if choices else _KINDS[kind]
    return Field(info.name, info.encode_name, info.required, nullable, many, name, shape, choices)
