"""`ultrathink tables`: list, look, add, as a person types them; and `check --tables`."""

import json
import shutil
from pathlib import Path

import pytest
from typer import testing as typing_person

from ultrathink_cli import __main__ as command
from ultrathink_cli.outbound import folders

FILE = "\ufeffرمز الخدمة;السعر\n12345-00-10;100.50\n"


NAMES = ["cdt", "gtin", "hcpcs", "icd-10-am", "icd-10-cm", "sbs", "tariff"]


def run(*arguments: str | Path) -> typing_person.Result:
    """What a command line says."""
    wide = {"COLUMNS": "200", "TERM": "dumb"}
    result = typing_person.CliRunner(env=wide).invoke(command.app(), [str(part) for part in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.fixture
def packs(tmp_path: Path) -> Path:
    """A copy of the base pack, the tables it asks, and the declared tariff, to which a person may add."""
    home, found = folders.packs(), tmp_path / "packs"
    shutil.copytree(home / "base", found / "base")
    for name in ("tariff", "hcpcs-2019", "icd-10-cm-2026-04", "icd-10-am", "sbs", "gtin", "cdt"):
        shutil.copytree(home / "code-sets" / name, found / "code-sets" / name)
    return found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A price list."""
    path = tmp_path / "prices.csv"
    path.write_text(FILE, encoding="utf-8")
    return path


def add(packs: Path, file: Path, *more: str) -> typing_person.Result:
    """Add the price list to the tenant demo."""
    said = ("--kind", "tariff", "--tenant", "demo", "--revision", "2026", "--from", "2026-01-01")
    return run(
        "tables", "add", file, *said, "--set", "payer=7001", "--set", "system=sbs", "--pack", packs, *more
    )


def test_a_file_is_added_and_looked_up(packs: Path, file: Path):
    """What a customer brought answers at once, for that tenant and from its first day."""
    added = add(packs, file)
    assert added.exit_code == 0
    assert "1 rows are in" in added.stdout
    assert "started again" in added.stderr
    key = ("tables", "look", "tariff", "7001", "sbs", "12345-00-10", "--pack", packs)
    found = run(*key, "--tenant", "demo", "--on", "2026-05-01")
    assert (found.exit_code, "price: 100.50" in found.stdout) == (0, True)
    early = run(*key, "--tenant", "demo", "--on", "2025-05-01")
    assert (early.exit_code, "not checked" in early.stdout) == (2, True)
    other = run(*key, "--tenant", "other", "--on", "2026-05-01", "--json")
    assert (other.exit_code, json.loads(other.stdout)["state"]) == (2, "unknown")
    wrong = run(
        "tables",
        "look",
        "tariff",
        "7001|sbs|12345",
        "--pack",
        packs,
        "--tenant",
        "demo",
        "--on",
        "2026-05-01",
    )
    assert (wrong.exit_code, "near it: 7001|SBS|12345-00-10" in wrong.stdout) == (1, True)


def test_a_dry_run_adds_nothing(packs: Path, file: Path):
    """A person may ask first."""
    result = add(packs, file, "--dry-run")
    assert "nothing was added" in result.stdout
    assert not (packs / "tenants").exists()


def test_a_wrong_file_is_told_with_its_places(packs: Path, file: Path):
    """File, line, column and remedy, and status 2."""
    file.write_text("code;price\nA;1,5\nB;\n", encoding="utf-8")
    result = add(packs, file)
    assert result.exit_code == 2
    assert "prices.csv: line 2, column `price`" in result.stderr
    assert "line 3, column `price`" in result.stderr


@pytest.mark.parametrize(
    ("slip", "said"),
    [
        (("--set", "system"), "--set is column=value"),
        (("--from", "May"), "--from is a day"),
        (("--to", "2025-01-01"), "last day is before the first"),
        (("--kind", "prices"), "There is no table `prices`"),
    ],
)
def test_a_slip_is_told(packs: Path, file: Path, slip: tuple[str, str], said: str):
    """An option that cannot be meant is told with what to write."""
    result = add(packs, file, *slip)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())


def test_tables_are_listed(packs: Path, file: Path):
    """Revision, window and rows of each issue; a declared table says that it has no data."""
    add(packs, file)
    text = run("tables", "list", "--pack", packs).stdout
    assert "declared, no data" in text
    assert "98,166" in text
    whole = json.loads(run("tables", "list", "--pack", packs, "--tenant", "demo", "--json").stdout)
    assert [entry["name"] for entry in whole] == NAMES
    assert whole[-1]["issues"][0]["rows"] == 1


def test_an_unknown_table_is_told(packs: Path):
    """The names stand beside it."""
    result = run("tables", "look", "icd", "A00", "--pack", packs)
    assert result.exit_code == 2
    assert f"tables: {', '.join(NAMES)}" in " ".join(result.stderr.split())
