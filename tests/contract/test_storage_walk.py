"""Whole claims for replaying: in order, within a tenant, for auditors and operators, and never unnoticed."""

from typing import Any

import pytest

import storage_support as support
from chassis import errors
from ultrathink.storage.v1 import storage_pb2

ROLES = ["auditor"]


async def _walked(
    storage: support.Stubs, *, tenant: str = "demo", roles: list[str] = ROLES, **bounds: str
) -> list[storage_pb2.StoredClaim]:
    context = support.context(tenant=tenant)
    del context.roles[:]
    context.roles.extend(roles)
    request = storage_pb2.ReadClaimsRequest(context=context, **bounds)
    return [claim async for part in storage.reader.ReadClaims(request) for claim in part.claims]


async def test_every_claim_comes_once_with_its_documents(storage: support.Stubs) -> None:
    """Oldest first, with the newest decision; a claim's id continues the walk behind it."""
    ids = await support.recorded(storage, *(f"C-{number}" for number in range(7)))
    found = await _walked(storage)
    assert [claim.id for claim in found] == ids
    assert [claim.claim_id for claim in found] == [f"C-{number}" for number in range(7)]
    one = await storage.reader.GetClaim(storage_pb2.GetClaimRequest(context=support.context(), id=ids[3]))
    assert found[3] == one.claim
    assert [claim.id for claim in await _walked(storage, after=ids[4])] == ids[5:]


async def test_a_changed_claim_comes_with_its_newest_decision(storage: support.Stubs) -> None:
    """What a reviewer decided is what replaying compares with."""
    [identifier] = await support.recorded(storage, "C-1")
    await storage.store.RecordChange(support.changed(identifier))
    one = await storage.reader.GetClaim(storage_pb2.GetClaimRequest(context=support.context(), id=identifier))
    (found,) = await _walked(storage)
    assert (found.revision, found.decision_json) == (2, one.claim.decision_json)


async def test_days_bound_the_walk(storage: support.Stubs) -> None:
    """Both days are included; what was received outside is not read."""
    ids = await support.recorded(storage, "C-1", "C-2")
    assert [claim.id for claim in await _walked(storage, received_from="2000-01-01")] == ids
    assert await _walked(storage, received_from="2100-01-01") == []
    assert await _walked(storage, received_to="2000-01-01") == []


async def test_another_tenant_walks_past_nothing_of_ours(storage: support.Stubs) -> None:
    """A walk sees one tenant."""
    await support.recorded(storage, "C-1")
    assert await _walked(storage, tenant="other") == []


@pytest.mark.parametrize("roles", [[], ["biller"], ["scientist", "manager"]])
async def test_only_auditors_and_operators_walk(storage: support.Stubs, roles: list[str]) -> None:
    """Whole claims of everybody are not for every desk."""
    await support.recorded(storage, "C-1")
    with pytest.raises(errors.Denied, match=r"role\.not_allowed"):
        await _walked(storage, roles=roles)
    assert len(await _walked(storage, roles=["operator"])) == 1


async def test_a_walk_leaves_its_mark_in_the_audit(storage: support.Stubs) -> None:
    """The last claim of each part names the reader, and the chains still verify."""
    ids = await support.recorded(storage, "C-1", "C-2")
    await _walked(storage)
    request = storage_pb2.GetHistoryRequest(context=support.context(), id=ids[-1])
    entries = (await storage.reader.GetHistory(request)).audit
    assert sorted(entry.event for entry in entries) == ["claim.recorded", "claims.read"]
    told = [part async for part in storage.audit.Verify(storage_pb2.VerifyRequest(tenant="demo"))]
    assert told[-1].done
    assert not told[-1].HasField("broken")


@pytest.mark.parametrize(
    ("bounds", "reason"),
    [({"after": "x"}, "id.invalid"), ({"received_from": "soon"}, "filter.date")],
)
async def test_bounds_that_are_none_are_refused(
    storage: support.Stubs, bounds: dict[str, Any], reason: str
) -> None:
    """A mistyped bound never means everything."""
    with pytest.raises(errors.Invalid, match=reason.replace(".", r"\.")):
        await _walked(storage, **bounds)
