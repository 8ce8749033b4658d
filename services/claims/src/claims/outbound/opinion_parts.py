"""Scores told in columns, read into this room's words: what each arm answered of a batch, claim by claim."""

import bisect
import itertools
import struct
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from chassis import errors, faults
from claims.domain import decisions, risk
from ultrathink.scoring.v1 import scoring_pb2

_SIZES = {"B": 1, "I": 4, "q": 8, "d": 8}  # bytes of a value by its letter in `struct`

type Answer = risk.Score | errors.Fault
type _Why = tuple[list[risk.LineReason], list[decisions.Contribution]]


class Guess(NamedTuple):
    """A predicted reason without its probability: codes, words, and what helps against it."""

    nphies: str | None
    carc: str | None
    label: decisions.Bilingual
    fix: decisions.Bilingual | None


class Words(NamedTuple):
    """What the columns of one revision point to, and the model in this room's words."""

    model: decisions.Model | None
    simulated: bool
    groups: Sequence[tuple[str, decisions.Bilingual]]
    guesses: Sequence[Guess]


class _Columns(NamedTuple):
    """The columns of a part, one value per claim or per line."""

    states: bytes
    chances: Sequence[float]
    lines: Sequence[float]
    prints: Sequence[int]


def nonsense() -> errors.Fault:
    """Return that scoring answered what cannot be a score."""
    return errors.Internal("scoring.nonsense", "Scoring answered something that is no probability.")


def read(
    parts: Sequence[scoring_pb2.ScoredPart], lines: Sequence[int], words: Callable[[str], Words]
) -> list[Answer]:
    """Return one score or fault per claim; `lines` tells how many lines each has, `words` knows revisions.

    Claims in no part, or in one that does not hold what it should, are faults.
    """
    answers: list[Answer] = [nonsense()] * len(lines)
    for part in parts:
        items = list(part.items) or range(len(lines))
        try:
            told = _part(part, [lines[item] for item in items], words(part.model_revision))
        except (ValueError, LookupError, struct.error):  # columns of other lengths, places that are none
            continue
        for item, answer in zip(items, told, strict=True):
            answers[item] = answer
    return answers


def _part(part: scoring_pb2.ScoredPart, counts: list[int], words: Words) -> list[Answer]:
    """Return the answers of a part; raises what `read` catches when its columns do not fit."""
    starts = [0, *itertools.accumulate(counts)]
    told = _columns(part, len(counts), starts[-1])
    reasons = _line_reasons(part, starts, words)
    moved = _claim_reasons(part, len(counts), words)
    why = {one.item: one for one in part.unscored}
    answers: list[Answer] = []
    for place, (state, first, last) in enumerate(zip(told.states, starts, starts[1:], strict=False)):
        if state == scoring_pb2.SCORE_STATE_SCORED:
            flagged = reasons.get(place, []), moved.get(place, [])
            answers.append(_score(told, place, list(told.lines[first:last]), words, flagged))
        else:
            answers.append(_unscored(why.get(place), state, told.prints[place], words))
    return answers


def _columns(part: scoring_pb2.ScoredPart, claims: int, lines: int) -> _Columns:
    if len(part.states) != claims:
        raise ValueError(part.states)
    return _Columns(
        part.states,
        _numbers(part.probabilities, "d", claims),
        _numbers(part.line_probabilities, "d", lines),
        _numbers(part.feature_hashes, "q", claims),
    )


def _score(told: _Columns, place: int, chances: list[float], words: Words, why: _Why) -> Answer:
    chance = told.chances[place]
    if not 0 <= chance <= 1 or False in [0 <= one <= 1 for one in chances]:  # NaN is neither
        return nonsense()
    return risk.Score(
        state="scored",
        probability=chance,
        line_probabilities=chances,
        line_reasons=why[0],
        contributions=why[1],
        model=words.model,
        simulated=words.simulated,
        feature_hash=told.prints[place] or None,
    )


def _unscored(why: scoring_pb2.Unscored | None, state: int, stamp: int, words: Words) -> Answer:
    if why is not None and why.HasField("error"):
        return faults.from_wire(why.error)
    reason = "" if why is None else why.reason
    if state != scoring_pb2.SCORE_STATE_OUT_OF_RANGE:
        return risk.not_scored(reason or "scoring.not_scored")
    return risk.Score(
        state="out_of_range",
        reason=reason or None,
        model=words.model,
        simulated=words.simulated,
        feature_hash=stamp or None,
    )


def _line_reasons(
    part: scoring_pb2.ScoredPart, starts: list[int], words: Words
) -> dict[int, list[risk.LineReason]]:
    """Return why lines are flagged, by the place of their claim."""
    rows = _numbers(part.flagged_rows, "I", len(part.flagged_rows) // _SIZES["I"])
    if not rows:
        return {}
    if max(rows) >= starts[-1]:
        raise LookupError(rows)
    labels, chances = _table(part.row_reasons, "B", len(rows)), _table(part.row_chances, "d", len(rows))
    moved = _moved(part.row_groups, part.row_shares, len(rows), words)
    found: dict[int, list[risk.LineReason]] = {}
    for row, guessed, likely, shares in zip(rows, labels, chances, moved, strict=True):
        place = bisect.bisect_right(starts, row) - 1
        guesses = [words.guesses[label] for label in guessed]
        reason = risk.LineReason(
            row=row - starts[place],
            guesses=[_likely(one, chance) for one, chance in zip(guesses, likely, strict=True)],
            fix=guesses[0].fix if guesses else None,
            contributions=shares,
        )
        found.setdefault(place, []).append(reason)
    return found


def _claim_reasons(
    part: scoring_pb2.ScoredPart, claims: int, words: Words
) -> dict[int, list[decisions.Contribution]]:
    """Return what moved the scores of flagged claims, by their place."""
    places = _numbers(part.flagged_claims, "I", len(part.flagged_claims) // _SIZES["I"])
    if not places:
        return {}
    if max(places) >= claims:
        raise LookupError(places)
    return dict(zip(places, _moved(part.claim_groups, part.claim_shares, len(places), words), strict=True))


def _moved(groups: bytes, shares: bytes, count: int, words: Words) -> list[list[decisions.Contribution]]:
    known = words.groups
    return [
        [
            decisions.Contribution(feature=known[group][0], label=known[group][1], log_odds=share)
            for group, share in zip(*one, strict=True)
            if share
        ]
        for one in zip(_table(groups, "B", count), _table(shares, "d", count), strict=True)
    ]


def _likely(guess: Guess, chance: float) -> decisions.LikelyReason:
    return decisions.LikelyReason(
        nphies=guess.nphies, carc=guess.carc, label=guess.label, probability=chance, predicted=True
    )


def _numbers(column: bytes, kind: str, count: int) -> Any:
    """Return a column's values, little-endian; raises struct.error when there are not `count`."""
    return struct.unpack(f"<{count}{kind}", column)


def _table(column: bytes, kind: str, rows: int) -> list[Any]:
    """Return as many rows of a column that holds several values for each."""
    width, rest = divmod(len(column), rows * _SIZES[kind])
    if rest:
        raise ValueError(rest)
    values = _numbers(column, kind, rows * width)
    return [values[at : at + width] for at in range(0, len(values), width)] if width else [()] * rows
