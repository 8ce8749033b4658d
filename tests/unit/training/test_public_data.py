"""The provider task on the public table, where it is at hand; its figures are those the house expects."""

from pathlib import Path

import numpy as np
import pytest

from training import measures, provider_fraud

DATA = Path(__file__).parents[3].parent / "shared" / "data" / "provider_fraud"

pytestmark = pytest.mark.skipif(not DATA.exists(), reason="the public table is not at ../shared/data")


def test_the_table_reads_whole():
    """4,314 providers, 406 of them positive, 17 columns and five derived ones."""
    table = provider_fraud.read(DATA)
    assert table.matrix.shape == (4_314, 16 + len(provider_fraud.DERIVED) + 1)
    assert table.outcomes.sum() == 406
    assert np.isfinite(table.matrix).all()


def test_the_one_column_baseline_is_the_known_one():
    """The total reimbursed alone ranks with AUC .938, as published figures of this table say."""
    table = provider_fraud.read(DATA)
    column = table.matrix[:, table.names.index(provider_fraud.ONE_COLUMN)].astype(np.float64)
    assert measures.ranking(table.outcomes, column)["auc"] == pytest.approx(0.938, abs=0.001)
