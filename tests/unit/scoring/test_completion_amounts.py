"""Usual amounts and their trend are learned per unit, narrower keys lean on the service, features are one."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import completion_support as support
from scoring.domain import completion
from scoring.domain import completion_amounts as amounts


def _asked(code: str = "G0108", quantity: float = 1.0, **changes: Any) -> amounts.Asked:
    facts = support.facts(code, **changes)
    return amounts.Asked(facts, facts.lines[0]._replace(quantity=quantity))


def _learned(*prices: tuple[str, float], **changes: Any) -> amounts.Usual:
    """Return what was usual when these codes were billed at these prices a unit, all on one day."""
    asked = [_asked(code, **changes) for code, _ in prices]
    return amounts.learn(asked, np.log(np.array([price for _, price in prices])))


def _column(matrix: np.ndarray, name: str) -> np.ndarray:
    return matrix[:, amounts.names().index(name)]


@pytest.mark.parametrize("code", sorted(support.SERVICES))
def test_a_frequent_service_has_its_own_mean(code: str):
    """Over hundreds of lines the pull to the overall mean is hardly felt."""
    usual = support.priced().usual
    one = _asked(code)
    told = usual.means["code"].mean[amounts.key(one, "code")]
    asked, units = support.billed()
    level = units - amounts.trend(usual, np.array([line.facts.day for line in asked]))
    mine = [value for line, value in zip(asked, level, strict=True) if line.line.code == code]
    assert told == pytest.approx(np.mean(mine), abs=0.1)


def test_a_rare_service_leans_on_the_overall_mean():
    """One line of a service says little: its mean lies between its price and everybody's."""
    usual = _learned(*[("G0108", 100.0)] * 20, ("G0403", 1_000.0))
    rare = usual.means["code"].mean[amounts.key(_asked("G0403"), "code")]
    assert usual.overall < rare < math.log(1_000)
    assert abs(rare - usual.overall) < abs(rare - math.log(1_000))


def test_a_providers_mean_leans_on_the_services():
    """A provider who billed it once is near the service's mean, one who did often near its own."""
    dear = [_asked(provider="PR-2")] * 40
    usual = amounts.learn(
        [*[_asked()] * 40, *dear, _asked(provider="PR-3")],
        np.log(np.array([100.0] * 40 + [200.0] * 40 + [400.0])),
    )
    means = usual.means["provider"].mean
    often, once = (means[amounts.key(_asked(provider=name), "provider")] for name in ("PR-2", "PR-3"))
    assert math.exp(often) == pytest.approx(200, rel=0.2)
    assert math.exp(once) < 250


def test_keys_are_of_the_currency_and_system():
    """A price in dollars says nothing of riyals, nor one code list of another."""
    riyal, dollar = _asked(), _asked(currency="USD")
    other = riyal._replace(line=riyal.line._replace(system="sbs"))
    assert len({amounts.key(one, "code") for one in (riyal, dollar, other)}) == 3


@given(st.text(max_size=5), st.text(max_size=5), st.sampled_from(sorted(amounts.KEYS)))
def test_keys_of_a_name_begin_with_the_services(provider: str, payer: str, name: str):
    """So that a narrower mean finds the one it leans on."""
    one = _asked(provider=provider.replace("\x1f", ""), payer=payer.replace("\x1f", ""))
    assert amounts.key(one, name).split("\x1f")[:3] == amounts.key(one, "code").split("\x1f")


def test_the_trend_of_the_world_is_found():
    """Prices rose by four percent a year."""
    usual = support.priced().usual
    assert usual.rise == pytest.approx(0.04, abs=0.01)


def test_the_trend_is_carried_on_for_a_year_and_no_further():
    """Beyond that nobody knows; without a day there is none."""
    usual = support.priced().usual
    last = usual.last
    days = np.array([usual.origin, last + amounts.YEAR, last + 10 * amounts.YEAR, math.nan])
    told = amounts.trend(usual, days)
    assert told[0] == 0
    assert told[1] == pytest.approx(told[2])
    assert told[1] == pytest.approx(usual.rise * ((last - usual.origin) / amounts.YEAR + 1))
    assert told[3] == 0


def test_one_day_has_no_trend():
    """Where all lines are of one day, nothing rises."""
    assert _learned(("G0108", 100.0), ("G0108", 120.0)).rise == 0


def test_the_matrix_has_a_row_per_line_in_the_order_of_the_names():
    """Usual amounts first, then plain numbers."""
    usual = support.priced().usual
    found = amounts.matrix([_asked(quantity=3.0), _asked("J7613")], usual)
    assert found.shape == (2, len(amounts.names()))
    assert found.dtype == np.float32
    assert _column(found, "quantity").tolist() == pytest.approx([math.log(3), 0.0])
    assert _column(found, "lines").tolist() == [1.0, 1.0]
    code = usual.means["code"].mean[amounts.key(_asked(), "code")]
    assert _column(found, "usual:code")[0] == pytest.approx(code, rel=1e-6)


def test_an_unknown_key_falls_back_to_the_service_and_an_unknown_service_to_all():
    """A new provider bills, as far as anybody knows, like the others."""
    usual = support.priced().usual
    found = amounts.matrix([_asked(provider="PR-9"), _asked("Q9999")], usual)
    assert _column(found, "usual:provider")[0] == _column(found, "usual:code")[0]
    assert _column(found, "usual:code")[1] == pytest.approx(usual.overall, rel=1e-6)
    assert _column(found, "lines_of_provider")[0] == 0
    assert _column(found, "lines_of_code")[1] == 0


@pytest.mark.parametrize("quantity", [math.nan, 0.0, -1.0])
def test_a_quantity_that_is_none_is_missing(quantity: float):
    """It is not taken for one."""
    found = amounts.matrix([_asked(quantity=quantity)], support.priced().usual)
    assert np.isnan(_column(found, "quantity")[0])


def test_amounts_of_the_line_itself_are_no_feature():
    """Only code, quantity, factor and who bills whom are known of a line; nothing else can leak."""
    assert set(completion.Line._fields) == {"place", "system", "code", "quantity", "factor"}
    assert not [name for name in completion.Facts._fields if "net" in name or "amount" in name]


def test_the_largest_quantity_of_each_service_is_kept():
    """To tell an unusual bulk."""
    asked = [_asked(quantity=2.0), _asked(quantity=7.0), _asked("J7613", quantity=1.0)]
    usual = amounts.learn(asked, np.log(np.array([1.0, 1.0, 1.0])))
    assert usual.largest[amounts.key(_asked(), "code")] == 7
    assert usual.largest[amounts.key(_asked("J7613"), "code")] == 1


@pytest.mark.parametrize(("count", "step"), [(0, 0), (29, 0), (30, 1), (299, 1), (300, 2), (9_999, 2)])
def test_bands_are_by_the_lines_of_the_service(count: int, step: int):
    """And each in two: by whether the provider has billed it before."""
    usual = support.priced().usual
    one = _asked()
    code, provider = amounts.key(one, "code"), amounts.key(one, "provider")
    told = usual._replace(
        means=usual.means
        | {"code": amounts.Means({code: 1.0}, {code: count}), "provider": amounts.Means({}, {})}
    )
    assert amounts.band(told, one) == 2 * step
    known = told._replace(means=told.means | {"provider": amounts.Means({provider: 1.0}, {provider: 1})})
    assert amounts.band(known, one) == 2 * step + 1
    assert amounts.band(known, one) < amounts.band_count()


def test_what_is_expected_is_the_trees_answer_and_the_trend():
    """The margin of the forest on the features, moved to the day of service."""
    model = support.priced()
    early, late = _asked(day=19_600.0), _asked(day=20_200.0)
    one, two = amounts.expect(model, [early, late])
    assert two - one == pytest.approx(model.usual.rise * 600 / amounts.YEAR, abs=1e-9)
    assert math.exp(one) == pytest.approx(180 * math.exp(0.04 * (19_600 - 20_000) / 365.25), rel=0.03)


def test_lines_do_not_know_each_other():
    """A line's expectation is the same alone and in a crowd."""
    model = support.priced()
    crowd = [_asked(code) for code in sorted(support.SERVICES)]
    alone = [float(amounts.expect(model, [one])[0]) for one in crowd]
    assert amounts.expect(model, crowd).tolist() == pytest.approx(alone)


def test_learning_twice_is_the_same():
    """Nothing is drawn by lot."""
    asked, units = support.billed()
    assert amounts.learn(asked, units) == amounts.learn(asked, units)
