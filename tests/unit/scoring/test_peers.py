"""Peers: percentiles rise with the distance, rows do not depend on others, without peers nothing is said."""

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import anomaly_support as support
import scoring_support
from scoring.domain import peers, rows

BOOK = support.watcher().book
CODES = st.sampled_from(["G0108", "G0270", "J1815", "DENT-10", "E0601", "NEVER-SEEN", ""])
PRICES = st.one_of(st.integers(0, 10**9), st.none())
LINES = st.lists(
    st.fixed_dictionaries({"code": CODES, "price": PRICES, "quantity": st.integers(1, 10_000)}),
    min_size=1, max_size=6,
)  # fmt: skip


def _batch(*claims: list[dict[str, Any]]) -> rows.Rows:
    return scoring_support.batch(*(scoring_support.claim(*(_line(one) for one in lines)) for lines in claims))


def _line(one: dict[str, Any]) -> dict[str, Any]:
    """Return what is written of a line that always has a description, and may have no code or price."""
    said = {"code": one["code"] or None, "description": "service", "quantity": one["quantity"]}
    return said | {"unit_price": one["price"], "net": one["price"]}


def _price(values: list[float], **changes: str) -> peers.Judged:
    """Return what is known of one service at several unit prices in minor units."""
    batch = scoring_support.batch(*(support.ordinary(**changes) for _ in values))
    return support.judged(batch._replace(lines={**batch.lines, "unit_price_minor": np.array(values)}))


@given(st.lists(st.floats(0, 1e12), min_size=2, max_size=30))
def test_farther_from_the_median_is_never_nearer_in_percentile(prices: list[float]):
    """Above the median, whoever bills more stands at the same or a higher percentile."""
    usual = np.expm1(BOOK.lines.centre[_price([1.0]).group[0], 0])
    found = _price(sorted(max(price, usual) for price in prices))
    assert (np.diff(found.distance) >= -1e-9).all()
    assert (np.diff(peers.percentile(BOOK.lines, found.group, found.distance)) >= -1e-9).all()


@given(st.floats(0, 50), st.floats(0, 50), st.integers(0, len(BOOK.lines.peers) - 1))
def test_percentiles_are_monotone_in_the_distance(one: float, two: float, group: int):
    """In every group a larger distance has no smaller percentile, and none reaches a hundred."""
    low, high = peers.percentile(BOOK.lines, np.array([group, group]), np.array(sorted([one, two])))
    size = BOOK.lines.peers[group]
    assert 0 <= low <= high <= 100 * size / (size + 1) < 100


@given(LINES, st.randoms())
def test_the_order_of_rows_is_nothing(lines: list[dict[str, Any]], rng: random.Random):
    """A row's group and distance are the same wherever it stands."""
    order = list(range(len(lines)))
    rng.shuffle(order)
    one, two = support.judged(_batch(lines)), support.judged(_batch([lines[at] for at in order]))
    np.testing.assert_array_equal(one.group[order], two.group)
    np.testing.assert_allclose(one.distance[order], two.distance)


@given(LINES, LINES)
def test_no_row_depends_on_another_claim(mine: list[dict[str, Any]], others: list[dict[str, Any]]):
    """A claim is told the same alone as in a batch."""
    alone, together = support.judged(_batch(mine)), support.judged(_batch(mine, others))
    np.testing.assert_array_equal(together.group[: len(mine)], alone.group)
    np.testing.assert_allclose(together.distance[: len(mine)], alone.distance)


def _level(group: int) -> int:
    return int(np.searchsorted(np.cumsum([len(keys) for keys in BOOK.lines.keys]), group, side="right"))


def test_peers_are_the_nearest_that_are_enough():
    """A common service of a common payer is compared with its own kind, a rare one with more of its kind."""
    near = support.judged(scoring_support.batch(scoring_support.claim({"code": "G0463"})))
    assert _level(near.group[0]) == 0
    assert BOOK.lines.peers[near.group[0]] >= peers.MIN_PEERS


@pytest.mark.parametrize(
    ("changes", "level"),
    [
        ({"insurance": [{"sequence": 1, "focal": True, "coverage": {"payer": "NEW"}}]}, 1),
        ({"provider": {"id": "P", "type": "spaceport"}}, 2),
        ({"provider": {"id": "P"}}, 2),
    ],
)
def test_what_is_unseen_or_missing_leads_to_wider_peers(changes: dict[str, Any], level: int):
    """An unknown payer, an unknown or missing type of provider: the comparison goes on without it."""
    found = support.judged(scoring_support.batch(support.ordinary(**changes)))
    assert _level(found.group[0]) == level


def test_an_unseen_code_is_compared_with_its_family():
    """A code that training never met is judged among its family of codes, if that has peers."""
    family = next(code for code in ("J1819", "J1999", "J1818") if code not in BOOK.words)
    found = support.judged(scoring_support.batch(scoring_support.claim({"code": family})))
    group = int(found.group[0])
    assert group == peers.NOBODY or _level(group) == 3
    assert (np.nan_to_num(found.surprises[0, len(peers.LINE_MEASURES) :])[3:] == 0).all()  # no code, no pair


def test_who_has_no_peers_is_not_judged():
    """A code of an unknown family has neither group nor distance."""
    found = support.judged(scoring_support.batch(scoring_support.claim({"code": "ZZZ99"})))
    assert found.group.tolist() == [peers.NOBODY]
    assert found.distance.tolist() == [0.0]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_counts_as_missing(value: float):
    """Without a price the quantity and the net are still compared; without all of them nothing is."""
    batch = scoring_support.batch(support.ordinary())
    lines = {**batch.lines, "unit_price_minor": np.array([value])}
    found = support.judged(batch._replace(lines=lines))
    assert found.group[0] != peers.NOBODY
    assert np.isnan(found.surprises[0, 0])
    assert np.isfinite(found.distance[0])
    lines |= {"quantity": np.array([value]), "net_minor": np.array([value])}
    assert support.judged(batch._replace(lines=lines)).group.tolist() == [peers.NOBODY]


def test_a_credit_is_far_from_a_bill():
    """A negative amount is a deviation like any other."""
    found = _price([17_700.0, -17_700.0])
    assert found.distance[1] > found.distance[0] + 3


def test_a_claim_without_lines_is_not_judged():
    """Without lines there are no categories, so no peers, and nothing fails."""
    batch = scoring_support.batch(support.ordinary())
    ranks = peers.ranked(BOOK.words, BOOK.ranks, batch)
    first = peers.first_lines(ranks, np.array([0, 1, 1]))
    both = {name: np.repeat(batch.claims[name], 2) for name in peers.CLAIM_MEASURES}
    found = peers.judge_claims(BOOK, first, both)
    assert found.group[0] != peers.NOBODY
    assert found.group[1] == peers.NOBODY


def test_a_rare_pair_is_as_surprising_as_it_is_rare():
    """Of 99 lines with a value one carries what none rarer does: with one more it is two of a hundred."""
    table = np.zeros((2, 3), dtype=np.int64)
    table[1] = [0, 1, 198]
    found = peers.pairs(dict.fromkeys(peers.PAIRS, table))
    assert found.surprises[table.shape[1] + 1] == pytest.approx(-np.log(2 / 200))
    assert found.surprises[table.shape[1] + 2] == pytest.approx(0.0)
    assert found.totals[table.shape[1] + 1] == 199
    assert found.largest[table.shape[1] + 1] == 198


def test_pairs_of_few_lines_surprise_nobody():
    """Below a hundred lines with the left value, nothing is said of the right one."""
    table = np.zeros((2, 3), dtype=np.int64)
    table[1] = [0, 1, 50]
    assert not peers.pairs(dict.fromkeys(peers.PAIRS, table)).surprises.any()
