"""People and organisations: patient, provider and other parties, care team.

Room: formats.fhir. A resource is read for what identifies its owner; the rest of it is kept by the cursors.
"""

from typing import Any

from formats import model
from formats.fhir import codes, cursors, extensions, references

_SEXES = frozenset({"male", "female", "other", "unknown"})
_LICENCE = "license"


def patient(reading: references.Reading, claim: cursors.Cursor) -> model.Patient | None:
    """Return the claim's patient; None (with a violation) where the claim names none."""
    found = references.target(reading, claim, "patient")
    if found is None:
        claim.refuse("patient", "field.missing", "This field is required.")
        return None
    if found.found and found.is_a("Patient"):
        return reading.once(*found.found, read_patient)
    identity = found.identifier
    return model.Patient(
        id=identity.value if identity else None,
        id_system=identity.system if identity else None,
        id_type=codes.id_type(identity) if identity else None,
        name=found.display,
        reference=found.reference,
    )


def read_patient(cursor: cursors.Cursor) -> model.Patient:
    """Return the patient of a Patient resource."""
    cursor.take("active")
    identifiers, country = _identities(cursor)
    main = _main_identity(identifiers)
    more = extensions.Extensions(cursor)
    sex = cursor.text("gender")
    if sex is not None and sex not in _SEXES:
        cursor.refuse("gender", "field.choice", "One of male, female, other, unknown is expected.")
        sex = None
    _same_sex(cursor, sex)
    occupation = more.find("occupation")
    return model.Patient(
        id=main.value if main else resource_id(cursor),
        id_type=codes.id_type(main) if main else None,
        id_system=main.system if main else None,
        id_country=country,
        birth_date=cursor.day("birthDate"),
        sex=sex,  # type: ignore[arg-type]  # one of the four, checked above
        deceased_date=cursor.when("deceasedDateTime"),
        occupation=codes.code(occupation, "valueCodeableConcept") if occupation else None,
        name=_name(cursor),
        address=_address(cursor),
        telecom=_telecom(cursor),
        identifiers=[identity for identity in identifiers if identity is not main],
    )


def party(reading: references.Reading, parent: cursors.Cursor, name: str) -> model.Party | None:
    """Return whom a reference member names; None where absent."""
    found = references.target(reading, parent, name)
    return _party(reading, found) if found else None


def provider(reading: references.Reading, claim: cursors.Cursor) -> model.Provider | None:
    """Return the claim's provider; None (with a violation) where the claim names none."""
    found = party(reading, claim, "provider")
    if found is None:
        claim.refuse("provider", "field.missing", "This field is required.")
        return None
    return model.Provider(**{name: getattr(found, name) for name in model.Party.__struct_fields__})


def care_team(reading: references.Reading, cursor: cursors.Cursor) -> model.CareTeamMember:
    """Return one member of the care team."""
    found = references.target(reading, cursor, "provider")
    who = _party(reading, found) if found else model.Party()
    qualification = codes.concept(cursor.child("qualification"))
    return model.CareTeamMember(
        sequence=sequence(cursor),
        practitioner=who.id,
        role=codes.code(cursor, "role"),
        qualification=qualification.code or qualification.text,
        qualification_system=None if _is_practice(qualification.system) else qualification.system,
        responsible=cursor.boolean("responsible"),
        reference=who.reference,
    )


def resource_id(cursor: cursors.Cursor) -> str | None:
    """Return the id of a resource without identifier; None for a contained one, whose id is only local."""
    value = cursor.take("id")
    return value if isinstance(value, str) and ".contained[" not in cursor.path else None


def sequence(cursor: cursors.Cursor) -> int:
    """Return the element's sequence; 1 (with a violation) where it has none."""
    value = cursor.integer("sequence")
    if value is None:
        cursor.refuse("sequence", "field.missing", "This field is required.")
        return 1
    return value


def _is_practice(system: str | None) -> bool:
    return system == "http://nphies.sa/terminology/CodeSystem/practice-codes"


def _party(reading: references.Reading, found: references.Target) -> model.Party:
    if found.found:
        return reading.once(*found.found, read_party)
    identity = found.identifier
    return model.Party(
        id=identity.value if identity else None,
        identifiers=[identity] if identity and identity.system else [],
        name=found.display,
        reference=found.reference,
    )


def read_party(cursor: cursors.Cursor) -> model.Party:
    """Return the party of an Organization, Practitioner, Location, Patient or any other resource."""
    cursor.take("active")
    identifiers, _ = _identities(cursor)
    licences = [identity for identity in identifiers if _LICENCE in (identity.system or "")]
    main = next(iter(licences or identifiers), None)
    kind = cursor.peek("type")
    kinds = codes.codes(cursor, "type") if isinstance(kind, list) else []
    if isinstance(kind, dict):
        kinds = [found for found in [codes.code(cursor, "type")] if found]
    return model.Party(
        id=main.value if main else resource_id(cursor),
        type=kinds[0] if kinds else None,
        identifiers=[identity for identity in identifiers if identity is not main or identity.system],
        name=_name(cursor),
        address=_address(cursor),
    )


def _identities(cursor: cursors.Cursor) -> tuple[list[model.Identifier], str | None]:
    found, country = [], None
    for entry in cursor.children("identifier"):
        extension = extensions.Extensions(entry).find("identifiercountry")
        if extension is not None:
            country = country or codes.code(extension, "valueCodeableConcept")
        identity = codes.identifier(entry)
        if identity:
            found.append(identity)
    return found, country


def _main_identity(identifiers: list[model.Identifier]) -> model.Identifier | None:
    """Prefer a civil identity to a file number, and a file number to an unknown one."""
    kinds = [(codes.id_type(identity), identity) for identity in identifiers]
    civil = (identity for kind, identity in kinds if kind not in {None, "mrn"})
    filed = (identity for kind, identity in kinds if kind == "mrn")
    return next(civil, None) or next(filed, None) or next(iter(identifiers), None)


def _same_sex(cursor: cursors.Cursor, sex: str | None) -> None:
    """Drop nphies' second spelling of the gender where it says the same."""
    more: Any = cursor.peek("_gender")
    try:
        coded = more["extension"][0]["valueCodeableConcept"]["coding"][0]["code"]
    except (TypeError, KeyError, IndexError):
        return
    if coded == sex:
        cursor.take("_gender")


def _name(cursor: cursors.Cursor) -> str | None:
    if isinstance(cursor.peek("name"), str):
        return cursor.text("name")
    names = cursor.peek("name")
    entry = names[0] if isinstance(names, list) and names else names
    if not isinstance(entry, dict):
        return None
    given = entry.get("given")
    parts = [*(given if isinstance(given, list) else []), entry.get("family")]
    joined = " ".join(part for part in parts if isinstance(part, str))
    text = entry.get("text")
    if not isinstance(names, list) or len(names) == 1:
        cursor.take("name")
    return text if isinstance(text, str) and text else joined or None


def _address(cursor: cursors.Cursor) -> model.Address | None:
    found = (
        [cursor.child("address")] if isinstance(cursor.peek("address"), dict) else cursor.children("address")
    )
    return address(found[0]) if found and found[0] else None


def address(cursor: cursors.Cursor) -> model.Address:
    """Return an Address."""
    for name in ("use", "type"):
        cursor.take(name)
    return model.Address(
        text=_address_text(cursor),
        lines=cursor.texts("line"),
        city=cursor.text("city"),
        state=cursor.text("state"),
        postal_code=cursor.text("postalCode"),
        country=cursor.text("country"),
    )


def _address_text(cursor: cursors.Cursor) -> str | None:
    return cursor.text("text")


def _telecom(cursor: cursors.Cursor) -> list[str]:
    found = []
    for contact in cursor.children("telecom"):
        value = contact.text("value")
        for name in ("system", "use", "rank"):
            contact.take(name)
        if value:
            found.append(value)
    return found
