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


RULE: dict[str, Any] = {
    "id": "R-1", "title": {"en": "Net is positive", "ar": "الصافي موجب"}, "severity": "error",
    "scope": "line", "applies": {"scope": "line", "use": ["claim"]}, "valid": {"from": "2026-01-01"},
    "codes": {"carc": "16"},
    "texts": {"when": "net IS NOT NULL", "violation": "net < 0", "expected": "0"},
    "message": {"en": "Net is {net}.", "ar": "الصافي {net}."},
    "suggestion": {"en": "Correct it.", "ar": "صحّحه."}, "source": "a guide",
    "columns": [{"name": "net", "kind": "money", "meaning": "amount asked"}],
    "tables": [
        {"name": "letters", "issues": [{"revision": "1", "from": "2026-01-01", "to": None}]},
        {"name": "tariff", "issues": []},
    ],
    "file": "p/rules/a.yaml", "line": 3, "claims": [],
}  # fmt: skip


def _portrait(lang: str = "en", **changes: Any) -> list[str]:
    return [line.plain.strip() for line in rule_texts.portrait(RULE | changes, lang)]


def test_a_portrait_has_everything_a_rule_is_made_of() -> None:
    """Texts, codes, days, source, what it reads, where it is written."""
    told = _portrait()
    for line in (
        "R-1  Net is positive  [error, line]", "applies to: scope line, use claim",
        "valid: from 2026-01-01",
        "codes: carc 16", "when: net IS NOT NULL", "violation: net < 0", "expected: 0",
        "message: Net is {net}.", "suggestion: Correct it.", "source: a guide",
        "reads: net (money): amount asked", "tables: letters: 1 (2026-01-01 – …)",
        "tables: tariff: no issue for any day", "written in: p/rules/a.yaml:3",
    ):  # fmt: skip
        assert line in told


def test_what_a_rule_does_not_have_takes_no_line() -> None:
    """No empty codes, no suggestion that is not there."""
    told = _portrait(codes={}, suggestion=None, valid={}, tables=[], texts={"violation": "net < 0"})
    assert not [line for line in told if line.startswith(("codes", "suggestion", "valid", "tables", "when"))]


@pytest.mark.parametrize(
    ("claim", "words"),
    [
        ({"misfits": ["regime", "use"], "rows": []}, "does not apply to this claim because of: regime, use"),
        ({"misfits": [], "rows": []}, "the claim has no row of this scope"),
    ],
)
def test_a_claim_the_rule_says_nothing_about_is_explained(claim: dict[str, Any], words: str) -> None:
    """Why there is nothing to show is shown."""
    told = _portrait(claims=[{"claim_id": "C", "as_of": "2026-08-02", **claim}])
    assert words in told
    assert "claim C, as of 2026-08-02" in told


@pytest.mark.parametrize(
    ("part", "line"),
    [
        ({"value": True}, "TRUE  net < 0"),
        ({"value": False}, "FALSE  net < 0"),
        ({"value": None}, "NULL  net < 0"),
        ({}, "NULL  net < 0"),
        ({"failed": True}, "no result  net < 0"),
        ({"value": "2026-08-02"}, "2026-08-02  net < 0"),
        ({"value": 0}, "0  net < 0"),
        ({"value": ["59", "76"]}, "59, 76  net < 0"),
        ({"value": []}, "—  net < 0"),
        ({"note": "no_issue"}, "NULL  net < 0  (no issue of the table covers this day)"),
    ],
)
def test_every_value_has_its_word(part: dict[str, Any], line: str) -> None:
    """Truth, absence, failure and plain values are told apart; nought is not false."""
    row = {
        "path": "lines[0]", "said": "satisfied", "when": None, "expected": None,
        "violation": {"text": "net < 0", "kind": "boolean", **part},
    }  # fmt: skip
    told = _portrait(claims=[{"claim_id": "C", "as_of": "2026-08-02", "misfits": [], "rows": [row]}])
    assert line in told
    assert "lines[0]  satisfied" in told


def test_differences_are_lines_with_signs() -> None:
    """Added, removed, changed field by field; tables likewise; nothing at all is said too."""
    nothing: dict[str, Any] = {
        name: []
        for name in ("added", "removed", "changed", "tables_added", "tables_removed", "tables_changed")
    }
    change = {"name": "B", "changes": [{"field": "severity", "before": "error", "after": None}]}
    told = [
        line.plain
        for line in rule_texts.difference(
            nothing | {"differ": True, "added": ["A"], "tables_removed": ["t"], "changed": [change]}
        )
    ]
    assert told == ["+ rule A", "- table t", "~ rule B", "    severity  - error", "              + —"]
    assert [line.plain for line in rule_texts.difference(nothing | {"differ": False})] == ["no difference"]


def test_coverage_is_a_table_and_its_lists() -> None:
    """One line a rule, then what nothing put to the test."""
    rule = {
        "rule": "A", "applied": 1_200, "fired": 1, "satisfied": 2, "not_checked": 3, "idle": 4, "findings": 5,
    }  # fmt: skip
    lists = {"never_applied": ["B"], "never_reached": [], "never_decided": [], "never_fired": ["B", "C"]}
    told = [
        line.plain for line in rule_texts.coverage({"rules": [rule], "claims": 1, "unreadable": 1, **lists})
    ]
    assert told[1].split() == ["A", "1,200", "1", "2", "3", "4", "5"]
    assert "1 rule never selected for a claim of this corpus: B" in told
    assert "2 rules never fired: B, C" in told
    assert told[-1] == "1 claim, 1 could not be read"
