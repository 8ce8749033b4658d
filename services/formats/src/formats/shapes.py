"""The claim model seen as data: which field of which struct is money, a day, a list or a struct of its own.

Room: formats. Derived from the model's annotations once, at first use, so that the model stays the only place
that says what a claim looks like; the checks of `soundness` and `violations` walk these shapes.
"""

import functools
import operator
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import msgspec

from formats import model

type Getter = Callable[[msgspec.Struct], tuple[typing.Any, ...]]

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
    """One struct: its fields, and what a quick check of it has to fetch.

    A getter returns all values of a kind in one call of C code; None stands for a kind the struct does not
    have. `children` names the fields below which there is anything to check, with their shapes.
    """

    struct: type[msgspec.Struct]
    fields: tuple[Field, ...]
    moneys: Getter | None
    quantities: Getter | None
    decimals: Getter | None
    days: Getter | None
    whens: Getter | None
    integers: Getter | None
    integer_lists: Getter | None
    children: tuple[tuple[str, "Shape", bool], ...]

    @property
    def is_free(self) -> bool:
        """Whether any values of the right types are sound in this struct."""
        getters = (self.moneys, self.quantities, self.decimals, self.days, self.whens, self.integers)
        return not self.children and self.integer_lists is None and all(get is None for get in getters)


@functools.cache
def of(struct: type[msgspec.Struct]) -> Shape:
    """Return the shape of a struct of the model."""
    fields = tuple(_field(info) for info in msgspec.structs.fields(struct))
    return Shape(
        struct=struct,
        fields=fields,
        moneys=_getter(fields, "money"),
        quantities=_getter(fields, "quantity"),
        decimals=_getter(fields, "decimal"),
        days=_getter(fields, "day"),
        whens=_getter(fields, "when"),
        integers=_getter(fields, "integer"),
        integer_lists=_getter(fields, "integer", many=True),
        children=tuple(
            (field.name, field.shape, field.many)
            for field in fields
            if field.shape is not None and not field.shape.is_free
        ),
    )


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


def _getter(fields: tuple[Field, ...], kind: str, *, many: bool = False) -> Getter | None:
    names = [field.name for field in fields if field.kind == kind and field.many == many]
    if not names:
        return None
    get = operator.attrgetter(*names)
    if len(names) > 1:
        return typing.cast("Getter", get)
    return lambda node: (get(node),)
