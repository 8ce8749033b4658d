"""Find a tenant's claims by their senders' ids."""

from collections.abc import Sequence

from chassis import errors
from storage import ports
from storage.domain import admission, views
from storage.usecases import know_tenants

MOST = 500  # ids of one question


async def find_claims(
    tenant: str, claim_ids: Sequence[str], *, reader: ports.Reader, tenants: know_tenants.Tenants
) -> list[views.FoundClaim]:
    """Return the claims with one of these ids, each once, in the order of ids.

    Raises Denied `tenant.unknown`, Invalid `find.too_many` and `find.claim_id`.
    """
    known = await tenants.active(tenant)
    if len(claim_ids) > MOST:
        raise errors.Invalid("find.too_many", f"At most {MOST} ids at once.")
    if not all(admission.is_claim_id(claim_id) for claim_id in claim_ids):
        raise errors.Invalid("find.claim_id", "A claim id is a short text without control characters.")
    return await reader.find(known.tenant, sorted(set(claim_ids))) if claim_ids else []
