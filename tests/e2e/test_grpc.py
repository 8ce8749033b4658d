"""The gRPC port of a running platform, as another system with a user's token calls it."""

import json
from collections.abc import Iterator
from typing import Any

import grpc
import httpx2
import pytest
from grpc_reflection.v1alpha import proto_reflection_descriptor_database as reflection

import e2e_support as support
import platform_support
from ultrathink.claims.v1 import claim_pb2, claims_pb2, claims_pb2_grpc
from ultrathink.common.v1 import common_pb2

pytestmark = [pytest.mark.xdist_group("platform-doors"), pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def biller(platform_doors: platform_support.Platform) -> Iterator[httpx2.Client]:
    """A biller's client."""
    with support.client(platform_doors) as made:
        yield made


@pytest.fixture(scope="module")
def channel(platform_doors: platform_support.Platform) -> Iterator[grpc.Channel]:
    """A channel to the public gRPC port."""
    with grpc.insecure_channel(f"127.0.0.1:{platform_doors.grpc_port}") as opened:
        yield opened


@pytest.fixture(scope="module")
def bearer(platform_doors: platform_support.Platform) -> tuple[tuple[str, str]]:
    """A biller's token as metadata of a call."""
    return (("authorization", f"Bearer {platform_doors.token()}"),)


def test_the_grpc_port_says_what_it_serves(channel: grpc.Channel) -> None:
    """Reflection lists the doors of claims and no other room's."""
    served = set(reflection.ProtoReflectionDescriptorDatabase(channel).get_services())
    assert {"ultrathink.claims.v1.ClaimIntake", "ultrathink.claims.v1.ClaimDesk"} <= served
    assert not any(".storage." in name or ".scoring." in name for name in served)


def typed(number: int) -> claim_pb2.Claim:
    """Return a sound claim as the typed message."""
    return claim_pb2.Claim(
        claim_id=f"GRPC-{number}",
        type="professional",
        use="claim",
        regime="base",
        created="2026-08-02T09:30:00Z",
        currency="SAR",
        provider=claim_pb2.Provider(id="PR-1"),
        patient=claim_pb2.Patient(id=f"{support.PATIENT}-{number}", id_type="mrn", sex="female"),
        insurance=[
            claim_pb2.Insurance(
                sequence=1, focal=True, coverage=claim_pb2.Coverage(member_id="M-1", payer="PAYER-01")
            )
        ],
        diagnoses=[claim_pb2.Diagnosis(sequence=1, code="E11.9", system="icd-10-cm", type=["principal"])],
        lines=[
            claim_pb2.Line(
                sequence=1, code="G0108", system="hcpcs", service_date="2026-08-01", quantity_e4=10_000,
                unit_price_minor=17_000, net_minor=17_000, diagnosis_sequences=[1],
            )
        ],
        total_minor=17_000,
    )  # fmt: skip


def item(name: str, **claim: Any) -> claims_pb2.SubmitItem:
    """Return an item with ten seconds of time."""
    return claims_pb2.SubmitItem(context=common_pb2.Context(item_id=name, remaining_ms=10_000), **claim)


def test_a_user_submits_over_grpc(
    channel: grpc.Channel, bearer: tuple[tuple[str, str]], biller: httpx2.Client
) -> None:
    """Typed and raw claims of one batch are decided and recorded for the tenant of the token."""
    body = support.encoded(support.claim(400, claim_id="GRPC-400"))
    raw = claims_pb2.RawClaim(body=body, media_type="application/json")
    items = [item("typed", typed=typed(401), accept="application/protobuf"), item("raw", raw=raw)]
    bad = item("bad", raw=claims_pb2.RawClaim(body=b"{", media_type="application/json"))
    stub = claims_pb2_grpc.ClaimIntakeStub(channel)
    answer = stub.SubmitClaim(claims_pb2.SubmitRequest(items=[*items, bad]), metadata=bearer, timeout=15)
    first, second, third = answer.results
    assert [one.item_id for one in answer.results] == ["typed", "raw", "bad"]
    assert first.decision.verdict == claims_pb2.VERDICT_ACCEPT
    assert first.decision.probability > 0
    assert json.loads(second.rendered.body)["tenant"] == "demo"
    assert third.error.reason == "json.malformed"
    ours = support.stored(biller)
    assert (ours[first.claim_id], ours[second.claim_id]) == ("GRPC-401", "GRPC-400")


@pytest.mark.parametrize("metadata", [(), (("authorization", "Bearer nonsense"),)])
def test_nobody_calls_without_a_token(channel: grpc.Channel, metadata: tuple[tuple[str, str], ...]) -> None:
    """Without a token that holds a call is refused before its message is read."""
    stub = claims_pb2_grpc.ClaimIntakeStub(channel)
    request = claims_pb2.SubmitRequest(items=[item("typed", typed=typed(402))])
    with pytest.raises(grpc.RpcError) as refused:
        stub.SubmitClaim(request, metadata=metadata, timeout=15)
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_a_tenant_sees_its_own_claims_only(
    channel: grpc.Channel, biller: httpx2.Client, platform_doors: platform_support.Platform
) -> None:
    """A token of another tenant finds none of ours, and a plain header changes nothing."""
    told = biller.post(support.CLAIMS, json=support.claim(340)).json()
    with support.client(platform_doors, tenant="elsewhere") as stranger:
        for path in ("", f"/{told['id']}", f"/{told['id']}/history", f"/{told['id']}/explanation"):
            answer = stranger.get(support.CLAIMS + path, headers={"x-tenant": "demo", "tenant": "demo"})
            assert answer.status_code in {403, 404}, path
            support.silent(answer.text)
    metadata = (("authorization", f"Bearer {platform_doors.token(tenant='elsewhere')}"),)
    context = common_pb2.Context(item_id="1", tenant="demo", remaining_ms=10_000)
    desk = claims_pb2_grpc.ClaimDeskStub(channel)
    with pytest.raises(grpc.RpcError) as refused:
        desk.GetClaim(
            claims_pb2.GetClaimRequest(context=context, id=told["id"]), metadata=metadata, timeout=15
        )
    assert refused.value.code() in {grpc.StatusCode.NOT_FOUND, grpc.StatusCode.PERMISSION_DENIED}


def test_a_claim_nobody_has_is_not_found_over_grpc(
    channel: grpc.Channel, bearer: tuple[tuple[str, str]]
) -> None:
    """An id of no claim of the tenant is NOT_FOUND, whoever else may have it."""
    context = common_pb2.Context(item_id="1", remaining_ms=10_000)
    request = claims_pb2.GetClaimRequest(context=context, id="01890000-0000-7000-8000-000000000000")
    with pytest.raises(grpc.RpcError) as refused:
        claims_pb2_grpc.ClaimDeskStub(channel).GetClaim(request, metadata=bearer, timeout=15)
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND
