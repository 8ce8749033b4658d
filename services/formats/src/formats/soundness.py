"""The quick yes-or-no check of a claim that already has the right types: numbers, dates, sequences, sizes.

Room: formats; on the hot path of every claim, so it only answers whether all is well. Where it says no,
`violations` walks the same claim again, slowly, and says what is wrong and where.
"""

from decimal import Context, Decimal, DecimalException, Inexact, InvalidOperation

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
    quantum = money.quantum(money.minor_digits(claim.currency))
    try:
        if not _values(shapes.of(model.Claim), claim, quantum):
            return False
    except DecimalException:
        return False
    return (
        all(line.code or line.revenue_code or line.description for line in claim.lines)
        and all(one_value(info) for info in claim.supporting_info)
        and all(shallow(extra.value) for extra in claim.extra)
    )


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


def _values(shape: shapes.Shape, node: msgspec.Struct, quantum: Decimal) -> bool:
    return (
        (shape.moneys is None or _exact(shape.moneys(node), quantum))
        and (shape.quantities is None or _exact(shape.quantities(node), QUANTITY_QUANTUM))
        and (shape.decimals is None or all(_is_finite(number) for number in shape.decimals(node)))
        and (shape.days is None or all(day is None or days.is_day(day) for day in shape.days(node)))
        and (shape.whens is None or _whens(shape.whens(node)))
        and (shape.integers is None or _integers(shape, shape.integers(node)))
        and (shape.integer_lists is None or _sequences(shape.integer_lists(node)))
        and _children(shape, node, quantum)
    )


def _exact(numbers: tuple[Decimal | None, ...], quantum: Decimal) -> bool:
    for number in numbers:
        if number is not None and not _EXACT.quantize(number, quantum).is_finite():
            return False
    return True


def _is_finite(number: Decimal | None) -> bool:
    return number is None or number.is_finite()


def _whens(texts: tuple[str | None, ...]) -> bool:
    for text in texts:  # noqa: SIM110 - a generator costs more than this loop, on the path of every claim
        if text is not None and not days.is_when(text):
            return False
    return True


def _integers(shape: shapes.Shape, numbers: tuple[int | None, ...]) -> bool:
    lowest = 0 if shape.struct is model.Attachment else 1  # a size may be 0, a sequence may not
    for number in numbers:  # noqa: SIM110 - as above
        if number is not None and not lowest <= number <= MAX_SEQUENCE:
            return False
    return True


def _sequences(lists: tuple[list[int], ...]) -> bool:
    for numbers in lists:  # noqa: SIM110 - as above
        if numbers and not (min(numbers) > 0 and max(numbers) <= MAX_SEQUENCE):
            return False
    return True


def _children(shape: shapes.Shape, node: msgspec.Struct, quantum: Decimal) -> bool:
    for name, child, many in shape.children:
        value = getattr(node, name)
        if not many:
            if value is not None and not _values(child, value, quantum):
                return False
        elif value:
            for entry in value:
                if not _values(child, entry, quantum):
                    return False
    return True
