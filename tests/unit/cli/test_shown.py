"""What a biller sees of a decision, and the exit status a script sees."""

import contextlib
import io
from typing import Any

import pytest
import typer
from rich import console as rich_console

from chassis import errors
from ultrathink_cli.domain import exits, sarif
from ultrathink_cli.inbound import console, decisions

FINDING = {
    "rule": "BASE-NET",
    "severity": "error",
    "path": "lines[0].net",
    "message": {"en": "Net is 10, expected 12", "ar": "الصافي 10 والمتوقع 12"},
    "suggestion": {"en": "Check the quantity", "ar": "راجع الكمية"},
}
LIKELY = {"nphies": "BE-1-4", "label": {"en": "No permission", "ar": "لا موافقة"}}
SCORED = {
    "state": "scored", "probability": 0.42, "at_risk_minor": 12345, "currency": "SAR", "simulated": True,
    "lines": [
        {"sequence": 2, "probability": 0.4, "likely_reason": LIKELY}
    ],
}  # fmt: skip


def _decision(**changes: Any) -> dict[str, Any]:
    return {
        "claim_id": "C-1", "verdict": "reject", "findings": [FINDING], "not_checked": [{"rule": "BASE-ICD"}],
        "risk": SCORED, **changes,
    }  # fmt: skip


def _shown(decision: dict[str, Any], lang: str) -> str:
    text = io.StringIO()
    rich_console.Console(file=text, width=160).print(decisions.claims_table([decision], lang=lang))
    return text.getvalue()


def test_a_biller_sees_rule_place_words_and_remedy() -> None:
    """Nothing has to be looked up to know what to do."""
    shown = _shown(_decision(), "en")
    for word in ("reject", "BASE-NET", "lines[0].net", "expected 12", "Check the quantity", "BASE-ICD"):
        assert word in shown


def test_risk_stands_beside_findings_with_money_reason_and_origin() -> None:
    """Probability, money, likely reason, and that the payer was simulated."""
    shown = _shown(_decision(), "en")
    for word in ("42 %", "123.45 SAR", "BE-1-4", "No permission", "simulated"):
        assert word in shown


def test_arabic_is_shown_when_asked_for() -> None:
    """The same table in the biller's language."""
    assert "راجع الكمية" in _shown(_decision(), "ar")


def test_a_claim_without_a_score_says_why() -> None:
    """Not scored is never shown as low risk."""
    shown = _shown(_decision(risk={"state": "not_scored", "reason": "scoring.unavailable"}), "en")
    assert "not scored" in shown
    assert "scoring.unavailable" in shown
    assert "%" not in shown


def test_a_clean_claim_says_so() -> None:
    """An empty cell would leave the reader in doubt."""
    assert "nothing wrong found" in _shown(_decision(findings=[], not_checked=[]), "en")


@pytest.mark.parametrize(
    ("severities", "status"), [([], 0), (["info", "warning"], 0), (["warning", "error"], 1)]
)
def test_only_errors_fail_a_check(severities: list[str], status: int) -> None:
    """Warnings inform, errors fail the script."""
    found = [{**FINDING, "severity": severity} for severity in severities]
    assert exits.of_decisions([_decision(findings=found)]) == status


def test_sarif_has_one_result_per_finding_with_file_rule_and_level() -> None:
    """Editors show the finding at its file, with our rule's id."""
    log = sarif.log([_decision(file="a.json")], lang="en", version="1")
    (result,) = log["runs"][0]["results"]
    assert result["ruleId"] == "BASE-NET"
    assert result["level"] == "error"
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a.json"
    assert log["runs"][0]["tool"]["driver"]["rules"] == [{"id": "BASE-NET"}]


def test_sarif_tells_of_a_rule_once_in_both_languages() -> None:
    """Title, source and codes stand with the rule; what a finding shows stands with its result."""
    rule = {
        "title": {"en": "Net balances", "ar": "الصافي متوازن"}, "texts": {"violation": "net < 0"},
        "source": "a guide", "severity": "error", "pack": "base", "scope": "line", "codes": {"carc": "16"},
        "regimes": ["nphies", "base"],
    }  # fmt: skip
    twice = [_decision(file=name, findings=[{**FINDING, "codes": {"carc": "16"}}]) for name in ("a", "b")]
    (run,) = sarif.log(twice, lang="ar", version="1", rules={"BASE-NET": rule})["runs"]
    (told,) = run["tool"]["driver"]["rules"]
    assert told["shortDescription"]["text"] == "الصافي متوازن"
    assert told["fullDescription"]["text"] == "Net balances / الصافي متوازن"
    assert (told["properties"]["codes"], told["properties"]["tags"]) == ({"carc": "16"}, ["base", "nphies"])
    assert "net < 0" in told["help"]["text"]
    assert [result["ruleIndex"] for result in run["results"]] == [0, 0]
    assert run["results"][0]["properties"]["codes"] == {"carc": "16"}


def test_a_fault_becomes_words_and_status_two(capsys: pytest.CaptureFixture[str]) -> None:
    """A person reads what is wrong, where, and its stable code; a script reads the status."""
    fault = errors.Invalid(
        "claim.unreadable",
        "cannot read",
        violations=(errors.Violation("lines[1].net", "field.type", "not a number"),),
    )
    with pytest.raises(typer.Exit) as ended, console.faults_shown():
        raise fault
    shown = capsys.readouterr().err
    assert ended.value.exit_code == console.EXIT_REFUSED
    for word in ("cannot read", "claim.unreadable", "lines[1].net", "not a number"):
        assert word in shown


def test_ctrl_c_ends_quietly() -> None:
    """No stack trace for a person who has seen enough."""
    with pytest.raises(typer.Exit) as ended, console.faults_shown():
        raise KeyboardInterrupt
    assert ended.value.exit_code == 130


@pytest.mark.parametrize("terminal", [True, False])
def test_a_bar_is_drawn_where_somebody_looks(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001
    """On a terminal it shows how far a file is; in a log there is nothing of it."""

    class Screen(io.StringIO):
        """A stream that may be a terminal."""

        def isatty(self) -> bool:
            """Say so."""
            return terminal

    screen = Screen()
    monkeypatch.setenv("TERM", "xterm")
    with contextlib.redirect_stderr(screen), console.bar("bytes") as bar:
        task = bar.add_task("claims.ndjson", total=10)
        bar.update(task, completed=5)
    assert bool(screen.getvalue()) is terminal
