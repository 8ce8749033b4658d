"""`ultrathink check` on real files, judged by the real rules and the real rooms, without a platform."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer import testing as typing_person

import ultrathink_cli
from ultrathink_cli import __main__ as command
from ultrathink_cli.domain import expectations

SAMPLES = Path(ultrathink_cli.__file__).parent / "samples"
CLINIC, POLYCLINIC = SAMPLES / "clinic.json", SAMPLES / "polyclinic.csv"
WANTED = expectations.read((SAMPLES / "expected.json").read_bytes())
FILES = [SAMPLES / name for name in WANTED.files]
AS_OF = ("--as-of", "2026-07-15")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in an empty folder, with the packs and the model of the checkout."""
    monkeypatch.chdir(tmp_path)
    for name in ("ULTRATHINK_PACKS_DIR", "ULTRATHINK_BUNDLE_DIR"):
        monkeypatch.delenv(name, raising=False)


def _check(*arguments: str | Path) -> typing_person.Result:
    runner = typing_person.CliRunner(env={"TERM": "dumb"})
    result = runner.invoke(command.app(), ["check", *(str(argument) for argument in arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def _decisions(result: typing_person.Result) -> dict[str, dict[str, Any]]:
    decided = [json.loads(line) for line in result.stdout.splitlines()]
    return {decision["claim_id"]: decision for decision in decided}


def _broken(decision: dict[str, Any]) -> list[str]:
    return sorted({one["rule"] for one in decision["findings"] if one["severity"] == "error"})


def test_every_sample_breaks_the_rules_written_down_by_hand() -> None:
    """Offline and through the platform the same rules fire; the day and the file are told; status one."""
    result = _check(*FILES, "--format", "json", *AS_OF)
    decided = _decisions(result)
    assert result.exit_code == 1
    assert {claim: _broken(decision) for claim, decision in decided.items()} == {
        claim: sorted(wanted.errors) for claim, wanted in WANTED.claims.items()
    }
    assert {decision["as_of"] for decision in decided.values()} == {"2026-07-15"}
    assert {decision["file"] for decision in decided.values()} == {str(file) for file in FILES}
    assert result.stderr == ""


def test_without_history_a_risk_is_not_guessed() -> None:
    """Offline nothing is known of provider and patient, and the decision says so."""
    (decision,) = _decisions(_check(CLINIC, "--format", "json", *AS_OF)).values()
    assert decision["risk"]["state"] != "scored"
    assert decision["not_checked"]


def test_a_clean_claim_ends_with_zero() -> None:
    """A script goes on."""
    result = _check(CLINIC, *AS_OF)
    assert result.exit_code == 0
    assert "nothing wrong found" in result.stdout


def test_the_day_named_is_the_day_judged() -> None:
    """In a year long past, the same claim lies in the future."""
    (decision,) = _decisions(_check(CLINIC, "--format", "json", "--as-of", "1999-01-01")).values()
    assert "BASE-309" in {finding["rule"] for finding in decision["findings"]}
    assert decision["as_of"] == "1999-01-01"


def test_a_table_in_arabic_and_in_english_differs_in_words_only() -> None:
    """The biller chooses; rules and places stay."""
    english, arabic = (_check(POLYCLINIC, "--lang", lang, *AS_OF) for lang in ("en", "ar"))
    assert english.exit_code == arabic.exit_code == 1
    for shown in (english.stdout, arabic.stdout):
        assert "BASE-101" in shown
        assert "lines[0].net" in shown
    assert "الإجمالي" in arabic.stdout
    assert "الإجمالي" not in english.stdout


def test_sarif_is_one_document_for_all_files() -> None:
    """An editor or a code host reads it: each finding at its file, in the language asked for."""
    result = _check(CLINIC, POLYCLINIC, "--format", "sarif", "--lang", "ar", *AS_OF)
    assert result.exit_code == 1
    (run,) = json.loads(result.stdout)["runs"]
    uris = {one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in run["results"]}
    assert uris == {POLYCLINIC.as_uri()}
    assert {one["ruleId"] for one in run["results"]} == {"BASE-101", "BASE-102"}
    assert any("الإجمالي" in one["message"]["text"] for one in run["results"])


def test_a_file_named_twice_is_checked_once() -> None:
    """A shell's pattern that overlaps another doubles nothing."""
    assert len(_check(CLINIC, CLINIC, "--format", "json", *AS_OF).stdout.splitlines()) == 1


def test_an_unreadable_claim_is_told_with_its_fields_and_the_rest_is_checked(tmp_path: Path) -> None:
    """Status two wins over one; stdout holds decisions only."""
    whole = json.dumps(json.loads(CLINIC.read_bytes()))
    (mixed := tmp_path / "mixed.ndjson").write_text(f'{whole}\n{{"claim_id": "HALF"}}\n')
    result = _check(mixed, POLYCLINIC, "--format", "json", *AS_OF)
    assert result.exit_code == 2
    assert set(_decisions(result)) == {"DEMO-CLINIC-1", "DEMO-POLY-1", "DEMO-POLY-2"}
    assert f"{mixed}, claim 2:" in result.stderr
    assert "claim.unreadable" in result.stderr
    assert "field.missing" in result.stderr


def test_files_that_cannot_be_opened_or_known_do_not_stop_the_others(tmp_path: Path) -> None:
    """Each is named, brackets and all; the readable one is still checked."""
    missing, folder, noise = tmp_path / "[/gone].json", tmp_path / "folder.json", tmp_path / "noise.bin"
    folder.mkdir()
    noise.write_bytes(bytes(range(256)))
    result = _check(missing, folder, noise, CLINIC, "--format", "json", *AS_OF)
    assert result.exit_code == 2
    assert set(_decisions(result)) == {"DEMO-CLINIC-1"}
    for file in (missing, folder, noise):
        assert str(file) in result.stderr
    assert result.stderr.count("[file.unreadable]") == 2


def test_a_file_without_claims_is_no_clean_file(tmp_path: Path) -> None:
    """Nothing to check is told, not passed: neither an empty file nor a table of titles alone."""
    empty, titles = tmp_path / "empty.ndjson", tmp_path / "titles.csv"
    empty.write_bytes(b"")
    titles.write_bytes(POLYCLINIC.read_bytes().split(b"\n", 1)[0] + b"\n")
    for file in (empty, titles):
        result = _check(file, *AS_OF)
        assert result.exit_code == 2
        assert f"{file} holds no claim [file.empty]" in result.stderr


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--format", "xml"), "format.unknown"),
        (("--lang", "fr"), "lang.unknown"),
        (("--as-of", "yesterday"), "as_of.invalid"),
        (("--as-of", "2026-02-30"), "as_of.invalid"),
    ],
)
def test_slips_in_options_are_refused_before_any_work(options: tuple[str, str], reason: str) -> None:
    """With what was written and what may be."""
    result = _check(CLINIC, *options)
    assert result.exit_code == 2
    assert f"[{reason}]" in result.stderr
    assert options[1] in result.stderr
    assert result.stdout == ""


def test_missing_packs_are_told_with_the_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An installation without the checkout learns what to set."""
    monkeypatch.setenv("ULTRATHINK_PACKS_DIR", str(tmp_path / "none"))
    result = _check(CLINIC)
    assert result.exit_code == 2
    assert "ULTRATHINK_PACKS_DIR" in result.stderr
