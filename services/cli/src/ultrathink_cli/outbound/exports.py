"""Exported Parquet as columns for the drift job."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from chassis import errors

SUFFIX = ".parquet"


def read(data: Path) -> dict[str, npt.NDArray[Any]]:
    """Return the columns of a Parquet file, or of all those in a folder: floats with NaN, or strings.

    Raises NotFound `data.missing` without a file, Invalid `data.unreadable` for one that is no Parquet.
    """
    files = sorted(data.glob(f"*{SUFFIX}")) if data.is_dir() else [data]
    if not files or not files[0].exists():
        raise errors.NotFound(
            "data.missing", f"found no {SUFFIX} in {data}; write one with `ultrathink export`"
        )
    try:
        table = pa.concat_tables([pq.read_table(file) for file in files], promote_options="permissive")
    except (pa.ArrowException, OSError) as error:
        raise errors.Invalid(
            "data.unreadable", f"{data.name} is no export: name what `ultrathink export` wrote"
        ) from error
    return {name: _column(table.column(name)) for name in table.column_names}


def _column(column: pa.ChunkedArray) -> npt.NDArray[Any]:
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        return np.array(column.cast(pa.float64(), safe=False), dtype=np.float64)
    return np.array(["" if value is None else str(value) for value in column.to_pylist()], dtype=object)
