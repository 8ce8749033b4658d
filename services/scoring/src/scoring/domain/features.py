"""Columns of claims to the matrices of the models: the one implementation, for serving and for training.

Everything is worked out over blocks, a row per column: the steps are counted, because a small batch costs
little else. The only Python loop is over distinct strings. Knows no transport.
"""

import itertools
from collections.abc import Iterable
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
type Places = npt.NDArray[np.intp]


def _places(names: Iterable[str], within: tuple[str, ...]) -> Places:
    return np.array([within.index(name) for name in names], dtype=np.intp)


def _taken(wanted: dict[str, str], offered: tuple[str, ...]) -> tuple[Places, Places]:
    """Return where features that are columns as they stand go in a level's features, and whence they come."""
    same = [name for name in wanted if name in offered]
    return _places(same, tuple(wanted)), _places(same, offered)


_CLAIM_CODE = {name: place for place, name in enumerate(columns.CLAIM_CODES)}
_LINE_CODE = {name: place for place, name in enumerate(columns.LINE_CODES)}
_CLAIM = {name: place for place, name in enumerate(columns.CLAIM_NUMBERS)}
_LINE = {name: place for place, name in enumerate(columns.LINE_FIGURES)}
_OF_CLAIM = {name: place for place, name in enumerate(columns.OWN_CLAIM)}
_OF_LINE = {name: place for place, name in enumerate(columns.OWN_LINE)}
_CLAIM_CATEGORIES = _places(columns.CLAIM_CATEGORIES, columns.CLAIM_CODES)
_LINE_CATEGORIES = _places(columns.LINE_CATEGORIES, columns.LINE_CODES)
_CLAIM_SAME = _taken(columns.CLAIM_FEATURES, columns.CLAIM_NUMBERS)
_LINE_SAME = _taken(columns.LINE_FEATURES, columns.LINE_FIGURES)
_CLAIM_LOGS = _places(("net_minor", "total_minor"), columns.CLAIM_NUMBERS)
_LINE_LOGS = _places(("unit_price_minor", "quantity", "net_minor"), columns.LINE_FIGURES)
_RATED = _places(("patient_share_minor", "tax_minor"), columns.LINE_FIGURES)
_RATES = _places(("patient_share_rate", "tax_rate"), columns.OWN_LINE)
_DISTANCES = _places(("price_to_service", "price_to_payer", "quantity_to_service"), columns.OWN_LINE)
_FAMILIAR = _places(columns.LINE_PAIRS, columns.OWN_LINE)
_PARTNERS = [columns.PAIRS[name][1] for name in columns.LINE_PAIRS]
_SUMMARISED = _places(columns.SUMMARISED, columns.OWN_LINE)
_AGE_EDGES = np.array(columns.AGE_BANDS, dtype=np.float64)
_MEANING = _places(columns.MEANING, columns.CLAIM_CODES)


class Matrices(NamedTuple):
    """Rows × LINE_MODEL, items × CLAIM_MODEL, and items × MEANING: known or not; all named in `columns`."""

    lines: Matrix
    claims: Matrix
    meaning: npt.NDArray[np.bool_]


class _Ranked(NamedTuple):
    """Vocabulary ranks: a row per column of codes, of claims and of lines, and the age bands of claims."""

    claims: Ranks
    lines: Ranks
    ages: Ranks


@np.errstate(all="ignore")  # absurd amounts overflow to infinity, which is outside every range: said there
def matrices(schema: schemas.Schema, batch: rows.Rows) -> Matrices:
    """Return what the models see of a batch; claims without lines get NaN where lines are summarised."""
    item_of_row = batch.item_of_row
    heads, bodies = _blocks(batch)
    ranks = _ranked(schema, batch.dictionary, heads, bodies)
    claims = _claim_features(schema, heads.figures, ranks)
    lines = _line_features(schema, heads.figures, bodies.figures, ranks, item_of_row)
    width = len(columns.OWN_LINE)
    line_matrix = np.empty((batch.size, len(columns.LINE_MODEL)), dtype=np.float32)
    line_matrix[:, :width] = lines.T
    line_matrix[:, width:] = np.ascontiguousarray(claims.T).take(item_of_row, axis=0)
    claim_matrix = np.empty((batch.items, len(columns.CLAIM_MODEL)), dtype=np.float32)
    claim_matrix[:, : len(columns.OWN_CLAIM)] = claims.T
    claim_matrix[:, len(columns.OWN_CLAIM) :] = _summaries(
        batch, lines, bodies.figures[_LINE["net_minor"]], item_of_row
    )
    return Matrices(line_matrix, claim_matrix, (ranks.claims[_MEANING] != 0).T)


def outside(schema: schemas.Schema, offsets: rows.Ints, found: Matrices) -> dict[int, str]:
    """Return the items that are outside what training saw, each with why.

    `unseen:<column>` for the columns that give numbers their meaning, else what ranges.outside says of the
    claim, else of its first such line.
    """
    answer: dict[int, str] = {}
    bounds = schema.joined
    for row, reason in reversed(ranges.outside(bounds.line_bounds, found.lines, columns.LINE_MODEL)):
        answer[int(offsets.searchsorted(row, side="right")) - 1] = reason
    answer |= dict(ranges.outside(bounds.claim_bounds, found.claims, columns.CLAIM_MODEL))
    if not found.meaning.all():
        for item, column in np.argwhere(~found.meaning)[::-1].tolist():
            answer[item] = f"unseen:{columns.MEANING[column]}"
    return answer


def ranked(schema: schemas.Schema, batch: rows.Rows) -> dict[str, Ranks]:
    """Return the vocabulary ranks of every category column by name, plus `age_band` per claim."""
    found = _ranked(schema, batch.dictionary, *_blocks(batch))
    claims, lines = (dict(zip(*one, strict=True)) for one in (
        (columns.CLAIM_CODES, found.claims), (columns.LINE_CODES, found.lines),
    ))  # fmt: skip
    return claims | lines | {"age_band": found.ages}


def age_bands(years: Doubles) -> Ranks:
    """Return the band of each age from 1; 0 where it is missing."""
    return np.where(np.isnan(years), 0, _AGE_EDGES.searchsorted(years, side="right") + 1)


def log(values: Doubles) -> Doubles:
    """Return amounts and quantities on a logarithmic scale, ln of one more; a credit mirrors to negative."""
    return np.copysign(np.log1p(np.abs(values)), values)


def _blocks(batch: rows.Rows) -> tuple[rows.Columns, rows.Columns]:
    return rows.blocks(columns.CLAIM_LEVEL, batch.claims), rows.blocks(columns.LINE_LEVEL, batch.lines)


def _ranked(
    schema: schemas.Schema, dictionary: list[str], claims: rows.Columns, lines: rows.Columns
) -> _Ranked:
    """Return the ranks of all columns of codes: string → word → rank, each step over a block."""
    known = map(schema.words.get, dictionary, itertools.repeat(0))
    numbers = np.fromiter(known, np.intp, len(dictionary))
    own = np.arange(len(columns.CLAIM_CODES))[:, None] * (len(schema.words) + 1)
    return _Ranked(
        schema.joined.claim_ranks.take(numbers.take(claims.codes) + own),
        schema.joined.line_ranks.take(numbers.take(lines.codes) + own[: len(columns.LINE_CODES)]),
        age_bands(claims.figures[_CLAIM["patient_age_years"]]),
    )


def _claim_features(schema: schemas.Schema, figures: Doubles, ranks: _Ranked) -> Matrix:
    """Return a row per feature of the claims themselves, in the order of OWN_CLAIM."""
    answer = np.empty((len(columns.OWN_CLAIM), figures.shape[1]), dtype=np.float32)
    answer[: len(_CLAIM_CATEGORIES)] = ranks.claims[_CLAIM_CATEGORIES]
    answer[_CLAIM_SAME[0] + len(_CLAIM_CATEGORIES)] = figures[_CLAIM_SAME[1]]
    net, total = log(figures[_CLAIM_LOGS])
    seen, denied = figures[_CLAIM["provider_claims"]], figures[_CLAIM["provider_denied"]]
    claims = np.minimum(seen, HISTORY_CAP)
    share = claims / np.maximum(seen, 1)
    computed = {
        "age_years": figures[_CLAIM["patient_age_years"]],
        "net_log": net,
        "total_to_net": total - net,
        "claim_preauth": figures[_CLAIM["has_preauth"]],
        "provider_claims": np.log1p(claims),
        "provider_denied_rate": (denied * share + PRIOR_DENIED) / (claims + PRIOR_CLAIMS),
        "patient_claims": np.minimum(figures[_CLAIM["patient_claims"]], PATIENT_CAP),
        "diagnosis_for_sex": _familiar(schema, "diagnosis_for_sex", ranks),
        "diagnosis_for_age": _familiar(schema, "diagnosis_for_age", ranks),
    }
    for name, values in computed.items():
        answer[_OF_CLAIM[name]] = values
    return answer


def _familiar(schema: schemas.Schema, name: str, ranks: _Ranked) -> Matrix:
    """Return how familiar a pair of the claims' columns is."""
    left, right = (
        ranks.ages if column == "age_band" else ranks.claims[_CLAIM_CODE[column]]
        for column in columns.PAIRS[name]
    )
    found: Matrix = schema.tables[name][left, right]
    return found


def _line_features(
    schema: schemas.Schema, claims: Doubles, figures: Doubles, ranks: _Ranked, item_of_row: Ranks
) -> Matrix:
    """Return a row per feature of the lines themselves, in the order of OWN_LINE."""
    answer = np.empty((len(columns.OWN_LINE), figures.shape[1]), dtype=np.float32)
    answer[: len(_LINE_CATEGORIES)] = ranks.lines[_LINE_CATEGORIES]
    answer[_LINE_SAME[0] + len(_LINE_CATEGORIES)] = figures[_LINE_SAME[1]]
    price, quantity, net = log(figures[_LINE_LOGS])
    code, claim_net = ranks.lines[_LINE_CODE["code"]], figures[_LINE["net_minor"]]
    usual_price, usual_quantity, preauth = schema.joined.usual.take(code, axis=1)
    payer = ranks.claims[_CLAIM_CODE["payer"]].take(item_of_row)
    usual = np.array([usual_price, schema.tables["price_by_payer"][code, payer], usual_quantity])
    answer[_OF_LINE["quantity_log"]] = quantity
    answer[_OF_LINE["line_net_log"]] = net
    answer[_RATES] = figures[_RATED] / np.where(claim_net > 0, claim_net, np.nan)
    answer[_OF_LINE["line_preauth"]] = figures[_LINE["has_preauth"]]
    answer[_DISTANCES] = _distance(np.array([price, price, quantity]), usual)
    answer[_OF_LINE["preauth_gap"]] = preauth - claims[_CLAIM["has_preauth"]].take(item_of_row)
    answer[_FAMILIAR] = _familiar_lines(schema, code, ranks, item_of_row)
    return answer


def _familiar_lines(schema: schemas.Schema, code: Ranks, ranks: _Ranked, item_of_row: Ranks) -> Matrix:
    """Return a row for each of the lines' pairs: how familiar the code is with the other column's value."""
    partners = np.array([
        ranks.lines[_LINE_CODE[name]]
        if name in _LINE_CODE
        else (ranks.ages if name == "age_band" else ranks.claims[_CLAIM_CODE[name]]).take(item_of_row)
        for name in _PARTNERS
    ])  # fmt: skip
    joined = schema.joined
    found: Matrix = joined.pairs.take(joined.starts[:, None] + code * joined.widths[:, None] + partners)
    return found


def _summaries(batch: rows.Rows, lines: Matrix, net: Doubles, item_of_row: Ranks) -> Matrix:
    """Return per claim the most expensive line's code, and the extremes of the summarised features.

    Claims without lines get NaN.
    """
    starts = batch.offsets[:-1]
    filled = batch.counts > 0
    if not filled.all():
        answer = np.full((batch.items, 1 + 2 * len(_SUMMARISED)), np.nan, dtype=np.float32)
        if filled.any():
            part = batch._replace(offsets=np.append(starts[filled], batch.size))
            answer[filled] = _summaries(part, lines, net, part.item_of_row)
        return answer
    amounts = np.where(np.isnan(net), 0.0, net)
    highest = np.maximum.reduceat(amounts, starts)
    (dearest,) = (amounts == highest.take(item_of_row)).nonzero()
    first = dearest[dearest.searchsorted(starts)]
    values = lines[_SUMMARISED]
    return np.concatenate([
        lines[_OF_LINE["code"]][first][None],
        np.fmax.reduceat(values, starts, axis=1),
        np.fmin.reduceat(values, starts, axis=1),
    ]).T  # fmt: skip


def _distance(value: Doubles, usual: Matrix) -> Doubles:
    """Return how far a log value lies from the usual one; 0 where nothing is known to be usual."""
    return np.where(np.isnan(usual), 0.0, value - usual)
