"""Clinical evidence: diagnoses, procedures, supporting information.

Room: formats.fhir. The bytes of an inline attachment are not kept in the claim: their size and SHA-256 name
them, and the message as received holds them.
"""

import base64
import binascii
import hashlib
from typing import Any, cast

from formats import model
from formats.fhir import codes, cursors, people, references

_ON_ADMISSION = frozenset({"y", "n", "u", "w"})


def diagnosis(reading: references.Reading, cursor: cursors.Cursor) -> model.Diagnosis:
    """Return one diagnosis, coded in place or in a Condition it refers to."""
    found, reference = _concept_or_reference(reading, cursor, "diagnosis")
    return model.Diagnosis(
        sequence=people.sequence(cursor),
        code=found.code,
        system=found.system,
        type=codes.codes(cursor, "type"),
        on_admission=_on_admission(cursor),
        package_code=_plain(cursor, "packageCode"),
        codings=found.others,
        text=found.text or found.display,
        reference=reference,
    )


def procedure(reading: references.Reading, cursor: cursors.Cursor) -> model.Procedure:
    """Return one procedure, coded in place or in a Procedure it refers to."""
    found, reference = _concept_or_reference(reading, cursor, "procedure")
    return model.Procedure(
        sequence=people.sequence(cursor),
        type=codes.codes(cursor, "type"),
        code=found.code,
        system=found.system,
        date=cursor.when("date"),
        codings=found.others,
        text=found.text or found.display,
        reference=reference,
    )


def supporting_info(reading: references.Reading, cursor: cursors.Cursor) -> model.SupportingInfo:
    """Return one piece of supporting information."""
    found = codes.concept(cursor.child("code"))
    period = cursor.child("timingPeriod")
    target = references.target(reading, cursor, "valueReference")
    return model.SupportingInfo(
        sequence=people.sequence(cursor),
        category=codes.code(cursor, "category"),
        code=found.code,
        system=found.system,
        text=found.text or found.display,
        reason=_reason(cursor),
        start=period.when("start") if period else None,
        end=period.when("end") if period else None,
        timing_date=cursor.when("timingDate"),
        value_string=cursor.text("valueString"),
        value_boolean=cursor.boolean("valueBoolean"),
        value_quantity=codes.quantity(cursor, "valueQuantity"),
        value_attachment=_attachment(cursor.child("valueAttachment")),
        value_reference=target.name if target else None,
    )


def _concept_or_reference(
    reading: references.Reading, cursor: cursors.Cursor, name: str
) -> tuple[codes.Concept, str | None]:
    concept = cursor.child(f"{name}CodeableConcept")
    if concept is not None:
        return codes.concept(concept), None
    target = references.target(reading, cursor, f"{name}Reference")
    if target is None:
        cursor.refuse(name, "field.missing", f"A {name} needs a concept or a reference.")
        return codes.Concept(), None
    if target.found:
        return reading.once(*target.found, _coded_resource), None
    return codes.Concept(text=target.display), target.name


def _coded_resource(cursor: cursors.Cursor) -> codes.Concept:
    return codes.concept(cursor.child("code"))


def _on_admission(cursor: cursors.Cursor) -> Any:
    raw = cursor.peek("onAdmission")
    value = codes.code(cursor, "onAdmission")
    folded = value.lower() if value else None
    if folded is not None and folded not in _ON_ADMISSION:
        cursor.put_back("onAdmission", raw)
        return None
    return cast("Any", folded)


def _reason(cursor: cursors.Cursor) -> str | None:
    """Return the reason; a Coding in R4, a CodeableConcept in nphies' messages."""
    raw = cursor.peek("reason")
    if isinstance(raw, dict) and "coding" in raw:
        return codes.code(cursor, "reason")
    coding = cursor.child("reason")
    if coding is None:
        return None
    for name in ("system", "display", "version"):
        coding.take(name)
    return coding.text("code")


def _plain(cursor: cursors.Cursor, name: str) -> str | None:
    found = codes.concept(cursor.child(name))
    return found.code or found.text


def _attachment(cursor: cursors.Cursor | None) -> model.Attachment | None:
    if cursor is None:
        return None
    data = cursor.take("data")
    content = _content(cursor, data) if data is not None else None
    sha1 = cursor.text("hash")  # R4 says SHA-1: kept as sent, never taken for our SHA-256
    size = cursor.integer("size")
    return model.Attachment(
        content_type=cursor.text("contentType"),
        size=len(content) if content is not None else size,
        sha256=hashlib.sha256(content).hexdigest() if content is not None else None,
        sha1=sha1 if content is None else None,
        title=cursor.text("title"),
        url=cursor.text("url"),
    )


def _content(cursor: cursors.Cursor, data: Any) -> bytes | None:
    try:
        content = base64.b64decode(data, validate=True)
    except (TypeError, ValueError, binascii.Error):
        cursor.refuse("data", "attachment.invalid", "The attachment is not base64.")
        return None
    cursor.sink.note(
        f"attachment named by its SHA-256, its bytes are in the message as received: {cursor.element}"
    )
    return content
