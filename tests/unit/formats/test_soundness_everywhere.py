"""Every place of the claim model that can hold a wrong value: the quick check sees it, the walk names it.

The quick check is written out from the model's shapes; these tests go through the model in their own way, so
that a place which it left out would show.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest

import formats_support
from formats import days, model, shapes, soundness, violations

type Way = tuple[shapes.Field, ...]

WRONG: dict[str, list[Any]] = {
    "money": [Decimal("1.234"), Decimal("NaN"), Decimal("1E+20")],
    "quantity": [Decimal("0.00001"), Decimal("Infinity")],
    "decimal": [Decimal("NaN"), Decimal("-Infinity")],
    "day": ["2026-02-30", "2026-05-10T10:00:00Z"],
    "when": ["2026-02-30", "yesterday", "2026-05-10T25:00"],
    "integer": [-1, 2**31],
}
SOUND: dict[str, Any] = {
    "money": Decimal("1.23"), "quantity": Decimal("1.2345"), "decimal": Decimal("1.23456"),
    "day": "2026-05-10", "when": "2026-05-10T10:00:00+03:00", "integer": 1, "text": "x", "boolean": True,
    "any": "x",
}  # fmt: skip


def ways(shape: shapes.Shape, above: Way = ()) -> Iterator[Way]:
    """Yield the ways from a claim to each of its values that a type alone does not make sound."""
    for field in shape.fields:
        if field.shape is not None:
            yield from ways(field.shape, (*above, field))
        elif field.kind in WRONG:
            yield (*above, field)


def written(way: Way) -> str:
    """Return a way as its path in canonical JSON."""
    return ".".join(field.wire + ("[0]" if field.many else "") for field in way)


def filled(shape: shapes.Shape) -> dict[str, Any]:
    """Return what a struct of the shape cannot be without."""
    return {field.name: _value(field) for field in shape.fields if field.required}


def _value(field: shapes.Field) -> Any:
    if field.shape is not None:
        value: Any = field.shape.struct(**filled(field.shape))
    else:
        value = field.choices[0] if field.choices else SOUND[field.kind]
    return [value] if field.many else value


def planted(node: msgspec.Struct, way: Way, value: Any) -> msgspec.Struct:
    """Return a struct with the value at the end of the way, with what is missing on the way."""
    field, *rest = way
    if rest:
        assert field.shape is not None
        here = getattr(node, field.name)
        inner = (here[0] if here else None) if field.many else here
        inner = inner or field.shape.struct(**filled(field.shape))
        value = planted(inner, tuple(rest), value)
    return msgspec.structs.replace(node, **{field.name: [value] if field.many else value})


EVERY = list(ways(shapes.of(model.Claim)))


def test_there_are_many_such_places():
    """The walk reaches what lies deep: lines of lines, payers of lines, values of information."""
    found = {written(way) for way in EVERY}
    assert len(found) >= 99
    assert {
        "lines[0].details[0].net", "lines[0].prior_payer[0].paid", "supporting_info[0].value_quantity.value",
        "insurance[0].adjudicated.adjustments[0].amount", "lines[0].diagnosis_sequences[0]", "total",
    } <= found  # fmt: skip


@pytest.mark.parametrize("way", EVERY, ids=written)
def test_a_wrong_value_is_seen_and_named_wherever_it_stands(way: Way):
    """Sound beside it is sound; the same place with a wrong value is refused under its path."""
    claim = formats_support.sample_claim()
    sound = planted(claim, way, SOUND[way[-1].kind])
    assert isinstance(sound, model.Claim)
    assert soundness.is_sound(sound), violations.collect(plain(sound))
    for value in WRONG[way[-1].kind]:
        wrong = planted(claim, way, value)
        assert isinstance(wrong, model.Claim)
        assert not soundness.is_sound(wrong)
        assert written(way) in {one.path for one in violations.collect(plain(wrong))}


def plain(claim: model.Claim) -> Any:
    """Return the claim as plain data, numbers exact."""
    return msgspec.to_builtins(claim, builtin_types=(Decimal,))


def test_only_texts_that_could_be_days_are_remembered():
    """A long text is refused by its length alone: nobody fills our memory with texts that are no dates."""

    def remembered() -> int:
        return days.is_short_when.cache_info().currsize + days.known_day.cache_info().currsize

    before = remembered()
    for number in range(100):
        assert not days.is_when("2026-05-10" + "x" * 100 + str(number))
        assert not days.is_day("2026-05-10" + "x" * 100 + str(number))
        assert days.day_number("2026-05-10" + "x" * 100 + str(number), "Asia/Riyadh") is None
    assert remembered() == before
