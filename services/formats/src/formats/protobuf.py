"""The typed protobuf claim of foreign clients, both ways.

Room: formats. Money is in minor units on the wire, quantities in ten-thousandths. `canonical_json` holds what
the message has no field for: its object is merged under the typed fields, lists entry by entry.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import msgspec

from chassis import errors
from formats import canonical, hashing, jsontext, model, money, violations
from ultrathink.claims.v1 import claim_pb2

SOURCE = model.Source(format="protobuf", version="v1")
_E4 = 4
_HEAD = ("claim_id", "type", "subtype", "use", "regime", "created", "currency")
_PROVIDER = ("id", "type", "branch")
_PATIENT = ("id", "id_type", "birth_date", "sex")
_COVERAGE = ("member_id", "policy", "payer", "relationship")
_ENCOUNTER = ("class", "start", "end")
_DIAGNOSIS = ("code", "system", "type")
_MEMBER = ("practitioner", "role", "qualification")
_INFO = ("category", "code", "text")
_LINE = (
    "code", "system", "description", "revenue_code", "service_date", "service_end", "diagnosis_sequences",
    "care_team_sequences", "information_sequences", "modifiers", "place_of_service",
)  # fmt: skip
_LINE_MONEY = ("unit_price", "tax", "net", "patient_share")
_LINE_E4 = ("quantity", "factor")


def decode(message: claim_pb2.Claim) -> model.Claim:
    """Return the claim of a message; raise Invalid `claim.unreadable` with canonical paths."""
    raw = _plain(message)
    if message.canonical_json:
        raw = _merged(_rest(message.canonical_json), raw)
    violations.refuse_nul(raw)
    raw.setdefault("source", msgspec.to_builtins(SOURCE))
    try:
        claim = msgspec.convert(raw, model.Claim)
    except msgspec.ValidationError as cause:
        raise violations.refusal(raw) from cause
    return canonical.identified(canonical.validate(claim))


def encode(claim: model.Claim) -> claim_pb2.Claim:
    """Return the message of a claim; `canonical_json` is filled when the typed fields do not say all."""
    message = claim_pb2.Claim(**_texts(claim, _HEAD))
    message.provider.MergeFrom(claim_pb2.Provider(**_texts(claim.provider, _PROVIDER)))
    message.patient.MergeFrom(claim_pb2.Patient(**_texts(claim.patient, _PATIENT)))
    message.insurance.extend(_insurance(entry) for entry in claim.insurance)
    if claim.encounter is not None:
        message.encounter.MergeFrom(claim_pb2.Encounter(**_texts(claim.encounter, _ENCOUNTER)))
    message.diagnoses.extend(_numbered(claim_pb2.Diagnosis, claim.diagnoses, _DIAGNOSIS))
    message.care_team.extend(_numbered(claim_pb2.CareTeamMember, claim.care_team, _MEMBER))
    message.supporting_info.extend(_info(entry) for entry in claim.supporting_info)
    message.lines.extend(_line(line, claim.currency) for line in claim.lines)
    if claim.total is not None:
        message.total_minor = money.to_minor(claim.total, claim.currency)
    message.episode = claim.episode.value if claim.episode else ""
    if not _says_all(message, claim):
        message.canonical_json = canonical.encode(claim)
    return message


def _says_all(message: claim_pb2.Claim, claim: model.Claim) -> bool:
    try:
        read = decode(message)
    except errors.Invalid:
        return False
    return hashing.canonical_form(read) == hashing.canonical_form(claim)


def _rest(text: bytes) -> dict[str, Any]:
    rest = jsontext.loads(jsontext.checked(text))
    if not isinstance(rest, dict):
        path, note = "canonical_json", "An object is expected here."
        found = (errors.Violation(path, "field.type", note),)
        raise errors.Invalid("claim.unreadable", note, violations=found)
    return rest


def _merged(under: Any, over: Any) -> Any:
    if isinstance(under, dict) and isinstance(over, dict):
        both = {name: _merged(under[name], over[name]) for name in over if name in under}
        return {**under, **over, **both}
    if isinstance(under, list) and isinstance(over, list):
        if not all(isinstance(entry, dict) for entry in [*under, *over]):
            return over or under
        pairs = [_merged(below, above) for below, above in zip(under, over, strict=False)]
        return pairs + (over[len(pairs) :] or under[len(pairs) :])
    return over


def _plain(message: claim_pb2.Claim) -> dict[str, Any]:
    currency = message.currency or None
    raw = _fields(message, _HEAD)
    raw["provider"] = _fields(message.provider, _PROVIDER)
    raw["patient"] = _fields(message.patient, _PATIENT)
    if message.HasField("encounter"):
        raw["encounter"] = _fields(message.encounter, _ENCOUNTER)
    if message.HasField("total_minor"):
        raw["total"] = money.from_minor(message.total_minor, currency)
    if message.episode:
        raw["episode"] = {"value": message.episode}
    raw["insurance"] = [_plain_insurance(entry) for entry in message.insurance]
    raw["lines"] = [_plain_line(line, currency) for line in message.lines]
    _put_entries(raw, "diagnoses", message.diagnoses, lambda entry: _entry(entry, _DIAGNOSIS))
    _put_entries(raw, "care_team", message.care_team, lambda entry: _entry(entry, _MEMBER))
    _put_entries(raw, "supporting_info", message.supporting_info, _plain_info)
    return raw


def _put_entries(
    raw: dict[str, Any], name: str, entries: Iterable[Any], plain: Callable[[Any], dict[str, Any]]
) -> None:
    found = [plain(entry) for entry in entries]
    if found:
        raw[name] = found


def _fields(message: Any, names: tuple[str, ...]) -> dict[str, Any]:
    values = {name: getattr(message, name) for name in names}
    return {name: value if isinstance(value, str) else list(value) for name, value in values.items() if value}


def _entry(message: Any, names: tuple[str, ...]) -> dict[str, Any]:
    return {"sequence": message.sequence, **_fields(message, names)}


def _plain_insurance(message: claim_pb2.Insurance) -> dict[str, Any]:
    raw = _entry(message, ("preauth_refs",))
    if message.HasField("focal"):
        raw["focal"] = message.focal
    if message.HasField("coverage"):
        raw["coverage"] = _fields(message.coverage, _COVERAGE)
    return raw


def _plain_info(message: claim_pb2.SupportingInfo) -> dict[str, Any]:
    raw = _entry(message, _INFO)
    filled = message.WhichOneof("value")
    if filled == "value_quantity":
        raw[filled] = _fields(message.value_quantity, ("value", "unit"))
    elif filled is not None:
        raw[filled] = getattr(message, filled)
    return raw


def _plain_line(message: claim_pb2.Line, currency: str | None) -> dict[str, Any]:
    raw = _entry(message, _LINE)
    for name in _LINE_MONEY:
        if message.HasField(f"{name}_minor"):  # type: ignore[arg-type]  # names of this message
            raw[name] = money.from_minor(getattr(message, f"{name}_minor"), currency)
    for name in _LINE_E4:
        if message.HasField(f"{name}_e4"):  # type: ignore[arg-type]  # names of this message
            raw[name] = Decimal(getattr(message, f"{name}_e4")).scaleb(-_E4)
    return raw


def _texts(node: msgspec.Struct, names: tuple[str, ...]) -> dict[str, Any]:
    values = {name: getattr(node, "class_" if name == "class" else name) for name in names}
    return {name: value for name, value in values.items() if value}


def _numbered[T](kind: Callable[..., T], nodes: Iterable[Any], names: tuple[str, ...]) -> Iterable[T]:
    return (kind(sequence=node.sequence, **_texts(node, names)) for node in nodes)


def _insurance(insurance: model.Insurance) -> claim_pb2.Insurance:
    message = claim_pb2.Insurance(
        sequence=insurance.sequence, focal=insurance.focal, preauth_refs=insurance.preauth_refs
    )
    if insurance.coverage is not None:
        message.coverage.MergeFrom(claim_pb2.Coverage(**_texts(insurance.coverage, _COVERAGE)))
    return message


def _info(info: model.SupportingInfo) -> claim_pb2.SupportingInfo:
    message = claim_pb2.SupportingInfo(sequence=info.sequence, **_texts(info, _INFO))
    if info.value_string is not None:
        message.value_string = info.value_string
    elif info.value_boolean is not None:
        message.value_boolean = info.value_boolean
    elif info.value_quantity is not None:
        message.value_quantity.value = format(info.value_quantity.value, "f")
        message.value_quantity.unit = info.value_quantity.unit or ""
    return message


def _line(line: model.Line, currency: str | None) -> claim_pb2.Line:
    message = claim_pb2.Line(sequence=line.sequence, **_texts(line, _LINE))
    for name in _LINE_MONEY:
        amount = getattr(line, name)
        if amount is not None:
            setattr(message, f"{name}_minor", money.to_minor(amount, currency))
    for name in _LINE_E4:
        number = getattr(line, name)
        if number is not None:
            setattr(message, f"{name}_e4", int(number.scaleb(_E4)))
    return message
