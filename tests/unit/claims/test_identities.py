"""Keys of patients and services, and what is asked of history."""

import hmac
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import claims_support
from claims.domain import histories, identities
from formats import canonical, model

KEY = claims_support.KEY


def claim(**overrides: Any) -> model.Claim:
    """Return a claim as it is read."""
    return canonical.decode(claims_support.body(**overrides))


def keys(tenant: str = "demo", **overrides: Any) -> list[str]:
    """Return the service keys of a claim."""
    return identities.identify(claim(**overrides), tenant=tenant, key=KEY).service_keys


def line(**overrides: Any) -> list[dict[str, Any]]:
    """Return the only line of a claim."""
    return [claims_support.LINE | overrides]


@given(st.binary(min_size=32, max_size=200), st.text(max_size=20), st.text(min_size=1, max_size=20))
def test_the_keyed_hash_is_the_hmac_of_the_standard_library(key: bytes, tenant: str, told: str) -> None:
    """It is made of its halves because that is quicker, not to be another hash; keys have any length."""
    person = msgspec.structs.replace(claim().patient, id=told, id_system=None, id_type="iqama")
    text = f"{tenant}\x1f\x1fiqama\x1f{told}".encode()
    wanted = hmac.new(key, text, "sha256").hexdigest()
    assert identities.patient_key(person, tenant=tenant, key=key) == wanted


def test_a_patient_is_named_by_a_keyed_hash_of_tenant_and_id() -> None:
    """The same person has another key under another tenant, id type or secret, and the key names nobody."""
    person = claim().patient
    known = identities.patient_key(person, tenant="demo", key=KEY)
    assert len(known) == 64
    assert person.id is not None
    assert person.id not in known
    others = {
        identities.patient_key(person, tenant="other", key=KEY),
        identities.patient_key(person, tenant="demo", key=b"z" * 32),
        identities.patient_key(
            claim(patient={"id": person.id, "id_type": "iqama"}).patient, tenant="demo", key=KEY
        ),
    }
    assert known not in others
    assert len(others) == 3


def test_a_patient_without_an_id_has_no_key_and_no_duplicates() -> None:
    """Two unknown patients are not the same patient."""
    found = identities.identify(claim(patient={"sex": "male"}), tenant="demo", key=KEY)
    assert found == identities.Identity(patient_key="", service_keys=[""], traces=[None])


def test_the_same_service_has_the_same_key_in_another_claim() -> None:
    """The sender's id, amounts and quantity do not tell services apart."""
    assert keys() == keys(claim_id="other", lines=line(net=1.0, quantity=2))


@pytest.mark.parametrize(
    "difference",
    [
        {"lines": line(code="G0104")},
        {"lines": line(service_date="2026-08-02")},
        {"lines": line(modifiers=["GT"])},
        {"lines": line(tooth="11")},
        {"lines": line(body_site="LA")},
        {"lines": line(sub_site=["M"])},
        {"use": "preauthorization"},
        {"provider": {"id": "2"}},
        {"insurance": [{"sequence": 1, "focal": True, "coverage": {"payer": "2"}}]},
        {
            "care_team": [{"sequence": 1, "practitioner": "PR-1"}],
            "lines": line(care_team_sequences=[1]),
        },
    ],
)
def test_what_makes_another_service_makes_another_key(difference: dict[str, Any]) -> None:
    """Code, day, modifier, tooth, site, use, provider, payer and practitioner each tell services apart."""
    assert keys() != keys(**difference)


@pytest.mark.parametrize("modifier", ["59", "76", "77", "91", "RT", "LT", "50", "XE", "XU"])
def test_a_repeat_on_purpose_has_no_key(modifier: str) -> None:
    """Modifiers that say the repeat is meant take the line out of the search."""
    assert keys(lines=line(modifiers=[modifier])) == [""]


@pytest.mark.parametrize(
    "exempt",
    [
        {"use": "preauthorization"},
        {"use": "predetermination"},
        {"newborn": True},
        {"frequency_code": "7"},
        {"frequency_code": "2"},
        {"related": [{"claim_id": "x", "relationship": "prior"}]},
        {"related": [{"claim_id": "x", "relationship": "appealing"}]},
    ],
)
def test_claims_that_continue_others_are_no_duplicates(exempt: dict[str, Any]) -> None:
    """Restated, replaced, appealed claims, other uses and newborns ask for no duplicates."""
    told = claim(**exempt)
    assert not identities.may_be_duplicate(told)
    question = histories.ask(told, identities.identify(told, tenant="demo", key=KEY))
    assert question.service_keys == []
    assert question.exempt


def test_an_associated_or_original_claim_may_be_a_duplicate() -> None:
    """A merely associated claim and frequency code 1 are ordinary."""
    assert identities.may_be_duplicate(claim(frequency_code="1"))
    assert identities.may_be_duplicate(claim(related=[{"claim_id": "x", "relationship": "associated"}]))


@given(st.text(max_size=20), st.text(max_size=20))
def test_parts_of_a_key_do_not_run_into_each_other(left: str, right: str) -> None:
    """Moving text from one part of the identity to the next changes the key."""
    first = model.Patient(id="x", id_type=left + "a", id_system=right)
    second = model.Patient(id="x", id_type=left, id_system="a" + right)
    assert identities.patient_key(first, tenant="t", key=KEY) != identities.patient_key(
        second, tenant="t", key=KEY
    )
