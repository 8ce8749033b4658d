"""The JSON Schema: complete, consistent with the model, and agreeing with the reader."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

import formats_support
from chassis import errors
from formats import canonical, model, schema, shapes


def test_the_schema_names_its_dialect_identity_and_root():
    """2020-12, an identity, a reference to the claim."""
    found = schema.claim_schema()
    assert found["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert found["$id"].endswith("/claim.json")
    assert found["$ref"] == "#/$defs/Claim"
    assert json.loads(schema.claim_schema_json()) == json.loads(json.dumps(found))


def test_the_example_is_a_readable_claim():
    """What the schema shows, the reader reads."""
    (example,) = schema.claim_schema()["examples"]
    assert canonical.decode(json.dumps(example).encode()).claim_id == "CLM-0001"


def test_every_struct_and_field_of_the_model_is_described():
    """No struct is missing, every property has a title, unknown ones are refused."""
    defs = schema.claim_schema()["$defs"]
    pending = [shapes.of(model.Claim)]
    seen: set[str] = set()
    while pending:
        shape = pending.pop()
        name = shape.struct.__name__
        if name in seen:
            continue
        seen.add(name)
        assert defs[name]["additionalProperties"] is False
        assert set(defs[name]["properties"]) == {field.wire for field in shape.fields}
        assert all("title" in described for described in defs[name]["properties"].values())
        assert set(defs[name].get("required", ())) == {f.wire for f in shape.fields if f.required}
        pending += [field.shape for field in shape.fields if field.shape is not None]
    assert seen == set(defs)


@pytest.mark.parametrize(
    ("struct", "name", "expected"),
    [
        ("Claim", "total", {"type": ["number", "string", "null"]}),
        ("Line", "quantity", {"type": ["number", "string", "null"]}),
        ("Patient", "birth_date", {"type": ["string", "null"], "format": "date"}),
        ("Line", "sequence", {"type": "integer", "minimum": 1}),
        ("Attachment", "size", {"minimum": 0}),
        ("Claim", "lines", {"minItems": 1, "maxItems": 1000}),
        ("Claim", "insurance", {"minItems": 1}),
        ("Claim", "claim_id", {"maxLength": 256}),
    ],
)
def test_bounds_and_decimals_are_part_of_the_schema(struct: str, name: str, expected: dict[str, Any]):
    """What the reader checks beyond types, the schema says too."""
    described = schema.claim_schema()["$defs"][struct]["properties"][name]
    assert {key: described.get(key) for key in expected} == expected


def test_each_call_returns_a_dict_of_its_own():
    """A caller may change what it got."""
    first = schema.claim_schema()
    first["$defs"].clear()
    assert schema.claim_schema()["$defs"]


def fits(value: Any, described: dict[str, Any], defs: dict[str, Any]) -> bool:
    """Judge a value by the part of JSON Schema this schema uses."""
    if "$ref" in described:
        return fits(value, defs[described["$ref"].rsplit("/", 1)[1]], defs)
    if "anyOf" in described:
        return any(fits(value, one, defs) for one in described["anyOf"])
    if "enum" in described:
        return value in described["enum"]
    kinds = described.get("type", [])
    if kinds and not any(_is(value, kind) for kind in ([kinds] if isinstance(kinds, str) else kinds)):
        return False
    return _inside(value, described, defs)


def _inside(value: Any, described: dict[str, Any], defs: dict[str, Any]) -> bool:
    if isinstance(value, dict):
        properties = described.get("properties", {})
        return all(name in value for name in described.get("required", ())) and all(
            name in properties and fits(member, properties[name], defs) for name, member in value.items()
        )
    if isinstance(value, list):
        low, high = described.get("minItems", 0), described.get("maxItems", 10**9)
        return low <= len(value) <= high and all(fits(v, described.get("items", {}), defs) for v in value)
    if isinstance(value, int) and not isinstance(value, bool):
        low, high = described.get("minimum", value), described.get("maximum", value)
        return bool(low <= value <= high)
    return True


def _is(value: Any, kind: str) -> bool:
    kinds: dict[str, Any] = {
        "object": dict, "array": list, "string": str, "null": type(None), "boolean": bool,
        "number": int | float, "integer": int,
    }  # fmt: skip
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, kinds[kind])


@settings(max_examples=40)
@given(formats_support.claims())
def test_every_readable_claim_fits_the_schema(claim: model.Claim):
    """The schema refuses nothing the reader accepts."""
    found = schema.claim_schema()
    assert fits(msgspec.json.decode(canonical.encode(claim)), found, found["$defs"])


@pytest.mark.parametrize(
    "changes",
    [
        {"surprise": 1}, {"use": "x"}, {"lines": []}, {"insurance": []}, {"total": True}, {"provider": 1},
        {"lines": [{"code": "x"}]}, {"lines": [{"sequence": 0, "code": "x"}]}, {"notes": [1]},
    ],
)  # fmt: skip
def test_what_the_schema_refuses_the_reader_refuses(changes: dict[str, Any]):
    """Both say no to the same mistakes."""
    found = schema.claim_schema()
    body = formats_support.claim_json(**changes)
    assert not fits(msgspec.json.decode(body), found, found["$defs"])
    with pytest.raises(errors.Invalid):
        canonical.decode(body)
