"""What other rules make of claims: findings that come and go, verdicts that turn, and their money."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from claims.domain import comparisons, decisions

NAMES = st.lists(st.tuples(st.sampled_from(["A", "B", "C"]), st.sampled_from(["", "lines[0]"])), max_size=6)


def _findings(names: Sequence[tuple[str, str]]) -> list[decisions.Finding]:
    words = decisions.Bilingual(en="Wrong.", ar="خطأ.")
    return [decisions.Finding(rule=rule, severity="error", path=path, message=words) for rule, path in names]


def _difference(
    *, before: str = "accept", after: str = "accept", appeared: Sequence[tuple[str, str]] = (),
    currency: str | None = "SAR", submitted: int | None = 10_050,
) -> comparisons.Difference:  # fmt: skip
    return comparisons.Difference(
        claim_id="C", before=before, after=after, appeared=list(appeared), vanished=[], currency=currency,
        submitted=submitted,
    )  # fmt: skip


@given(NAMES, NAMES)
def test_what_appears_and_vanishes_leads_from_one_side_to_the_other(
    before: list[tuple[str, str]], after: list[tuple[str, str]]
) -> None:
    """Before, less what vanished, with what appeared, is after; nothing is on both lists."""
    appeared, vanished = comparisons.findings(_findings(before), _findings(after))
    whole = list(before)
    for name in vanished:
        whole.remove(name)
    assert sorted([*whole, *appeared]) == sorted(after)
    assert not set(appeared) & set(vanished)


@given(NAMES)
def test_the_same_findings_are_no_difference(names: list[tuple[str, str]]) -> None:
    """In whatever order they come, and whatever their words."""
    assert comparisons.findings(_findings(names), _findings(names[::-1])) == ([], [])


def test_undecided_rules_differ_where_one_side_alone_has_them() -> None:
    """A rule that became decidable is a change even when it is satisfied."""
    one = decisions.NotChecked(rule="A", path="", reason="x")
    other = decisions.NotChecked(rule="B", path="", reason="x")
    assert comparisons.unchecked([one], [one, other]) == [("B", "")]


def test_a_report_sums_verdicts_and_money_by_currency() -> None:
    """Amounts are exact, in major units, each currency with its decimals."""
    report = comparisons.Report()
    report.add(_difference())
    report.add(_difference(after="reject", appeared=[("A", "lines[0]"), ("A", "lines[1]")]))
    report.add(_difference(after="reject", submitted=5))
    report.add(_difference(after="reject", currency="KWD", submitted=1_500))
    report.add(_difference(before="reject", after="accept", submitted=None))
    told = report.document()
    assert (told["claims"], told["changed"]) == (5, 4)
    assert told["verdicts"] == [
        {"before": "accept", "after": "reject", "claims": 3, "money": {"KWD": "1.500", "SAR": "100.55"}},
        {"before": "reject", "after": "accept", "claims": 1, "money": {}},
    ]
    assert told["rules"] == [{"rule": "A", "appeared": 2, "vanished": 0, "undecided": 0}]


def test_a_report_keeps_few_examples_and_counts_all() -> None:
    """Memory stays bounded over any number of claims."""
    report = comparisons.Report()
    for _ in range(comparisons.Report.KEPT + 5):
        report.add(_difference(after="reject"))
    told = report.document()
    assert told["changed"] == comparisons.Report.KEPT + 5
    assert isinstance(told["examples"], list)
    assert len(told["examples"]) == comparisons.Report.KEPT
