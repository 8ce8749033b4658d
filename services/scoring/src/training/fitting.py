"""Learns the feature schema from how claims are written: vocabularies, what is usual, what goes together.

Outcomes are not an argument anywhere here.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from scoring.domain import columns, features, ranges, rows, schemas

MIN_COUNT = 20  # a string seen less often shares the bucket of the unseen ones
MAX_WORDS = 2_000  # bounds the bundle; rarer strings are unseen
MIN_PRICES = 10  # prices of a service at one payer before they count as usual there
SMOOTHING = 5.0  # pairs expected less often than this stay near "neither usual nor unusual"
MASKED_SHARE = 0.02  # of the values of each column hidden in training, so that unseen and missing were seen
# Columns that honest claims leave out: hidden too, so that a missing number is inside the range.
OPTIONAL = ("patient_age_years", "days_to_created", "encounter_days", "total_minor", "unit_price_minor",
    "patient_share_minor", "tax_minor", "factor", "day_offset", "service_days")  # fmt: skip

type Matrix = npt.NDArray[np.float32]
type Kept = npt.NDArray[np.bool_]


def subset(batch: rows.Rows, items: Kept) -> rows.Rows:
    """Return the chosen claims with their lines."""
    return rows.subset(batch, items)


def masked(batch: rows.Rows, rng: np.random.Generator) -> rows.Rows:
    """Return the batch with a small share of categories made unseen and of optional numbers made missing."""
    unseen = len(batch.dictionary)

    def hide(name: str, column: rows.Column) -> rows.Column:
        chosen = rng.random(len(column)) < MASKED_SHARE
        if column.dtype == np.uint32 and name not in columns.MEANING:
            return np.where(chosen, np.uint32(unseen), column)
        return np.where(chosen, np.nan, column) if name in OPTIONAL else column

    return batch._replace(
        dictionary=[*batch.dictionary, "\0unseen"],
        claims={name: hide(name, column) for name, column in batch.claims.items()},
        lines={name: hide(name, column) for name, column in batch.lines.items()},
    )


def fit(batch: rows.Rows, rng: np.random.Generator) -> tuple[schemas.Schema, features.Matrices]:
    """Return the schema of a training batch, and its matrices, partly masked, for models to learn from."""
    vocabularies = {
        name: vocabulary({**batch.claims, **batch.lines}[name], batch.dictionary)
        for name in (*columns.CLAIM_CODES, *columns.LINE_CODES)
    }
    empty = ranges.fit(np.zeros((1, 1), dtype=np.float32))
    tables = _tables(features.ranked(schemas.create(vocabularies, {}, empty, empty), batch), batch)
    draft = schemas.create(vocabularies, tables, empty, empty)
    found = features.matrices(draft, masked(batch, rng))
    return schemas.create(vocabularies, tables, ranges.fit(found.lines), ranges.fit(found.claims)), found


def vocabulary(codes: rows.Column, dictionary: list[str]) -> list[str]:
    """Return the strings of a column seen often enough, most frequent first, equal ones by name."""
    counts = np.bincount(codes, minlength=len(dictionary))
    often = [(-int(count), dictionary[code]) for code, count in enumerate(counts) if count >= MIN_COUNT]
    return [word for _, word in sorted(often)[:MAX_WORDS]]


def _tables(ranks: Mapping[str, features.Ranks], batch: rows.Rows) -> dict[str, Matrix]:
    """Return what is usual per code, per code and payer, and how familiar each pair is."""
    item_of_row = np.repeat(np.arange(batch.items), np.diff(batch.offsets))
    code, payer = ranks["code"], ranks["payer"][item_of_row]
    codes, payers = int(code.max()) + 1, int(payer.max()) + 1
    price, quantity = features.log(batch.lines["unit_price_minor"]), features.log(batch.lines["quantity"])
    usual = _medians(code, codes, price)
    at_payer = _medians(code * payers + payer, codes * payers, price).reshape(codes, payers)
    at_payer = np.where(np.isnan(at_payer), usual[:, None], at_payer)
    at_payer[0] = np.nan
    asked = batch.claims["has_preauth"][item_of_row]
    tables = {
        "price": usual,
        "price_by_payer": at_payer,
        "quantity": _medians(code, codes, quantity),
        "preauth": _rates(code, codes, asked),
    }
    for name, (left, right) in columns.PAIRS.items():
        tables[name] = _familiarity(*_aligned(ranks, left, right, batch, item_of_row))
    return {name: table.astype(np.float32) for name, table in tables.items()}


def _aligned(
    ranks: Mapping[str, features.Ranks], left: str, right: str, batch: rows.Rows, item_of_row: features.Ranks
) -> tuple[features.Ranks, features.Ranks, int, int]:
    """Return two columns' ranks row by row, or claim by claim when both are the claim's, with sizes."""
    per_line = left in batch.lines
    one = ranks[left]
    two = ranks[right][item_of_row] if per_line and right not in batch.lines else ranks[right]
    widest = len(columns.AGE_BANDS) + 2 if right == "age_band" else int(two.max()) + 1
    return one, two, int(one.max()) + 1, widest


def _medians(keys: features.Ranks, size: int, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the median value per key, NaN for the unseen key 0 and for keys with few values."""
    known = ~np.isnan(values)
    keys, values = keys[known], values[known]
    order = np.lexsort((values, keys))
    counts = np.bincount(keys, minlength=size)
    starts = np.cumsum(counts) - counts
    enough = counts >= MIN_PRICES
    answer = np.full(size, np.nan)
    answer[enough] = values[order][(starts + counts // 2)[enough]]
    answer[0] = np.nan
    return answer


def _rates(keys: features.Ranks, size: int, flags: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the share of set flags per key; the overall share for the unseen key 0."""
    counts = np.bincount(keys, minlength=size)
    answer = np.bincount(keys, weights=flags, minlength=size) / np.maximum(counts, 1)
    answer[(counts == 0) | (np.arange(size) == 0)] = flags.mean() if len(flags) else 0.0
    return answer


def _familiarity(
    one: features.Ranks, two: features.Ranks, height: int, width: int
) -> npt.NDArray[np.float64]:
    """Return log((seen + s) / (expected + s)) per pair: 0 for chance, negative when they avoid each other.

    `expected` is what independence would give (pointwise mutual information with smoothing s); 0 for unseen.
    """
    seen = np.bincount(one * width + two, minlength=height * width).reshape(height, width).astype(np.float64)
    expected = np.outer(seen.sum(axis=1), seen.sum(axis=0)) / max(seen.sum(), 1.0)
    answer = np.log((seen + SMOOTHING) / (expected + SMOOTHING))
    answer[0, :] = 0.0
    answer[:, 0] = 0.0
    return answer
