"""Nobody is named to those who may not know: masked claims, masked decisions, keys that tell no one."""

import types
import typing
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import claims_support
from claims.domain import documents, identities, masking, roles
from formats import canonical, model

# What names a person or quotes one, wherever it stands; written from the law's side, not from the mask's.
NAMING = {
    "name", "telecom", "address", "identifiers", "member_id", "subscriber", "policy", "occupation",
    "reference", "text", "description", "notes", "display", "value_string", "value_reference",
    "value_attachment", "title", "url", "patient_invoice", "practitioner", "id_country",
    "deceased_date", "attachments", "payee", "enterer", "accident", "related", "extra", "codings",
    "member_id_system", "id_system", "prescription", "udi",
}  # fmt: skip


def filled(kind: Any, path: str = "") -> Any:
    """Return a value of a type in which every text is the path it stands at."""
    found: Any = path
    if isinstance(kind, typing.TypeAliasType):
        found = filled(kind.__value__, path)
    elif isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        fields = msgspec.structs.fields(kind)
        found = {field.encode_name: filled(field.type, f"{path}.{field.encode_name}") for field in fields}
    elif (origin := typing.get_origin(kind)) in {typing.Union, types.UnionType}:
        found = filled(next(part for part in typing.get_args(kind) if part is not types.NoneType), path)
    elif origin is typing.Annotated:
        found = filled(typing.get_args(kind)[0], path)
    elif origin is typing.Literal:
        found = typing.get_args(kind)[0]
    elif origin is list:
        found = [filled(typing.get_args(kind)[0], f"{path}[]")]
    elif kind in {bool, int, Decimal}:
        found = kind(1)
    return found


def texts(document: Any) -> set[str]:
    """Return the paths that still stand as texts in a document."""
    if isinstance(document, dict):
        return {text for value in document.values() for text in texts(value)}
    if isinstance(document, list):
        return {text for value in document for text in texts(value)}
    return {document} if isinstance(document, str) and document.startswith(".") else set()


def test_no_place_of_a_claim_that_names_a_person_is_shown() -> None:
    """With every field of the model filled, no name, number of a person, contact or free text is left."""
    whole = filled(model.Claim)
    assert len(texts(whole)) > 250
    shown = texts(masking.claim(whole))
    words = {path: set(path.replace("[]", "").split(".")) for path in shown}
    assert {path for path, parts in words.items() if parts & NAMING} == set()
    assert not any(path.startswith(".patient") for path in shown)
    assert {".lines[].code", ".lines[].details[].details[].code", ".diagnoses[].code"} <= shown


PEOPLE = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=12, max_size=20)


@settings(deadline=None)
@given(PEOPLE, PEOPLE, PEOPLE, st.lists(PEOPLE, max_size=3))
def test_no_patient_survives_masking(number: str, name: str, member: str, notes: list[str]) -> None:
    """For any identity, sent in any place meant for it: the masked claim holds none of its texts."""
    patient = {"id": number, "name": name, "telecom": [number], "identifiers": [{"value": number}]}
    whole = claims_support.claim(
        patient=patient | {"birth_date": "1984-05-02", "address": {"text": name}},
        insurance=[{"sequence": 1, "coverage": {"member_id": member, "subscriber": name, "payer": "7"}}],
        notes=notes,
        supporting_info=[{"sequence": 1, "category": "info", "text": name, "value_string": number}],
    )
    shown = msgspec.json.encode(masking.claim(whole)).decode()
    assert not any(told in shown for told in (number, name, member, *notes, "1984-05"))


@given(st.dictionaries(st.text(min_size=1, max_size=8), st.text("SECRT", min_size=6), max_size=4))
def test_a_field_added_tomorrow_is_hidden(fields: dict[str, str]) -> None:
    """Whatever new field a claim, patient, coverage or line brings: only names on the list are shown."""
    known = set(filled(model.Claim)) | set(filled(model.Line)) | set(filled(model.Patient))
    new = {f"new_{name}": value for name, value in fields.items()} | {"zz": "SECRET-0"}
    assert known.isdisjoint(new)
    whole = claims_support.claim() | new
    whole["patient"] = whole["patient"] | new
    whole["lines"] = [whole["lines"][0] | new | {"details": [{"sequence": 1} | new]}]
    whole["insurance"] = [{"sequence": 1, "coverage": {"payer": "7"} | new} | new]
    shown = msgspec.json.encode(masking.claim(whole)).decode()
    assert not any(value in shown for value in new.values())


def test_masking_changes_nothing_it_is_given() -> None:
    """The claim that is masked for one caller is whole for the next."""
    whole = claims_support.claim()
    before = msgspec.json.encode(whole)
    masking.claim(whole)
    assert msgspec.json.encode(whole) == before


def test_masking_is_stable() -> None:
    """A masked claim masked again is the same; a claim without parts gains none but an empty insurance."""
    once = masking.claim(claims_support.claim())
    assert masking.claim(once) == once
    assert masking.claim({"claim_id": "a"}) == {"claim_id": "a", "insurance": []}
    assert masking.claim({"insurance": [{"sequence": 1}]}) == {"insurance": [{"sequence": 1}]}


def test_masked_amounts_keep_their_decimals() -> None:
    """The bytes of an amount pass the mask as they were written."""
    document = b'{"total":150.00,"patient":{"id":"1012345678"},"lines":[{"sequence":1,"net":0.10}]}'
    shown = documents.masked(document, masking.claim)
    assert b'"total":150.00' in shown
    assert b'"net":0.10' in shown
    assert b"1012345678" not in shown


@given(st.sets(st.sampled_from(["operator", "scientist", "unknown", "", "Biller", "admin"])))
def test_no_heap_of_lesser_roles_shows_patients(told: set[str]) -> None:
    """Roles that see no patient see none together either, and a misspelt role is no role."""
    assert not roles.sees_patients(told)
    assert roles.sees_patients({*told, "auditor"})


def keys(**overrides: Any) -> identities.Identity:
    """Return the keys of a claim of the demo tenant."""
    claim = canonical.decode(claims_support.body(**overrides))
    return identities.identify(claim, tenant="demo", key=claims_support.KEY)


@pytest.mark.parametrize("index", range(3))
def test_care_teams_are_compared_by_person(index: int) -> None:
    """Numbering the same people otherwise keeps the key; another person changes it."""
    team = [{"sequence": 1, "practitioner": "PR-1"}, {"sequence": 2, "practitioner": "PR-2"}]
    turned = [{"sequence": 1, "practitioner": "PR-2"}, {"sequence": 2, "practitioner": "PR-1"}]
    others = [turned, [*team, {"sequence": 3}], [{"sequence": 1, "practitioner": "PR-3"}, team[1]]]
    lines = [claims_support.LINE | {"care_team_sequences": [1, 2]}]
    first = keys(care_team=team, lines=lines).service_keys
    second = keys(care_team=others[index], lines=lines).service_keys
    assert (first == second) is (index < 2)


def test_the_addressed_payer_tells_services_apart() -> None:
    """The focal coverage counts wherever it stands; without a focal one the first does."""
    one = {"sequence": 1, "coverage": {"payer": "A"}}
    two = {"sequence": 2, "coverage": {"payer": "B"}}
    focal = {"focal": True}
    assert keys(insurance=[one, two | focal]) == keys(insurance=[two | focal])
    assert keys(insurance=[one, two]) == keys(insurance=[one | focal])
    assert keys(insurance=[one, two]) != keys(insurance=[one, two | focal])
    assert keys(insurance=[{"sequence": 1, "focal": True}, one]).service_keys != [""]


def test_a_line_without_any_code_has_no_key() -> None:
    """A revenue code stands in for a missing code; a line with neither is like no other."""
    bare = {name: value for name, value in claims_support.LINE.items() if name not in {"code", "system"}}
    assert keys(lines=[bare | {"revenue_code": "0450"}]).service_keys != [""]
    line = model.Line(sequence=1)
    claim = model.Claim(
        type="professional", use="claim", provider=model.Provider(), patient=model.Patient(id="1"),
        insurance=[], lines=[line],
    )  # fmt: skip
    assert identities.identify(claim, tenant="t", key=claims_support.KEY).service_keys == [""]


@given(st.permutations(["GT", "25", "AS"]))
def test_modifiers_have_no_order(order: list[str]) -> None:
    """The same modifiers in any order are the same service."""
    told = keys(lines=[claims_support.LINE | {"modifiers": order}])
    assert told == keys(lines=[claims_support.LINE | {"modifiers": ["GT", "25", "AS"]}])


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_patients_have_the_same_key_only_if_they_are_the_same(first: int, second: int) -> None:
    """For any two numbers: one key exactly when one number, and no key shows its number."""
    left, right = (
        identities.patient_key(model.Patient(id=f"1{number:09d}"), tenant="demo", key=claims_support.KEY)
        for number in (first, second)
    )
    assert (left == right) is (first == second)
    assert f"1{first:09d}" not in left
    assert set(left) <= set("0123456789abcdef")
