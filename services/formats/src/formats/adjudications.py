"""What a payer answered to a claim, line by line, in canonical JSON: our own form, read strictly.

Room: formats; pure. It is the form that the pseudo-payer writes; 835 and ClaimResponse come as other readers.
Messages name fields and never repeat a value.
"""

import functools
import re
from collections import Counter
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec

from chassis import errors
from formats import days, jsontext, model, soundness

IDENTITY = "https://ultrathink.dev/schemas/adjudication.json"
MAX_MINOR = 10**15  # minor units of an amount: fifteen digits, as of a claim's
PLACE = re.compile(r"`\$\.?([^`]*)`")
UNKNOWN = re.compile(r"unknown field `([a-z_]{1,64})`")

type Outcome = Literal["approved", "partial", "rejected"]
type _Code = Annotated[str, msgspec.Meta(max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$|^$")]
type _Name = Annotated[str, msgspec.Meta(min_length=1, max_length=soundness.MAX_IDENTITY_LENGTH)]
type _Minor = Annotated[
    int, msgspec.Meta(ge=0, le=MAX_MINOR, description="Whole minor units of the currency.")
]


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What was said of one line: in full, cut, or not at all, with the reason in either code list."""

    sequence: Annotated[int, msgspec.Meta(ge=1, le=soundness.MAX_SEQUENCE)]
    outcome: Literal["approved", "partial", "denied"]
    nphies: _Code = ""
    carc: _Code = ""
    allowed_minor: _Minor | None = None
    paid_minor: _Minor | None = None


class Adjudication(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One answer. `claim_id` is the sender's; `provider`, `payer` or our `id` tell claims of one id apart."""

    claim_id: _Name
    outcome: Outcome
    decided_at: Annotated[str, msgspec.Meta(description="YYYY-MM-DD, or with time and offset.")]
    lines: Annotated[list[Line], msgspec.Meta(min_length=1, max_length=model.MAX_LINES)]
    payer: _Name | None = None
    provider: _Name | None = None
    id: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")] | None = None

    @property
    def at_ms(self) -> int:
        """Milliseconds since 1970-01-01 UTC of the instant; of a day, its midnight in UTC."""
        when = days.parse(self.decided_at)
        if not isinstance(when, datetime):
            when = datetime(when.year, when.month, when.day, tzinfo=UTC)
        return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1000)


def decode(body: bytes) -> Adjudication:
    """Return the answer of one JSON object.

    Raises Invalid `claim.too_large`, `json.encoding`, `json.malformed`, `json.too_deep` or
    `adjudication.unreadable`, whose violation names the place.
    """
    body = jsontext.checked(body)
    try:
        read = _decoder().decode(body)
    except msgspec.ValidationError as cause:
        raise _misfit(str(cause)) from cause
    except jsontext.FAILURES as cause:
        raise jsontext.refusal(body, cause) from cause
    _check(read)
    return read


def encode(adjudication: Adjudication) -> bytes:
    """Return the canonical JSON: empty fields absent."""
    return msgspec.json.encode(adjudication)


def outcome_of(lines: list[Line]) -> Outcome:
    """Return what the answers to the lines amount to."""
    said = {line.outcome for line in lines}
    if said == {"approved"}:
        return "approved"
    return "rejected" if said == {"denied"} else "partial"


def schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) with one example."""
    found = msgspec.json.schema(Adjudication, ref_template="#/$defs/{name}")
    example = Adjudication(
        claim_id="CLM-0001",
        outcome="partial",
        decided_at="2026-03-14",
        lines=[
            Line(sequence=1, outcome="approved", paid_minor=15_000),
            Line(sequence=2, outcome="denied", nphies="MN-1-1", carc="50", paid_minor=0),
        ],
        payer="PAYER-1",
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": IDENTITY,
        "title": "Adjudication",
        "description": "What a payer answered to one claim, line by line.",
        **found,
        "examples": [msgspec.to_builtins(example)],
    }


def _check(read: Adjudication) -> None:
    if not days.is_when(read.decided_at):
        raise _wrong("decided_at", "date.invalid", "Write YYYY-MM-DD or YYYY-MM-DDThh:mm:ss+hh:mm.")
    (sequence, count), *_ = Counter(line.sequence for line in read.lines).most_common(1)
    if count > 1:
        place = max(place for place, line in enumerate(read.lines) if line.sequence == sequence)
        raise _wrong(f"lines[{place}].sequence", "line.twice", "Each line is answered once.")
    for place, line in enumerate(read.lines):
        if line.outcome == "denied" and line.paid_minor:
            message = "A denied line is paid nothing: call it partial, or let paid_minor be 0."
            raise _wrong(f"lines[{place}].paid_minor", "amount.of_denied_line", message)
    told = outcome_of(read.lines)
    if read.outcome != told:
        raise _wrong("outcome", "outcome.unlike_lines", f"By its lines the answer is {told}.")


def _misfit(told: str) -> errors.Invalid:
    """Return the refusal for what the decoder met; its own words may hold what was sent."""
    place, unknown = PLACE.search(told), UNKNOWN.search(told)
    path = ".".join(part for part in (place and place[1], unknown and unknown[1]) if part)
    if "unknown field" in told:
        return _wrong(path or "$", "field.unknown", "There is no such field.")
    if "missing required field" in told:
        name = re.search(r"field `([a-z_]{1,64})`", told)
        path = ".".join(part for part in (path, name and name[1]) if part)
        return _wrong(path or "$", "field.missing", "The field is needed.")
    return _wrong(path or "$", "field.invalid", "Not as the schema says: docs/schemas/adjudication.json.")


def _wrong(path: str, code: str, message: str) -> errors.Invalid:
    violation = errors.Violation(path, code, message)
    return errors.Invalid(
        "adjudication.unreadable", f"The answer cannot be read: {path}. {message}", violations=(violation,)
    )


@functools.cache
def _decoder() -> msgspec.json.Decoder[Adjudication]:
    return msgspec.json.Decoder(Adjudication)
