"""Completing at the door of claims: who may ask, what is asked of models, and what is never done."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

import claims_support
import completion_support as support
from chassis import errors, local
from claims import compose, settings
from claims.domain import tenants
from ultrathink.claims.v1 import completions_pb2, completions_pb2_grpc
from ultrathink.common.v1 import common_pb2


@pytest.fixture
async def world() -> AsyncIterator[claims_support.World]:
    """The service over twins."""
    async with claims_support.world() as made:
        yield made


def _context(*roles: str, tenant: str = "demo") -> common_pb2.Context:
    return common_pb2.Context(
        item_id="1", tenant=tenant, subject="s", roles=roles or ("biller",), remaining_ms=5_000
    )


async def _asked(world: claims_support.World, body: bytes, *roles: str, **options: Any) -> dict[str, Any]:
    stub: Any = completions_pb2_grpc.CompleterStub(world.channel())
    request = completions_pb2.CompleteRequest(context=_context(*roles, **options), body=body)
    answer = await stub.Complete(request, timeout=5)
    found: dict[str, Any] = msgspec.json.decode(answer.document)
    return found


async def test_open_places_are_asked_of_the_models(world: claims_support.World):
    """In one call, with the claim as it came."""
    told = await _asked(world, support.body({}, {"code": "G0403"}))
    ((claim, opened),) = world.completer.asked
    assert claim.claim_id == "T-1"
    assert [place.path for place in opened] == ["diagnoses[0].code", "lines[0].net", "lines[1].net"]
    assert [one["path"] for one in told["suggestions"]] == ["diagnoses[0].code"]
    assert [one["path"] for one in told["refusals"]] == ["lines[0].net", "lines[1].net"]
    assert told["models"][0]["name"] == "twin"


async def test_what_the_claim_says_itself_is_not_asked(world: claims_support.World):
    """A line with price and quantity is summed, the models hear of the rest only."""
    told = await _asked(world, support.body({"unit_price": 5, "quantity": 3}, {}))
    ((_, opened),) = world.completer.asked
    assert [place.path for place in opened] == ["diagnoses[0].code", "lines[1].net"]
    assert [(one["path"], one["reason"]) for one in told["refusals"]] == [
        ("lines[0].net", "completion.stated_by_claim"),
        ("lines[1].net", "completion.no_model"),
    ]


async def test_nothing_open_asks_nobody(world: claims_support.World):
    """Even with the models away, a whole claim is answered: there is nothing open."""
    world.completer.fault = errors.Unavailable("completion.unavailable", "Away.")
    body = support.body({"net": 1}, diagnoses=[{"sequence": 1, "code": "I10", "system": "icd-10-cm"}])
    told = await _asked(world, body)
    assert told["open"] == told["suggestions"] == told["refusals"] == told["models"] == []


async def test_absent_models_are_a_fault_and_no_empty_answer(world: claims_support.World):
    """With its reason and its hint when to come back."""
    world.completer.fault = errors.Unavailable("completion.unavailable", "Away.", retry_after_ms=400)
    with pytest.raises(errors.Unavailable) as refused:
        await _asked(world, support.body({}))
    assert (refused.value.reason, refused.value.retry_after_ms) == ("completion.unavailable", 400)


@pytest.mark.parametrize("role", ["biller", "integrator", "manager", "reviewer", "payer"])
async def test_who_may_check_may_ask(world: claims_support.World, role: str):
    """The same permission as for checking."""
    assert (await _asked(world, support.body({}), role))["suggestions"]


@pytest.mark.parametrize("role", ["auditor", "operator", "scientist", "nobody"])
async def test_others_may_not(world: claims_support.World, role: str):
    """And no model hears of the claim."""
    with pytest.raises(errors.Denied) as refused:
        await _asked(world, support.body({}), role)
    assert refused.value.reason == "role.not_allowed"
    assert world.completer.asked == []


async def test_an_unknown_tenant_may_not(world: claims_support.World):
    """Before its claim is even read."""
    with pytest.raises(errors.Denied) as refused:
        await _asked(world, b"{", tenant="nobody")
    assert refused.value.reason == "tenant.unknown"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "json.malformed"),
        (b"{", "json.malformed"),
        (b"\xff", "json.encoding"),
        (b"[" * 5_000, "json.too_deep"),
        (b"{}", "claim.unreadable"),
        (support.body({}, shoe_size=43), "claim.unreadable"),
        (support.body(*[{}] * 1_001), "claim.unreadable"),
    ],
)
async def test_a_claim_that_cannot_be_read_is_invalid(world: claims_support.World, body: bytes, reason: str):
    """As at every other door, with the places of what is wrong."""
    with pytest.raises(errors.Invalid) as refused:
        await _asked(world, body)
    assert refused.value.reason == reason
    assert world.completer.asked == []


async def test_the_tenants_regime_stands_in_for_one_not_stated(world: claims_support.World):
    """A stated one stays."""
    world.tenants.known["demo"] = tenants.Tenant(name="demo", default_regime="nphies")
    told = await _asked(world, support.body({}, regime=None))
    assert (told["regime"], world.completer.asked[0][0].regime) == ("nphies", "nphies")
    assert (await _asked(world, support.body({}, regime="x12-us")))["regime"] == "x12-us"


async def test_nothing_is_recorded(world: claims_support.World):
    """The system of record is not even looked at."""
    before = dict(vars(world.store))
    await _asked(world, support.body({}))
    assert vars(world.store).keys() == before.keys()
    assert world.scorer.asked == []
    assert world.rules.asked == []


async def test_the_door_is_the_gateways_and_not_every_services(world: claims_support.World):
    """Scoring may not ask claims for suggestions."""
    stub: Any = completions_pb2_grpc.CompleterStub(world.channel("scoring"))
    request = completions_pb2.CompleteRequest(context=_context(), body=support.body({}))
    with pytest.raises(errors.Denied):
        await stub.Complete(request, timeout=5)


async def test_without_a_platform_suggestions_are_unavailable():
    """`ultrathink check` has no models of its own to ask: that is said, nothing is made up."""
    async with compose.offline(support.ROOT / "packs") as app:
        stub: Any = completions_pb2_grpc.CompleterStub(local.LocalChannel(app, caller="cli"))
        request = completions_pb2.CompleteRequest(context=_context(), body=support.body({}))
        with pytest.raises(errors.Unavailable) as refused:
            await stub.Complete(request, timeout=20)
    assert refused.value.reason == "scoring.offline"


def test_settings_are_those_of_scoring():
    """Which models are served is no business of claims."""
    assert not [name for name in settings.ClaimsSettings.model_fields if "completion" in name]
