"""What a trained bundle remembers for the drift job: shares of every column, never a claim."""

import numpy as np
import pytest

import training_support as support
from scoring.domain import columns, drifting
from scoring.outbound import bundles
from scoring.usecases import drift
from training import references

pytestmark = [pytest.mark.xdist_group("training"), pytest.mark.slow]  # one worker trains, once


def test_every_column_and_the_score_is_remembered():
    """A training batch does not drift from its own reference."""
    batch = support.history().rows
    scores = np.linspace(0, 1, batch.items)
    found = references.fit(batch, scores)
    expected = {f"claim.{name}" for name in columns.CLAIM_KINDS} | {
        f"line.{name}" for name in columns.LINE_KINDS
    }
    assert set(found.features) == expected | {drift.SCORE}
    payers = np.array(batch.dictionary, dtype=object)[batch.claims["payer"]]
    told = drifting.feature("claim.payer", found.features["claim.payer"], payers)
    assert abs(told.psi) < 1e-9
    assert told.state == "steady"


def test_nothing_of_a_single_claim_is_remembered():
    """Of strings only the most frequent are kept, of numbers only deciles."""
    found = references.fit(support.history().rows, np.zeros(1))
    for one in found.features.values():
        assert len(one.names) <= drifting.MAX_NAMES
        assert len(one.edges) <= len(drifting.DECILES)


def test_a_trained_bundle_brings_its_reference_and_its_figure():
    """The drift job reads both from the verified bundle."""
    folder, metrics = support.trained()
    loaded = bundles.load(folder)
    assert loaded.reference is not None
    assert drift.SCORE in loaded.reference.features
    assert bundles.trained_auc(loaded) == metrics["judged"]["auc"]
