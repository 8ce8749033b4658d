"""Backups of a platform on the embedded server: one tar of a dump, the objects and a manifest.

Objects are taken before the dump: whatever the dump names is then in the archive or was never needed, and an
anchor never knows more than the chains that come with it.
"""

import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from chassis import errors
from storage.outbound import embedded, migrations, roles

DUMP_SECONDS = 3_600.0
FORMAT = 1
# Transaction ids begin again in the restored cluster, so what was published keeps its order by position
# alone, and the epoch tells subscribers that their place is from before.
RENEW = """
UPDATE ultrathink.outbox SET xid = '3';
UPDATE ultrathink.platform SET epoch = epoch + 1;
"""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What an archive holds."""

    format: int
    schema: str
    dump_sha256: str
    objects: int
    folders: list[str] = []  # of the data directory, beside the database and the objects


def backup(data_dir: Path, destination: Path, folders: Sequence[str] = ()) -> Manifest:
    """Write an archive of a running platform's data directory to a file, whole or not at all.

    `folders` of it are taken too where they are there; their files are small and replaced whole.
    Raises NotFound `database.missing` when no server runs there, Unavailable `backup.failed`.
    """
    database = embedded.attached(data_dir)
    with tempfile.TemporaryDirectory(dir=destination.resolve().parent) as scratch:
        folder = Path(scratch)
        objects = _copy_objects(data_dir / "objects", folder / "objects")
        dump = folder / "database.dump"
        _run(database, "pg_dump", "--format=custom", "--compress=1", f"--file={dump}", "--dbname")
        taken = [name for name in folders if (data_dir / name).is_dir()]
        (folder / "folders").mkdir()
        for name in taken:
            shutil.copytree(data_dir / name, folder / "folders" / name)
        manifest = Manifest(
            format=FORMAT,
            schema=migrations.HEAD,
            dump_sha256=_sha256(dump),
            objects=objects,
            folders=taken,
        )
        (folder / "manifest.json").write_bytes(msgspec.json.encode(manifest))
        part = folder / "archive.tar"
        with tarfile.open(part, "w") as archive:
            for name in ("manifest.json", "database.dump", "objects", "folders"):
                archive.add(folder / name, arcname=name)
        part.chmod(0o600)
        part.replace(destination)
    return manifest


def restore(archive: Path, data_dir: Path) -> Manifest:
    """Make a new data directory out of an archive; call from the main thread.

    Raises Conflict `restore.not_empty` when the directory already holds a database, Invalid `backup.damaged`,
    Unavailable `backup.failed`. The audit chains are to be verified afterwards by the caller.
    """
    if (data_dir / "postgres").exists() or (data_dir / "objects").exists():
        raise errors.Conflict("restore.not_empty", f"{data_dir} already holds a platform's data.")
    data_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=data_dir) as scratch:
        folder = Path(scratch)
        manifest = _unpack(archive, folder)
        with embedded.opened(data_dir) as database:
            roles.bootstrap(database)
            _run(database, "pg_restore", "--exit-on-error", str(folder / "database.dump"), "--dbname")
            _run(database, "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", RENEW, "-d")
        shutil.move(folder / "objects", data_dir / "objects")
        for name in manifest.folders:
            shutil.move(folder / "folders" / name, data_dir / name)
    return manifest


def _unpack(archive: Path, folder: Path) -> Manifest:
    try:
        with tarfile.open(archive, "r:") as packed:
            packed.extractall(folder, filter="data")
        manifest = msgspec.json.decode((folder / "manifest.json").read_bytes(), type=Manifest)
        whole = manifest.format == FORMAT and _sha256(folder / "database.dump") == manifest.dump_sha256
        # A copy that broke off between two objects still reads as an archive, so they are counted.
        whole = whole and (folder / "objects").is_dir() and _count(folder / "objects") == manifest.objects
        whole = whole and all(_is_there(folder / "folders", name) for name in manifest.folders)
    except (OSError, tarfile.TarError, msgspec.DecodeError) as cause:
        raise errors.Invalid("backup.damaged", "The archive is not one of ours or is damaged.") from cause
    if not whole:
        raise errors.Invalid("backup.damaged", "The archive is not one of ours or is damaged.")
    return manifest


def _is_there(folder: Path, name: str) -> bool:
    """Return whether a name is a plain one, of a folder that the archive holds."""
    return Path(name).name == name and (folder / name).is_dir()


def _copy_objects(source: Path, target: Path) -> int:
    target.mkdir()
    if source.exists():
        shutil.copytree(source, target, dirs_exist_ok=True)
    return _count(target)


def _count(objects: Path) -> int:
    """Return how many objects lie in a folder."""
    return sum(1 for path in objects.rglob("*") if path.is_file())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _run(database: embedded.EmbeddedDatabase, program: str, *arguments: str) -> None:
    """Run one of the server's programs as its superuser.

    The last argument is the option that takes the address.
    """
    made = subprocess.run(  # noqa: S603 - the server's own client, fixed arguments
        [str(database.program(program)), *arguments, database.address("postgres", "ultrathink")],
        capture_output=True,
        check=False,
        timeout=DUMP_SECONDS,
        env=database.client_environment(),
    )
    if made.returncode != 0:
        raise errors.Unavailable("backup.failed", f"{program} ended with code {made.returncode}.")
