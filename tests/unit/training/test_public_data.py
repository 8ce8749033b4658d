"""The tasks on public tables, where they are at hand; their figures are those the house expects."""

from pathlib import Path

import numpy as np
import pytest

from training import completion_claims, completion_groups, measures, provider_tables

SHARED = Path(__file__).parents[3].parent / "shared" / "data"
PROVIDERS = SHARED / "provider_fraud"
STAYS = SHARED / "desynpuf"


@pytest.mark.skipif(not PROVIDERS.exists(), reason="the public table is not at ../shared/data")
def test_the_provider_table_reads_whole():
    """4,314 providers, 406 of them positive, 17 columns and sixteen derived ones, all finite."""
    table = provider_tables.read(PROVIDERS)
    assert table.matrix.shape == (4_314, 17 + 16)
    assert table.outcomes.sum() == 406
    assert np.isfinite(table.matrix).all()


@pytest.mark.skipif(not PROVIDERS.exists(), reason="the public table is not at ../shared/data")
def test_the_one_column_baseline_is_the_known_one():
    """The total reimbursed alone ranks with AUC .938, as published figures of this table say."""
    table = provider_tables.read(PROVIDERS)
    column = table.matrix[:, table.names.index(provider_tables.ONE_COLUMN)].astype(np.float64)
    assert measures.ranking(table.outcomes, column)["auc"] == pytest.approx(0.938, abs=0.001)


@pytest.mark.skipif(not STAYS.exists(), reason="the public claims are not at ../shared/data")
def test_a_sample_of_inpatient_claims_reads_with_its_patients():
    """5,775 claims of sample 1, every patient's birth known, all but a few with a diagnosis group."""
    path = next(STAYS.glob("*Inpatient_Claims_Sample_1.csv.xz"))
    found = completion_claims.read(path)
    assert len(found.frame) == 5_775
    assert (found.frame[completion_claims.BORN] != "").all()
    groups = completion_groups.groups(found.frame[completion_claims.PRINCIPAL].to_numpy(dtype=object))
    assert (groups != "").mean() > 0.99
