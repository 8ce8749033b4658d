"""The rooms of a claims service that stands alone: one tenant, no history, nothing recorded.

Claims are then checked on a machine without a platform. What needs history is not checked and says so;
nothing here pretends to store or to remember.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Never

from chassis import contexts, errors
from claims import ports
from claims.domain import risk, tenants
from formats import model


class OneTenant:
    """Every name is the one tenant, with the product's defaults."""

    async def find(self, name: str) -> tenants.Tenant:
        """Return the tenant."""
        return tenants.Tenant(name=name)


class NoScorer:
    """Stands where no model bundle is at hand: claims are not scored, never low risk."""

    def lay_out(self, asked: Sequence[tuple[contexts.CallContext, model.Claim]]) -> None:
        """Do nothing: nobody is asked."""
        del asked

    async def score(self, *_: Any, **__: Any) -> Never:
        """Raise Unavailable `scoring.offline`."""
        raise away("scoring")

    async def explain(self, case: ports.Case) -> risk.Score:
        """Raise Unavailable `scoring.offline`."""
        del case
        raise away("scoring")


class NoCompleter:
    """Stands where no completion bundle is at hand: it is unavailable, not "nothing to suggest"."""

    async def complete(self, *_: Any, **__: Any) -> Never:
        """Raise Unavailable `scoring.offline`."""
        raise away("scoring")


class NoRecord:
    """Stands where no storage is: asks and writes are refused, so rules that need history say not checked."""

    async def _refuse(self, *_: Any, **__: Any) -> Never:
        """Raise Unavailable `storage.offline`."""
        raise away("storage")

    def lay_out(self, drafts: Sequence[ports.Draft]) -> None:
        """Do nothing: nothing is recorded."""
        del drafts

    record = lookup = append = append_each = unscored = _refuse


class NoArchive:
    """Stands where no storage is, for reading."""

    async def _refuse(self, *_: Any, **__: Any) -> Never:
        """Raise Unavailable `storage.offline`."""
        raise away("storage")

    claim = find = page = history = note_read = _refuse

    def watch(self, *_: Any, **__: Any) -> AsyncIterator[ports.Event]:
        """Raise Unavailable `storage.offline`."""
        raise away("storage")


def away(room: str) -> errors.Unavailable:
    """Return the fault of a room that is not there by design."""
    return errors.Unavailable(f"{room}.offline", f"There is no {room} here; the service works alone.")
