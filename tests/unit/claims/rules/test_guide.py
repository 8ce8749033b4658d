"""The guide for people who write rules is true: its pack runs, its texts check, its messages are ours."""

import functools
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import rule_language_support as language
import rules_support as support
from claims.domain.rules import checking, examples, packs, tables
from claims.outbound import table_files

GUIDE = (Path(__file__).parents[4] / "docs" / "guides" / "writing-rules.md").read_text(encoding="utf-8")
SCHEMA = Path(__file__).parents[4] / "docs" / "schemas" / "rule-pack.json"


def _blocks() -> list[Any]:
    return [yaml.safe_load(found) for found in re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)]


def _rows(heading: str) -> list[list[str]]:
    """Return the cells of the first table under a heading, without its head."""
    section = GUIDE.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines[2:]]
    return [[cell.strip().replace("\\|", "|") for cell in row] for row in cells]


@functools.cache
def _known() -> tables.Tables:
    return table_files.load(support.PACKS).tables


def _text(cell: str) -> str:
    return cell[1:-1]


def test_the_first_pack_loads_and_its_examples_do_what_they_say() -> None:
    """Whoever copies the two files has a tested rule."""
    head, rules, *_ = _blocks()
    pack = packs.assemble(("mine/pack.yaml", head), [("mine/rules.yaml", rules)], _known(), sha256="0" * 64)
    assert len(pack.rules) == 1
    assert examples.check(pack, _known()) == []


@pytest.mark.parametrize("row", _rows("The language by example"), ids=lambda row: row[1])
def test_what_to_write_can_be_written(row: list[str]) -> None:
    """Every sentence of the table is a sound text over a line."""
    checking.value(_text(row[1]), "line", _known())


@pytest.mark.parametrize("row", _rows("Common mistakes"), ids=lambda row: row[0])
def test_a_mistake_gets_the_answer_that_stands_there(row: list[str]) -> None:
    """Word for word, as lint tells it."""
    found = language.refusal(_text(row[0]))
    assert f"{found.message} {found.remedy}" == row[1]


@pytest.mark.parametrize(
    "row", _rows('What is missing: NULL and "not checked"'), ids=lambda row: "-".join(row[:2])
)
def test_the_truth_table_is_what_the_engine_says(row: list[str]) -> None:
    """Three values of logic, as they come out."""
    net, tax = (None if cell == "missing" else int(cell) for cell in row[:2])
    texts = ["net > 100", "net > 100 AND tax > 5", "net > 100 OR tax > 5", "COALESCE(tax, 0) > 5"]
    words = {True: "TRUE", False: "FALSE", None: "unknown"}
    assert [words[support.value(text, {"lines": [{"net": net, "tax": tax}]})] for text in texts] == row[2:]


def test_the_schema_it_names_exists() -> None:
    """An editor finds what the line on top points to."""
    assert "docs/schemas/rule-pack.json" in GUIDE
    assert SCHEMA.is_file()
