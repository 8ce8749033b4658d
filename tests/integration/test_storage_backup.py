"""Backups of a data directory, and what is made of them."""

import asyncio
from pathlib import Path

import pytest

import storage_support as support
from chassis import errors
from storage import compose
from storage.outbound import migrate
from ultrathink.storage.v1 import storage_pb2

pytestmark = pytest.mark.xdist_group("embedded")


async def filled(folder: Path) -> tuple[list[str], str]:
    """Fill a data directory as a platform would.

    Return the claims' ids and the last position of its events.
    """
    async with compose.open_stopped(folder) as app:
        storage = support.Stubs(app, "ultrathink")
        ids = await support.recorded(storage, "A", "B", "C")
        await storage.store.RecordChange(support.changed(ids[0]))
        await asyncio.to_thread(compose.backup, folder, folder / "backup.tar")
        events = aiter(storage.reader.Watch(storage_pb2.WatchRequest(context=support.context())))
        position = [(await asyncio.wait_for(anext(events), 10)).position for _ in range(4)][-1]
    return ids, position


async def test_a_backup_restores_to_a_platform_that_verifies():
    """An archive made while the platform runs becomes a new data directory whose chains verify and go on."""
    with support.data_directory() as old, support.data_directory() as new:
        with compose.embedded_database(old) as database:
            await migrate.upgrade(database.owner_dsn)
        ids, position = await filled(old)
        archive = old / "backup.tar"
        assert archive.stat().st_mode & 0o077 == 0
        compose.restore(archive, new)
        async with compose.open_stopped(new) as app:
            storage = support.Stubs(app, "ultrathink")
            last = await support.verified(storage)
            assert (last.checked, last.broken.reason) == (4, "")
            [again] = await support.record(storage, support.Batch().add("A"))
            assert (again.recorded.replayed, again.recorded.id) == (True, ids[0])
            [fresh] = await support.recorded(storage, "D")
            request = storage_pb2.WatchRequest(context=support.context(), after=position)
            events = aiter(storage.reader.Watch(request))
            told = [(await asyncio.wait_for(anext(events), 10)).id for _ in range(5)]
            assert set(told) == {*ids, fresh}
            assert told[-1] == fresh
        with pytest.raises(errors.Conflict):
            compose.restore(archive, new)


def test_a_damaged_archive_restores_nothing():
    """An archive that is none, or was cut, is told and leaves no database behind."""
    with support.data_directory() as folder:
        (folder / "bad.tar").write_bytes(b"not an archive")
        with pytest.raises(errors.Invalid) as refused:
            compose.restore(folder / "bad.tar", folder / "new")
        assert refused.value.reason == "backup.damaged"
        assert not (folder / "new" / "postgres").exists()


async def test_a_stopped_platform_that_is_none_is_told():
    """Without a database there is nothing to open, and none is made."""
    with support.data_directory() as folder:
        with pytest.raises(errors.NotFound) as refused:
            async with compose.open_stopped(folder):
                pass
        assert refused.value.reason == "database.missing"
        with pytest.raises(errors.NotFound):
            compose.backup(folder, folder / "x.tar")
        assert list(folder.iterdir()) == []
