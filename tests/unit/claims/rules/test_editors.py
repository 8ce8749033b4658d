"""The schemas for editors: fresh, complete, and of one mind with the reader about our own packs."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

import rules_support as support
from claims.domain.rules import editors

ROOT = Path(__file__).parents[4]
KINDS: Mapping[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "boolean": (bool,), "null": (type(None),),
    "integer": (int,), "number": (int, float),
}  # fmt: skip


def _fits(value: Any, told: Mapping[str, Any], defs: Mapping[str, Any]) -> bool:
    """Judge a value by the part of JSON Schema that our schemas use."""
    if "$ref" in told:
        return _fits(value, defs[told["$ref"].rsplit("/", 1)[1]], defs)
    if "anyOf" in told or "enum" in told:
        return value in told.get("enum", ()) or any(_fits(value, one, defs) for one in told.get("anyOf", ()))
    if "type" in told and not isinstance(value, KINDS[told["type"]]):
        return False
    if isinstance(value, dict):
        return _has(value, told, defs)
    if isinstance(value, list):
        long_enough = told.get("minItems", 0) <= len(value)
        return long_enough and all(_fits(part, told.get("items", {}), defs) for part in value)
    return not isinstance(value, str) or re.search(told.get("pattern", ""), value) is not None


def _has(value: Mapping[str, Any], told: Mapping[str, Any], defs: Mapping[str, Any]) -> bool:
    known, extra = told.get("properties", {}), told.get("additionalProperties", True)
    named = all(name in value for name in told.get("required", ()))
    inside = all(_fits(part, known[name], defs) for name, part in value.items() if name in known)
    return named and inside and (extra is not False or set(value) <= set(known))


def _holds(name: str, document: Any) -> bool:
    schema = editors.schema(name)
    return _fits(document, schema, schema["$defs"])


def _typed(file: Path) -> Any:
    return json.loads(json.dumps(yaml.safe_load(file.read_text(encoding="utf-8")), default=str))


@pytest.mark.parametrize("name", editors.SCHEMAS)
def test_the_file_is_fresh(name: str) -> None:
    """docs/schemas holds what the documents' types say now; `make gen` renews it."""
    assert (ROOT / "docs" / "schemas" / f"{name}.json").read_text(encoding="utf-8") == editors.text(name)


@pytest.mark.parametrize("name", editors.SCHEMAS)
def test_what_a_struct_is_for_is_told_alike_by_every_python(name: str) -> None:
    """Up to 3.12 a docstring keeps the indentation of its source; an editor never shows it."""
    told = [struct["description"] for struct in editors.schema(name)["$defs"].values()]
    assert told
    assert [text for text in told if not text or "\n " in text] == []


@pytest.mark.parametrize("name", editors.SCHEMAS)
def test_every_field_says_what_it_is_for(name: str) -> None:
    """No field pops up in an editor without a word; and no word is left over for a field that is gone."""
    defs = editors.schema(name)["$defs"]
    mute = [
        f"{struct}.{field}"
        for struct, told in defs.items()
        for field, described in told.get("properties", {}).items()
        if "description" not in described
    ]
    assert mute == []


def test_our_own_files_fit() -> None:
    """Every pack and table of the repository passes the schema its author's editor shows."""
    files = [*support.PACKS.glob("*/pack.yaml"), *support.PACKS.glob("*/rules/*.yaml")]
    assert [file.name for file in files if not _holds("rule-pack", _typed(file))] == []
    tables = list(support.PACKS.glob("code-sets/*/table.yaml"))
    assert len(tables) > 10
    assert [file.parent.name for file in tables if not _holds("table", _typed(file))] == []


@pytest.mark.parametrize(
    "changes",
    [
        {"severity": "eror"},
        {"titel": "x"},
        {"applies": {"scope": "rows"}},
        {"codes": {"carc": 16}},
        {"source": None},
        {"examples": {"violates": [], "satisfies": [{}]}},
        {"id": "with space"},
    ],
)
def test_what_the_reader_refuses_an_editor_marks(changes: dict[str, Any]) -> None:
    """The commonest slips are underlined before anything is run."""
    assert _holds("rule-pack", [support.rule()])
    assert not _holds("rule-pack", [support.rule(**changes)])
