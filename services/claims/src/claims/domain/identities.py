"""Who a claim is about and what its lines are, as keys that name no one.

A patient is known outside this room only by a keyed hash; a service by a hash over everything that tells it
from another one of the same patient.
"""

import functools
import hashlib
import re

import msgspec

from claims.domain import windows, zones
from formats import days, model

KEY_BYTES = 12  # Two keys of a tenant meet by chance once in 10^28.
MARK_BYTES = 8  # Compared within one key and day only.
NO_SITE = bytes(KEY_BYTES - MARK_BYTES)
MIN_KEY_BYTES = 32  # As long as the hash: a shorter key would be the weaker half of the HMAC.

# These say that a repeated service is meant (X12: distinct service, repeat, side of the body).
_REPEATS = frozenset({"59", "76", "77", "91", "RT", "LT", "50"})
_DISTINCT = re.compile(r"X[EPSU]")
_BLOCK_BYTES = 64  # of SHA-256
_INNER, _OUTER = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))  # pads of an HMAC
_KEYS = 4  # Keyed hashes kept ready: an installation has one key, two while it is exchanged.
# 1 admit through discharge and absent are originals; 2-5 bill a course in parts, 7 replaces, 8 voids.
_CONTINUES = frozenset({"2", "3", "4", "5", "7", "8"})
_RESTATES = frozenset({"prior", "extend", "appealing"})
# These say again what is in the record already under another id; counted, it would be counted twice.
_REPLACES = frozenset({"7", "8"})
_REPEATED = frozenset({"prior", "appealing"})


class Trace(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a line leaves in history and asks of it; keys are of KEY_BYTES, `day` counts from 1970-01-01.

    `service` stands for patient and code, `visit` for patient and provider where the code is a visit,
    `authorization` for payer, reference and code where there is a reference, whose own key is `reference`;
    else they are empty. `mark` tells rows of one service and day apart: MARK_BYTES over everything that makes
    it this service, then the site, NO_SITE where none is told. It is empty where a repeat is meant.
    """

    day: int
    service: bytes
    mark: bytes = b""
    visit: bytes = b""
    authorization: bytes = b""
    reference: bytes = b""
    window: windows.Window = windows.NONE


class Identity(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Keys of one claim.

    `patient_key` is empty for a patient without an id; `service_keys` has one entry per line, in order, empty
    where the line cannot have a duplicate. `traces` has one entry per line too: None where the claim leaves
    nothing in history, or the line has no patient, code or day.
    """

    patient_key: str
    service_keys: list[str]
    traces: list[Trace | None] = []


def identify(
    claim: model.Claim, *, tenant: str, key: bytes, looking: windows.Windows | None = None
) -> Identity:
    """Return the keys of a claim; `key` is the secret of the installation, at least 32 bytes.

    `looking` tells which lines are visits and how far back each looks; without it none does.
    """
    patient = patient_key(claim.patient, tenant=tenant, key=key)
    if not patient:
        nothing: list[Trace | None] = [None] * len(claim.lines)
        return Identity(patient_key="", service_keys=[""] * len(claim.lines), traces=nothing)
    payer = focal_payer(claim) or ""
    head = f"{tenant}\x1f{patient}\x1f{claim.use}\x1f{claim.provider.id or ''}\x1f{payer}\x1f"
    people = {member.sequence: member.practitioner or "" for member in claim.care_team}
    services = [_service(line, head, people) for line in claim.lines]
    return Identity(
        patient_key=patient,
        service_keys=[told[:16].hex() for told in services],  # 128 bits tell services apart for good
        traces=_traces(claim, services, patient, _joined(tenant, payer), looking),
    )


def patient_key(patient: model.Patient, *, tenant: str, key: bytes) -> str:
    """Return HMAC-SHA256 in hex over tenant and the patient's id with its type and system; "" without id."""
    if not patient.id:
        return ""
    inner, outer = _keyed(key)
    inner, outer = inner.copy(), outer.copy()
    inner.update(f"{tenant}\x1f{patient.id_system or ''}\x1f{patient.id_type or ''}\x1f{patient.id}".encode())
    outer.update(inner.digest())
    return outer.hexdigest()


@functools.lru_cache(maxsize=_KEYS)
def _keyed(key: bytes) -> tuple["hashlib._Hash", "hashlib._Hash"]:
    """Return both hashes of an HMAC (RFC 2104) begun with a key, to be copied.

    Three quarters of the cost of the library's HMAC is the key, or what is wrapped around a copy.
    """
    whole = hashlib.sha256(key).digest() if len(key) > _BLOCK_BYTES else key
    padded = whole.ljust(_BLOCK_BYTES, b"\0")
    return hashlib.sha256(padded.translate(_INNER)), hashlib.sha256(padded.translate(_OUTER))


def focal_payer(claim: model.Claim) -> str | None:
    """Return the payer this claim is addressed to: of the focal coverage, else of the first."""
    if len(claim.insurance) == 1:
        only = claim.insurance[0].coverage
        return None if only is None else only.payer
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
    return not claim.related or all(related.relationship not in _RESTATES for related in claim.related)


def counts(claim: model.Claim) -> bool:
    """Whether the claim adds to what was claimed before: it asks for money, and not for the same once more.

    A newborn's does not: it stands under the mother's number.
    """
    if claim.use != "claim" or claim.newborn or claim.frequency_code in _REPLACES:
        return False
    return not claim.related or all(related.relationship not in _REPEATED for related in claim.related)


def authorization(claim: model.Claim) -> str | None:
    """Return the reference the whole claim rests on: the only one of its focal insurance."""
    focal = [entry for entry in claim.insurance if entry.focal] or claim.insurance[:1]
    references = focal[0].preauth_refs if len(focal) == 1 else []
    return references[0] if len(references) == 1 else None


def _traces(
    claim: model.Claim, services: list[bytes], patient: str, payer: str, looking: windows.Windows | None
) -> list[Trace | None]:
    if not counts(claim):
        return [None] * len(claim.lines)
    zone, start = zones.name(claim.regime), claim.billable_period and claim.billable_period.start
    provider, whole, meant = claim.provider.id, authorization(claim), may_be_duplicate(claim)
    head, visit = f"service\x1f{patient}\x1f{claim.use}\x1f", b""
    found: list[Trace | None] = []
    for line, told in zip(claim.lines, services, strict=True):
        code, day = line.code or line.revenue_code, days.known_day(line.service_date or start, zone)
        if not code or day is None:
            found.append(None)
            continue
        service = f"{line.system or ''}\x1f{code.upper()}"
        reference = line.preauth_ref or whole
        window = windows.NONE if looking is None else looking.of(line, day)
        visits = bool(provider) and window.follow_up_days is not None
        if visits and not visit:
            visit = _key(_joined("visit", patient, provider or ""))
        site = _site(line) if line.tooth or line.body_site or line.sub_site else NO_SITE
        found.append(
            Trace(
                day=day,
                service=hashlib.sha256(f"{head}{service}".encode()).digest()[:KEY_BYTES],
                mark=told[:MARK_BYTES] + site if told and meant else b"",
                visit=visit if visits else b"",
                authorization=_key(f"authorization\x1f{payer}\x1f{reference}\x1f{service}")
                if reference
                else b"",
                reference=_reference(payer, reference) if reference else b"",
                window=window,
            )
        )
    return found


@functools.lru_cache(maxsize=1_024)  # the lines of a claim mostly rest on one
def _reference(payer: str, reference: str) -> bytes:
    return _key(f"reference\x1f{payer}\x1f{reference}")


def _key(told: str) -> bytes:
    return hashlib.sha256(told.encode()).digest()[:KEY_BYTES]


def _site(line: model.Line) -> bytes:
    told = _joined("site", line.tooth or "", line.body_site or "", " ".join(line.sub_site))
    return _key(told)[: len(NO_SITE)]


def _service(line: model.Line, head: str, people: dict[int, str]) -> bytes:
    code, modifiers, team = line.code or line.revenue_code, line.modifiers, line.care_team_sequences
    if not code or (modifiers and _repeats(modifiers)):
        return b""
    told = f"{head}{line.service_date or ''}\x1f{line.system or ''}\x1f{code}"
    if team or modifiers or line.tooth or line.body_site or line.sub_site:
        names = [people.get(sequence, "") for sequence in team]
        signs = " ".join(sorted(modifiers)) if modifiers else ""
        sites = " ".join(line.sub_site) if line.sub_site else ""
        who = " ".join(sorted(names)) if len(names) > 1 else "".join(names)
        told = f"{told}\x1f{signs}\x1f{line.tooth or ''}\x1f{line.body_site or ''}\x1f{sites}\x1f{who}"
    return hashlib.sha256(told.encode()).digest()


def _repeats(modifiers: list[str]) -> bool:
    return any(modifier in _REPEATS or _DISTINCT.fullmatch(modifier) for modifier in modifiers)


def _joined(*parts: str) -> str:
    return "\x1f".join(parts)  # the unit separator stands in no code and no id
