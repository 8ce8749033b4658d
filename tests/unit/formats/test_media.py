"""Media types: aliases, and what a file's name and first bytes say."""

import pytest

from formats import media, readers


@pytest.mark.parametrize(
    ("media_type", "expected"),
    [
        ("application/json", media.JSON), ("Application/JSON; charset=utf-8", media.JSON),
        ("application/ndjson", media.NDJSON), ("application/jsonl", media.NDJSON),
        ("application/x-ndjson;x=1", media.NDJSON), ("application/csv", media.CSV),
        ("text/csv; header=present", media.CSV), ("application/fhir+json", media.FHIR),
        ("application/json+fhir", media.FHIR), ("application/edi", media.X12), ("image/png", "image/png"),
    ],
)  # fmt: skip
def test_the_essence_has_no_parameters_and_no_aliases(media_type: str, expected: str):
    """Charset and other parameters are dropped, old names resolved."""
    assert media.essence(media_type) == expected


@pytest.mark.parametrize(
    ("name", "head", "expected"),
    [
        ("a.json", b'{"type":"oral"', media.JSON),
        ("a.json", b'\xef\xbb\xbf  {"type":1}', media.JSON),
        ("a.json", b'{"resourceType":"Claim"', media.FHIR),
        ("a", b'{\n "resourceType": "Bundle"', media.FHIR),
        ("a.json", b'{"a":1}\n{"a":2}\n', media.NDJSON),
        ("a.json", b'{"a":1}\r\n{"a":2}\r\n', media.NDJSON),
        ("a.ndjson", b'{"a":1}', media.NDJSON),
        ("a.JSONL", b'{"a":1}', media.NDJSON),
        ("a.ndjson", b'{"resourceType":"Claim"}\n', media.FHIR_NDJSON),
        ("claims.csv", b"claim_id,type\n", media.CSV),
        ("claims.txt", b"claim_id;type\n", media.CSV),
        ("claims", b"", media.CSV),
        ("claims.json", b"", media.JSON),
        ("claims.txt", b"ISA*00*", media.X12),
        ("claims.edi", b"", media.X12),
        ("claims.837", b"x", media.X12),
    ],
)
def test_a_file_is_told_by_its_content_first(name: str, head: bytes, expected: str):
    """Content has the last word; the suffix decides where content is silent."""
    assert readers.detect(name, head) == expected
