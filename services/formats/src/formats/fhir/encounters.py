"""The encounter behind a claim: R4's Encounter and nphies' additions to it.

Room: formats.fhir.
"""

from formats import model
from formats.fhir import codes, cursors, extensions, people, references


def encounter(reading: references.Reading, found: references.Target) -> model.Encounter:
    """Return the encounter a reference names."""
    if found.found and found.is_a("Encounter"):
        return reading.once(*found.found, read_encounter)
    return model.Encounter(id=found.identifier.value if found.identifier else None, reference=found.reference)


def read_encounter(cursor: cursors.Cursor) -> model.Encounter:
    """Return the encounter of an Encounter resource."""
    identifiers = cursor.children("identifier")
    identity = codes.identifier(identifiers[0]) if identifiers else None
    class_ = cursor.child("class")
    period = cursor.child("period")
    stay = cursor.child("hospitalization")
    for name in ("subject", "serviceProvider"):  # the claim's own patient and provider
        cursor.take(name)
    more = extensions.Extensions(cursor)
    inner = extensions.Extensions(stay) if stay else more
    return model.Encounter(
        class_=_class(class_),
        start=period.when("start") if period else None,
        end=period.when("end") if period else None,
        id=identity.value if identity else people.resource_id(cursor),
        status=cursor.text("status"),
        service_type=codes.code(cursor, "serviceType"),
        service_event_type=_coded(more, "serviceeventtype"),
        admit_source=codes.code(stay, "admitSource") if stay else None,
        specialty=_coded(inner, "admissionspecialty") or _coded(more, "admissionspecialty"),
        triage_category=_coded(more, "triagecategory"),
        triage_date=more.when("triagedate"),
        emergency_arrival=_coded(more, "emergencyarrivalcode", "emergencyarrival"),
        emergency_service_start=more.when("emergencyservicestart"),
        emergency_disposition=_coded(more, "emergencydepartmentdisposition", "emergencydisposition"),
        intended_length_of_stay=_coded(inner, "intendedlengthofstay") or _coded(more, "intendedlengthofstay"),
        readmission=codes.code(stay, "reAdmission") if stay else None,
        discharge_disposition=codes.code(stay, "dischargeDisposition") if stay else None,
        discharge_specialty=_coded(inner, "dischargespecialty") or _coded(more, "dischargespecialty"),
        cause_of_death=_coded(more, "causeofdeath"),
    )


def _class(cursor: cursors.Cursor | None) -> str | None:
    if cursor is None:
        return None
    for name in ("system", "display", "version"):
        cursor.take(name)
    return cursor.text("code")


def _coded(more: extensions.Extensions, *names: str) -> str | None:
    found = more.find(*names)
    if found is None:
        return None
    if isinstance(found.peek("valueCodeableConcept"), dict):
        return codes.code(found, "valueCodeableConcept")
    coding = found.child("valueCoding")
    return _class(coding) if coding else found.text("valueCode") or found.text("valueString")
