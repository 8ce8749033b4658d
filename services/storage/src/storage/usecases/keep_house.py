"""Keep house: months ahead have their place, keys and events past their time go."""

from chassis import clock as clocks
from storage import ports
from storage.domain import months
from storage.usecases import know_tenants

KEYS_DAYS = 400  # a year, and the month in which last year's file is sent again
EVENTS_DAYS = 30  # a subscriber may be away for a holiday
DAY_MS = 86_400_000
MONTHS_AHEAD = 2


async def prepare_months(*, ledger: ports.Ledger, clock: clocks.Clock) -> None:
    """Make the places of this month and the next ones."""
    month = months.month_of(int(clock.now().timestamp() * 1000))
    for _ in range(MONTHS_AHEAD + 1):
        await ledger.prepare_month(month)
        month = months.following(month)


async def forget(*, upkeep: ports.Upkeep, tenants: know_tenants.Tenants, clock: clocks.Clock) -> int:
    """Delete keys older than KEYS_DAYS and events older than EVENTS_DAYS; return how many."""
    now_ms = int(clock.now().timestamp() * 1000)
    gone = 0
    for tenant in await tenants.names():
        gone += await upkeep.forget_keys(tenant, max(0, now_ms - KEYS_DAYS * DAY_MS))
        gone += await upkeep.trim_events(tenant, max(0, now_ms - EVENTS_DAYS * DAY_MS))
    return gone
