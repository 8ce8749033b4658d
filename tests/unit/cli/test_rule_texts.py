"""What the tools found out, as lines for a terminal."""

from typing import Any

import pytest

from ultrathink_cli.inbound import rule_texts

NOTHING: dict[str, Any] = {
    "tenant": "demo", "as_of": "recorded", "packs": [{"pack": "base", "revision": "1+ab"}], "claims": 0,
    "unreadable": 0, "changed": 0, "verdicts": [], "rules": [], "examples": [], "kept_as_recorded": [],
    "interrupted": False, "last": "",
}  # fmt: skip


def _replayed(**changes: Any) -> str:
    return "\n".join(line.plain for line in rule_texts.replayed(NOTHING | changes))


def test_a_replay_without_claims_says_so() -> None:
    """Packs, day and a count of nothing; nothing about interruption."""
    told = _replayed()
    assert "tenant demo, as of the day each was decided, by base 1+ab" in told
    assert "0 claims judged twice, 0 differ" in told
    assert "interrupted" not in told


@pytest.mark.parametrize(("last", "words"), [("id-7", "--after id-7"), ("", "nothing was judged yet")])
def test_a_partial_report_says_how_to_go_on(last: str, words: str) -> None:
    """Behind the last claim that is in it, or from the beginning."""
    assert words in _replayed(interrupted=True, last=last)


def test_a_changed_claim_shows_what_came_and_went() -> None:
    """Signs for appeared, vanished and otherwise decidable, and the verdict that turned."""
    one = {
        "id": "id-1", "before": "accept", "after": "reject", "appeared": [["A", "total"]],
        "vanished": [["B", "lines[0]"]], "undecided": [["C", ""]],
    }  # fmt: skip
    turn = {"before": "accept", "after": "reject", "claims": 1, "money": {"SAR": "10.50"}}
    rule = {"rule": "A", "appeared": 1, "vanished": 0, "undecided": 0}
    told = _replayed(claims=3, changed=1, examples=[one], verdicts=[turn], rules=[rule], unreadable=2)
    assert "id-1  accept → reject  +A total, -B lines[0], ?C" in told
    assert "accept → reject: 1 claim, submitted 10.50 SAR" in told
    assert "3 claims judged twice, 1 differ, 2 could not be read" in told
    assert "1 newly fires" in told


def test_what_was_kept_as_recorded_is_said() -> None:
    """Nobody takes silence of rules about history for their agreement."""
    assert "2 rules about earlier claims" in _replayed(kept_as_recorded=["X", "Y"])


def test_both_languages_have_the_same_words() -> None:
    """No label is missing in Arabic."""
    assert set(rule_texts.WORDS["en"]) == set(rule_texts.WORDS["ar"])
