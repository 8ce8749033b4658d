"""What the room answers, before it is put into a message: batches as columns, claims as views of them."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, overload

import numpy as np
import numpy.typing as npt

from chassis import errors

type State = Literal["scored", "not_scored", "out_of_range"]
type Depth = Literal["probabilities", "flagged", "all"]  # what is explained: nothing, what is flagged, all
type Doubles = npt.NDArray[np.float64]
type Places = npt.NDArray[np.intp]


class Reason(NamedTuple):
    """One class of the reason model: a payer's reason in two code lists and two languages."""

    nphies: str
    carc: str
    label_en: str
    label_ar: str


class Guess(NamedTuple):
    """A reason and how likely it is, given that the line is denied."""

    reason: Reason
    probability: float


class LineReason(NamedTuple):
    """Why one line is flagged: `row` counts within its claim; log-odds per human feature, the bias last."""

    row: int
    guesses: tuple[Guess, ...]
    contributions: Doubles


class ClaimScore(NamedTuple):
    """One claim's answer; when it is not scored there is a `reason`, the print, and nothing else."""

    state: State
    reason: str = ""
    probability: float = 0.0
    line_probabilities: tuple[float, ...] = ()
    line_reasons: tuple[LineReason, ...] = ()
    contributions: Doubles | None = None
    print: int = 0  # of the rows that were judged, where more than probabilities was asked for


type Answer = ClaimScore | errors.Fault


class Lines(NamedTuple):
    """The flagged lines of a batch, ascending: places, log-odds per group and bias, and likely reasons.

    `classes` and `chances` are lines × guesses, most likely first.
    """

    places: Places
    shares: Doubles
    classes: Places
    chances: Doubles


class Claims(NamedTuple):
    """The flagged claims of a batch, ascending: places, log-odds per group and bias."""

    places: Places
    shares: Doubles


NO_LINES = Lines(np.zeros(0, np.intp), np.zeros((0, 0)), np.zeros((0, 0), np.intp), np.zeros((0, 0)))
NO_CLAIMS = Claims(np.zeros(0, np.intp), np.zeros((0, 0)))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scored(Sequence[Answer]):
    """The answers of one model to a batch; as a sequence, one answer per claim.

    `offsets` are those of the batch's rows, `faults` and `outside` say of claims by place why they have no
    numbers (those at their places mean nothing); `reasons` are the classes that guesses point to, `prints`
    tell of which rows each claim was judged by.
    """

    offsets: npt.NDArray[np.int64]
    probability: Doubles
    lines: Doubles
    faults: Mapping[int, errors.Fault]
    outside: Mapping[int, str]
    prints: Sequence[int]
    flagged_lines: Lines = NO_LINES
    flagged_claims: Claims = NO_CLAIMS
    reasons: tuple[Reason, ...] = ()

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @overload
    def __getitem__(self, place: int) -> Answer: ...
    @overload
    def __getitem__(self, place: slice) -> list[Answer]: ...
    def __getitem__(self, place: int | slice) -> Answer | list[Answer]:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        place = range(len(self))[place]
        if place in self.faults:
            return self.faults[place]
        if place in self.outside:
            return ClaimScore("out_of_range", self.outside[place], print=self.prints[place])
        start, end = self.offsets[place : place + 2].tolist()
        claims = self.flagged_claims
        flagged = int(claims.places.searchsorted(place))
        own = flagged < len(claims.places) and claims.places[flagged] == place
        return ClaimScore(
            state="scored",
            probability=float(self.probability[place]),
            line_probabilities=tuple(self.lines[start:end].tolist()),
            line_reasons=self._line_reasons(start, end),
            contributions=claims.shares[flagged] if own else None,
            print=self.prints[place],
        )

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """The number of lines of each claim."""
        return self.offsets[1:] - self.offsets[:-1]

    def part(self, start: int, end: int) -> "Scored":
        """Return the answers of the claims from `start` up to `end`, as if they had been asked alone."""
        first, last = self.offsets[[start, end]].tolist()
        lines, claims = self.flagged_lines, self.flagged_claims
        rows = slice(*lines.places.searchsorted([first, last]).tolist())
        items = slice(*claims.places.searchsorted([start, end]).tolist())
        return dataclasses.replace(
            self,
            offsets=self.offsets[start : end + 1] - first,
            probability=self.probability[start:end],
            lines=self.lines[first:last],
            faults={place - start: fault for place, fault in self.faults.items() if start <= place < end},
            outside={place - start: why for place, why in self.outside.items() if start <= place < end},
            prints=self.prints[start:end],
            flagged_lines=Lines(
                lines.places[rows] - first, lines.shares[rows], lines.classes[rows], lines.chances[rows]
            ),
            flagged_claims=Claims(claims.places[items] - start, claims.shares[items]),
        )

    def _line_reasons(self, start: int, end: int) -> tuple[LineReason, ...]:
        found = self.flagged_lines
        first, last = found.places.searchsorted([start, end]).tolist()
        return tuple(
            LineReason(int(found.places[at]) - start, self._guesses(at), found.shares[at])
            for at in range(first, last)
        )

    def _guesses(self, at: int) -> tuple[Guess, ...]:
        found = self.flagged_lines
        pairs = zip(found.classes[at].tolist(), found.chances[at].tolist(), strict=True)
        return tuple(Guess(self.reasons[label], chance) for label, chance in pairs)


def largest(values: Doubles, told: Doubles, most: int) -> tuple[Places, Doubles]:
    """Return per row the places of the largest `values`, largest first, and what `told` holds there."""
    best = (-values).argsort(axis=1, kind="stable")[:, :most]
    starts = np.arange(0, told.size, told.shape[1])[:, None]
    return best, told.take(best + starts)


def refused(offsets: npt.NDArray[np.int64], faults: Mapping[int, errors.Fault]) -> Scored:
    """Return the answers to a batch of which no claim was looked at."""
    return Scored(
        offsets=offsets,
        probability=np.zeros(len(offsets) - 1),
        lines=np.zeros(int(offsets[-1])),
        faults=faults,
        outside={},
        prints=[0] * (len(offsets) - 1),
    )
