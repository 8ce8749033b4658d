"""Which model answers which claim: the arms by name, the choice by a claim's key, what promotions leave.

An arm is a seat (stable, canary, shadow); a revision is what sits in it. Knows no file and no transport.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from chassis import errors

STABLE, CANARY, SHADOW = "stable", "canary", "shadow"
CANDIDATES = (CANARY, SHADOW)
BUCKETS = 10_000  # shares are told in hundredths of a percent

type Keys = npt.NDArray[np.uint64]


class State(msgspec.Struct, frozen=True, kw_only=True):
    """What operators decided, in revisions: `stable` answers, `previous` ("" for none) is what to go back to.

    `base` is the stable revision that settings named at that time; `stopped` are canaries taken out.
    """

    base: str
    stable: str
    previous: str = ""
    stopped: tuple[str, ...] = ()


class Seats(NamedTuple):
    """Revisions by arm, "" for an empty one; a canary that was stopped keeps its seat and gets no claims."""

    stable: str
    canary: str
    shadow: str
    canary_stopped: bool


def of_identity(tenant: str, item_id: str) -> int:
    """Return the key of a claim whose sender made none: always the same for tenant and item."""
    return int.from_bytes(hashlib.blake2b(f"{tenant}\0{item_id}".encode(), digest_size=8).digest())


def chosen(keys: Sequence[int], percent: float) -> npt.NDArray[np.bool_]:
    """Return which claims meet the canary; a larger share keeps all that a smaller one had.

    Keys are mixed first (Stafford's 13th variant of the 64-bit murmur finaliser): a sender's may be counters.
    """
    mixed: Keys = np.array(keys, dtype=np.uint64)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    below: npt.NDArray[np.bool_] = mixed % np.uint64(BUCKETS) < round(percent * BUCKETS / 100)
    return below


def holds(state: State | None, named: Mapping[str, str]) -> bool:
    """Return whether decisions still stand: settings that name another stable bundle are newer."""
    return state is not None and state.base == named[STABLE]


def seats(named: Mapping[str, str], state: State | None) -> Seats:
    """Return who sits where: as the settings name revisions, changed by decisions that still stand.

    Raises Invalid `arms.missing` when a decision names a revision that no folder of the settings holds.
    """
    if state is None or not holds(state, named):
        state = State(base=named[STABLE], stable=named[STABLE])
    if state.stable not in named.values():
        raise errors.Invalid(
            "arms.missing",
            f"The model {state.stable[:12]} was promoted, and no readable folder of the settings holds it: "
            "put its bundle back, or remove the state file to return to the settings.",
        )
    canary, shadow = ("" if named.get(seat) == state.stable else named.get(seat, "") for seat in CANDIDATES)
    return Seats(state.stable, canary, shadow, canary in state.stopped)


def promoted(named: Mapping[str, str], state: State | None, revision: str) -> State:
    """Return the state after a candidate became stable; the stable one of now can be returned to."""
    current = seats(named, state)
    stopped = _stopped(named, state)
    return State(
        base=named[STABLE],
        stable=revision,
        previous=current.stable,
        stopped=tuple(one for one in stopped if one != revision),
    )


def rolled_back(named: Mapping[str, str], state: State | None) -> State:
    """Return the state in which no candidate answers: the stable one of before, the canary taken out.

    Raises Conflict `arms.nothing_to_undo` when nothing was promoted and no canary is given claims.
    """
    current = seats(named, state)
    previous = state.previous if state is not None and holds(state, named) else ""
    if not previous and (not current.canary or current.canary_stopped):
        raise errors.Conflict(
            "arms.nothing_to_undo",
            "Nothing was promoted and no canary answers: there is nothing to roll back.",
        )
    out = {current.canary, current.stable if previous else ""} - {""}
    return State(
        base=named[STABLE],
        stable=previous or current.stable,
        stopped=tuple(sorted({*_stopped(named, state), *out})),
    )


def _stopped(named: Mapping[str, str], state: State | None) -> tuple[str, ...]:
    return state.stopped if state is not None and holds(state, named) else ()
