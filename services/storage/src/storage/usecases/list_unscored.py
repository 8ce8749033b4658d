"""List claims recorded without a score, for rescoring."""

from storage import ports
from storage.domain import views
from storage.usecases import know_tenants

LIMIT_MAX = 500  # documents of more would not fit a message


async def list_unscored(
    limit: int, *, ledger: ports.Ledger, tenants: know_tenants.Tenants
) -> list[views.Unscored]:
    """Return up to `limit` claims, oldest first within a tenant, tenants in turn."""
    most = min(limit or LIMIT_MAX, LIMIT_MAX)
    found: list[views.Unscored] = []
    for tenant in await tenants.names():
        if len(found) < most:
            found += await ledger.unscored(tenant, most - len(found))
    return found
