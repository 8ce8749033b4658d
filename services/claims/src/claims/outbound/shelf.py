"""The tables of a packs' directory as a person at a terminal sees them: list, look up, add.

Room: outbound; told as plain documents.
"""

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chassis import errors
from claims.domain.rules import table_views, tables
from claims.outbound import pack_files, table_folders


class Shelf:
    """The common tables, or with `tenant` those that judge its claims."""

    def __init__(self, directory: Path, tenant: str = "") -> None:
        self._directory, self._tenant = directory, tenant

    def listed(self) -> list[dict[str, Any]]:
        """Return every table with its issues."""
        return table_views.listed(self._tables())

    def entry(self, name: str, key: list[str], day: dt.date) -> dict[str, Any]:
        """Return what a table says of a key on a day, with keys `near` it where it is absent.

        Raises NotFound `table.unknown`, and Invalid `key.invalid` for a wrong number of parts.
        """
        known = self._tables()
        table = known.find(name)
        if table is None:
            names = ", ".join(known.names())
            raise errors.NotFound("table.unknown", f"There is no table `{name}`; tables: {names}.")
        asked = tables.JOINT.join(key)
        if len(table.key) > 1 and asked.count(tables.JOINT) + 1 != len(table.key):
            parts = tables.JOINT.join(table.key)
            raise errors.Invalid("key.invalid", f"A key of `{name}` is {parts}, not {asked}.")
        told = table_views.entry(table, asked, day)
        if told["state"] == "absent":
            told["near"] = table_views.near(table, asked, day)
        return told

    def add(self, file: Path, kind: str, issue: Mapping[str, Any], *, dry: bool) -> dict[str, Any]:
        """Make a customer's file an issue of a tenant's table; return {rows, folder}.

        `issue` are the fields of table_folders.Issue; `dry` only reads the file, and `folder` is then empty.
        Raises NotFound `table.unknown`, Invalid `pack.invalid`, Conflict `table.exists`.
        """
        shapes = pack_files.library(self._directory).shapes
        folder = table_folders.convert(file, kind, shapes, table_folders.Issue(**issue))
        written = "" if dry else str(table_folders.add(folder, self._directory, self._tenant))
        return {"rows": folder.size, "folder": written}

    def _tables(self) -> tables.Tables:
        library = pack_files.library(self._directory)
        return library.tenants.get(self._tenant, library.common).tables
