"""The JSON Schema (2020-12) of a claim, derived from the model.

Room: formats. What the model's types cannot say – decimals as numbers or texts, dates, bounds – is added
along the shapes, so that the schema and the reader refuse the same claims.
"""

import json
from typing import Any

import msgspec

from formats import canonical, model, shapes, soundness

IDENTITY = "https://ultrathink.dev/schemas/claim.json"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NUMBER = r"^-?\d+(\.\d+)?$"
_FRAGMENTS: dict[str, dict[str, Any]] = {
    "money": {
        "type": ["number", "string"], "pattern": _NUMBER,
        "description": "Amount in major units, exact, at most the currency's minor digits.",
    },
    "quantity": {
        "type": ["number", "string"], "pattern": _NUMBER, "description": "At most four decimals.",
    },
    "decimal": {"type": ["number", "string"], "pattern": _NUMBER, "description": "An exact decimal."},
    "day": {"type": "string", "format": "date", "description": "YYYY-MM-DD."},
    "when": {"type": "string", "description": "YYYY-MM-DD or YYYY-MM-DDThh:mm:ss with offset or Z."},
    "integer": {"type": "integer", "minimum": 1, "maximum": soundness.MAX_SEQUENCE},
}  # fmt: skip
_EXAMPLE = model.Claim(
    claim_id="CLM-0001",
    type="professional",
    subtype="op",
    use="claim",
    created="2026-03-02T10:00:00Z",
    currency="SAR",
    provider=model.Provider(id="PROVIDER-1"),
    patient=model.Patient(id="FILE-1", id_type="mrn", birth_date="1990-01-31", sex="female"),
    insurance=[
        model.Insurance(
            sequence=1, focal=True, coverage=model.Coverage(member_id="MEMBER-1", payer="PAYER-1")
        )
    ],
    diagnoses=[model.Diagnosis(sequence=1, code="J06.9", system="icd-10", type=["principal"])],
    lines=[
        model.Line(
            sequence=1, code="CONSULT", system="local", service_date="2026-03-01", diagnosis_sequences=[1]
        )
    ],
)


def claim_schema() -> dict[str, Any]:
    """Return the schema with one example; a new dict at each call."""
    schema = msgspec.json.schema(model.Claim, ref_template="#/$defs/{name}")
    defs = schema["$defs"]
    for shape in _all_shapes(shapes.of(model.Claim), {}).values():
        for field in shape.fields:
            _describe(defs[shape.struct.__name__]["properties"][field.wire], field, shape)
    head = defs["Claim"]["properties"]
    head["lines"] |= {"minItems": 1, "maxItems": model.MAX_LINES}
    head["insurance"] |= {"minItems": 1}
    head["claim_id"] |= {"maxLength": soundness.MAX_IDENTITY_LENGTH}
    head["type"] |= {"minLength": 1}
    return {
        "$schema": _DIALECT,
        "$id": IDENTITY,
        "title": "Claim",
        "description": "One claim, pre-authorisation or predetermination in canonical JSON.",
        "$ref": "#/$defs/Claim",
        "examples": [json.loads(canonical.encode(_EXAMPLE))],
        "$defs": defs,
    }


def claim_schema_json() -> bytes:
    """Return the schema as JSON text."""
    return msgspec.json.encode(claim_schema())


def _all_shapes(shape: shapes.Shape, found: dict[str, shapes.Shape]) -> dict[str, shapes.Shape]:
    if shape.struct.__name__ not in found:
        found[shape.struct.__name__] = shape
        for field in shape.fields:
            if field.shape is not None:
                _all_shapes(field.shape, found)
    return found


def _describe(target: dict[str, Any], field: shapes.Field, shape: shapes.Shape) -> None:
    target["title"] = field.wire.replace("_", " ")
    if field.kind == "any":
        target["description"] = f"Any JSON value, nested at most {soundness.MAX_EXTRA_DEPTH} levels."
    fragment = _FRAGMENTS.get(field.kind)
    if fragment is None:
        return
    if field.kind == "integer" and shape.struct is model.Attachment:
        fragment = {**fragment, "minimum": 0}
    if field.many:
        target["items"] = fragment
        return
    for name in ("type", "format", "anyOf"):
        target.pop(name, None)
    kinds = fragment["type"] if isinstance(fragment["type"], list) else [fragment["type"]]
    target |= {**fragment, "type": [*kinds, "null"] if field.nullable else fragment["type"]}
