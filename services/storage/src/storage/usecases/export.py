"""Export the lines of a tenant's claims, page after page."""

from collections.abc import AsyncIterator

from storage import ports
from storage.domain import queries, views

CLAIMS = 500  # of one page: about two thousand rows, far below a message's bound


async def export(tenant: str, after: str, *, reader: ports.Reader) -> AsyncIterator[list[views.ExportRow]]:
    """Yield rows of claims behind an id ("" begins at the first), in the order of ids.

    Invalid `id.invalid`.
    """
    position = queries.identifier_of(after) if after else ""
    while True:
        rows, position = await reader.export(tenant, position, CLAIMS)
        if rows:
            yield rows
        if not position:
            return
