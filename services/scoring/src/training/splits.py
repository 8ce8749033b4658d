"""Who is learned from, who calibrates and who judges: by time, with some providers and patients kept out.

Claims created in the first 62.5 % of the world's months are learned from, those up to 75 % calibrate, later
ones judge. Claims of a tenth of the providers and a tenth of the patients (by hash of their id) are neither
learned from nor calibrated with, whatever their date, so that later claims can be judged with and without
strangers.
"""

from datetime import date
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from training import histories

TRAIN_SHARE, CALIBRATE_SHARE = 0.625, 0.75  # of the time covered: 15 and 18 of 24 months
HELD_OUT_BUCKETS = 10  # of the 100 hash buckets of providers and of patients
DAYS_PER_MONTH = 30.4375

type Mask = npt.NDArray[np.bool_]


class Cuts(NamedTuple):
    """Days since 1970: claims created before `calibrate` are learned from, before `judge` they calibrate."""

    calibrate: int
    judge: int


class _World(msgspec.Struct, frozen=True):
    start: date
    months: int


class _Meta(msgspec.Struct, frozen=True):
    world: _World


def cuts(history: histories.History, data: Path) -> Cuts:
    """Return the cuts: by the months that meta.json states, else by the span of the claims."""
    meta = data / "meta.json"
    if meta.exists():
        world = msgspec.json.decode(meta.read_bytes(), type=_Meta).world
        start, span = (world.start - date(1970, 1, 1)).days, world.months * DAYS_PER_MONTH
    else:
        start = int(history.created.min())
        span = float(history.created.max()) + 1 - start
    return Cuts(*(int(start + share * span) for share in (TRAIN_SHARE, CALIBRATE_SHARE)))


def strangers(history: histories.History) -> tuple[Mask, Mask]:
    """Return which claims are of kept-out providers, and which of kept-out patients."""
    return history.provider < HELD_OUT_BUCKETS, history.patient < HELD_OUT_BUCKETS


def learned(history: histories.History, when: Cuts) -> Mask:
    """Return the claims that are learned from."""
    providers, patients = strangers(history)
    return (history.created < when.calibrate) & ~providers & ~patients


def calibrating(history: histories.History, when: Cuts) -> Mask:
    """Return the claims that calibrate and set the threshold."""
    providers, patients = strangers(history)
    return (history.created >= when.calibrate) & (history.created < when.judge) & ~providers & ~patients


def judging(history: histories.History, judge: int) -> Mask:
    """Return the claims that judge: all created from that day on."""
    return history.created >= judge
