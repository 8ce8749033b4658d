"""What goes through the gateway and what comes back: bytes with a media type, never a parsed claim."""

from collections.abc import Mapping

import msgspec

from chassis import errors

JSON = "application/json"
NDJSON = "application/x-ndjson"
CSV = "text/csv"
ARROW = "application/vnd.apache.arrow.stream"
FHIR = "application/fhir+json"
FHIR_MESSAGE = "application/fhir+json; profile=message"  # asks for a response Bundle instead of a resource


class Submission(msgspec.Struct, frozen=True, gc=False):
    """One claim as its sender wrote it; `accept` is the decision's media type, `dry_run` stores nothing.

    `apart` is a claim of one who has few, while others have many: it need not wait for theirs.
    """

    body: bytes
    media_type: str
    accept: str
    dry_run: bool
    apart: bool = False


class Upload(msgspec.Struct, frozen=True, gc=False):
    """A file of claims, or of what payers answered to claims; its bytes travel apart, in chunks."""

    media_type: str
    dry_run: bool = False
    remittance: bool = False


class Answer(msgspec.Struct, frozen=True, gc=False):
    """A decision as claims rendered it; `claim_id` is ours and empty for a check."""

    body: bytes
    media_type: str
    replayed: bool = False
    claim_id: str = ""
    verdict: str = ""


class FileAnswer(msgspec.Struct, frozen=True):
    """The outcome of one claim of a file; `position` is where it stood, counted from 1."""

    position: int
    outcome: Answer | errors.Fault


class Place(msgspec.Struct, frozen=True):
    """Where in a dated table to look: its name, a key, and a day as text, "" for today."""

    table: str
    key: str
    on: str = ""


class Selection(msgspec.Struct, frozen=True):
    """Which claims a list shall hold, and from where it goes on."""

    limit: int
    cursor: str
    filters: Mapping[str, str]
    sort: str


class Review(msgspec.Struct, frozen=True):
    """A reviewer's decision; `revision` is the one the reviewer saw."""

    claim_id: str
    verdict: str
    note: str
    revision: int


class Change(msgspec.Struct, frozen=True, gc=False):
    """One recorded change; `position` is where a later watch goes on."""

    position: str
    document: bytes


class State(msgspec.Struct, frozen=True):
    """What another room said of itself; `detail` is for the engineer who operates it."""

    ok: bool
    detail: str
