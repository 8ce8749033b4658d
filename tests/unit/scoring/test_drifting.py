"""The figures of drift: right by hand, against scipy and scikit-learn, and for any data."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from scoring.domain import drifting

words = st.lists(st.sampled_from(["", "a", "b", "c", "d"]), min_size=1, max_size=60)
numbers = st.lists(
    st.one_of(st.floats(-1e6, 1e6), st.just(float("nan")), st.just(1.0)), min_size=1, max_size=60
)


def _words(*told: str) -> drifting.Values:
    return np.array(told, dtype=object)


def test_the_index_of_a_small_case_by_hand():
    """Half and half became nine tenths and one: .4 · ln 1.8 + .4 · ln 5."""
    expected = drifting.histogram(_words(*"ab" * 500))
    found = drifting.feature("payer", expected, _words(*"a" * 900, *"b" * 100))
    assert found.psi == pytest.approx(0.4 * np.log(1.8) + 0.4 * np.log(5), rel=1e-3)
    assert found.state == "review"
    assert (found.moved[0].bin, found.moved[0].before, found.moved[0].today) == ("b", 0.5, 0.1)


def test_a_value_never_seen_is_drift():
    """A new payer with a fifth of the claims lies in no name of training."""
    expected = drifting.histogram(_words(*"ab" * 500))
    found = drifting.feature("payer", expected, _words(*"ab" * 400, *"n" * 200))
    assert found.state == "review"
    assert found.moved[0].bin == "others"


def test_numbers_are_compared_by_deciles_and_missing_is_a_bin():
    """The same numbers do not drift; the same with a third missing do, and it is said."""
    values = np.linspace(0, 100, 1_000)
    expected = drifting.histogram(values)
    assert drifting.feature("net", expected, values).psi == pytest.approx(0, abs=1e-6)
    holed = values.copy()
    holed[::3] = np.nan
    found = drifting.feature("net", expected, holed)
    assert found.state == "review"
    assert found.moved[0].bin == "missing"


@pytest.mark.parametrize(("share", "state"), [(0.5, "steady"), (0.68, "watch"), (0.8, "review")], ids=str)
def test_the_bounds_are_the_customary_ones(share: float, state: str):
    """Below .1 steady, to .25 watched, above reviewed."""
    expected = drifting.histogram(_words(*"ab" * 5_000))
    today = _words(*"a" * round(share * 10_000), *"b" * round((1 - share) * 10_000))
    assert drifting.feature("payer", expected, today).state == state


def test_few_rows_are_no_finding():
    """What chance alone can do is not told as drift."""
    expected = drifting.histogram(_words(*"ab" * 500))
    found = drifting.feature("payer", expected, _words(*"a" * (drifting.MIN_ROWS - 1)))
    assert found.psi > drifting.REVIEW_PSI
    assert found.state == "too few"


def test_another_kind_of_column_is_no_comparison():
    """Numbers are not names."""
    with pytest.raises(ValueError, match="names"):
        drifting.feature("payer", drifting.histogram(_words("a", "b")), np.array([1.0]))


@given(told=words)
def test_shares_of_names_add_up(told: list[str]):
    """Every row lies in one bin; the same rows do not drift."""
    found = drifting.histogram(_words(*told))
    assert sum(found.shares) == pytest.approx(1)
    assert drifting.feature("x", found, _words(*told)).psi == pytest.approx(0, abs=1e-9)


@given(told=numbers)
def test_shares_of_numbers_add_up(told: list[float]):
    """Every number, missing ones too, lies in one bin; the index is never negative."""
    found = drifting.histogram(np.array(told))
    assert sum(found.shares) == pytest.approx(1)
    assert drifting.feature("x", found, np.array(told)).psi >= 0
    assert drifting.feature("x", found, np.array([np.nan, 0.0])).psi >= 0


@given(
    pairs=st.lists(st.tuples(st.sampled_from([0.1, 0.2, 0.5, 0.9]), st.booleans()), min_size=2, max_size=80)
)
@settings(max_examples=60)
def test_the_ranking_is_scikit_learns(pairs: list[tuple[float, bool]]):
    """The area equals roc_auc_score's, ties included; without both outcomes there is none."""
    chances, denied = np.array([p for p, _ in pairs]), np.array([d for _, d in pairs])
    found = drifting.ranking(chances, denied, None)
    if denied.all() or not denied.any():
        assert found is None
    else:
        assert found is not None
        assert found.auc == pytest.approx(metrics.roc_auc_score(denied, chances))
        assert found.error >= 0


def _outcomes(rng: np.random.Generator, chances: drifting.Doubles) -> drifting.Bools:
    drawn: drifting.Bools = rng.random(len(chances)) < chances
    return drawn


def test_honest_probabilities_are_steady_and_shifted_ones_reviewed():
    """Outcomes drawn by the probabilities agree; with ten points more they do not."""
    rng = np.random.default_rng(1)
    chances = rng.uniform(0.05, 0.6, 5_000)
    honest, high = (drifting.calibration(p, _outcomes(rng, chances)) for p in (chances, chances + 0.1))
    assert honest.state == "steady"
    assert abs(honest.mean_probability - honest.observed_rate) < drifting.SIGMAS * honest.error
    assert high.state == "review"


def test_scores_that_stopped_to_order_are_reviewed():
    """An AUC that fell by more than chance and the bound is a finding; one that nobody stored cannot fall."""
    rng = np.random.default_rng(2)
    chances = rng.uniform(0, 1, 5_000)
    denied = _outcomes(rng, chances)
    found = drifting.ranking(chances, denied, 0.84)
    assert found is not None
    assert found.state == "steady"
    lost = drifting.ranking(rng.permutation(chances), denied, 0.84)
    unknown = drifting.ranking(rng.permutation(chances), denied, None)
    assert lost is not None
    assert unknown is not None
    assert (lost.state, unknown.state) == ("review", "steady")


def test_a_handful_of_outcomes_is_too_few():
    """Below fifty denials neither rate nor ranking is judged."""
    chances = np.full(1_000, 0.5)
    denied = np.arange(1_000) < drifting.MIN_OUTCOMES - 1
    assert drifting.calibration(chances, denied).state == "too few"
    found = drifting.ranking(chances, denied, 0.9)
    assert found is not None
    assert found.state == "too few"
