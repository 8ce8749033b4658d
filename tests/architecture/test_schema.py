"""The claim's JSON Schema that people download is the one that the model gives."""

import json
from pathlib import Path

from formats import schema

SCHEMA = Path(__file__).parents[2] / "docs" / "schemas" / "claim.json"


def test_the_published_schema_is_fresh() -> None:
    """docs/schemas/claim.json, which the gateway serves, says what the model says."""
    assert SCHEMA.read_text() == json.dumps(schema.claim_schema(), indent=1, ensure_ascii=False) + "\n"
