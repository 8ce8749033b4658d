"""Rules that look at earlier claims: asked apart, undecided without history, explained like any other."""

from typing import Any

import pytest

import rule_language_support as language
from claims.domain import past
from claims.domain.rules import engine, examples, packs, tables

AGAIN = language.rule("duplicates_exact > 0", id="T-AGAIN")
PLAIN = language.rule("net > 50", id="T-PLAIN")
OFTEN = language.rule("claimed_quantity + quantity > 3", id="T-OFTEN")
SEEN = past.LineHistory(exact=1, likely=0, possible=0, visits=0)


def _judge(*rules: dict[str, Any]) -> engine.Engine:
    return engine.Engine([language.pack(*rules)], tables.Tables())


def _past(judge: engine.Engine, known: list[past.LineHistory] | None, **partial: Any) -> engine.Outcome:
    claim, day = examples.build(partial)
    return judge.evaluate_past(claim, as_of=day, past=known)


def test_the_two_phases_share_no_rule() -> None:
    """What needs no history is said at once; the rest waits, and nothing is said twice."""
    judge = _judge(AGAIN, PLAIN)
    claim, day = examples.build({})
    assert [found.rule for found in judge.evaluate(claim, as_of=day).findings] == ["T-PLAIN"]
    assert [found.rule for found in _past(judge, [SEEN]).findings] == ["T-AGAIN"]


def test_a_line_never_seen_before_satisfies() -> None:
    """Zero earlier lines is an answer, not a gap."""
    found = _past(_judge(AGAIN, OFTEN), [past.NOTHING])
    assert (found.findings, found.not_checked) == ([], [])


def test_without_history_every_such_rule_is_undecided_once() -> None:
    """Storage away or an offline check: one entry per rule, whatever the number of lines."""
    found = _past(_judge(AGAIN, OFTEN), None, lines=[{}, {}, {}])
    assert [(entry.rule, entry.missing, entry.reason) for entry in found.not_checked] == [
        ("T-AGAIN", ["history"], "history.unavailable"),
        ("T-OFTEN", ["history"], "history.unavailable"),
    ]


def test_a_gap_in_one_line_s_history_is_that_line_s() -> None:
    """A line without a key is undecided; its neighbour is judged."""
    found = _past(_judge(AGAIN), [past.LineHistory(), SEEN], lines=[{}, {}])
    assert [finding.path.split(".")[0] for finding in found.findings] == ["lines[1]"]
    assert [entry.path for entry in found.not_checked] == ["lines[0].history"]


def test_each_line_has_its_own_history() -> None:
    """A history of another length than the claim's is a defect, never a shifted answer."""
    with pytest.raises(ValueError, match="zip"):
        _past(_judge(AGAIN), [SEEN], lines=[{}, {}])


def test_aggregates_over_earlier_claims_wait_too() -> None:
    """A claim's rule that sums its lines' histories is asked with them."""
    rule = language.rule("SUM(lines.duplicates_exact) > 1", applies={"scope": "claim"}, path="lines")
    judge = _judge(rule)
    claim, day = examples.build({"lines": [{}, {}]})
    assert judge.evaluate(claim, as_of=day).findings == []
    assert len(_past(judge, [SEEN, SEEN], lines=[{}, {}]).findings) == 1


def test_messages_may_show_what_was_found() -> None:
    """A count from earlier claims reads like any other value."""
    message = {"en": "Claimed {duplicates_exact} times.", "ar": "سبقت {duplicates_exact}."}
    found = _past(_judge(language.rule("duplicates_exact > 0", message=message)), [SEEN])
    assert found.findings[0].message.en == "Claimed 1 times."


def test_examples_carry_history() -> None:
    """An example says what was known; left out, nothing was claimed before; null is unknown."""
    assert examples.history({"lines": [{}, {}]}) == [past.NOTHING, past.NOTHING]
    told = examples.history({"history": [{"exact": 1}]})
    assert told is not None
    assert told[0].exact == 1
    assert examples.history({"history": None}) is None
    rule = AGAIN | {
        "examples": {
            "violates": [{"history": [{"exact": 2}]}],
            "satisfies": [{}, {"history": [{"likely": 1}]}],
        }
    }
    assert examples.check(language.pack(rule), tables.Tables()) == []


def test_a_rule_that_needs_history_is_known_by_its_text() -> None:
    """`when` counts as well as `violation`."""
    first, second, third = language.pack(
        AGAIN, PLAIN, language.rule("net > 0", id="T-WHEN", when="visits_in_window > 0")
    ).rules
    assert [packs.needs_past(rule) for rule in (first, second, third)] == [True, False, True]
