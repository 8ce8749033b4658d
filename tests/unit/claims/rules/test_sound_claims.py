"""Sound claims of every regime and type: no rule says error, and the generators keep their word."""

import datetime as dt
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rules_support as support
import sound_claims
from formats import canonical

KINDS = sorted(sound_claims.ALL)


def _errors(claim: dict[str, Any], as_of: dt.date = sound_claims.AS_OF) -> list[tuple[str, str, str]]:
    outcome = support.judging().evaluate(canonical.decode(msgspec.json.encode(claim)), as_of=as_of)
    return [
        (finding.rule, finding.path, finding.message.en)
        for finding in outcome.findings
        if finding.severity == "error"
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_a_sound_claim_has_no_error(kind: str):
    """Twenty claims of each kind pass every rule of every pack of their regime."""
    for seed in range(20):
        assert _errors(sound_claims.claim(kind, seed)) == []


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(KINDS).flatmap(sound_claims.strategy))
def test_no_sound_claim_has_an_error(claim: dict[str, Any]):
    """Nor does any that Hypothesis finds."""
    assert _errors(claim) == []


@pytest.mark.parametrize("kind", KINDS)
def test_sound_claims_are_repeatable_and_differ(kind: str):
    """A seed gives one claim; another seed gives another."""
    assert sound_claims.claim(kind, 3) == sound_claims.claim(kind, 3)
    assert len({msgspec.json.encode(sound_claims.claim(kind, seed)) for seed in range(8)}) > 1


@pytest.mark.parametrize("kind", KINDS)
def test_sound_claims_are_of_their_regime_and_add_up(kind: str):
    """The kind's first word is the regime; totals are told in full."""
    for seed in range(5):
        claim = sound_claims.claim(kind, seed)
        assert claim["regime"] == kind.partition("/")[0]
        assert Decimal(claim["total"]) == sum(Decimal(line["net"]) for line in claim["lines"])


def test_every_type_of_the_field_is_there():
    """Each regime has the types that its payers take."""
    types = {(claim["regime"], claim["type"], claim["use"]) for _, claim in sound_claims.every(of_each=1)}
    for regime in ("base", "nphies"):
        for kind in ("professional", "institutional", "oral", "pharmacy", "vision"):
            assert (regime, kind, "claim") in types
        assert (regime, "professional", "preauthorization") in types
    assert {("x12-us", "professional", "claim"), ("x12-us", "institutional", "claim")} <= types
    assert len(KINDS) >= 25
