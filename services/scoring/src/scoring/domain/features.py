"""Columns of claims to the matrices of the models: the one implementation, for serving and for training.

Everything is vectorised over the batch; the only Python loop is over distinct strings. Knows no transport.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from scoring.domain import columns, ranges, rows, schemas

HISTORY_CAP = (
    200  # provider's earlier claims beyond this say nothing new, and would leave the range with time
)
PATIENT_CAP = 30  # the same for a patient's
PRIOR_CLAIMS, PRIOR_DENIED = 20.0, 3.0  # a new provider counts as 3 denied of 20 until it has a history

type Matrix = npt.NDArray[np.float32]
type Doubles = npt.NDArray[np.float64]
type Ranks = npt.NDArray[np.integer]
type Named = dict[str, npt.NDArray[np.generic]]


class Matrices(NamedTuple):
    """Rows × LINE_MODEL, items × CLAIM_MODEL, and items × MEANING: known or not; all named in `columns`."""

    lines: Matrix
    claims: Matrix
    meaning: npt.NDArray[np.bool_]


@np.errstate(all="ignore")  # absurd amounts overflow to infinity, which is outside every range: said there
def matrices(schema: schemas.Schema, batch: rows.Rows) -> Matrices:
    """Return what the models see of a batch; claims without lines get NaN where lines are summarised."""
    item_of_row = np.repeat(np.arange(batch.items), np.diff(batch.offsets))
    ranks = ranked(schema, batch)
    claims, lines = _claim_features(schema, batch, ranks), _line_features(schema, batch, ranks, item_of_row)
    own_claim = _stack(claims, columns.OWN_CLAIM)
    own_line = _stack(lines, columns.OWN_LINE)
    summaries = _summaries(batch, ranks["code"], lines, item_of_row)
    return Matrices(
        np.hstack([own_line, own_claim[item_of_row]]),
        np.hstack([own_claim, summaries]),
        np.column_stack([ranks[name] != 0 for name in columns.MEANING]),
    )


def outside(schema: schemas.Schema, offsets: rows.Ints, found: Matrices) -> list[str]:
    """Return per item why it is outside what training saw, empty when it is not.

    `unseen:<column>` for the columns that give numbers their meaning, else what ranges.outside says of the
    claim, else of its first such line.
    """
    answer = [""] * len(found.claims)
    item_of_row = np.repeat(np.arange(len(answer)), np.diff(offsets))
    for row, reason in reversed(ranges.outside(schema.line_ranges, found.lines, columns.LINE_MODEL)):
        answer[int(item_of_row[row])] = reason
    for item, reason in ranges.outside(schema.claim_ranges, found.claims, columns.CLAIM_MODEL):
        answer[item] = reason
    for item, column in np.argwhere(~found.meaning)[::-1].tolist():
        answer[item] = f"unseen:{columns.MEANING[column]}"
    return answer


def ranked(schema: schemas.Schema, batch: rows.Rows) -> dict[str, Ranks]:
    """Return the vocabulary ranks of every category column, plus `age_band` per claim."""
    words = schema.words
    numbers = np.fromiter((words.get(text, 0) for text in batch.dictionary), np.intp, len(batch.dictionary))
    found: dict[str, Ranks] = {
        name: ranks[numbers[(batch.claims if name in columns.CLAIM_KINDS else batch.lines)[name]]]
        for name, ranks in schema.ranks.items()
    }
    found["age_band"] = age_bands(batch.claims["patient_age_years"])
    return found


def age_bands(years: Doubles) -> Ranks:
    """Return the band of each age from 1; 0 where it is missing."""
    return np.where(np.isnan(years), 0, np.digitize(years, columns.AGE_BANDS) + 1)


def log(values: Doubles) -> Doubles:
    """Return amounts and quantities on a logarithmic scale, ln of one more; a credit mirrors to negative."""
    return np.copysign(np.log1p(np.abs(values)), values)


def _claim_features(schema: schemas.Schema, batch: rows.Rows, ranks: dict[str, Ranks]) -> Named:
    """Return the claims' own features by name."""
    column = batch.claims
    claims = np.minimum(column["provider_claims"], HISTORY_CAP)
    share = claims / np.maximum(column["provider_claims"], 1)
    net = log(column["net_minor"])
    plain: Named = {name: column[name] for name in columns.CLAIM_FEATURES if name in column}
    computed: Named = {
        "age_years": column["patient_age_years"],
        "net_log": net,
        "total_to_net": log(column["total_minor"]) - net,
        "claim_preauth": column["has_preauth"],
        "provider_claims": np.log1p(claims),
        "provider_denied_rate": (column["provider_denied"] * share + PRIOR_DENIED) / (claims + PRIOR_CLAIMS),
        "patient_claims": np.minimum(column["patient_claims"], PATIENT_CAP),
    }
    familiar: Named = {
        name: schema.tables[name][ranks[left], ranks[right]]
        for name, (left, right) in columns.PAIRS.items()
        if name in columns.CLAIM_FEATURES
    }
    return plain | computed | familiar | {name: ranks[name] for name in columns.CLAIM_CATEGORIES}


def _line_features(
    schema: schemas.Schema, batch: rows.Rows, ranks: dict[str, Ranks], item_of_row: Ranks
) -> Named:
    """Return the lines' own features by name."""
    column, tables, code = batch.lines, schema.tables, ranks["code"]
    price, quantity, net = log(column["unit_price_minor"]), log(column["quantity"]), column["net_minor"]
    positive = np.where(net > 0, net, np.nan)
    plain: Named = {name: column[name] for name in columns.LINE_FEATURES if name in column}
    computed: Named = {
        "quantity_log": quantity,
        "line_net_log": log(net),
        "patient_share_rate": column["patient_share_minor"] / positive,
        "tax_rate": column["tax_minor"] / positive,
        "line_preauth": column["has_preauth"],
        "price_to_service": _distance(price, tables["price"][code]),
        "price_to_payer": _distance(price, tables["price_by_payer"][code, ranks["payer"][item_of_row]]),
        "quantity_to_service": _distance(quantity, tables["quantity"][code]),
        "preauth_gap": tables["preauth"][code] - batch.claims["has_preauth"][item_of_row],
    }
    familiar: Named = {
        name: tables[name][ranks[left], ranks[right] if right in batch.lines else ranks[right][item_of_row]]
        for name, (left, right) in columns.PAIRS.items()
        if name in columns.LINE_FEATURES
    }
    return plain | computed | familiar | {name: ranks[name] for name in columns.LINE_CATEGORIES}


def _summaries(batch: rows.Rows, code: Ranks, lines: Named, item_of_row: Ranks) -> Matrix:
    """Return per claim the most expensive line's code, and the extremes of the summarised features."""
    values = _stack(lines, columns.SUMMARISED)
    filled = np.flatnonzero(np.diff(batch.offsets))
    starts = batch.offsets[filled]
    width = len(columns.SUMMARISED)
    answer = np.full((batch.items, 1 + 2 * width), np.nan, dtype=np.float32)
    if len(filled):
        order = np.lexsort((-np.nan_to_num(batch.lines["net_minor"]), item_of_row))
        answer[filled, 0] = code[order[starts]]
        answer[filled, 1 : 1 + width] = np.fmax.reduceat(values, starts, axis=0)
        answer[filled, 1 + width :] = np.fmin.reduceat(values, starts, axis=0)
    return answer


def _stack(found: Named, names: tuple[str, ...]) -> Matrix:
    """Return the named features as columns of float32."""
    answer = np.empty((len(found[names[0]]), len(names)), dtype=np.float32)
    for place, name in enumerate(names):
        answer[:, place] = found[name]
    return answer


def _distance(value: Doubles, usual: Matrix) -> Doubles:
    """Return how far a log value lies from the usual one; 0 where nothing is known to be usual."""
    return np.where(np.isnan(usual), 0.0, value - usual)
