"""Backups of a data directory, and what is made of them."""

import asyncio
import hashlib
import json
import tarfile
from pathlib import Path

import pytest

import storage_support as support
from chassis import errors
from storage import compose
from storage.outbound import migrate
from ultrathink.storage.v1 import storage_pb2

SAID = storage_pb2.Outcomes(
    source="payer", at_ms=1_754_000_000_000, line=[1, 2, 3], outcome=["denied"] * 3, nphies=[""] * 3,
    carc=["50"] * 3, allowed_minor=[0] * 3, paid_minor=[0] * 3,
)  # fmt: skip

pytestmark = pytest.mark.xdist_group("embedded")


async def filled(folder: Path) -> tuple[list[str], str]:
    """Fill a data directory as a platform would.

    Return the claims' ids and the last position of its events.
    """
    async with compose.open_stopped(folder) as app:
        storage = support.Stubs(app, "ultrathink")
        ids = await support.recorded(storage, "A", "B", "C")
        await storage.store.RecordChange(support.changed(ids[0]))
        await storage.store.RecordChange(
            support.changed(ids[1], event="adjudication.received", outcomes=SAID, business_status="rejected")
        )
        (folder / "arms").mkdir()
        (folder / "arms" / "arms.json").write_text("{}")
        await asyncio.to_thread(compose.backup, folder, folder / "backup.tar", ("arms", "absent"))
        events = aiter(storage.reader.Watch(storage_pb2.WatchRequest(context=support.context())))
        position = [(await asyncio.wait_for(anext(events), 10)).position for _ in range(5)][-1]
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
            assert (last.checked, last.broken.reason) == (5, "")
            request = storage_pb2.ExportRequest(context=support.context())
            rows = [row async for page in storage.reader.Export(request) for row in page.rows]
            assert [row.payer.outcome for row in rows if row.claim_id == "B"] == ["denied"] * 3
            assert (new / "arms" / "arms.json").read_text() == "{}"
            assert not (new / "absent").exists()
            [again] = await support.record(storage, support.Batch().add("A"))
            assert (again.recorded.replayed, again.recorded.id) == (True, ids[0])
            [fresh] = await support.recorded(storage, "D")
            watched = storage_pb2.WatchRequest(context=support.context(), after=position)
            events = aiter(storage.reader.Watch(watched))
            told = [(await asyncio.wait_for(anext(events), 10)).id for _ in range(6)]
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


def test_an_archive_may_not_name_folders_outside():
    """A name with a path in it is damage, not an order."""
    with support.data_directory() as folder:
        made = folder / "made"
        (made / "objects").mkdir(parents=True)
        (made / "folders").mkdir()
        (made / "database.dump").write_bytes(b"x")
        manifest = {
            "format": 1, "schema": "0003", "dump_sha256": hashlib.sha256(b"x").hexdigest(), "objects": 0,
            "folders": ["../arms"],
        }  # fmt: skip
        (made / "manifest.json").write_text(json.dumps(manifest))
        with tarfile.open(folder / "bad.tar", "w") as archive:
            for name in ("manifest.json", "database.dump", "objects", "folders"):
                archive.add(made / name, arcname=name)
        with pytest.raises(errors.Invalid, match=r"backup\.damaged"):
            compose.restore(folder / "bad.tar", folder / "new")
