"""Columns as blocks: by name they are what they were given as."""

import numpy as np
import pytest

import scoring_support as support
from scoring.domain import columns, rows

LEVEL = (("colour", "shape"), ("weight",))
GIVEN = {
    "colour": np.array([1, 2], dtype=np.uint32),
    "shape": np.array([0, 3], dtype=np.uint32),
    "weight": np.array([0.5, np.nan]),
}


def test_blocks_give_each_column_by_its_name() -> None:
    """Codes and numbers lie in two blocks, a row per column; a name finds its row."""
    found = rows.blocks(LEVEL, GIVEN)
    assert (found.codes.shape, found.figures.shape) == ((2, 2), (1, 2))
    assert [*found] == ["colour", "shape", "weight"]
    assert len(found) == 3
    for name, column in GIVEN.items():
        np.testing.assert_array_equal(found[name], column)
    with pytest.raises(KeyError):
        found["height"]


def test_blocks_stay_as_they_are() -> None:
    """Nothing is copied a second time."""
    found = rows.blocks(LEVEL, GIVEN)
    assert rows.blocks(LEVEL, found) is found


def test_joined_batches_are_the_batch_of_all() -> None:
    """Words, offsets and values of several batches read as those of one, whatever dictionary they had."""
    parts = [
        support.batch(support.claim({}, {"code": "X9"})),
        support.batch(support.costly(), support.claim()),
    ]
    spoiled = parts[1]._replace(infinite=((1, "quantity"),))
    found = rows.joined([parts[0], spoiled])
    expected = support.batch(support.claim({}, {"code": "X9"}), support.costly(), support.claim())
    assert found.offsets.tolist() == expected.offsets.tolist()
    assert found.infinite == ((2, "quantity"),)
    assert found.schema_hash == expected.schema_hash
    for level in ("claims", "lines"):
        for name, column in getattr(expected, level).items():
            joined = getattr(found, level)[name]
            if column.dtype == np.uint32:
                words = [found.dictionary[code] for code in joined.tolist()]
                assert words == [expected.dictionary[code] for code in column.tolist()]
            else:
                np.testing.assert_array_equal(joined, column)


def test_chosen_claims_keep_their_lines() -> None:
    """A part of a batch holds the chosen claims' columns and lines, and where infinite values are."""
    batch = support.batch(support.claim({}, {"quantity": 2}), support.claim(), support.claim({"quantity": 4}))
    whole = batch._replace(infinite=((2, "quantity"), (0, "factor")))
    part = rows.subset(whole, np.array([True, False, True]))
    assert part.offsets.tolist() == [0, 2, 3]
    assert part.lines["quantity"].tolist() == [1, 2, 4]
    assert all(len(part.claims[name]) == 2 for name in columns.CLAIM_KINDS)
    assert part.infinite == ((1, "quantity"), (0, "factor"))
    assert part.item_of_row.tolist() == [0, 0, 1]
    assert part.counts.tolist() == [2, 1]
