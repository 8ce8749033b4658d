"""What is learned from how claims are written: and nothing from how they were judged."""

import inspect

import numpy as np
import pytest

import training_support as support
from scoring.domain import columns, features
from training import fitting, splits

pytestmark = pytest.mark.xdist_group("training")  # one worker trains, once


def _learned() -> np.ndarray:
    history = support.history()
    return splits.learned(history, splits.cuts(history, support.data()))


def test_no_outcome_can_enter():
    """The fit takes rows and a generator, nothing that knows an outcome."""
    assert list(inspect.signature(fitting.fit).parameters) == ["batch", "rng"]


def test_a_subset_has_the_lines_of_its_claims():
    """Offsets and columns of the chosen claims stay together."""
    batch = support.history().rows
    items = np.zeros(batch.items, dtype=bool)
    items[[3, 10]] = True
    found = fitting.subset(batch, items)
    sizes = np.diff(batch.offsets)[[3, 10]]
    assert np.diff(found.offsets).tolist() == sizes.tolist()
    start = batch.offsets[10]
    np.testing.assert_array_equal(
        found.lines["net_minor"][sizes[0] :], batch.lines["net_minor"][start : start + sizes[1]]
    )


def test_masking_hides_a_small_share_and_never_the_meaning():
    """About one category in fifty becomes unseen, optional numbers missing; use and currency stay."""
    batch = support.history().rows
    hidden = fitting.masked(batch, np.random.default_rng(0))
    share = (hidden.lines["code"] == len(batch.dictionary)).mean()
    assert share == pytest.approx(fitting.MASKED_SHARE, abs=0.01)
    told = ~np.isnan(batch.lines["unit_price_minor"])  # X12 claims carry charges and no price of a unit
    missing = np.isnan(hidden.lines["unit_price_minor"])
    assert missing[told].mean() == pytest.approx(fitting.MASKED_SHARE, abs=0.01)
    assert missing[~told].all()
    for name in columns.MEANING:
        np.testing.assert_array_equal(hidden.claims[name], batch.claims[name])


def test_fitting_twice_gives_the_same_schema():
    """Same rows and seed, same hash; another seed masks others and may change the ranges only."""
    rows = fitting.subset(support.history().rows, _learned())
    one, first = fitting.fit(rows, np.random.default_rng(1))
    two, second = fitting.fit(rows, np.random.default_rng(1))
    assert one.hash == two.hash
    np.testing.assert_array_equal(first.lines, second.lines)


def test_the_usual_price_is_the_median():
    """The price table holds the median of the logarithm of the unit prices of a code."""
    batch = fitting.subset(support.history().rows, _learned())
    schema, _ = fitting.fit(batch, np.random.default_rng(1))
    rank = features.ranked(schema, batch)["code"]
    told = batch.lines["unit_price_minor"][rank == 1]
    prices = np.sort(features.log(told[~np.isnan(told)]))
    assert schema.tables["price"][1] == pytest.approx(prices[len(prices) // 2], abs=1e-5)
    assert np.isnan(schema.tables["price"][0])


def test_rare_strings_share_the_unseen_bucket():
    """A string seen fewer than MIN_COUNT times is not in the vocabulary."""
    batch = fitting.subset(support.history().rows, _learned())
    schema, _ = fitting.fit(batch, np.random.default_rng(1))
    for name in ("provider", "code", "principal_group"):
        column = {**batch.claims, **batch.lines}[name]
        counts = np.bincount(column, minlength=len(batch.dictionary))
        known = {word for word, number in schema.words.items() if schema.ranks[name][number]}
        assert known == {batch.dictionary[code] for code in np.flatnonzero(counts >= fitting.MIN_COUNT)}


def test_training_rows_lie_inside_their_own_range():
    """What was learned from is never called outside."""
    batch = fitting.subset(support.history().rows, _learned())
    schema, found = fitting.fit(batch, np.random.default_rng(1))
    assert not features.outside(schema, batch.offsets, found._replace(meaning=np.ones_like(found.meaning)))
