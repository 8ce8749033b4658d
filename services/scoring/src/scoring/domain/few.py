"""What the models see of a few lines, value by value: to the last bit what `features.matrices` says.

An operation of numpy costs a microsecond and more whatever it works on, and a hundred of them are most of
what a lone claim costs. Up to `records.FEW` lines plain numbers and look-ups in lists are cheaper. Formulas
and their order are those of `features`, which says what they mean; tests hold both against one another.
Knows no transport.
"""

import bisect
import math
import operator
import struct
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from scoring.domain import columns, features, records, rows, schemas

type Ranks = list[int]
type Numbers = list[float]
type Logs = tuple[float, ...]

_MISSING: Final = math.nan
_UNSEEN: Final = (0,) * len(columns.CLAIM_CODES)  # the rank of a word that training did not see
_CLAIM_CODES: Final = operator.itemgetter(*records.CLAIM.codes.tolist())
_LINE_CODES: Final = operator.itemgetter(*records.LINE.codes.tolist())
_LINE_NUMBERS: Final = len(records.LINE.coded)  # numbers stand behind the codes
_CATEGORIES: Final = len(columns.CLAIM_CATEGORIES)  # they stand first among the codes, in the same order
_MEANING: Final = tuple(columns.CLAIM_CODES.index(name) for name in columns.MEANING)
_PAYER, _SEX, _SETTING, _SPECIALTY, _DIAGNOSIS = (
    columns.CLAIM_CODES.index(name)
    for name in ("payer", "patient_sex", "encounter_class", "specialty", "principal_group")
)
_CLAIM_LOGS: Final = tuple(columns.CLAIM_NUMBERS.index(name) for name in ("net_minor", "total_minor"))
_PREAUTH: Final = columns.CLAIM_NUMBERS.index("has_preauth")
_LINE_LOGS: Final = tuple(
    [*records.LINE_KINDS].index(name) - _LINE_NUMBERS
    for name in ("unit_price_minor", "quantity", "net_minor")
)
_NET: Final = _LINE_LOGS[-1]
_HISTORY: Final[Numbers] = np.log1p(np.arange(features.HISTORY_CAP + 1)).tolist()
_SUMMARISED: Final = operator.itemgetter(*(columns.OWN_LINE.index(name) for name in columns.SUMMARISED))


class _Claim(NamedTuple):
    """A claim's ranks by `CLAIM_CODES`, its numbers in the schema's order, the band of the patient's age."""

    ranks: Ranks
    numbers: Numbers
    band: int


class _Line(NamedTuple):
    """A line's ranks by `LINE_CODES` and its numbers in the order of the row schema."""

    ranks: Ranks
    numbers: Numbers


class Values(NamedTuple):
    """All values of the line matrix, then of the claim matrix; how many rows; what has a known meaning."""

    flat: features.Matrix
    sizes: tuple[int, int]
    meaning: npt.NDArray[np.bool_]

    def matrices(self) -> features.Matrices:
        """Return the values as the models see them."""
        lines, claims = self.sizes
        end = lines * len(columns.LINE_MODEL)
        return features.Matrices(
            self.flat[:end].reshape(lines, len(columns.LINE_MODEL)),
            self.flat[end:].reshape(claims, len(columns.CLAIM_MODEL)),
            self.meaning,
        )


def values(schema: schemas.Schema, batch: rows.Rows) -> Values:
    """Return what the models see of a batch that is `rows.Rows.few`."""
    heads, bodies = _read(schema.lists, batch)
    lists, ends, (head_logs, body_logs) = schema.lists, batch.offsets.tolist(), _logs(heads, bodies)
    lines: Numbers = []
    claims: Numbers = []
    for head, logs, start, end in zip(heads, head_logs, ends, ends[1:], strict=False):
        own = _claim_features(lists, head, logs)
        part = [_line_features(lists, head, bodies[place], body_logs[place]) for place in range(start, end)]
        for line in part:
            lines += line
            lines += own
        claims += own
        claims += _summary(part, bodies[start:end])
    return Values(
        _flat(lines + claims),
        (len(bodies), len(heads)),
        np.array([[head.ranks[place] != 0 for place in _MEANING] for head in heads]),
    )


def _flat(values: Numbers) -> features.Matrix:
    try:
        packed = struct.pack(f"{len(values)}f", *values)
    except OverflowError:  # an absurd amount, which is infinite to a model
        with np.errstate(over="ignore"):
            return np.array(values, dtype=np.float64).astype(np.float32)
    return np.frombuffer(packed, dtype=np.float32)


def _read(lists: schemas.Lists, batch: rows.Rows) -> tuple[list[_Claim], list[_Line]]:
    """Return the claims and the lines of records."""
    words, (heads, bodies) = batch.dictionary, batch.counted
    return (
        [
            _Claim(_ranks(lists.claim_ranks, _CLAIM_CODES(record), words), numbers, band(numbers[0]))
            for record, numbers in zip(batch.heads, heads, strict=True)
        ],
        [
            _Line(_ranks(lists.line_ranks, _LINE_CODES(record), words), numbers)
            for record, numbers in zip(batch.bodies, bodies, strict=True)
        ],
    )


def _ranks(tables: tuple[dict[str, int], ...], codes: tuple[int, ...], words: list[str]) -> Ranks:
    return [*map(dict.get, tables, map(words.__getitem__, codes), _UNSEEN)]


def band(years: float) -> int:
    """Return the band of an age from 1; 0 where it is missing."""
    return 0 if math.isnan(years) else bisect.bisect_right(columns.AGE_BANDS, years) + 1


def _logs(heads: list[_Claim], bodies: list[_Line]) -> tuple[list[Logs], list[Logs]]:
    """Return the logarithms that each claim and each line needs.

    Numpy makes them in one step, for those of the mathematical library differ in the last bit.
    """
    amounts = [one.numbers[place] for one in heads for place in _CLAIM_LOGS]
    amounts += [one.numbers[place] for one in bodies for place in _LINE_LOGS]
    found = iter(_log(amounts).tolist())
    return (
        [(next(found), next(found)) for _ in heads],
        [(next(found), next(found), next(found)) for _ in bodies],
    )


def _log(amounts: Numbers) -> features.Doubles:
    """Return what `features.log` does; a sign is only looked after where there is one."""
    signed, found = True in [amount < 0 for amount in amounts], np.array(amounts, dtype=np.float64)
    return features.log(found) if signed else np.log1p(found)


def _claim_features(lists: schemas.Lists, claim: _Claim, logs: Logs) -> Numbers:
    """Return the features of OWN_CLAIM; `logs` are of net and total."""
    (
        age, diagnoses, procedures, line_count, _, _, days_to_created, encounter_days, preauth, related,
        accident, insurance, vitals, narratives, results, attachments, others, seen, denied, patient,
    ) = claim.numbers  # fmt: skip
    net, total = logs
    claims = min(seen, features.HISTORY_CAP)
    rate = _divided(
        denied * (claims / float(max(seen, 1))) + features.PRIOR_DENIED, claims + features.PRIOR_CLAIMS
    )
    group, tables = claim.ranks[_DIAGNOSIS], lists.tables
    return [
        *claim.ranks[:_CATEGORIES], age, net, total - net, days_to_created, encounter_days, diagnoses,
        procedures, line_count, preauth, related, accident, insurance, vitals, narratives, results,
        attachments, others, _history(claims), rate, min(patient, features.PATIENT_CAP),
        tables["diagnosis_for_sex"][group][claim.ranks[_SEX]], tables["diagnosis_for_age"][group][claim.band],
    ]  # fmt: skip


def _line_features(lists: schemas.Lists, claim: _Claim, line: _Line, logs: Logs) -> Numbers:
    """Return the features of OWN_LINE; `logs` are of price, quantity and net."""
    (
        _, factor, _, net_minor, share, tax, net_share, modifiers, diagnoses, information, care_team,
        body_site, preauth, package, maternity, details, same_code, day_offset, service_days,
    ) = line.numbers  # fmt: skip
    price, quantity, net = logs
    tables, code, ranks = lists.tables, line.ranks[0], claim.ranks
    whole = float(net_minor) if net_minor > 0 else _MISSING
    return [
        *line.ranks, quantity, factor, net, net_share, share / whole, tax / whole, modifiers, diagnoses,
        information, care_team, body_site, preauth, package, maternity, details, same_code, day_offset,
        service_days, _distance(price, tables["price"][code]),
        _distance(price, tables["price_by_payer"][code][ranks[_PAYER]]),
        _distance(quantity, tables["quantity"][code]), tables["preauth"][code] - claim.numbers[_PREAUTH],
        tables["service_for_diagnosis"][code][line.ranks[-1]],
        tables["service_for_specialty"][code][ranks[_SPECIALTY]],
        tables["service_for_sex"][code][ranks[_SEX]], tables["service_for_age"][code][claim.band],
        tables["service_for_setting"][code][ranks[_SETTING]],
    ]  # fmt: skip


def _summary(lines: list[Numbers], bodies: list[_Line]) -> Numbers:
    """Return the most expensive line's code, and the extremes of the summarised features."""
    if not lines:
        return [_MISSING] * (len(columns.CLAIM_MODEL) - len(columns.OWN_CLAIM))
    told = [_SUMMARISED(line) for line in lines]
    if len(told) == 1:
        return [lines[0][0], *told[0], *told[0]]
    nets = [0.0 if math.isnan(body.numbers[_NET]) else float(body.numbers[_NET]) for body in bodies]
    values = np.array(told)
    return [
        lines[nets.index(max(nets))][0],
        *np.fmax.reduce(values).tolist(),
        *np.fmin.reduce(values).tolist(),
    ]


def _history(claims: float) -> float:
    """Return the logarithm of one more than a whole number of claims up to the cap."""
    if claims >= 0:
        return _HISTORY[int(claims)]
    return -math.inf if claims == -1 else _MISSING


def _distance(value: float, usual: float) -> float:
    return 0.0 if math.isnan(usual) else value - usual


def _divided(value: float, by: float) -> float:
    """Return the quotient as numpy does, which knows one by nought too."""
    if by:
        return value / by
    return math.copysign(math.inf, value) if value > 0 or value < 0 else _MISSING
