"""Follow what is published: at least once, in order per claim."""

from collections.abc import AsyncIterator

from storage import ports
from storage.domain import views

PAGE = 500  # events of one read
POLL_SECONDS = 1.0  # how late an event can be when no bell was heard


async def watch(
    tenant: str, after: str, *, reader: ports.Reader, bell: ports.Bell
) -> AsyncIterator[views.Event]:
    """Yield events behind a position for ever.

    "" begins at the oldest kept, `latest` with what comes next.
    """
    position = after
    if after == "latest":
        last = await reader.events(tenant, after, 1)
        position = last[-1].position if last else ""
    while True:
        page = await reader.events(tenant, position, PAGE)
        for event in page:
            yield event
        if page:
            position = page[-1].position
        if len(page) < PAGE:
            await bell.wait(POLL_SECONDS)
