"""Know the tenants: a table read often and changed rarely, kept for a short while."""

from collections.abc import Mapping

from chassis import clock as clocks
from chassis import errors
from storage import ports
from storage.domain import views

FRESH_SECONDS = 30.0  # how late a changed or deactivated tenant is noticed
MISS_SECONDS = (
    1.0  # a tenant not found is looked for again at most this often: floods of unknown names stay cheap
)


class Tenants:
    """Tenants by name, at most FRESH_SECONDS old."""

    def __init__(self, reader: ports.Reader, clock: clocks.Clock) -> None:
        self._reader, self._clock = reader, clock
        self._known: Mapping[str, views.Tenant] = {}
        self._read_at = float("-inf")

    async def among(self, names: set[str]) -> Mapping[str, views.Tenant]:
        """Return the known tenants, read again when they are old or one of `names` is missing."""
        age = self._clock.monotonic() - self._read_at
        missing = not names <= self._known.keys()
        if age > FRESH_SECONDS or (missing and age > MISS_SECONDS):
            await self._read()
        return self._known

    async def _read(self) -> None:
        """Read the table; where that fails, what was known goes on, since a tenant rarely changes."""
        try:
            self._known = await self._reader.tenants()
            self._read_at = self._clock.monotonic()
        except errors.Unavailable:
            if not self._known:
                raise

    async def active(self, name: str) -> views.Tenant:
        """Return an active tenant; Denied `tenant.unknown` or `tenant.inactive`."""
        tenant = (await self.among({name})).get(name)
        if tenant is None:
            raise errors.Denied("tenant.unknown", "There is no such tenant.")
        if not tenant.active:
            raise errors.Denied("tenant.inactive", "The tenant is not active.")
        return tenant

    async def names(self) -> list[str]:
        """Return the names of all tenants, in order."""
        return sorted(await self.among(set()))
