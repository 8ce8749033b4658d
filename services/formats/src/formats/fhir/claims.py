"""The Claim resource as a whole: head, parties, and the parts other modules read.

Room: formats.fhir.
"""

from typing import Any

from formats import model
from formats.fhir import clinical, codes, coverage, cursors, encounters, extensions, items, people, references

SOURCE = model.Source(format="fhir", version="4.0.1")
_NPHIES = "nphies.sa"
_USES = ("claim", "preauthorization", "predetermination")


def claim(reading: references.Reading, cursor: cursors.Cursor, *, is_nphies: bool) -> model.Claim | None:
    """Return the claim of a Claim resource; None when it cannot be built, the sink then holds violations."""
    profiles = _profiles(cursor)
    identity, system, origin = _identity(cursor)
    more = extensions.Extensions(cursor)
    required = _required(reading, cursor)
    optional = {**_head(reading, cursor), **_nphies(reading, more)}
    optional |= _parts(reading, cursor)
    optional["total"] = codes.money(cursor, "total", reading.currencies)
    optional["currency"] = _currency(reading)
    extra = reading.sink.extras()
    if reading.sink.violations:
        return None
    return model.Claim(
        claim_id=identity,
        claim_id_system=system,
        claim_id_source=origin,
        regime="nphies" if is_nphies or any(_NPHIES in profile for profile in profiles) else "base",
        profile=profiles,
        source=SOURCE,
        **required,
        **optional,
        extra=extra,
    )


def _profiles(cursor: cursors.Cursor) -> list[str]:
    meta: Any = cursor.peek("meta")
    found = meta.get("profile") if isinstance(meta, dict) else None
    return [profile for profile in found if isinstance(profile, str)] if isinstance(found, list) else []


def _identity(cursor: cursors.Cursor) -> tuple[str | None, str | None, Any]:
    """Return claim id, its system and where it came from: the first identifier, else the resource id."""
    raw = cursor.peek("identifier")
    entries = cursor.children("identifier")
    found = codes.identifier(entries[0]) if entries else None
    if found is not None:
        return found.value, found.system, "sender"
    if raw is not None:
        cursor.put_back("identifier", raw)
    resource_id = cursor.take("id")
    return (
        (resource_id, None, "resource")
        if isinstance(resource_id, str) and resource_id
        else (None, None, None)
    )


def _required(reading: references.Reading, cursor: cursors.Cursor) -> dict[str, Any]:
    kind = codes.code(cursor, "type")
    if kind is None:
        cursor.refuse("type", "field.missing", "This field is required.")
    use = cursor.text("use")
    if use not in _USES:
        code = "field.missing" if use is None else "field.choice"
        cursor.refuse("use", code, "One of these is expected: " + ", ".join(_USES) + ".")
    insurer = people.party(reading, cursor, "insurer")
    insurances = [coverage.insurance(reading, entry, insurer) for entry in cursor.children("insurance")]
    lines = [items.line(reading, entry) for entry in cursor.children("item")]
    for name, found in (("insurance", insurances), ("item", lines)):
        if not found:
            cursor.refuse(name, "field.missing", "At least one entry is required.")
    return {
        "type": kind,
        "use": use,
        "provider": people.provider(reading, cursor),
        "patient": people.patient(reading, cursor),
        "insurance": insurances,
        "lines": lines,
    }


def _head(reading: references.Reading, cursor: cursors.Cursor) -> dict[str, Any]:
    period = cursor.child("billablePeriod")
    return {
        "subtype": codes.code(cursor, "subType"),
        "status": cursor.text("status"),
        "created": cursor.when("created"),
        "priority": codes.code(cursor, "priority"),
        "funds_reserve": codes.code(cursor, "fundsReserve"),
        "billable_period": model.Period(start=period.when("start"), end=period.when("end"))
        if period
        else None,
        "enterer": people.party(reading, cursor, "enterer"),
        "facility": people.party(reading, cursor, "facility"),
        "referral": _name(reading, cursor, "referral"),
        "prescription": _name(reading, cursor, "prescription"),
        "original_prescription": _name(reading, cursor, "originalPrescription"),
        "payee": _payee(reading, cursor.child("payee")),
        "related": [_related(reading, entry) for entry in cursor.children("related")],
        "accident": _accident(cursor.child("accident")),
    }


def _parts(reading: references.Reading, cursor: cursors.Cursor) -> dict[str, Any]:
    return {
        "diagnoses": [clinical.diagnosis(reading, entry) for entry in cursor.children("diagnosis")],
        "procedures": [clinical.procedure(reading, entry) for entry in cursor.children("procedure")],
        "care_team": [people.care_team(reading, entry) for entry in cursor.children("careTeam")],
        "supporting_info": [
            clinical.supporting_info(reading, entry) for entry in cursor.children("supportingInfo")
        ],
    }


def _nphies(reading: references.Reading, more: extensions.Extensions) -> dict[str, Any]:
    eligibility = model.Eligibility(
        offline_reference=more.text("eligibilityofflinereference"),
        offline_date=more.when("eligibilityofflinedate"),
        response=_extension_name(reading, more.find("eligibilityresponse")),
    )
    authorization = model.Authorization(
        offline_date=more.when("authorizationofflinedate"),
        prior_auth_response=_extension_name(reading, more.find("priorauthresponse")),
    )
    return {
        "encounter": _encounter(reading, more.find("encounter")),
        "episode": _episode(more.find("episode")),
        "eligibility": None if eligibility == model.Eligibility() else eligibility,
        "authorization": None if authorization == model.Authorization() else authorization,
        "transfer": more.boolean("transfer"),
        "newborn": more.boolean("newborn"),
    }


def _encounter(reading: references.Reading, found: cursors.Cursor | None) -> model.Encounter | None:
    target = references.target(reading, found, "valueReference") if found else None
    return encounters.encounter(reading, target) if target else None


def _episode(found: cursors.Cursor | None) -> model.Episode | None:
    cursor = found.child("valueIdentifier") if found else None
    identity = codes.identifier(cursor) if cursor else None
    return model.Episode(value=identity.value, system=identity.system) if identity else None


def _extension_name(reading: references.Reading, found: cursors.Cursor | None) -> str | None:
    target = references.target(reading, found, "valueReference") if found else None
    return target.name if target else None


def _name(reading: references.Reading, cursor: cursors.Cursor, name: str) -> str | None:
    target = references.target(reading, cursor, name)
    return target.name if target else None


def _payee(reading: references.Reading, cursor: cursors.Cursor | None) -> model.Payee | None:
    if cursor is None:
        return None
    return model.Payee(type=codes.code(cursor, "type"), party=people.party(reading, cursor, "party"))


def _related(reading: references.Reading, cursor: cursors.Cursor) -> model.Related:
    target = references.target(reading, cursor, "claim")
    identity = target.identifier if target else None
    return model.Related(
        claim_id=identity.value if identity else None,
        claim_id_system=identity.system if identity else None,
        relationship=codes.code(cursor, "relationship"),
        reference=target.reference if target else None,
    )


def _accident(cursor: cursors.Cursor | None) -> model.Accident | None:
    if cursor is None:
        return None
    place = cursor.child("locationAddress")
    where = people.address(place) if place else None
    parts = [where.text, *where.lines, where.city] if where else []
    return model.Accident(
        date=cursor.day("date"),
        type=codes.code(cursor, "type"),
        location=", ".join(part for part in parts if part) or None,
        state=where.state if where else None,
    )


def _currency(reading: references.Reading) -> str | None:
    found = list(reading.currencies.items())
    for _, path in found[1:]:
        reading.sink.refuse(path, "currency.mixed", "All amounts of a claim must be in one currency.")
    return found[0][0] if found else None
