"""Nobody judges what they were taught: time and strangers are kept apart."""

from pathlib import Path

import pytest

import training_support as support
from training import splits

pytestmark = pytest.mark.xdist_group("training")  # one worker trains, once


def test_the_three_parts_do_not_overlap():
    """No claim is learned from, calibrated with and judged at once."""
    history = support.history()
    when = splits.cuts(history, support.data())
    learned, calibrating = splits.learned(history, when), splits.calibrating(history, when)
    judging = splits.judging(history, when.judge)
    assert not (learned & calibrating).any()
    assert not ((learned | calibrating) & judging).any()
    assert learned.any()
    assert calibrating.any()
    assert judging.any()


def test_time_only_moves_forward():
    """Every claim learned from is older than every one that calibrates, and those older than the judges."""
    history = support.history()
    when = splits.cuts(history, support.data())
    learned, calibrating = splits.learned(history, when), splits.calibrating(history, when)
    assert history.created[learned].max() < history.created[calibrating].min()
    assert history.created[calibrating].max() < history.created[splits.judging(history, when.judge)].min()


def test_strangers_are_never_learned_from():
    """Kept-out providers and patients appear only where they are judged."""
    history = support.history()
    when = splits.cuts(history, support.data())
    providers, patients = splits.strangers(history)
    used = splits.learned(history, when) | splits.calibrating(history, when)
    assert not (used & (providers | patients)).any()
    assert patients.any()


def test_families_that_begin_late_are_never_learned():
    """What the simulator starts in the judged months is absent from the parts before."""
    history = support.history()
    when = splits.cuts(history, support.data())
    used = splits.learned(history, when) | splits.calibrating(history, when)
    assert history.truth is not None
    late = {"bundled", "service-age", "setting", "urgency"}
    assert not late & set(history.truth.family[used[history.item_of_row]].tolist())


def test_without_a_stated_world_the_span_of_the_claims_is_cut(tmp_path: Path):
    """A folder without meta.json is cut by the first and last day of creation."""
    history = support.history()
    when = splits.cuts(history, tmp_path)
    assert history.created.min() < when.calibrate < when.judge < history.created.max()
