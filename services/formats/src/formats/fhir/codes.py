"""Codes: code systems and their aliases, codings and concepts, identifier types of people.

Room: formats.fhir. One table maps the URIs that FHIR and nphies use to the aliases of the claim model; a
system the table does not know is kept verbatim, and a coding without a system keeps none.
"""

from dataclasses import dataclass, field
from typing import Any

from formats import model
from formats.fhir import cursors

_NPHIES = "http://nphies.sa/terminology/CodeSystem/"
SYSTEMS = {
    "http://hl7.org/fhir/sid/icd-10": "icd-10",
    "http://hl7.org/fhir/sid/icd-10-am": "icd-10-am",
    "http://hl7.org/fhir/sid/icd-10-cm": "icd-10-cm",
    "http://hl7.org/fhir/sid/icd-9-cm": "icd-9-cm",
    "http://hl7.org/fhir/sid/icd-10-pcs": "icd-10-pcs",
    "http://www.cms.gov/Medicare/Coding/ICD10": "icd-10-pcs",
    "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets": "hcpcs",
    "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets": "hcpcs",
    "urn:oid:2.16.840.1.113883.6.285": "hcpcs",
    "http://www.ama-assn.org/go/cpt": "cpt",
    "http://www.ada.org/cdt": "cdt",
    "https://www.gs1.org/gtin": "gtin",
    "http://www.gs1.org/gtin": "gtin",
    "http://hl7.org/fhir/sid/ndc": "ndc",
    "https://www.nubc.org/CodeSystem/RevenueCodes": "nubc",
    "http://snomed.info/sct": "snomed",
    "http://www.nlm.nih.gov/research/umls/rxnorm": "rxnorm",
    "http://loinc.org": "loinc",
    "http://fdi.org/fhir/oraltoothcodes": "fdi",
    "http://terminology.hl7.org/CodeSystem/ex-tooth": "fdi",
    f"{_NPHIES}fdi-oral-region": "fdi",
    f"{_NPHIES}services": "nphies-services",
    f"{_NPHIES}procedures": "nphies-procedures",
    f"{_NPHIES}oral-health-op": "nphies-oral-op",
    f"{_NPHIES}oral-health-ip": "nphies-oral-ip",
    f"{_NPHIES}imaging": "nphies-imaging",
    f"{_NPHIES}laboratory": "nphies-laboratory",
    f"{_NPHIES}medical-devices": "nphies-devices",
    f"{_NPHIES}medication-codes": "nphies-medication",
    f"{_NPHIES}ar-drg": "ar-drg",
    "http://terminology.hl7.org/CodeSystem/ms-drg": "ms-drg",
}
# Systems whose codes the claim's plain code fields are defined by; naming them again would say nothing.
_UNDERSTOOD = (
    "http://terminology.hl7.org/",
    "http://hl7.org/fhir/",
    "http://nphies.sa/",
    "http://unitsofmeasure",
)

_ID_TYPES = {
    "NI": "national_id", "NNSAU": "national_id", "PRC": "iqama", "PPN": "passport", "BN": "border",
    "DP": "displaced_person", "VISA": "visa", "VP": "visa", "GCC": "gcc", "MR": "mrn",
}  # fmt: skip
_ID_SYSTEMS = {
    "nationalid": "national_id", "iqama": "iqama", "passportnumber": "passport", "passport": "passport",
    "bordernumber": "border", "displacedperson": "displaced_person", "visa": "visa", "gcc": "gcc",
}  # fmt: skip


@dataclass(frozen=True)
class Concept:
    """A CodeableConcept: its main coding, the others, and its text."""

    code: str | None = None
    system: str | None = None
    display: str | None = None
    text: str | None = None
    others: list[model.Coding] = field(default_factory=list)


def alias(system: str | None) -> str | None:
    """Return the alias of a code system, or the system as it is."""
    return SYSTEMS.get(system, system) if system else None


def concept(cursor: cursors.Cursor | None) -> Concept:
    """Return a concept: main is the first coding of a known system, else the first with a code."""
    if cursor is None:
        return Concept()
    codings = [_coding(coding) for coding in cursor.children("coding")]
    coded = [coding for coding in codings if coding.code]
    known = (coding for coding in coded if coding.system in _ALIASES)
    main = next(known, coded[0] if coded else None)
    others = [coding for coding in codings if coding is not main]
    text = cursor.text("text")
    if main is None:
        return Concept(text=text, others=others)
    return Concept(main.code, main.system, main.display, text, others)


def code(parent: cursors.Cursor, name: str) -> str | None:
    """Return the code of a concept the model has one plain field for; its text where it has no code."""
    raw = parent.peek(name)
    cursor = parent.child(name)
    found = concept(cursor)
    if cursor is None:
        return None
    if found.others or (found.system and not found.system.startswith(_UNDERSTOOD)):
        cursor.put_back("coding", raw["coding"])
    if found.code and found.text and found.text != found.display:
        cursor.sink.keep(f"{cursor.element}.text", found.text)
    return found.code or found.text or found.display


def codes(parent: cursors.Cursor, name: str) -> list[str]:
    """Return the codes of a list of concepts."""
    found = []
    for cursor in parent.children(name):
        one = concept(cursor)
        value = one.code or one.text or one.display
        if value:
            found.append(value)
    return found


def money(parent: cursors.Cursor, name: str, currencies: dict[str, str]) -> Any:
    """Return the amount of a Money; its currency is noted with the path it was first seen at."""
    cursor = parent.child(name)
    if cursor is None:
        return None
    currency = cursor.text("currency")
    if currency:
        currencies.setdefault(currency, f"{cursor.path}.currency")
    return cursor.decimal("value")


def quantity(parent: cursors.Cursor, name: str) -> model.MeasuredQuantity | None:
    """Return a Quantity; its unit is the code, else the printed unit."""
    cursor = parent.child(name)
    if cursor is None:
        return None
    value = cursor.decimal("value")
    unit = cursor.text("code")
    printed = cursor.text("unit")
    cursor.take("system")
    if value is None:
        cursor.refuse("value", "field.missing", "A quantity needs its value.")
        return None
    return model.MeasuredQuantity(value=value, unit=unit or printed)


def identifier(cursor: cursors.Cursor) -> model.Identifier | None:
    """Return an Identifier; None where it has no value."""
    kind = code(cursor, "type")
    value = cursor.text("value")
    cursor.take("use")
    system = cursor.text("system")
    return model.Identifier(type=kind, system=system, value=value) if value else None


def id_type(identity: model.Identifier) -> str | None:
    """Return the claim model's kind of a person's identity, told by its type or its system."""
    tail = (identity.system or "").rstrip("/").rsplit("/", 1)[-1].lower()
    return _ID_TYPES.get(identity.type or "") or _ID_SYSTEMS.get(tail)


def _coding(cursor: cursors.Cursor) -> model.Coding:
    for name in ("version", "userSelected"):
        cursor.take(name)
    return model.Coding(
        system=alias(cursor.text("system")), code=cursor.text("code"), display=cursor.text("display")
    )


_ALIASES = frozenset(SYSTEMS.values())
