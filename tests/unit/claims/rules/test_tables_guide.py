"""The guide for customers says what is so: its files load, its columns and layers are those of the tables."""

import datetime as dt
import re
from pathlib import Path

import pytest

import rules_support as support
from claims.outbound import pack_files, table_folders

GUIDE = (Path(__file__).parents[4] / "docs/guides/tables.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(csv|yaml) (kind=[^\n]+)\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
SHAPES = pack_files.library(support.PACKS).shapes


@pytest.mark.parametrize(("form", "said", "content"), BLOCKS)
def test_every_file_of_the_guide_is_a_table(tmp_path: Path, form: str, said: str, content: str):
    """Who copies an example has a table."""
    options = dict(word.removeprefix("set=").split("=", 1) for word in said.split())
    kind = options.pop("kind")
    file = tmp_path / f"rows.{form}"
    file.write_text(content, encoding="utf-8")
    issue = table_folders.Issue(revision="2026", first=dt.date(2026, 1, 1), defaults=options)
    found = table_folders.convert(file, kind, SHAPES, issue)
    lines = [line for line in content.splitlines() if line.strip()]
    assert found.size == (len(lines) if form == "yaml" else len(lines) - 1)


def test_the_guide_has_examples_of_each_form():
    """At least one spreadsheet with Arabic titles and one YAML list are among them."""
    assert len(BLOCKS) >= 9
    assert {form for form, _, _ in BLOCKS} == {"csv", "yaml"}
    assert any("السعر" in content for _, _, content in BLOCKS)


def test_the_guides_columns_are_those_of_the_tables():
    """Key, columns and what is needed, kind by kind."""
    rows = re.findall(r"^\| (`[^|]+) \| (`[^|]+) \| ([^|]+) \|$", GUIDE, re.MULTILINE)
    told = {
        kind: (keys, columns) for kinds, keys, columns in rows for kind in re.findall(r"`([^`]+)`", kinds)
    }
    declared = {name for name in SHAPES if name not in {"icd-10-cm", "hcpcs", "place-of-service", "fdi"}}
    assert set(told) == declared
    for kind in declared - {"mue", "ptp"}:  # the two share a row
        keys, columns = told[kind]
        shape = SHAPES[kind]
        assert tuple(re.findall(r"`([^`]+)`", keys)) == shape.key, kind
        names = [name for name in re.findall(r"`(\w+)`", columns) if name in shape.columns]
        assert names == list(shape.columns), kind
        assert set(re.findall(r"\*\*`(\w+)`\*\*", columns)) == set(shape.required), kind


def test_the_guides_layers_are_those_of_the_tables():
    """Which tables replace and which extend the ones below."""
    text = GUIDE[GUIDE.index("Code lists and prices replace") : GUIDE.index("`--extends` and")]
    told = set(re.findall(r"`([a-z-]+)`", text))
    assert told == {name for name, shape in SHAPES.items() if shape.extends}


def test_every_declared_word_is_a_column_of_its_table():
    """Arabic and English titles are understood, and no word stands for two columns."""
    for name, shape in SHAPES.items():
        for word, column in shape.aliases.items():
            assert column in (*shape.key, *shape.columns), (name, word)
            assert shape.column(word.replace("_", " ").upper()) == column
