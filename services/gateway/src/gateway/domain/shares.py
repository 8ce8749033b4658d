"""Who may have one more place of those there are: tenants share them, and nobody can take them all."""

GREED = 4  # one tenant alone may hold four of five places: the fifth is there at once when another comes
SURE = 8  # each tenant's own part of the limit: a few claims a second always pass


class Shares:
    """Places in use by tenant; `limit` of them are for one tenant alone, a quarter more for all together.

    A tenant may take another place while it holds less than `GREED` times what is free (the dynamic threshold
    of Choudhury and Hahne, IEEE/ACM Transactions on Networking 6(2), 1998). So places are lent whole to
    whoever is alone, tenants that all want more end with as many each, and whoever holds less than another is
    never refused where the other is not. An eighth (`SURE`) of the limit, one place at least, is each
    tenant's in any case: a limit that was lowered is still overdrawn by those who came before.
    """

    def __init__(self, limit: int) -> None:
        self._held: dict[str, int] = {}
        self.taken = 0
        self.lend(limit)

    def lend(self, limit: int) -> None:
        """Have `limit` places for one tenant alone from now on; what is taken stays taken."""
        self.limit = limit
        self._all = limit + limit // GREED
        self._sure = max(1, limit // SURE)
        self._beyond = sum(max(0, held - self._sure) for held in self._held.values())

    def take(self, tenant: str) -> bool:
        """Take a place for a tenant and return True; return False when it holds its share."""
        held = self._held.get(tenant, 0)
        if held >= self._sure and held >= GREED * (self._all - self.taken):
            return False
        self._held[tenant] = held + 1
        self.taken += 1
        self._beyond += held >= self._sure
        return True

    def give(self, tenant: str) -> None:
        """Give a place back that this tenant took."""
        left = self._held[tenant] - 1
        self._beyond -= left >= self._sure
        if left:
            self._held[tenant] = left
        else:
            del self._held[tenant]  # tenants that are away leave nothing behind
        self.taken -= 1

    def crowded(self, tenant: str) -> bool:
        """Return whether this tenant has but its own part while others hold half the limit beyond theirs."""
        return 2 * self._beyond > self.limit and self._held.get(tenant, 0) <= self._sure

    def held(self, tenant: str) -> int:
        """Return how many places a tenant holds."""
        return self._held.get(tenant, 0)
