"""Insurance: coverages, pre-authorisation references, and what other payers have already decided.

Room: formats.fhir.
"""

from decimal import Decimal
from typing import Any, Literal

from formats import model
from formats.fhir import codes, cursors, people, references

_RESPONSIBILITIES: dict[int, Literal["P", "S", "T"]] = {1: "P", 2: "S", 3: "T"}
_CLASSES = frozenset({"group", "plan", "policy"})
_PAID = "benefit"
_PATIENT_CATEGORIES = frozenset({"copay", "coPay", "deductible", "patientShare"})


def insurance(
    reading: references.Reading, cursor: cursors.Cursor, insurer: model.Party | None
) -> model.Insurance:
    """Return one insurance; `insurer` is whom the claim is addressed to, the payer of the focal one."""
    focal = cursor.boolean("focal")
    found = references.target(reading, cursor, "coverage")
    response = references.target(reading, cursor, "claimResponse")
    payer = (insurer.id or insurer.reference) if insurer and focal is not False else None
    return model.Insurance(
        sequence=people.sequence(cursor),
        focal=focal,
        coverage=_coverage(reading, found, payer),
        responsibility=_responsibility(found),
        business_arrangement=cursor.text("businessArrangement"),
        preauth_refs=cursor.texts("preAuthRef"),
        claim_response=response.name if response else None,
        adjudicated=_adjudicated(reading, response),
    )


def _coverage(
    reading: references.Reading, found: references.Target | None, payer: str | None
) -> model.Coverage | None:
    if found is None:
        return None
    if found.found and found.is_a("Coverage"):

        def read_coverage(cursor: cursors.Cursor) -> model.Coverage:
            return _read(reading, cursor, payer)

        return reading.once(*found.found, read_coverage)
    identity = found.identifier
    return model.Coverage(
        member_id=identity.value if identity else None,
        member_id_system=identity.system if identity else None,
        payer=payer,
        plan=found.display,
        reference=found.reference,
    )


def _read(reading: references.Reading, cursor: cursors.Cursor, payer: str | None) -> model.Coverage:
    if cursor.peek("status") == "active":
        cursor.take("status")
    identifiers = cursor.children("identifier")
    member = codes.identifier(identifiers[0]) if identifiers else None
    period = cursor.child("period")
    classes = _classes(cursor)
    payors = references.targets(reading, cursor, "payor")
    references.target(reading, cursor, "beneficiary")
    payor = _payor(reading, payors[0]) if payors else None
    order = cursor.peek("order")
    if isinstance(order, int) and order in _RESPONSIBILITIES:
        cursor.take("order")  # the insurance's responsibility
    return model.Coverage(
        member_id=member.value if member else cursor.text("subscriberId"),
        member_id_system=member.system if member else None,
        policy=classes.get("policy"),
        payer=payor or payer,
        relationship=codes.code(cursor, "relationship"),
        group=classes.get("group"),
        plan=classes.get("plan"),
        network=cursor.text("network"),
        type=codes.code(cursor, "type"),
        subscriber=_subscriber(reading, cursor),
        start=period.when("start") if period else None,
        end=period.when("end") if period else None,
    )


def _classes(cursor: cursors.Cursor) -> dict[str, str]:
    """Return the values of the classes the model has fields for; other classes are kept."""
    found: dict[str, str] = {}
    rest = []
    for entry in cursor.items("class"):
        try:
            kind = entry["type"]["coding"][0]["code"]
            value = entry["value"]
        except (TypeError, KeyError, IndexError):
            kind = value = None
        if isinstance(kind, str) and isinstance(value, str) and kind in _CLASSES and kind not in found:
            found[kind] = value
        else:
            rest.append(entry)
    if rest:
        cursor.put_back("class", rest)
    return found


def _payor(reading: references.Reading, found: references.Target) -> str | None:
    if found.found and not found.is_a("Coverage"):
        return reading.once(*found.found, people.read_party).id
    return found.name


def _subscriber(reading: references.Reading, cursor: cursors.Cursor) -> str | None:
    found = references.target(reading, cursor, "subscriber")
    if found is None:
        return None
    if found.found and found.is_a("Patient"):
        return reading.once(*found.found, people.read_patient).id
    return found.name


def _responsibility(found: references.Target | None) -> Literal["P", "S", "T"] | None:
    order: Any = found.found[0].get("order") if found and found.found else None
    return _RESPONSIBILITIES.get(order) if isinstance(order, int) else None


def _adjudicated(reading: references.Reading, response: references.Target | None) -> model.Adjudicated | None:
    if response is None or not response.found or not response.is_a("ClaimResponse"):
        return None

    def read_response(cursor: cursors.Cursor) -> model.Adjudicated:
        return _read_response(reading, cursor)

    return reading.once(*response.found, read_response)


def _read_response(reading: references.Reading, cursor: cursors.Cursor) -> model.Adjudicated:
    """Return the totals of another payer's answer: what it paid, and what it left to the patient."""
    paid: Decimal | None = None
    patient: Decimal | None = None
    for total in cursor.children("total"):
        category = codes.code(total, "category")
        amount = codes.money(total, "amount", reading.currencies)
        if category == _PAID:
            paid = amount
        elif category in _PATIENT_CATEGORIES and amount is not None:
            patient = amount + (patient or Decimal(0))
    created = cursor.when("created")
    return model.Adjudicated(
        paid=paid, patient_responsibility=patient, date=created[:10] if created else None
    )
