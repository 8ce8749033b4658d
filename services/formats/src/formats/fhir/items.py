"""Items: the lines of a claim with their details and sub-details.

Room: formats.fhir.
"""

from typing import Any

from formats import model
from formats.fhir import codes, cursors, extensions, people, references

_TOOTH = "fdi"


def line(reading: references.Reading, cursor: cursors.Cursor) -> model.Line:
    """Return one line of a Claim.item."""
    details = [_line_detail(reading, detail) for detail in cursor.children("detail")]
    return model.Line(**_common(reading, cursor), details=details)


def _line_detail(reading: references.Reading, cursor: cursors.Cursor) -> model.LineDetail:
    details = [model.Detail(**_common(reading, sub_detail)) for sub_detail in cursor.children("subDetail")]
    return model.LineDetail(**_common(reading, cursor), details=details)


def _common(reading: references.Reading, cursor: cursors.Cursor) -> dict[str, Any]:
    more = extensions.Extensions(cursor)
    return {
        "sequence": people.sequence(cursor),
        **_service(cursor),
        **_dates(cursor),
        **_amounts(reading, cursor, more),
        **_places(cursor),
        **_nphies(more),
        "diagnosis_sequences": cursor.integers("diagnosisSequence"),
        "care_team_sequences": cursor.integers("careTeamSequence"),
        "information_sequences": cursor.integers("informationSequence"),
        "procedure_sequences": cursor.integers("procedureSequence"),
        "modifiers": codes.codes(cursor, "modifier"),
        "revenue_code": codes.code(cursor, "revenue"),
        "program_codes": codes.codes(cursor, "programCode"),
        "udi": _names(reading, cursor, "udi"),
        "encounter": _names(reading, cursor, "encounter"),
    }


def _service(cursor: cursors.Cursor) -> dict[str, Any]:
    found = codes.concept(cursor.child("productOrService"))
    return {
        "code": found.code,
        "system": found.system,
        "codings": found.others,
        "text": found.text if found.code else None,
        "description": found.display if found.code else found.text,
    }


def _dates(cursor: cursors.Cursor) -> dict[str, Any]:
    period = cursor.child("servicedPeriod")
    day = cursor.when("servicedDate")
    if period is None:
        return {"service_date": day}
    if day is not None:
        cursor.refuse(
            "servicedDate",
            "value.ambiguous",
            "Only one of servicedDate and servicedPeriod is allowed (nphies BV-00066).",
        )
    return {"service_date": period.when("start"), "service_end": period.when("end")}


def _amounts(
    reading: references.Reading, cursor: cursors.Cursor, more: extensions.Extensions
) -> dict[str, Any]:
    measured = codes.quantity(cursor, "quantity")
    tax = more.find("tax")
    share = more.find("patientshare")
    return {
        "quantity": measured.value if measured else None,
        "unit_of_measure": measured.unit if measured else None,
        "unit_price": codes.money(cursor, "unitPrice", reading.currencies),
        "factor": cursor.decimal("factor"),
        "tax": codes.money(tax, "valueMoney", reading.currencies) if tax else None,
        "patient_share": codes.money(share, "valueMoney", reading.currencies) if share else None,
        "net": codes.money(cursor, "net", reading.currencies),
    }


def _places(cursor: cursors.Cursor) -> dict[str, Any]:
    site = codes.concept(cursor.child("bodySite"))
    value = site.code or site.text
    tooth = value if site.system == _TOOTH else None
    return {
        "tooth": tooth,
        "body_site": None if tooth else value,
        "sub_site": codes.codes(cursor, "subSite"),
        "place_of_service": _place(cursor),
    }


def _place(cursor: cursors.Cursor) -> str | None:
    found = codes.concept(cursor.child("locationCodeableConcept"))
    return found.code or found.text


def _nphies(more: extensions.Extensions) -> dict[str, Any]:
    medication = more.find("prescribedmedication")
    substitute = more.find("pharmacistsubstitute", "pharmacistselectionreason")
    return {
        "package": more.boolean("package"),
        "maternity": more.boolean("maternity"),
        "patient_invoice": more.text("patientinvoice"),
        "prescribed_medication": codes.code(medication, "valueCodeableConcept") if medication else None,
        "pharmacist_substitute": codes.code(substitute, "valueCodeableConcept") if substitute else None,
    }


def _names(reading: references.Reading, cursor: cursors.Cursor, name: str) -> list[str]:
    return [found.name for found in references.targets(reading, cursor, name) if found.name]
