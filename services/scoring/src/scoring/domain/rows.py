"""The columns of a batch as this room holds them. Knows no transport and no claim.

A row is a line; rows of a claim are adjacent; claim columns have one value per claim, line columns one per
row.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

MISSING_INT = np.iinfo(np.int64).min  # how an int64 column says "missing"
DENIAL = "denial"  # the task whose rows these are
MAX_LINES = 1_000  # more lines are no claim but a file

type Doubles = npt.NDArray[np.float64]
type Ints = npt.NDArray[np.int64]
type Column = npt.NDArray[Any]  # float64 with NaN for missing, or uint32 codes


class Rows(NamedTuple):
    """A batch: rows of item i are `offsets[i]` to `offsets[i + 1]`; entry 0 of `dictionary` means missing.

    Columns are float64 with NaN for missing, or dictionary codes (uint32), by name. `infinite` names the item
    and column of each value that is no number at all.
    """

    schema_hash: str
    offsets: Ints
    dictionary: list[str]
    claims: dict[str, Column]
    lines: dict[str, Column]
    infinite: tuple[tuple[int, str], ...] = ()

    @property
    def items(self) -> int:
        """The number of claims."""
        return len(self.offsets) - 1

    @property
    def size(self) -> int:
        """The number of lines."""
        return int(self.offsets[-1])


def subset(batch: Rows, items: npt.NDArray[np.bool_]) -> Rows:
    """Return the chosen claims with their lines, in their order."""
    kept_rows = np.repeat(items, np.diff(batch.offsets))
    places = np.cumsum(items) - 1
    return batch._replace(
        offsets=np.concatenate([[0], np.cumsum(np.diff(batch.offsets)[items])]),
        claims={name: column[items] for name, column in batch.claims.items()},
        lines={name: column[kept_rows] for name, column in batch.lines.items()},
        infinite=tuple((int(places[item]), name) for item, name in batch.infinite if items[item]),
    )


def numbers(column: Ints) -> Doubles:
    """Return an int64 column as float64 with NaN for missing; exact below 2^53, far above any amount."""
    return np.where(column == MISSING_INT, np.nan, column.astype(np.float64))
