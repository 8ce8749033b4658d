"""Media types the house reads, and guessing one from a file's name and first bytes.

Room: formats; pure.
"""

from pathlib import PurePath

from chassis import errors

JSON = "application/json"
NDJSON = "application/x-ndjson"
CSV = "text/csv"
FHIR = "application/fhir+json"
FHIR_NDJSON = "application/fhir+ndjson"
X12 = "application/edi-x12"
ARROW = "application/vnd.apache.arrow.stream"
DETECTED_BYTES = 64 * 1024  # enough of a file's head for `detect`

_ALIASES = {
    "application/ndjson": NDJSON,
    "application/jsonl": NDJSON,
    "application/x-jsonlines": NDJSON,
    "application/csv": CSV,
    "application/json+fhir": FHIR,
    "application/edi": X12,
}
_SUFFIXES = {
    ".ndjson": NDJSON, ".jsonl": NDJSON, ".csv": CSV, ".tsv": CSV,
    ".arrows": ARROW, ".arrow": ARROW, ".edi": X12, ".x12": X12, ".837": X12, ".json": JSON,
}  # fmt: skip
_RESOURCE = b'"resourceType"'
_BOM = b"\xef\xbb\xbf"
_ARROW = b"\xff\xff\xff\xff"  # how a message of an Arrow stream begins, and no text


def essence(media_type: str) -> str:
    """Return the media type without parameters, in lower case, aliases resolved."""
    name = media_type.split(";", 1)[0].strip().lower()
    return _ALIASES.get(name, name)


def detect(name: str, head: bytes) -> str:
    """Return the media type of a file from its name and its first bytes; the content has the last word.

    FHIR is told by a resourceType; several lines that each begin an object are NDJSON; `ISA` begins X12, a
    continuation an Arrow stream; anything else that is not JSON is taken for CSV unless its suffix says
    otherwise.
    """
    if head.startswith(_ARROW):
        return ARROW
    text = head.removeprefix(_BOM).lstrip()
    if text.startswith(b"ISA"):
        return X12
    if text.startswith(b"{"):
        fhir = _RESOURCE in head
        if _is_lines(text, _SUFFIXES.get(PurePath(name).suffix.lower())):
            return FHIR_NDJSON if fhir else NDJSON
        return FHIR if fhir else JSON
    return _SUFFIXES.get(PurePath(name).suffix.lower(), CSV)


def unsupported() -> errors.Invalid:
    """Return the refusal of a media type no reader is there for."""
    supported = f"{JSON}, {NDJSON}, {CSV}, {ARROW}, {FHIR}, {FHIR_NDJSON}"
    return errors.Invalid("media_type.unsupported", f"Readable media types are {supported}.")


def _is_lines(text: bytes, suffix: str | None) -> bool:
    if suffix == NDJSON:
        return True
    first, _, rest = text.partition(b"\n")
    return first.rstrip().endswith(b"}") and rest.lstrip().startswith(b"{")
