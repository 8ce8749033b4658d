"""Who a claim is about and what its lines are, as keys that name no one.

A patient is known outside this room only by a keyed hash; a service by a hash over everything that tells it
from another one of the same patient.
"""

import hashlib
import hmac
import re

import msgspec

from formats import model

MIN_KEY_BYTES = 32  # As long as the hash: a shorter key would be the weaker half of the HMAC.

# These say that a repeated service is meant (X12: distinct service, repeat, side of the body).
_REPEATS = frozenset({"59", "76", "77", "91", "RT", "LT", "50"})
_DISTINCT = re.compile(r"X[EPSU]")
# 1 admit through discharge and absent are originals; 2-5 bill a course in parts, 7 replaces, 8 voids.
_CONTINUES = frozenset({"2", "3", "4", "5", "7", "8"})
_RESTATES = frozenset({"prior", "extend", "appealing"})


class Identity(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Keys of one claim.

    `patient_key` is empty for a patient without an id; `service_keys` has one entry per line, in order, empty
    where the line cannot have a duplicate.
    """

    patient_key: str
    service_keys: list[str]


def identify(claim: model.Claim, *, tenant: str, key: bytes) -> Identity:
    """Return the keys of a claim; `key` is the secret of the installation, at least 32 bytes."""
    patient = patient_key(claim.patient, tenant=tenant, key=key)
    if not patient:
        return Identity(patient_key="", service_keys=[""] * len(claim.lines))
    people = {member.sequence: member.practitioner or "" for member in claim.care_team}
    head = _joined(tenant, patient, claim.use, claim.provider.id or "", focal_payer(claim) or "")
    return Identity(
        patient_key=patient, service_keys=[_service_key(line, head, people) for line in claim.lines]
    )


def patient_key(patient: model.Patient, *, tenant: str, key: bytes) -> str:
    """Return HMAC-SHA256 in hex over tenant and the patient's id with its type and system; "" without id."""
    if not patient.id:
        return ""
    told = _joined(tenant, patient.id_system or "", patient.id_type or "", patient.id)
    return hmac.digest(key, told.encode(), "sha256").hex()


def focal_payer(claim: model.Claim) -> str | None:
    """Return the payer this claim is addressed to: of the focal coverage, else of the first."""
    for insurance in claim.insurance:
        if insurance.focal and insurance.coverage is not None:
            return insurance.coverage.payer
    first = claim.insurance[0].coverage if claim.insurance else None
    return first.payer if first is not None else None


def may_be_duplicate(claim: model.Claim) -> bool:
    """Whether other claims with the same services would be duplicates of this one.

    Only claims for money are; not those that continue, replace, restate or appeal another one, and not a
    newborn's, who is registered under the mother.
    """
    if claim.use != "claim" or claim.newborn or claim.frequency_code in _CONTINUES:
        return False
    return all(related.relationship not in _RESTATES for related in claim.related)


def _service_key(line: model.Line, head: str, people: dict[int, str]) -> str:
    code = line.code or line.revenue_code
    if not code or _repeats(line.modifiers):
        return ""
    told = _joined(head, line.service_date or "", line.system or "", code)
    if line.modifiers or line.tooth or line.body_site or line.sub_site or line.care_team_sequences:
        told = _joined(told, *_particulars(line, people))
    return hashlib.sha256(told.encode()).hexdigest()[:32]  # 128 bits tell services apart for good


def _particulars(line: model.Line, people: dict[int, str]) -> tuple[str, ...]:
    return (
        " ".join(sorted(line.modifiers)),
        line.tooth or "",
        line.body_site or "",
        " ".join(line.sub_site),
        " ".join(sorted(people.get(sequence, "") for sequence in line.care_team_sequences)),
    )


def _repeats(modifiers: list[str]) -> bool:
    return any(modifier in _REPEATS or _DISTINCT.fullmatch(modifier) for modifier in modifiers)


def _joined(*parts: str) -> str:
    return "\x1f".join(parts)  # the unit separator stands in no code and no id
