"""What is told of unusual lines and claims: place, peers and evidence in words; never a bare number."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import anomaly_support as support
import scoring_support
from scoring.domain import anomalies, anomaly_words, isolation, peers

ARABIC = re.compile(r"[\u0600-\u06ff]")


def test_nothing_is_told_of_an_ordinary_claim():
    """A claim like its peers costs no word."""
    assert support.told(support.ordinary()) == [()]


def test_a_dear_line_is_told_with_its_peers_and_the_median():
    """The line's place, who the peers are and how many, the price, the median and a sentence of both."""
    (found,) = support.told(support.dear())
    (one,) = found
    assert one.row == 1
    assert one.percentile >= anomalies.TOLD_PERCENTILE
    assert dict(one.peer_group) == {"code": "G0108", "provider_type": "polyclinic", "currency": "SAR"}
    price = one.evidence[0]
    assert price.feature == "unit_price_minor"
    assert price.value == 59_200
    assert price.value / price.typical == pytest.approx(3.35, abs=0.05)
    expected = (
        f"Unit price is 3.4 × the median of {one.peers:,} lines with the same code and type of provider"
    )
    assert price.en == expected


def test_every_sentence_stands_in_arabic_too():
    """Whatever is told has Arabic words, with the same numbers."""
    told = support.told(support.dear(), support.ordinary(), everything=True)
    for one in (found for claim in told for anomaly in claim for found in anomaly.evidence):
        assert ARABIC.search(one.ar)
        assert re.findall(r"\d[\d,.]*", one.ar) == re.findall(r"\d[\d,.]*", one.en)


def test_a_code_that_this_type_of_provider_never_bills_is_told():
    """A service of dentists at a polyclinic: how often it was seen among how many lines."""
    claim = scoring_support.claim({"code": "DENT-30", "system": "local", "unit_price": 950, "net": 950})
    (found,) = support.told(claim)
    evidence = {one.feature: one for anomaly in found for one in anomaly.evidence}
    rare = evidence["code_for_provider_type"]
    assert rare.value == 0
    assert rare.typical > 0
    assert re.fullmatch(r"This code is on 0 of [\d,]+ lines by this type of provider", rare.en)


def test_who_cannot_be_judged_says_why():
    """Too few peers, or nothing to compare: a reason instead of a number."""
    nothing = {"unit_price": None, "net": None, "quantity": None, "patient_share": None}
    unknown, silent = support.told(
        scoring_support.claim({"code": "ZZZ99"}), scoring_support.claim(nothing, total=177)
    )
    assert unknown == (anomalies.Anomaly(0, "peers.too_few"),)
    assert silent[0] == anomalies.Anomaly(0, "values.missing")


def test_a_claim_as_a_whole_is_told():
    """Thirty services in one claim: the claim itself stands out, after its lines."""
    codes = ["G0108", "G0270", "A4253", "A4259", "J1815", "E0607", "G0463"] * 4
    (found,) = support.told(scoring_support.claim(*({"code": code} for code in codes)))
    whole = found[-1]
    assert whole.row is None
    assert "line_count" in {one.feature for one in whole.evidence}
    assert whole.isolation_percentile is None


def test_everything_is_told_on_request():
    """Every line and the claim, and how isolated the claim is among those of training."""
    (found,) = support.told(support.dear(), everything=True)
    assert [one.row for one in found] == [0, 1, None]
    assert 0 <= (found[2].isolation_percentile or -1) <= 100
    assert all(one.percentile < 99 for one in (found[0], found[2]))


def test_what_is_told_is_told_alike_on_request():
    """A line's percentile, peers and evidence are the same whoever asks."""
    (short,), (long,) = support.told(support.dear()), support.told(support.dear(), everything=True)
    assert short[0] == long[1]


def test_claims_of_a_batch_keep_their_places():
    """What is told of one claim stands at its place, whatever else is in the batch."""
    told = support.told(support.ordinary(), support.dear(), support.ordinary(), support.dear())
    assert [len(one) for one in told] == [0, 1, 0, 1]
    assert told[1] == told[3] == support.told(support.dear())[0]


@given(st.integers(1, 400))
def test_the_more_a_line_costs_the_higher_its_percentile(times: int):
    """Told or not, a dearer line is never less unusual."""
    prices = [177 * times, 177 * (times + 1)]
    low, high = (
        support.told(scoring_support.claim({"unit_price": price, "net": price}), everything=True)[0][0]
        for price in prices
    )
    assert low.percentile <= high.percentile


def test_peers_that_are_all_alike_are_no_news():
    """Told is only what is as rare as one row in a hundred of all, however alike the peers are."""
    model = support.watcher()
    flat = model.book.lines._replace(knots=np.zeros_like(model.book.lines.knots))
    strict = model._replace(book=model.book._replace(lines=flat))
    batch = scoring_support.batch(support.ordinary())
    lines = peers.judge_lines(
        strict.book, peers.ranked(strict.book.words, strict.book.ranks, batch), batch.lines
    )
    assert peers.percentile(flat, lines.group, lines.distance)[0] > 99
    assert anomalies.judge(strict, batch) == [()]


@pytest.mark.parametrize(
    ("ratio", "said"),
    [(0.123, "0.12"), (0.999, "1.00"), (1.25, "1.2"), (3.26, "3.3"), (41.6, "42"), (1234.5, "1,234")],
)
def test_ratios_are_told_as_exactly_as_they_deserve(ratio: float, said: str):
    """Two decimals below one, one below ten, none above."""
    assert anomaly_words.ratio(ratio) == said


def test_beside_a_median_of_nothing_there_is_no_ratio():
    """Where peers bill nothing the median itself is told."""
    words = anomaly_words.beside_median(
        anomaly_words.Words("Price", "السعر"), 5, 0, 200, anomaly_words.LINE_PEERS[2]
    )
    assert words.en == "Price: the median of 200 lines with the same code is 0"
    assert "×" not in words.ar


def test_every_feature_and_level_has_words():
    """No measure, pair or level is told without both languages."""
    assert set(anomaly_words.LINE_MEASURES) == set(peers.LINE_MEASURES)
    assert set(anomaly_words.CLAIM_MEASURES) == set(peers.CLAIM_MEASURES)
    assert set(anomaly_words.PAIRS) == set(peers.PAIRS)
    assert len(anomaly_words.LINE_PEERS) == len(peers.LINE_LEVELS)
    assert len(anomaly_words.CLAIM_PEERS) == len(peers.CLAIM_LEVELS)


def test_a_forest_sees_the_largest_surprise_of_a_claim():
    """Per claim the worst of its lines in each feature; nothing missing, no claim lost."""
    batch = scoring_support.batch(support.dear(), support.ordinary())
    book = support.watcher().book
    ranks = peers.ranked(book.words, book.ranks, batch)
    lines = peers.judge_lines(book, ranks, batch.lines)
    claims = peers.judge_claims(book, peers.first_lines(ranks, batch.offsets), batch.claims)
    seen = isolation.matrix(lines, claims, batch.offsets)
    assert seen.shape == (2, len(isolation.COLUMNS))
    assert seen[0, 0] == pytest.approx(np.nanmax(lines.surprises[:2, 0]))
    assert np.isfinite(seen).all()


def test_isolation_rises_with_what_is_odd():
    """A claim with several oddities is more isolated than an ordinary one."""
    odd = scoring_support.claim({"code": "DENT-30", "unit_price": 9_500, "quantity": 40, "net": 380_000})
    (one,), (two,) = support.told(odd, everything=True), support.told(support.ordinary(), everything=True)
    assert (one[-1].isolation_percentile or 0) > (two[-1].isolation_percentile or 0)


def test_a_path_is_measured_by_a_random_search():
    """Two members are one cut apart, one is none; 256 are about ten cuts apart."""
    assert isolation.usual_path(1) == 0
    assert isolation.usual_path(2) == 1
    assert isolation.usual_path(256) == pytest.approx(10.24, abs=0.02)
