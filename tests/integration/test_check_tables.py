"""`ultrathink check --tables`: a person's own tables and rules judge a file, offline."""

import json
from pathlib import Path

import pytest
from typer import testing as typing_person

from ultrathink_cli import __main__ as command

SAMPLE = Path(command.__file__).parent / "samples/clinic.json"
PACK = """
id: payer-02
version: "1"
title: {en: Rules of PAYER-02, ar: قواعد شركة التأمين}
regimes: [base, nphies, x12-us]
licence: our own
source: contract
"""
RULE = """
- id: PAYER-02-PRICE
  title: {en: Prices are those of the contract, ar: الأسعار وفق العقد}
  severity: error
  applies: {scope: line}
  violation: "unit_price > lookup('tariff.price', payer || '|' || system || '|' || code, service_date)"
  expected: "lookup('tariff.price', payer || '|' || system || '|' || code, service_date)"
  message: {en: "{unit_price} is above {expected}.", ar: "{unit_price} أعلى من {expected}."}
  source: contract
  examples:
    violates:
      - lines: [{code: A, system: x, unit_price: 9}]
        tables: {tariff: {"7001571327|x|A": {price: 5}}}
    satisfies: [{}]
"""
TABLE = """
name: tariff
title: contract
source: contract
licence: our own
revision: "2026"
from: 2026-01-01
defaults: {payer: PAYER-02, system: hcpcs}
data: rows.csv
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A folder with one rule and one price."""
    files = {
        "payer/pack.yaml": PACK, "payer/rules/prices.yaml": RULE,
        "code-sets/prices/table.yaml": TABLE, "code-sets/prices/rows.csv": "code;price\nA4259;25.00\n",
    }  # fmt: skip
    for name, text in files.items():
        path = tmp_path / "mine" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path / "mine"


def check(*arguments: str) -> typing_person.Result:
    """Check the sample as of a day after it was made out."""
    said = ["check", str(SAMPLE), "--format", "json", "--as-of", "2026-06-20", *arguments]
    return typing_person.CliRunner(env={"COLUMNS": "200"}).invoke(command.app(), said)


def test_ones_own_tables_and_rules_judge_a_file(mine: Path) -> None:
    """The contract's price is exceeded, and the answer names the tables that said so."""
    told = json.loads(check("--tables", str(mine)).stdout)
    (found,) = [finding for finding in told["findings"] if finding["rule"] == "PAYER-02-PRICE"]
    assert found["message"]["en"] == "29.00 is above 25.00."
    assert [entry["revision"][:5] for entry in told["code_sets"] if entry["name"] == "tariff"] == ["2026+"]


def test_without_them_nobody_knows_the_contract(mine: Path) -> None:
    """The rule is not ours, and no price is."""
    assert "PAYER-02-PRICE" not in check().stdout
    (mine / "code-sets/prices/rows.csv").write_text("code;price\nA4259;dear\n")
    refused = check("--tables", str(mine))
    assert refused.exit_code == 2
    assert "mine/code-sets/prices/rows.csv: line 2, column `price`" in refused.stderr
