"""Shapes: a header's words, and how an issue agrees with the declaration of its table."""

from typing import Any

import msgspec
import pytest

from claims.domain.rules import documents, shapes

TARIFF = shapes.Shape(
    key=("payer", "code"), columns={"price": "money", "currency": "text"}, required=frozenset({"price"}),
    aliases={shapes.plain("Unit Price"): "price", "السعر": "price"},
)  # fmt: skip


def head(**fields: Any) -> documents.TableHead:
    """A table.yaml of these fields."""
    said = {"name": "tariff", "title": "Prices", "source": "tests", "licence": "Apache-2.0", **fields}
    return msgspec.convert(said, documents.TableHead)


def resolve(declared: shapes.Shape | None, **fields: Any) -> tuple[shapes.Shape, list[tuple[str, str, str]]]:
    """The shape of an issue, and what was noted."""
    notes: list[tuple[str, str, str]] = []
    return shapes.resolve(head(**fields), declared, lambda *note: notes.append(note)), notes


@pytest.mark.parametrize(
    ("word", "column"),
    [
        ("price", "price"), (" PRICE ", "price"), ("unit  price", "price"), ("Unit_Price", "price"),
        ("unit-price", "price"), ("السعر", "price"), ("from", "from"), ("To", "to"), ("cost", None),
        ("", None),
    ],
)  # fmt: skip
def test_a_word_of_a_header_stands_for_a_column(word: str, column: str | None):
    """Case, blanks and dashes do not count, and declared words count as well as names."""
    assert TARIFF.column(word) == column


def test_an_issue_may_leave_the_shape_to_its_declaration():
    """A customer's table.yaml says name, revision and days, and nothing about columns."""
    found, notes = resolve(TARIFF)
    assert notes == []
    assert (found.key, dict(found.columns), found.required) == (
        TARIFF.key, dict(TARIFF.columns), TARIFF.required,
    )  # fmt: skip
    assert found.column("Unit Price") == "price"


def test_an_undeclared_table_has_one_key():
    """Without a declaration a table is a list of codes."""
    found, notes = resolve(None)
    assert (found.key, dict(found.columns), notes) == (("code",), {}, [])


def test_an_issue_adds_words_and_defaults_of_its_own():
    """What a customer's file calls a column is said in its own table.yaml."""
    found, notes = resolve(TARIFF, aliases={"code": ["SBS"]}, defaults={"payer": "7001"}, extends=True)
    assert notes == []
    assert (found.column("sbs"), found.column("السعر"), dict(found.defaults), found.extends) == (
        "code", "price", {"payer": "7001"}, True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"key": ["code"]}, "key"),
        ({"columns": {"price": "number", "currency": "text"}}, "columns"),
        ({"columns": {"price": "money"}}, "columns"),
        ({"dotless": True}, "dotless"),
        ({"required": ["cost"]}, "required"),
        ({"defaults": {"cost": "1"}}, "defaults"),
        ({"aliases": {"cost": ["Kosten"]}}, "aliases"),
    ],
)
def test_an_issue_that_contradicts_its_declaration_is_told(fields: dict[str, Any], field: str):
    """The field, what is declared, and what to do are said."""
    _, notes = resolve(TARIFF, **fields)
    assert [note[0] for note in notes] == [field]
    assert all(notes[0])


@pytest.mark.parametrize(
    "fields", [{"key": ["code", "code"]}, {"columns": {"code": "text"}}, {"columns": {"from": "date"}}]
)
def test_columns_have_different_names(fields: dict[str, Any]):
    """A key's column is no value, and the window's names are taken."""
    _, notes = resolve(None, **fields)
    assert [note[0] for note in notes] == ["columns"]
