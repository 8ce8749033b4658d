"""The peer book: who is a peer of whom, how far peers lie apart, and how surprising a deviation is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import training_support as support
from scoring.domain import peer_books, peers, schemas
from training import anomaly_fitting, fitting, histories

pytestmark = pytest.mark.xdist_group("training")  # one worker simulates, once

DEVIATIONS = st.lists(st.floats(0, 1e6), min_size=1, max_size=300)


def _book() -> peers.Book:
    return anomaly_fitting.fit(support.history().rows)


def test_every_group_has_enough_members():
    """No group is smaller than a 99th percentile needs, and most lines of a small history find peers."""
    book = _book()
    assert book.lines.peers.min() >= peers.MIN_PEERS
    assert book.claims.peers.min() >= peers.MIN_PEERS
    ranks = peers.ranked(book.words, book.ranks, support.history().rows)
    assert (peers.find(book.lines, ranks) != peers.NOBODY).mean() > 0.7


def test_wider_levels_hold_what_nearer_ones_hold():
    """A group of all lines with a code counts each line that nearer groups of the code count."""
    book, batch = _book(), support.history().rows
    ranks = peers.ranked(book.words, book.ranks, batch)
    levels = len(book.lines.keys)
    sizes = [
        book.lines.peers[sum(len(keys) for keys in book.lines.keys[:level]) :][: len(book.lines.keys[level])]
        for level in range(levels)
    ]
    codes = ranks[:, peers.COLUMNS.index("code")]
    assert sizes[2].max() <= np.bincount(codes)[1:].max()
    assert sizes[0].sum() <= len(codes)


def test_outcomes_are_no_input():
    """The same claims with every answer turned round give the same book."""
    history = support.history()
    turned = history._replace(line_denied=~history.line_denied, claim_denied=~history.claim_denied)
    one, two = (peer_books.dump(anomaly_fitting.fit(each.rows)) for each in (history, turned))
    assert schemas.hashed(*one) == schemas.hashed(*two)


def test_a_member_of_few_alike_is_measured_by_a_floor():
    """Where all peers bill the same, a cent more is no deviation to speak of."""
    history = support.history()
    lines = dict(history.rows.lines)
    lines["unit_price_minor"] = np.full(history.rows.size, 10_000.0)
    book = anomaly_fitting.fit(history.rows._replace(lines=lines))
    assert (book.lines.scale[:, 0] == anomaly_fitting.LINES.floors[0]).all()


@given(DEVIATIONS)
def test_surprise_never_falls(deviations: list[float]):
    """Farther off is never less surprising, between the knots and beyond them."""
    curve = anomaly_fitting.curve(np.array(deviations))
    asked = np.sort(np.concatenate([np.linspace(0, 2 * max(deviations) + 1, 200), curve.deviations]))
    told = peers.surprise(curve, asked)
    assert (np.diff(told) >= -1e-9).all()
    assert told[0] >= 0


@given(DEVIATIONS)
def test_the_farthest_row_is_as_surprising_as_one_among_all(deviations: list[float]):
    """At the largest deviation the surprise is −ln of the share of rows that lie there."""
    curve = anomaly_fitting.curve(np.array(deviations))
    largest = max(deviations)
    share = deviations.count(largest) / len(deviations)
    if largest > 1e-6:
        assert peers.surprise(curve, np.array([largest]))[0] == pytest.approx(-np.log(share))


def test_where_all_are_alike_the_first_who_is_not_stands_out():
    """A curve of zeros still calls another value as surprising as one among all and one."""
    curve = anomaly_fitting.curve(np.zeros(99))
    assert peers.surprise(curve, np.array([0.0, 1.0])).tolist() == [0.0, pytest.approx(np.log(100))]


def test_a_measure_that_hardly_anybody_states_is_not_compared():
    """Without a hundred stated values a group has no centre, and the measure no surprise."""
    history = support.history()
    lines = dict(history.rows.lines)
    lines["unit_price_minor"] = np.full(history.rows.size, np.nan)
    batch = history.rows._replace(lines=lines)
    book = anomaly_fitting.fit(batch)
    told = peers.judge_lines(book, peers.ranked(book.words, book.ranks, batch), batch.lines)
    assert np.isnan(told.surprises[:, 0]).all()
    assert (told.group != peers.NOBODY).mean() > 0.7


def test_a_stored_book_is_the_same_book():
    """Dumped and loaded it has the same hash; a changed centre has another."""
    book = _book()
    document, arrays = peer_books.dump(book)
    again = peer_books.load(document, arrays)
    assert schemas.hashed(*peer_books.dump(again)) == schemas.hashed(document, arrays)
    arrays["lines.centre"] = arrays["lines.centre"] + 1
    assert schemas.hashed(document, arrays) != schemas.hashed(*peer_books.dump(book))


def test_a_book_of_other_levels_is_refused():
    """A release that compares other things does not read the book."""
    document, arrays = peer_books.dump(_book())
    with pytest.raises(ValueError, match="compares other things"):
        peer_books.load(document.replace(b'"version": 1', b'"version": 2'), arrays)


def test_a_few_claims_make_no_groups():
    """A book of fewer claims than a group needs judges nobody, and does not fail."""
    history: histories.History = support.history()
    few = fitting.subset(history.rows, np.arange(history.rows.items) < 20)
    book = anomaly_fitting.fit(few)
    told = peers.judge_lines(book, peers.ranked(book.words, book.ranks, few), few.lines)
    assert (told.group == peers.NOBODY).all()
    assert (told.distance == 0).all()
