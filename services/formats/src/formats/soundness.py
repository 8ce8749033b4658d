"""The quick yes-or-no check of a claim that already has the right types: numbers, dates, sequences, sizes.

Room: formats; on the hot path of every claim, so it only answers whether all is well. Where it says no,
`violations` walks the same claim again, slowly, and says what is wrong and where.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from decimal import Context, Decimal, DecimalException, Inexact, InvalidOperation
from typing import cast

import msgspec

from formats import days, model, money, shapes

QUANTITY_QUANTUM = Decimal("0.0001")  # quantities and factors have at most four decimals
MAX_SEQUENCE = 2**31 - 1  # FHIR's positiveInt
MAX_IDENTITY_LENGTH = 256  # of claim_id: four times what nphies allows, short enough for an index
MAX_EXTRA_DEPTH = 32  # nesting of one kept value; the claim itself nests no deeper than the model

_EXACT = Context(prec=money.MAX_MINOR_DIGITS_OF_AMOUNT, traps=[Inexact, InvalidOperation])


def is_sound(claim: model.Claim) -> bool:
    """Tell whether every value of the claim is one the house can compare, count and store."""
    if not claim.insurance or not claim.lines or len(claim.lines) > model.MAX_LINES or not claim.type:
        return False
    if claim.claim_id is not None and len(claim.claim_id) > MAX_IDENTITY_LENGTH:
        return False
    quantum = money.quantum_of(claim.currency)
    try:
        if not _of_claims()(claim, quantum):
            return False
    except DecimalException:
        return False
    return (
        _named(claim.lines)
        and not [info for info in claim.supporting_info if not one_value(info)]
        and not [extra for extra in claim.extra if not shallow(extra.value)]
    )


def _named(lines: Sequence[model.Line]) -> bool:
    """Tell whether every line says what it is for."""
    return not [line for line in lines if not (line.code or line.revenue_code or line.description)]


def one_value(info: model.SupportingInfo) -> bool:
    """Tell whether at most one of the value fields is filled."""
    filled = (
        info.value_string, info.value_boolean, info.value_quantity,
        info.value_attachment, info.value_reference,
    )  # fmt: skip
    return filled.count(None) >= len(filled) - 1


def shallow(value: object, depth: int = MAX_EXTRA_DEPTH) -> bool:
    """Tell whether a kept value nests at most `depth` levels."""
    if isinstance(value, dict):
        return depth > 0 and all(shallow(child, depth - 1) for child in value.values())
    if isinstance(value, list):
        return depth > 0 and all(shallow(child, depth - 1) for child in value)
    return True


type _Check = Callable[[msgspec.Struct, Decimal], bool]


@functools.cache
def _of_claims() -> _Check:
    return _check(shapes.of(model.Claim))


def _check(shape: shapes.Shape) -> _Check:
    """Return a function that tells whether a struct's values, and those below, are sound.

    It is written out for the shape, because most fields of most claims are absent and a walk that asks each
    of them what it is costs more than looking. It may raise DecimalException, which means no.
    """
    names: dict[str, object] = {
        "exact": _EXACT.quantize, "quantum_of_quantities": QUANTITY_QUANTUM, "most": MAX_SEQUENCE,
        "is_day": days.is_day, "is_when": days.is_short_when, "longest": days.LONGEST_TIME,
    }  # fmt: skip
    lines = ["def check(node, quantum):"]
    for field in shape.fields:
        lines += _tests(shape, field, names)
    source = "\n".join([*lines, "    return True"])
    exec(compile(source, f"<soundness of {shape.struct.__name__}>", "exec"), names)  # noqa: S102 - our own text
    return cast("_Check", names["check"])


_TESTS = {
    "money": "exact(v, quantum).is_finite()",
    "quantity": "exact(v, quantum_of_quantities).is_finite()",
    "decimal": "v.is_finite()",
    "day": "is_day(v)",
    "when": "len(v) <= longest and is_when(v)",
    "integer": "{lowest} <= v <= most",
}


def _tests(shape: shapes.Shape, field: shapes.Field, names: dict[str, object]) -> Iterator[str]:
    """Yield the lines that return False where a field has a value that is not sound."""
    lowest = 0 if shape.struct is model.Attachment else 1  # a size may be 0, a sequence may not
    if field.shape is not None and _is_checked(field.shape):
        names[f"check_{field.name}"] = _check(field.shape)
        test = f"check_{field.name}(v, quantum)"
    elif field.kind in _TESTS:
        test = _TESTS[field.kind].format(lowest=lowest)
    else:
        return
    if field.many:
        yield f"    for v in node.{field.name}:"
        yield f"        if not ({test}):"
        yield "            return False"
    else:
        yield f"    v = node.{field.name}"
        yield f"    if v is not None and not ({test}):"
        yield "        return False"


def _is_checked(shape: shapes.Shape) -> bool:
    """Whether a value of the right type can be unsound in this struct or below it."""
    return any(
        field.kind in _TESTS or (field.shape is not None and _is_checked(field.shape))
        for field in shape.fields
    )
