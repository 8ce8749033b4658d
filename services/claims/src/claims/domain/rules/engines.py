"""The engines of tenants: one for all of them, and one each for those with tables or packs of their own.

Room: domain. A tenant never sees what another brought: its engine is made of the common packs and its own.
"""

from collections.abc import Mapping, Sequence

import msgspec

from claims.domain import checklists, reasons
from claims.domain.rules import engine, packs, tables


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """What an engine is made of."""

    packs: Sequence[packs.Pack]
    tables: tables.Tables
    labels: checklists.Labels = {}
    crosswalk: reasons.Book | None = None  # None where a folder of packs has none


class Engines:
    """Answers with the engine of a tenant; raises Invalid at construction like an engine."""

    def __init__(self, common: Book, own: Mapping[str, Book]) -> None:
        self._common = _engine(common)
        self._own = {tenant: _engine(book) for tenant, book in own.items()}

    def of(self, tenant: str) -> engine.Engine:
        """Return the engine that judges a tenant's claims."""
        return self._own.get(tenant, self._common)


def _engine(book: Book) -> engine.Engine:
    return engine.Engine(book.packs, book.tables, labels=book.labels)
