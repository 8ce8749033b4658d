"""The parts of the columnar form by themselves: exact numbers, distinct values, runs, vocabularies."""

import decimal
import itertools
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims.domain.rules import runtime, tree
from claims.domain.rules.columnar import batches, numbers, segments, vectors, vocabularies, words

CENTS = st.one_of(st.none(), st.decimals(-9_999, 9_999, places=2), st.decimals(-9, 9, places=4))
WIDE = st.one_of(st.none(), st.integers(-(2**61), 2**61), st.decimals(-(10**9), 10**9, places=6))
PAIRS = st.lists(st.tuples(CENTS, CENTS), min_size=1, max_size=6)


def _plain(found: vectors.Vector, count: int) -> list[Any]:
    return words.plain(vocabularies.Vocabulary(), found, count)


def _one_by_one(pairs: Sequence[tuple[Any, Any]], function: Callable[[Any, Any], Any]) -> list[Any]:
    with decimal.localcontext(runtime.EXACT):
        return [None if left is None or right is None else function(left, right) for left, right in pairs]


def _both(pairs: Sequence[tuple[Any, Any]]) -> tuple[vectors.Numbers, vectors.Numbers]:
    return numbers.constants([left for left, _ in pairs]), numbers.constants([right for _, right in pairs])


@given(PAIRS)
def test_sums_differences_products_are_exact(pairs: list[tuple[Any, Any]]):
    """Scaled whole numbers give what exact decimals give, NULL where a side is NULL."""
    left, right = _both(pairs)
    for scaled, exact in (
        (numbers.add, lambda a, b: a + b), (numbers.subtract, lambda a, b: a - b),
        (numbers.multiply, lambda a, b: a * b),
    ):  # fmt: skip
        assert _plain(scaled(left, right), len(pairs)) == _one_by_one(pairs, exact)


@given(st.lists(st.one_of(st.tuples(WIDE, WIDE), st.tuples(CENTS, CENTS)), min_size=1, max_size=4))
def test_what_is_not_handed_over_is_exact(pairs: list[tuple[Any, Any]]):
    """Near the end of int64 a result is either exact or refused; it never wraps."""
    for scaled, exact in (
        (numbers.add, lambda a, b: a + b), (numbers.subtract, lambda a, b: a - b),
        (numbers.multiply, lambda a, b: a * b), (numbers.divide, runtime.divide),
    ):  # fmt: skip
        try:
            found = _plain(scaled(*_both(pairs)), len(pairs))
        except vectors.HandedOverError:
            continue
        assert found == _one_by_one(pairs, exact)


@given(PAIRS, st.sampled_from(["=", "<>", "<", "<=", ">", ">="]))
def test_numbers_compare_across_their_decimals(pairs: list[tuple[Any, Any]], op: str):
    """1.5 is 1.50, and a comparison with NULL is unknown."""
    plain = {
        "=": lambda a, b: a == b, "<>": lambda a, b: a != b, "<": lambda a, b: a < b,
        "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
    }  # fmt: skip
    left, right = _both(pairs)
    assert _plain(numbers.compare(op, left, right), len(pairs)) == _one_by_one(pairs, plain[op])
    assert _plain(numbers.same(left, right), len(pairs)) == [one == other for one, other in pairs]


@given(st.lists(st.tuples(CENTS, st.integers(0, 4)), min_size=1, max_size=6))
def test_halves_round_away_from_zero_by_each_rows_digits(rows: list[tuple[Any, int]]):
    """A batch of several currencies rounds each amount to its own smallest unit."""
    values = numbers.constants([value for value, _ in rows])
    digits = numbers.whole([places for _, places in rows])
    exact = [
        None if value is None else runtime.round_half_away(value, Decimal(1).scaleb(-places))
        for value, places in rows
    ]
    assert _plain(numbers.rounded(values, digits), len(rows)) == exact


@given(
    st.lists(st.tuples(CENTS, CENTS), min_size=1, max_size=6), st.lists(CENTS.filter(lambda x: x is not None))
)
def test_choices_and_lists_of_numbers(pairs: list[tuple[Any, Any]], wanted: list[Decimal]):
    """CASE takes a side row by row; IN finds equal numbers whatever their decimals."""
    left, right = _both(pairs)
    mask = np.array([at % 2 == 0 for at in range(len(pairs))])
    chosen = [pair[at % 2] for at, pair in enumerate(pairs)]
    assert _plain(numbers.choose(mask, left, right), len(pairs)) == chosen
    among = [None if one is None else one in wanted for one, _ in pairs]
    assert _plain(numbers.one_of(left, wanted), len(pairs)) == among


def test_numbers_take_no_more_decimals_than_they_need():
    """A column of whole amounts is whole numbers, so that products of columns stay far from int64's end."""
    found = numbers.trimmed(vectors.Numbers(np.array([10_000, 250_000], np.int64), None, 4))
    assert (found.data.tolist(), found.scale, found.bound) == ([1, 25], 0, 25)
    found = numbers.trimmed(vectors.Numbers(np.array([10_500, 20_000], np.int64), None, 4))
    assert (found.data.tolist(), found.scale) == ([105, 200], 2)


@given(
    st.lists(st.tuples(st.integers(-3, 3), st.integers(-(2**60), 2**60).map(lambda n: n // 7)), max_size=400)
)
def test_rows_of_keys_are_numbered_by_their_distinct_values(rows: list[tuple[int, int]]):
    """Equal rows have one number, others another; few rows are counted by a dictionary, many by arrays."""
    doubled = rows * 2
    arrays = [np.array([row[at] for row in doubled], np.int64) for at in (0, 1)]
    count, places = words.groups(arrays)
    numbered: dict[int, tuple[int, int]] = {}
    for place, row in zip(places.tolist(), doubled, strict=True):
        assert numbered.setdefault(place, row) == row
    assert count == len(numbered) == len(set(rows))


@given(st.lists(st.integers(-50, 10**6), max_size=60))
def test_distinct_values_and_their_places(values: list[int]):
    """An array is its distinct values, taken at each entry's place."""
    distinct, places = words.parts(np.array(values, np.int64))
    assert distinct.tolist() == sorted(set(values))
    assert distinct[places].tolist() == values


RUNS = st.lists(st.lists(st.one_of(st.none(), st.decimals(-9, 9, places=2)), max_size=4), max_size=5)
AGGREGATES = {
    "sum": runtime.total, "min": runtime.least, "max": runtime.greatest, "avg": runtime.average,
    "count": runtime.count, "count_distinct": runtime.count_distinct, "array_agg": runtime.gather,
}  # fmt: skip


@given(RUNS, st.sampled_from(sorted(AGGREGATES)), st.randoms(use_true_random=False))
def test_aggregates_of_runs_are_those_of_lists(runs: list[list[Any]], function: str, random: Any):
    """Every aggregate over runs, filtered or in another order, is the scalar form's over lists."""
    flat = list(itertools.chain.from_iterable(runs))
    keep = [random.random() < 0.7 for _ in flat]
    order = list(range(len(flat)))
    random.shuffle(order)
    bounds = np.cumsum([0, *map(len, runs)])
    shuffled: list[Any] = [None] * len(flat)
    kept = np.zeros(len(flat), np.bool_)
    for place, at in enumerate(order):
        shuffled[at], kept[at] = flat[place], keep[place]
    found = segments.reduce(
        vocabulary := vocabularies.Vocabulary(), function, numbers.constants(shuffled), kept,
        segments.Segments(bounds, np.array(order, np.int64)),
    )  # fmt: skip
    exact = [
        AGGREGATES[function]([value for value, yes in zip(run, keep[start:], strict=False) if yes])
        for run, start in zip(runs, bounds.tolist(), strict=False)
    ]
    plain = words.plain(vocabulary, found, len(runs)) if runs else []
    assert plain == [tuple(one) if isinstance(one, list) else one for one in exact]


def test_an_aggregate_of_nothing_is_a_row_less_answer():
    """No run, no answer; a run without rows counts 0 and sums to NULL."""
    none = segments.Segments(np.zeros(1, np.int64))
    empty = segments.Segments(np.zeros(3, np.int64))
    vocabulary = vocabularies.Vocabulary()
    assert vectors.size(segments.reduce(vocabulary, "count", None, None, none)) == 0
    assert _plain(segments.reduce(vocabulary, "count", None, None, empty), 2) == [0, 0]
    assert _plain(segments.reduce(vocabulary, "sum", numbers.constant(1), None, empty), 2) == [None, None]


def test_a_vocabulary_codes_texts_and_lists_and_knows_null():
    """Equal words have one code, whatever batch they came in; 0 is NULL."""
    vocabulary = vocabularies.Vocabulary()
    first = vocabulary.coded(["a", None, ("a",), "a"], 4)
    assert first.codes.tolist() == [1, 0, 2, 1]
    assert vocabulary.words() == [None, "a", ("a",)]
    assert vocabulary.code("b") == 3
    assert vocabulary.words() == [None, "a", ("a",), "b"]
    absent = first.absent()
    assert absent is not None
    assert absent.tolist() == [False, True, False, False]
    assert vocabulary.coded(["a", "b"], 2).absent() is None


def test_a_function_is_asked_once_for_each_word():
    """The answer to a word is remembered from batch to batch, its NULL too."""
    asked: list[str] = []

    def length(text: str) -> int | None:
        asked.append(text)
        return len(text) or None

    vocabulary = vocabularies.Vocabulary()
    for _ in range(3):
        column = vocabulary.coded(["ab", "", None, "ab"], 4)
        found = words.mapped(vocabulary, "length", length, tree.Kind.INT, [column])
        assert words.plain(vocabulary, found, 4) == [2, None, None, 2]
    assert sorted(asked) == ["", "ab"]


def test_functions_of_one_name_are_apart_by_what_they_take():
    """`1 = ANY(list)` and `'a' = ANY(list)` share a name and no answer."""
    vocabulary = vocabularies.Vocabulary()
    lists = vocabulary.coded([(1, 2), ("a",)], 2)
    texts, whole = vocabulary.coded(["b", "a"], 2), numbers.whole([2, 2])

    def among(value: object, found: Sequence[object]) -> bool:
        return value in found

    def told(left: vectors.Vector) -> list[Any]:
        found = words.mapped(vocabulary, "any_of", among, tree.Kind.BOOL, [left, lists])
        return words.plain(vocabulary, found, 2)

    assert told(texts) == [False, True]
    assert told(whole) == [True, False]
    assert told(numbers.constants([None, -5])) == [None, False]


@pytest.mark.parametrize("argument", [numbers.constant(2**40), numbers.constant(Decimal("0.5"))])
def test_an_argument_that_no_key_holds_is_handed_over(argument: vectors.Numbers):
    """Numbers far from days and sequences, and fractions, are left to the scalar form."""
    vocabulary = vocabularies.Vocabulary()
    with pytest.raises(vectors.HandedOverError):
        words.mapped(
            vocabulary, "f", lambda *_: True, tree.Kind.BOOL, [argument, vocabulary.coded([("a",)], 1)]
        )


@pytest.mark.parametrize("answer", [Decimal("0.00001"), Decimal("1e30")])
def test_an_answer_of_a_table_that_is_no_amount_is_handed_over(answer: Decimal):
    """A number with more decimals or digits than the form holds is never cut."""
    vocabulary = vocabularies.Vocabulary()
    with pytest.raises(vectors.HandedOverError):
        words.mapped(vocabulary, "f", lambda _: answer, tree.Kind.NUMBER, [vocabulary.coded(["a"], 1)])


def test_memory_is_bounded():
    """Numbers and words seen before are forgotten at a bound, and no answer depends on it."""
    scaled = batches.Scaled()
    for value in range(batches.MAX_KNOWN + 10):
        assert scaled[Decimal(value)] == value * 10_000
    assert len(scaled) <= batches.MAX_KNOWN
    gatherers = batches.Gatherers()
    first = gatherers.vocabulary()
    assert gatherers.vocabulary() is first
    first.coded((str(at) for at in range(vocabularies.MAX_WORDS)), vocabularies.MAX_WORDS)
    assert gatherers.vocabulary() is not first


@pytest.mark.parametrize("value", ["NaN", "-Infinity", "0.00001", "1e20", "1e-400", "112589990684.2624"])
def test_a_number_out_of_the_ordinary_is_marked_odd(value: str):
    """What the scaled form does not hold exactly is told apart from NULL and from every amount."""
    scaled = batches.Scaled()
    odd = scaled[Decimal(value)]
    assert odd not in {scaled[None], scaled[Decimal(0)]}
    assert odd == scaled[Decimal("0.123456789")]
    assert scaled[Decimal("112589990684.2623")] == 2**50 - 1
