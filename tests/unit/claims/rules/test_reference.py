"""The written reference says what the code says."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

import rules_support as support
from claims.domain.rules import checking, documents, reference, schema, tree

ROOT = Path(__file__).parents[4]
ROWS: dict[str, Any] = {  # a claim with one row of each kind
    "lines": [{"details": [{}]}], "procedures": [{}], "related": [{}],
}  # fmt: skip


def test_the_reference_is_fresh():
    """docs/rule-schema.md is what the schema table gives now."""
    assert (ROOT / "docs/rule-schema.md").read_text() == reference.markdown()


def test_every_field_of_a_rule_is_explained():
    """No field of a rule, a pack or a table is missing from the reference."""
    text = reference.markdown()
    for kind in (documents.Rule, documents.Head, documents.TableHead, documents.Applies):
        for name in kind.__struct_encode_fields__:
            assert f"`{name}`" in text, name


@pytest.mark.parametrize("scope", schema.SCOPES)
def test_every_column_can_be_read(scope: str):
    """Each column of each scope compiles, reads a claim, and gives the kind of value it promises."""
    kinds: dict[tree.Kind, type | tuple[type, ...]] = {
        tree.Kind.BOOL: bool, tree.Kind.TEXT: str, tree.Kind.INT: int, tree.Kind.DATE: int,
        tree.Kind.TEXTS: list, tree.Kind.INTS: list,
    }  # fmt: skip
    partial = {**ROWS, "currency": "SAR"}
    for name, field in schema.SCOPES[scope].fields.items():
        found = support.value(f'"{name}"', partial, scope=scope)
        assert field.nullable or found is not None, name
        assert found is None or isinstance(found, kinds.get(field.kind, object)), name
        column = checking.column(name, scope)
        assert column is not None
        assert column.kind is field.kind


@pytest.mark.parametrize("rows", schema.ROWS)
def test_every_column_can_be_aggregated(rows: str):
    """Each column of each row set is reached from the claim's scope."""
    for name, field in schema.ROWS[rows].fields.items():
        text = f'COUNT(*) FILTER (WHERE {rows}."{name}" IS NOT NULL)'
        assert support.value(text, ROWS, scope="claim") == (0 if _absent(rows, name) else 1)
        assert field.meaning


def _absent(rows: str, name: str) -> bool:
    scope = schema.ROWS[rows].name
    return support.value(f'"{name}"', ROWS, scope=scope) is None


def _builder() -> Any:
    spec = importlib.util.spec_from_file_location("build_code_sets", ROOT / "packs/build_code_sets.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_icd_tables_are_derived_from_a_list():
    """Chapters and ranges are left out; a code that another extends is a heading."""
    text = "1\nA00-A09\nA00\nA000\nS00\nS000\nS0000\nS0000XA\nB99\nB99\n"
    assert _builder().icd_10_cm(text).split() == [
        "code,billable", "A00,0", "A000,1", "B99,1", "S00,0", "S000,0", "S0000,0", "S0000XA,1",
    ]  # fmt: skip


def test_hcpcs_tables_keep_codes_only():
    """The first column, without descriptions, heading or anything that is not a level II code."""
    text = 'HCPC,LONG DESCRIPTION\nA0021,"Ambulance, outside"\nA0021,again\n99213,visit\n\nG0103,PSA\n'
    assert _builder().hcpcs(text).split() == ["code", "A0021", "G0103"]


def test_the_builder_writes_a_table(tmp_path: Path):
    """The command reads the issuer's file and writes what the loader reads, the same bytes each time."""
    source, target = tmp_path / "list.txt", tmp_path / "new/codes.csv.xz"
    source.write_text("A00\nA000\n")
    builder = _builder()
    builder.main(["icd-10-cm", str(source), str(target)])
    first = target.read_bytes()
    builder.main(["icd-10-cm", str(source), str(target)])
    assert target.read_bytes() == first
    assert builder.lzma.decompress(first) == b"code,billable\nA00,0\nA000,1\n"
