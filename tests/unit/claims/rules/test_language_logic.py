"""True, false and unknown: what every operator of the rule language makes of a missing value."""

import itertools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rule_language_support as support

type Truth = bool | None

VALUES: tuple[Truth, ...] = (True, False, None)


def both(parts: Sequence[Truth]) -> Truth:
    """Return Kleene's AND."""
    return False if False in parts else None if None in parts else True


def either(parts: Sequence[Truth]) -> Truth:
    """Return Kleene's OR."""
    return True if True in parts else None if None in parts else False


def no(value: Truth) -> Truth:
    """Return Kleene's NOT."""
    return None if value is None else not value


def line(**fields: Any) -> dict[str, Any]:
    """Return a claim of one line with these fields; None leaves the field out."""
    return {"lines": [fields]}


def truths(package: Truth, maternity: Truth) -> dict[str, Any]:
    """Return a claim whose line has these two flags."""
    return line(package=package, maternity=maternity)


@pytest.mark.parametrize(("left", "right"), list(itertools.product(VALUES, VALUES)))
def test_and_or_not_follow_kleene(left: Truth, right: Truth) -> None:
    """The nine pairs of truth values through AND, OR and NOT."""
    claim = truths(left, right)
    assert support.holds("package AND maternity", claim) is both([left, right])
    assert support.holds("package OR maternity", claim) is either([left, right])
    assert support.holds("NOT package", claim) is no(left)
    assert support.holds("NOT (package AND NOT maternity)", claim) is no(both([left, no(right)]))


@pytest.mark.parametrize(("left", "right"), list(itertools.product(VALUES, VALUES)))
def test_equality_is_unknown_and_sameness_is_not(left: Truth, right: Truth) -> None:
    """`=` of a missing value is unknown; IS [NOT] DISTINCT FROM and IS [NOT] NULL always answer."""
    claim = truths(left, right)
    equal = None if None in (left, right) else left is right
    assert support.holds("package = maternity", claim) is equal
    assert support.holds("package <> maternity", claim) is no(equal)
    assert support.holds("package IS NOT DISTINCT FROM maternity", claim) is (left is right)
    assert support.holds("package IS DISTINCT FROM maternity", claim) is (left is not right)
    assert support.holds("package IS NULL", claim) is (left is None)
    assert support.holds("package IS NOT NULL", claim) is (left is not None)
    assert support.holds("(package AND maternity) IS NULL", claim) is (both([left, right]) is None)


type Formula = tuple[str, Callable[[Truth, Truth], Truth]]


def _grown(inner: st.SearchStrategy[Formula]) -> st.SearchStrategy[Formula]:
    pairs = st.lists(inner, min_size=2, max_size=3)
    return st.one_of(
        pairs.map(lambda found: _joined(found, " AND ", both)),
        pairs.map(lambda found: _joined(found, " OR ", either)),
        inner.map(lambda found: (f"(NOT {found[0]})", lambda a, b: no(found[1](a, b)))),
        inner.map(lambda found: (f"({found[0]} IS NULL)", lambda a, b: found[1](a, b) is None)),
        st.tuples(inner, inner).map(_coalesced),
        st.tuples(inner, inner).map(_cased),
    )


def _joined(found: list[Formula], word: str, fold: Callable[[Sequence[Truth]], Truth]) -> Formula:
    text = "(" + word.join(part for part, _ in found) + ")"
    return text, lambda a, b: fold([each(a, b) for _, each in found])


def _coalesced(pair: tuple[Formula, Formula]) -> Formula:
    (left, first), (right, second) = pair
    return (
        f"COALESCE({left}, {right})",
        lambda a, b: first(a, b) if first(a, b) is not None else second(a, b),
    )


def _cased(pair: tuple[Formula, Formula]) -> Formula:
    (test, first), (value, second) = pair
    return f"(CASE WHEN {test} THEN {value} END)", lambda a, b: second(a, b) if first(a, b) else None


LEAVES: list[Formula] = [
    ("package", lambda a, _: a),
    ("maternity", lambda _, b: b),
    ("TRUE", lambda _a, _b: True),
    ("(package = maternity)", lambda a, b: None if None in (a, b) else a is b),
]
FORMULAS = st.recursive(st.sampled_from(LEAVES), _grown, max_leaves=8)


@settings(max_examples=40, deadline=None)
@given(FORMULAS)
def test_any_formula_agrees_with_the_truth_tables(formula: Formula) -> None:
    """For any formula and all nine assignments: as violation and as `when`, what Kleene's tables say."""
    text, meaning = formula
    for left, right in itertools.product(VALUES, VALUES):
        claim, expected = truths(left, right), meaning(left, right)
        assert support.holds(f"{text} AND TRUE", claim) is expected
        told = support.outcome(support.rule("TRUE", when=text), claim)
        assert (bool(told.findings), told.not_checked) == (expected is True, [])


@pytest.mark.parametrize(
    ("value", "low", "high", "expected"),
    [
        (5, 1, 9, True), (1, 1, 9, True), (9, 1, 9, True), (0, 1, 9, False), (10, 1, 9, False),
        (5, 9, 1, False), (None, 1, 9, None), (5, None, 9, None), (10, None, 9, False),
        (5, 1, None, None), (0, 1, None, False), (5, None, None, None),
    ],
)  # fmt: skip
def test_between_is_two_comparisons(
    value: int | None, low: int | None, high: int | None, expected: Truth
) -> None:
    """Bounds belong to the range; one failed bound decides although the other is missing."""
    claim = line(net=value, tax=low, unit_price=high)
    assert support.holds("net BETWEEN tax AND unit_price", claim) is expected
    assert support.holds("net NOT BETWEEN tax AND unit_price", claim) is no(expected)
    assert support.holds("net >= tax AND net <= unit_price", claim) is expected


COMPARES = {
    "=": operator.eq, "<>": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt,
    ">=": operator.ge,
}  # fmt: skip


@pytest.mark.parametrize("sign", COMPARES)
def test_comparisons_of_amounts(sign: str) -> None:
    """Six signs over smaller, equal, larger and missing amounts; `!=` is `<>`."""
    for left, right in [(1, 2), (2, 2), (3, 2), (None, 2), (2, None), (None, None)]:
        expected = None if left is None or right is None else COMPARES[sign](left, right)
        assert support.holds(f"net {sign} tax", line(net=left, tax=right)) is expected
    assert support.holds("net != 3", line(net=4)) is True


@pytest.mark.parametrize(
    ("code", "inside"), [("A", True), ("B", True), ("C", False), ("a", False), (None, None)]
)
def test_membership_in_constants(code: str | None, inside: Truth) -> None:
    """IN compares exactly, case included; a missing value is neither in nor out."""
    assert support.holds("body_site IN ('A', 'B')", line(body_site=code)) is inside
    assert support.holds("body_site NOT IN ('A', 'B')", line(body_site=code)) is no(inside)


def test_case_takes_the_first_branch_that_is_true() -> None:
    """Unknown tests are passed over; without ELSE nothing is left but NULL."""
    text = "CASE WHEN net > 10 THEN 'high' WHEN tax > 10 THEN 'taxed' ELSE 'low' END"
    assert support.holds(f"{text} = 'high'", line(net=11, tax=11)) is True
    assert support.holds(f"{text} = 'taxed'", line(net=None, tax=11)) is True
    assert support.holds(f"{text} = 'low'", line(net=None, tax=None)) is True
    bare = "CASE WHEN net > 10 THEN tax END"
    assert support.holds(f"{bare} = 3", line(net=11, tax=3)) is True
    assert support.holds(f"{bare} = 3", line(net=9, tax=3)) is None
    assert support.holds(f"{bare} = 3", line(net=11, tax=None)) is None


def test_coalesce_and_nullif() -> None:
    """COALESCE takes the first value there is; NULLIF removes one value and keeps what is missing missing."""
    assert support.holds("COALESCE(tax, patient_share, 7) = 7", line(tax=None, patient_share=None)) is True
    assert support.holds("COALESCE(tax, patient_share, 7) = 2", line(tax=None, patient_share=2)) is True
    assert support.holds("COALESCE(tax, patient_share) = 2", line(tax=None, patient_share=None)) is None
    assert support.holds("NULLIF(net, 0) = 5", line(net=5)) is True
    assert support.holds("NULLIF(net, 0) = 5", line(net=0)) is None
    assert support.holds("NULLIF(net, tax) = 5", line(net=5, tax=None)) is True
    assert support.holds("NULLIF(body_site, '') IS NULL") is True


def test_an_unknown_rule_says_what_was_missing() -> None:
    """Undecided is told apart from satisfied: the rule, the place, and each missing field once."""
    told = support.outcome(support.rule("net > tax + tax"), line(tax=None))
    assert told.findings == []
    [entry] = told.not_checked
    assert (entry.rule, entry.path) == ("T-1", "lines[0].net")
    assert entry.missing == ["lines[0].tax"]
    assert entry.reason == "not decidable: tax is missing"
    two = support.outcome(support.rule("net > tax"), line(tax=None, net=None)).not_checked[0]
    assert two.reason == "not decidable: net, tax are missing"


def test_rules_of_lines_that_can_never_say_anything_are_judged_in_silence() -> None:
    """A violation that is FALSE whatever the line holds leaves nothing to look at in any line."""
    claim = truths(True, False)
    assert support.holds("(NOT (NOT TRUE)) IS NULL AND TRUE", claim) is False
    told = support.outcome(support.rule("(TRUE) IS NULL"), claim)
    assert (told.findings, told.not_checked) == ([], [])
