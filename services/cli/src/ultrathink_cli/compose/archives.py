"""What leaves a data directory and comes back: backups, and exports for data scientists."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ultrathink_cli.compose import doors
from ultrathink_cli.domain import layout
from ultrathink_cli.outbound import run_file, storage_client

if TYPE_CHECKING:
    from training import exports

type Exported = exports.State


async def export(files: layout.Layout, tenant: str, out: Path, **how: Any) -> Exported:
    """Write a tenant's claims for data scientists, as `how` tells training.exporting.export."""
    from training import exporting  # noqa: PLC0415 - see the package

    async with doors.storage(files) as channel:
        record = storage_client.Record(channel, tenant)
        return await exporting.export(record, out, tenant, **how)


def backup(files: layout.Layout, destination: Path) -> None:
    """Write an archive of a data directory; the platform may run meanwhile."""
    from storage import compose as storage  # noqa: PLC0415 - see the package

    if run_file.read(files.run_file) is not None:
        storage.backup(files.data, destination, layout.KEPT)
        return
    with storage.embedded_database(files.data):
        storage.backup(files.data, destination, layout.KEPT)


def restore(archive: Path, files: layout.Layout) -> None:
    """Make a new data directory out of an archive."""
    from storage import compose as storage  # noqa: PLC0415 - see the package

    storage.restore(archive, files.data)
