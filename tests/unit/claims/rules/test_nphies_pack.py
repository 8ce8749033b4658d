"""The nphies pack, first half: each example, and what is tricky told a second time by hand."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import fhir_support
import rules_support as support
from claims.domain.rules import examples
from formats import media, model, readers

PACK = next(pack for pack in support.committed()[0] if pack.id == "nphies")
GUID = "0f1e2d3c-4b5a-4678-9abc-def012345678"
LICENCE = f"{fhir_support.NPHIES}/license/"


def fired(partial: dict[str, Any]) -> set[str]:
    """The rules of this pack that fire on an example claim of nphies."""
    claim, as_of = examples.build({"regime": "nphies", **partial})
    return judged(claim, as_of)


def judged(claim: model.Claim, as_of: Any = support.AS_OF) -> set[str]:
    """The rules of this pack that fire on a claim."""
    outcome = support.judging("nphies").evaluate(claim, as_of=as_of)
    return {finding.rule for finding in outcome.findings}


def read(document: dict[str, Any]) -> model.Claim:
    """The claim of an nphies message."""
    found = readers.read(fhir_support.text(document), media.FHIR)[0]
    assert isinstance(found, readers.Read), found
    return found.claim


def sent(
    claim: dict[str, Any] | None = None, header: dict[str, Any] | None = None, **bundle: Any
) -> set[str]:
    """The message rules that fire on a whole message, as it would be sent, with changes."""
    document = {**fhir_support.message(claim), "id": GUID, **bundle}
    document["entry"][0]["resource"] = fhir_support.header(**(header or {}))
    return {rule for rule in judged(read(document)) if rule in MESSAGE}


MESSAGE = {
    "BV-00076", "BV-00079", "BV-00130", "BV-00163", "BV-00165", "BV-00168", "BV-00221", "BV-00225",
    "BV-00341", "BV-00351", "GE-00031", "GE-00032", "GE-00033", "GE-00034",
}  # fmt: skip


def test_every_example_of_the_pack_comes_out():
    """A rule fires on what it says violates it, and is decided and silent on what satisfies it."""
    assert examples.check(PACK, support.committed()[1]) == []


def test_a_sound_message_is_left_alone():
    """Ids, event, sender, receiver, focus, references and profile of the message are in order."""
    assert sent() == set()


@pytest.mark.parametrize(
    ("header", "rules"),
    [
        ({"id": "17"}, {"BV-00168"}),
        ({"focus": [{"reference": "Claim/1"}, {"reference": "Claim/2"}]}, {"BV-00221"}),
        ({"eventCoding": {"code": "priorauth-request", "system": f"{fhir_support.TERMS}ksa-message-events"}},
         {"BV-00165"}),
        ({"sender": {"identifier": {"system": f"{LICENCE}provider-license", "value": "PR-2"}}}, {"BV-00351"}),
        ({"sender": {"identifier": {"system": "https://clinic.example", "value": "PR-FHIR"}}}, {"GE-00031"}),
        ({"destination": [
            {"receiver": {"identifier": {"system": f"{LICENCE}payer-license", "value": "IN-2"}}}
        ]}, {"GE-00033"}),
        ({"destination": [{"receiver": {"identifier": {"value": "IN-FHIR"}}}]}, {"GE-00032"}),
        ({"destination": [{"endpoint": f"{LICENCE}payer-license/IN-2", "receiver": {
            "identifier": {"system": f"{LICENCE}payer-license", "value": "IN-FHIR"}}}]}, {"GE-00034"}),
    ],
)  # fmt: skip
def test_one_fault_of_the_header_is_one_finding(header: dict[str, Any], rules: set[str]):
    """Each fault planted in a sound MessageHeader is told by its own rule and by no other."""
    assert sent(header=header) == rules


@pytest.mark.parametrize(
    ("claim", "bundle", "rules"),
    [
        ({}, {"id": "b-1"}, {"BV-00341"}),
        ({}, {"type": "collection"}, {"BV-00130"}),
        ({"insurer": {"reference": "Organization/gone"}}, {}, {"BV-00079"}),
        ({"meta": {"profile": [f"{fhir_support.NPHIES}/professional-claim"]}}, {}, {"BV-00225"}),
        ({"meta": {"profile": ["x"]}}, {}, {"BV-00225"}),
    ],
)
def test_one_fault_of_the_message_is_one_finding(
    claim: dict[str, Any], bundle: dict[str, Any], rules: set[str]
):
    """Each fault planted in a sound Bundle is told by its own rule and by no other."""
    assert sent(fhir_support.nphies_claim(**claim), **bundle) == rules


def test_one_number_twice_in_a_message_is_told_of_both():
    """Two claims of one message under one number: each of them says so."""
    document = {**fhir_support.message(), "id": GUID}
    document["entry"].append({"fullUrl": "urn:x:2", "resource": fhir_support.nphies_claim()})
    found = readers.read(fhir_support.text(document), media.FHIR)
    assert [("BV-00163" in judged(entry.claim)) for entry in found if isinstance(entry, readers.Read)] == [
        True
    ] * 2


def test_each_message_of_a_batch_is_judged_by_its_own_header():
    """A batch holds messages: one that is sound and one of another sender are told apart."""
    sound = {**fhir_support.message(), "id": GUID}
    other = {**fhir_support.message(fhir_support.nphies_claim(identifier=[{"value": "CL-2"}])), "id": GUID}
    other["entry"][0] = {
        "fullUrl": "urn:x:h",
        "resource": fhir_support.header(
            sender={"identifier": {"system": f"{LICENCE}provider-license", "value": "PR-2"}}
        ),
    }
    batch = fhir_support.header(
        eventCoding={"code": "batch-request", "system": f"{fhir_support.TERMS}ksa-message-events"},
        focus=[{"reference": "urn:x:1"}, {"reference": "urn:x:2"}],
    )
    entries = [{"fullUrl": f"urn:x:{at}", "resource": part} for at, part in enumerate([batch, sound, other])]
    document = {"resourceType": "Bundle", "id": "batch-1", "type": "message", "entry": entries}
    found = readers.read(fhir_support.text(document), media.FHIR)
    told = [judged(entry.claim) & MESSAGE for entry in found if isinstance(entry, readers.Read)]
    assert told == [set(), {"BV-00351"}]


@pytest.mark.parametrize(
    ("kind", "subtype", "rules"),
    [
        (kind, subtype, set() if subtype in allowed else {rule})
        for kind, rule, allowed in (
            ("institutional", "BV-00364", {"ip"}),
            ("professional", "BV-00365", {"op", "emr"}),
            ("oral", "BV-00366", {"op"}),
            ("vision", "BV-00367", {"op"}),
            ("pharmacy", "BV-00368", {"op"}),
        )
        for subtype in ("ip", "op", "emr")
    ],
)
def test_each_kind_of_claim_has_its_sub_types(kind: str, subtype: str, rules: set[str]):
    """Of all pairs of type and sub-type those of the guide are accepted, each other by one rule refused."""
    found = fired({"type": kind, "subtype": subtype})
    assert {rule for rule in found if "BV-00364" <= rule <= "BV-00368"} == rules


@given(
    st.lists(st.lists(st.decimals("0", "500", places=2), max_size=3), min_size=1, max_size=3),
    st.decimals("-0.01", "0.01", places=2),
)
def test_a_line_balances_its_details_at_both_levels(parts: list[list[Decimal]], off: Decimal):
    """Net of a line is the sum of its details, net of a detail that of its own; a halala off is told."""
    details = [
        {"net": float(sum(inner)), "details": [{"net": float(net)} for net in inner]} if inner else {"net": 7}
        for inner in parts
    ]
    net = sum((Decimal(str(detail["net"])) for detail in details), Decimal(0)) + off
    partial = {"lines": [{"net": float(net), "details": details}]}
    found = fired(partial)
    assert ("BV-00224" in found) is (off != 0)
    assert "BV-00254" not in found


@pytest.mark.parametrize("column", ["tax", "patient_share"])
def test_details_that_do_not_state_an_amount_are_not_summed(column: str):
    """A detail without the amount leaves the line alone; one with it is compared."""
    assert fired({"lines": [{column: 10, "details": [{}, {}]}]}) & {"BV-00433", "BV-00434"} == set()
    told = {"tax": "BV-00433", "patient_share": "BV-00434"}[column]
    assert told in fired({"lines": [{column: 10, "details": [{column: 4}, {}]}]})


@given(st.lists(st.sampled_from([True, False, None]), min_size=1, max_size=4))
def test_exactly_one_insurance_is_addressed(marks: list[bool | None]):
    """By hand: one mark is right; none is right for a single insurance that says nothing."""
    right = marks.count(True) == 1 or marks == [None]
    assert ("BV-00400" in fired({"insurance": [{"focal": mark} for mark in marks]})) is not right


@given(st.tuples(st.booleans(), st.booleans(), st.booleans()))
def test_an_authorisation_has_number_and_origin_or_neither(given: tuple[bool, bool, bool]):
    """By hand: a number asks for an origin (420); each origin asks for the number (449, 462)."""
    number, day, answer = given
    partial: dict[str, Any] = {
        "insurance": [{"preauth_refs": ["PA-1"] if number else []}],
        "authorization": {
            "offline_date": "2026-07-01" if day else None,
            "prior_auth_response": "R-1" if answer else None,
        },
    }
    expected = {
        rule
        for rule, wrong in (
            ("BV-00420", number and not day and not answer),
            ("BV-00449", day and not number),
            ("BV-00462", answer and not number),
        )
        if wrong
    }
    assert fired(partial) & {"BV-00420", "BV-00449", "BV-00462"} == expected


@given(st.sampled_from(["national_id", "iqama"]), st.from_regex(r"[0-9A-Z]{8,12}", fullmatch=True))
def test_an_identity_is_judged_by_its_first_digit_and_length(kind: str, number: str):
    """By hand: ten digits, 1 for a citizen and 2 for a resident; no check digit."""
    first, rule = {"national_id": ("1", "BV-00797"), "iqama": ("2", "BV-00798")}[kind]
    right = len(number) == 10 and number.isdigit() and number[0] == first
    assert (rule in fired({"patient": {"id_type": kind, "id": number}})) is not right


@pytest.mark.parametrize("version", ["1.0.0", "5.2.0", "5.2", None])
def test_the_newer_extensions_are_asked_of_the_newer_profile_only(version: str | None):
    """Encounter, episode, invoice and maternity are missing: an error under 5.2, nothing under 1.0.0."""
    profile = [] if version is None else [f"{fhir_support.NPHIES}/professional-claim|{version}"]
    found = fired({"encounter": None, "profile": profile})
    newer = {"NPH-121", "NPH-122", "NPH-124", "NPH-125"}
    assert found & newer == (newer if (version or "").startswith("5.") else set())


def test_a_linked_document_without_size_and_hash_is_told_of_both():
    """Size and hash are two numbers of the guide; a document in the message needs neither."""
    info = [
        {"sequence": 1, "category": fhir_support.concept("attachment"), "valueAttachment": value}
        for value in ({"url": "https://files.example/1"}, {"data": "aGVsbG8="}, {"title": "scan"})
    ]
    told = [
        judged(read(fhir_support.message(fhir_support.nphies_claim(supportingInfo=[one]))))
        & {"BV-00342", "BV-00343", "BV-00344", "BV-00345"}
        for one in info
    ]
    assert told == [{"BV-00344", "BV-00345"}, set(), {"BV-00342"}]


def test_a_document_and_a_link_to_it_are_one_too_many():
    """A message that carries the bytes and a link is told to keep one."""
    both = {"data": "aGVsbG8=", "url": "https://files.example/1"}
    info = [{"sequence": 1, "category": fhir_support.concept("attachment"), "valueAttachment": both}]
    found = judged(read(fhir_support.message(fhir_support.nphies_claim(supportingInfo=info))))
    assert "BV-00343" in found
    assert "BV-00344" not in found


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("ا" * 125, set()),
        ("ا" * 126, {"NPH-308"}),
        ("ا" * 251, {"NPH-307"}),
        ("a" * 250, set()),
        ("a" * 251, {"NPH-307"}),
        ("ا" * 125 + "a", set()),
    ],
)
def test_a_supporting_text_may_be_as_long_as_its_script_allows(text: str, rules: set[str]):
    """Latin letters count once, Arabic ones twice; a mixed text is held to the longer limit."""
    assert fired({"supporting_info": [{"value_string": text}]}) & {"NPH-307", "NPH-308"} == rules


def test_claims_by_other_ways_are_not_asked_about_a_message():
    """CSV and JSON carry no Bundle; none of its rules fires or is reported as undecided."""
    claim, as_of = examples.build({"regime": "nphies"})
    outcome = support.judging("nphies").evaluate(claim, as_of=as_of)
    told = {entry.rule for entry in outcome.not_checked} | {finding.rule for finding in outcome.findings}
    assert told & MESSAGE == set()


@pytest.mark.parametrize("regime", ["base", "x12-us"])
def test_other_regimes_are_never_judged_by_nphies(regime: str):
    """A claim in dollars without any of nphies' contents has no finding of this pack."""
    bare: dict[str, Any] = {
        "regime": regime,
        "currency": "USD",
        "subtype": None,
        "care_team": [],
        "diagnoses": [],
    }
    assert fired(bare) == set()
