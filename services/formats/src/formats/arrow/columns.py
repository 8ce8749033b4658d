"""The columns of an Arrow stream against the claim model: names that it knows, types that can hold the value.

Room: formats.arrow. Types that could stand for more values than they have bytes (lists of nulls, unions) are
refused here.
"""

from collections.abc import Callable

import pyarrow as pa
from pyarrow import types

from chassis import errors
from formats import model, shapes, violations

FAILURES = (pa.ArrowException, OSError, ValueError, ArithmeticError, LookupError, StopIteration)  # of pyarrow


def check(schema: bytes) -> None:
    """Return when the schema message describes claims.

    Raises Invalid `arrow.malformed`, or `arrow.columns` whose violations name up to 20 columns.
    """
    found: list[errors.Violation] = []
    try:
        told = pa.ipc.read_schema(pa.py_buffer(schema))
        _struct(found, shapes.of(model.Claim), [told.field(at) for at in range(len(told))], "", depth=0)
    except FAILURES as cause:
        raise errors.Invalid("arrow.malformed", "The schema of the Arrow stream cannot be read.") from cause
    if found:
        text = "The columns are not those of claims: a record per claim, named as in the canonical JSON."
        raise errors.Invalid("arrow.columns", text, violations=tuple(found[: violations.MAX_VIOLATIONS]))


def _struct(
    found: list[errors.Violation], shape: shapes.Shape, fields: list[pa.Field], path: str, *, depth: int
) -> None:
    known = {field.wire: field for field in shape.fields}
    seen: set[str] = set()
    for column in fields:
        name = f"{path}.{violations.printable(column.name)}".strip(".")
        if column.name not in known:
            found.append(errors.Violation(name, "field.unknown", "The claim format has no such column."))
        elif column.name in seen:
            found.append(errors.Violation(name, "column.repeated", "The column occurs more than once."))
        else:
            seen.add(column.name)
            _field(found, known[column.name], column.type, name, depth=depth)


def _field(
    found: list[errors.Violation], field: shapes.Field, kind: pa.DataType, path: str, *, depth: int
) -> None:
    if field.many:
        if not (types.is_list(kind) or types.is_large_list(kind)):
            found.append(errors.Violation(path, "arrow.type", "The column must be a list."))
            return
        kind, depth = kind.value_type, depth + 1
    if field.shape is not None:
        if not types.is_struct(kind) or not kind.num_fields:
            found.append(errors.Violation(path, "arrow.type", "The column must hold structs."))
            return
        inside = [kind.field(at) for at in range(kind.num_fields)]
        _struct(found, field.shape, inside, path, depth=depth)
    elif types.is_null(kind) and not depth:
        return  # a column without any value; within a list it could stand for any number of entries
    elif not _holds(field.kind, kind):
        found.append(
            errors.Violation(path, "arrow.type", f"The column's type cannot hold {field.kind} values.")
        )


def _holds(kind: str, column: pa.DataType) -> bool:
    if types.is_dictionary(column):
        column = column.value_type
    if types.is_string(column) or types.is_large_string(column):
        return kind not in {"integer", "boolean"}
    return any(test(column) for test in _TESTS.get(kind, ()))


_NUMBERS = (types.is_decimal, types.is_integer, types.is_floating)
_TESTS: dict[str, tuple[Callable[[pa.DataType], bool], ...]] = {
    "money": _NUMBERS,
    "quantity": _NUMBERS,
    "decimal": _NUMBERS,
    "integer": (types.is_integer,),
    "boolean": (types.is_boolean,),
    "day": (types.is_date32,),
    "when": (types.is_date32, types.is_timestamp),
}
