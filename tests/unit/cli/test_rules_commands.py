"""ultrathink rules: what somebody who writes rules types, and what terminal, editor and script get."""

import json
import shutil
from pathlib import Path

import pytest
from typer import testing as typing_person

from ultrathink_cli import __main__ as command
from ultrathink_cli.domain import remarks

WIDE = {"COLUMNS": "200", "TERM": "dumb"}
HEAD = """\
id: mine
version: "1"
title: {en: "Mine", ar: "قواعدي"}
regimes: [base]
licence: Apache-2.0
source: "written for a test"
"""
RULE = """\
- id: MINE-1
  title: {en: "Net is not negative", ar: "الصافي ليس سالبًا"}
  severity: error
  applies: {scope: line}
  violation: "net < 0"
  message: {en: "Net is {net}.", ar: "الصافي {net}."}
  source: "written for a test"
  examples: {violates: [{lines: [{net: -1}]}], satisfies: [{}]}
"""


def run(*arguments: str | Path) -> typing_person.Result:
    """Run the command line in this process."""
    result = typing_person.CliRunner(env=WIDE).invoke(
        command.app(), ["rules", *(str(one) for one in arguments)]
    )
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A pack of one sound rule."""
    (tmp_path / "mine" / "rules").mkdir(parents=True)
    (tmp_path / "mine" / "pack.yaml").write_text(HEAD, encoding="utf-8")
    (tmp_path / "mine" / "rules" / "money.yaml").write_text(RULE, encoding="utf-8")
    return tmp_path / "mine"


def _spoil(mine: Path, before: str, after: str) -> None:
    file = mine / "rules" / "money.yaml"
    text = file.read_text(encoding="utf-8")
    assert before in text
    file.write_text(text.replace(before, after), encoding="utf-8")


def test_a_sound_pack_lints_clean(mine: Path) -> None:
    """Exit 0, whether the pack or the folder around it is named."""
    for folder in (mine, mine.parent):
        result = run("lint", folder)
        assert (result.exit_code, result.stdout) == (0, "0 errors, 0 pieces of advice\n")


def test_lint_shows_a_caret_under_the_place(mine: Path) -> None:
    """The person sees file, line and the very word."""
    _spoil(mine, "net < 0", "nett < 0")
    result = run("lint", mine)
    assert result.exit_code == 1
    told = result.stdout.splitlines()
    assert told[0].startswith(
        f"{mine}/rules/money.yaml:5:14 MINE-1.violation error There is no column `nett` here."
    )
    assert "Did you mean net?" in told[0]
    assert told[1:3] == ["    nett < 0", "    ^"]


def test_advice_alone_does_not_fail(mine: Path) -> None:
    """A pipeline stops at errors only."""
    _spoil(mine, "الصافي ليس سالبًا", "latin")
    result = run("lint", mine, "--format", "json")
    assert result.exit_code == 0
    (remark,) = json.loads(result.stdout)
    assert (remark["level"], remark["code"], remark["field"]) == ("advice", "text.arabic", "title.ar")


def test_lint_speaks_sarif(mine: Path) -> None:
    """An editor jumps to the line."""
    _spoil(mine, "net < 0", "nett < 0")
    log = json.loads(run("lint", mine, "--format", "sarif").stdout)
    (result,) = log["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == (
        f"file://{mine}/rules/money.yaml",
        5,
    )
    assert (result["ruleId"], result["level"]) == ("rule.text", "error")
    assert log["runs"][0]["tool"]["driver"]["rules"][0]["id"] == "rule.text"


def test_an_unknown_format_is_refused(mine: Path) -> None:
    """A slip in an option is never ignored."""
    assert run("lint", mine, "--format", "xml").exit_code == 2


def test_examples_that_do_what_they_say_pass(mine: Path) -> None:
    """Exit 0 and a count of what was tried."""
    result = run("test", mine)
    assert (result.exit_code, result.stdout) == (0, "2 examples of 1 rule, 0 not as they say\n")


def test_an_example_that_lies_is_named(mine: Path) -> None:
    """Rule, example and what happened instead."""
    _spoil(mine, "{net: -1}", "{net: 1}")
    result = run("test", mine)
    assert result.exit_code == 1
    assert "MINE-1 violates[0]: the rule does not fire" in result.stdout


def test_an_example_that_is_no_claim_is_a_mistake_not_a_crash(mine: Path) -> None:
    """A field that claims do not have is named."""
    _spoil(mine, "{net: -1}", "{nett: -1}")
    result = run("test", mine, "--json")
    assert result.exit_code == 1
    (mistake,) = json.loads(result.stdout)["mistakes"]
    assert "nett" in mistake["problem"]


def test_an_example_that_holds_itself_is_a_mistake(mine: Path) -> None:
    """An alias inside what it names is endless, and no crash."""
    _spoil(mine, "[{lines: [{net: -1}]}]", "[&a {lines: *a}]")
    result = run("test", mine)
    assert result.exit_code == 1
    assert "an example holds itself" in result.stdout


def test_a_broken_pack_is_not_tested_by_half(mine: Path) -> None:
    """Lint first: the sound rules alone would be half an answer."""
    _spoil(mine, "net < 0", "nett < 0")
    result = run("test", mine)
    assert result.exit_code == 2
    assert "ultrathink rules lint" in result.stderr


def test_rules_are_listed_by_regime_and_language(mine: Path) -> None:
    """One line a rule, made to be searched."""
    assert "MINE-1" in run("list", mine).stdout
    assert "1 rule\n" in run("list", mine, "--regime", "base").stdout
    assert "0 rules" in run("list", mine, "--regime", "nphies").stdout
    assert "الصافي" in run("list", mine, "--lang", "ar").stdout
    (told,) = json.loads(run("list", mine, "--json").stdout)
    assert (told["id"], told["regimes"], told["scope"]) == ("MINE-1", ["base"], "line")


def test_ours_are_listed_without_a_folder() -> None:
    """What the platform itself runs."""
    assert "BASE-101" in run("list").stdout


def test_a_folder_without_packs_is_refused(tmp_path: Path) -> None:
    """A mistyped folder is not a folder of sound packs."""
    result = run("lint", tmp_path)
    assert (result.exit_code, "pack.absent" in result.stderr) == (2, True)


def test_a_caret_stands_under_tabs_too() -> None:
    """A tab is as wide as the terminal says, so the caret's line repeats it."""
    told = {"caret": 3, "excerpt": "\tn x", "rule": "", "field": "", "path": "a", "line": 1, "column": 1}
    assert remarks.caret(told) == ["\tn x", "\t ^"]
    assert remarks.place(told) == "a:1:1"


@pytest.fixture
def claim(tmp_path: Path) -> Path:
    """A claim of two lines, the second below zero."""
    file = tmp_path / "claim.json"
    lines = [
        {"sequence": 1, "code": "X", "service_date": "2026-08-01", "quantity": 1, "net": 100},
        {"sequence": 2, "code": "Y", "service_date": "2026-08-01", "quantity": 1, "net": -50},
    ]
    body = {
        "claim_id": "C-1", "type": "professional", "use": "claim", "created": "2026-08-02", "currency": "SAR",
        "provider": {"id": "P-1"}, "patient": {"id": "PATIENT-7"}, "insurance": [{"sequence": 1}],
        "lines": lines, "total": 50,
    }  # fmt: skip
    file.write_text(json.dumps(body))
    return file


def test_a_rule_is_explained_with_its_parts_on_a_claim(mine: Path, claim: Path) -> None:
    """Which line fires, which part was true, and the values; nothing of the patient."""
    result = run("explain", "MINE-1", "--pack", mine, "--claim", claim, "--as-of", "2026-08-02")
    assert result.exit_code == 0
    assert "violation: net < 0" in result.stdout
    assert "mine/rules/money.yaml:1" in result.stdout
    assert "lines[0]  satisfied" in result.stdout
    assert "lines[1]  FIRES" in result.stdout
    assert "TRUE  net < 0" in result.stdout
    assert "-50.00  net" in result.stdout
    assert "PATIENT-7" not in result.stdout


def test_a_rule_is_found_by_the_number_people_know_it_by() -> None:
    """Nphies' number leads to the rule that carries it; a number of several names them."""
    one = run("explain", "BV-00251")
    assert one.exit_code == 0
    assert one.stdout.startswith("BASE-101")
    several = run("explain", "BV-00052")
    assert several.exit_code != 0
    assert "BASE-302" in several.output
    assert "name one of them" in several.output


def test_an_explanation_speaks_arabic(mine: Path, claim: Path) -> None:
    """Titles and the words around them."""
    told = run("explain", "MINE-1", "--pack", mine, "--claim", claim, "--lang", "ar").stdout
    assert "المخالفة: net < 0" in told
    assert "lines[1]  مخالفة" in told


def test_an_unknown_rule_is_answered_with_a_near_one(mine: Path) -> None:
    """A slip in an id costs no search."""
    result = run("explain", "MINE-11", "--pack", mine)
    assert (result.exit_code, "Did you mean MINE-1?" in result.stderr) == (2, True)


def test_coverage_tells_what_never_fired(mine: Path, claim: Path) -> None:
    """Counts per rule, and the list that matters."""
    told = json.loads(run("coverage", claim, claim, "--pack", mine, "--json").stdout)
    assert (told["claims"], told["rules"][0]["fired"], told["never_fired"]) == (2, 2, [])
    _spoil(mine, "net < 0", "net < -99")
    shown = run("coverage", claim, "--pack", mine).stdout
    assert "1 rule never fired: MINE-1" in shown


def test_a_corpus_with_unreadable_claims_counts_them(mine: Path, tmp_path: Path, claim: Path) -> None:
    """What could not be read is said, not skipped in silence, and the status tells a script."""
    file = tmp_path / "two.ndjson"
    file.write_text(claim.read_text() + "\n{\n")
    result = run("coverage", file, "--pack", mine, "--json")
    told = json.loads(result.stdout)
    assert (told["claims"], told["unreadable"], result.exit_code) == (1, 1, 2)
    assert run("diff", mine, mine, "--on", file).exit_code == 2
    file.write_text("# a heading\n")
    nothing = run("coverage", file, "--pack", mine)
    assert (nothing.exit_code, nothing.stdout) == (2, "")
    assert "No claim could be read" in nothing.stderr


def test_a_regime_that_is_none_is_refused_with_those_there_are() -> None:
    """A slip gives no empty list that looks like an answer."""
    result = run("list", "--regime", "us")
    assert result.exit_code == 2
    assert "There is no regime us: base, nphies, x12-us." in result.stderr


def test_broken_packs_are_told_with_what_to_write(mine: Path) -> None:
    """Also where examples cannot be run because a rule does not load."""
    _spoil(mine, "net < 0", "nett < 0")
    result = run("test", mine)
    assert result.exit_code == 2
    assert "Did you mean net?" in result.stderr


def test_diff_is_quiet_about_white_space(mine: Path, tmp_path: Path) -> None:
    """Exit 0 when nothing changed in meaning."""
    other = tmp_path / "other" / "mine"
    shutil.copytree(mine, other)
    _spoil(other, "net < 0", "net   <   0")
    result = run("diff", mine, other)
    assert (result.exit_code, result.stdout.strip()) == (0, "no difference")


def test_diff_shows_fields_and_what_they_make_of_claims(mine: Path, tmp_path: Path, claim: Path) -> None:
    """Before and after, then the verdict that turns and its money; exit 1."""
    other = tmp_path / "other" / "mine"
    shutil.copytree(mine, other)
    _spoil(other, "net < 0", "net < -99")
    result = run("diff", mine, other, "--on", claim)
    assert result.exit_code == 1
    assert "- net < 0" in result.stdout
    assert "+ net < -99" in result.stdout
    assert "reject → accept: 1 claim, submitted 50.00 SAR" in result.stdout
    told = json.loads(run("diff", mine, other, "--on", claim, "--json").stdout)
    assert told["claims"]["rules"] == [{"rule": "MINE-1", "appeared": 0, "vanished": 1, "undecided": 0}]


@pytest.mark.parametrize("arguments", [(), ("--stored",)])
def test_coverage_is_of_files_or_of_what_is_stored(
    arguments: tuple[str, ...], claim: Path, mine: Path
) -> None:
    """Neither and both are refused."""
    files = (claim,) if arguments else ()
    result = run("coverage", *files, "--pack", mine, *arguments)
    assert (result.exit_code, "corpus.missing" in result.stderr) == (2, True)


def test_a_path_is_told_as_it_would_be_typed(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From here where the file lies below, so that it can be clicked and a code host finds it."""
    _spoil(mine, "net < 0", "nett < 0")
    monkeypatch.chdir(mine.parent)
    (remark,) = json.loads(run("lint", "mine", "--format", "json").stdout)
    assert (remark["path"], remark["file"]) == ("mine/rules/money.yaml", "mine/rules/money.yaml")
    monkeypatch.chdir(mine)
    assert json.loads(run("lint", ".", "--format", "json").stdout)[0]["path"] == "rules/money.yaml"


def test_what_is_wrong_with_a_table_is_told_by_lint(mine: Path) -> None:
    """A pack's folder goes with the tables beside it."""
    table = mine.parent / "code-sets" / "wrong"
    table.mkdir(parents=True)
    (table / "table.yaml").write_text("name: wrong\n")
    result = run("lint", mine)
    assert result.exit_code == 1
    assert f"{mine.parent}/code-sets/wrong/table.yaml:1:1" in result.stdout
