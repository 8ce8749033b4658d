"""Files around the embedded server: lock files that lie, damaged archives, a watcher that watches."""

import contextlib
import hashlib
import io
import os
import signal
import socket
import stat
import subprocess
import sys
import tarfile
from pathlib import Path

import msgspec
import pytest

from chassis import errors
from storage.outbound import archive, embedded, launcher, server_files

# In the background of a script SIGINT is ignored, and a child inherits that.
WAITING = "import signal; signal.signal(signal.SIGINT, signal.SIG_DFL); print(flush=True); input()"
READY = "{pid}\n{data}\n1785574800\n{port}\n/run\nlocalhost\n0 0\nready\n"


def lock_file(data: Path, pid: int = 1, port: int = 5432, state: str = "ready") -> Path:
    """Write a server's lock file and return its path."""
    data.mkdir(exist_ok=True)
    path = data / "postmaster.pid"
    path.write_text(READY.format(pid=pid, data=data, port=port).replace("ready", state))
    return path


@pytest.mark.parametrize(
    ("state", "expected"), [("ready   ", True), ("starting", False), ("stopping", False)]
)
def test_only_a_lock_file_that_says_ready_accepts(tmp_path: Path, state: str, expected: bool) -> None:  # noqa: FBT001 - a table of cases
    """A server that starts or stops is not asked yet or any more."""
    lock_file(tmp_path / "data", state=state)
    assert server_files.accepts(tmp_path / "data") is expected


@pytest.mark.parametrize("content", [b"", b"12\n", b"\xff\xfe\x00", b"1\n2\n3\n4\n5\n6\n7\n"])
def test_a_lock_file_half_written_does_not_accept(tmp_path: Path, content: bytes) -> None:
    """What a server has only begun to write, or garbage, is no readiness."""
    (tmp_path / "postmaster.pid").write_bytes(content)
    assert not server_files.accepts(tmp_path)


def test_without_a_lock_file_nothing_accepts(tmp_path: Path) -> None:
    """A folder in which no server runs says so, and clients are told by name."""
    assert not server_files.accepts(tmp_path)
    with pytest.raises(errors.NotFound) as missing:
        embedded.attached(tmp_path)
    assert missing.value.reason == "database.missing"


def test_the_port_is_the_fourth_line(tmp_path: Path) -> None:
    """Clients of a running server find it where its own lock file says."""
    lock_file(tmp_path / "data", port=50_123)
    assert server_files.port(tmp_path / "data") == 50_123


def test_a_stale_lock_file_goes_and_its_process_stays(tmp_path: Path) -> None:
    """The process id in it belongs to somebody else by now: that one is never signalled."""
    data = tmp_path / "data"
    path = lock_file(data, pid=os.getpid())
    (tmp_path / ".s.PGSQL.5432").touch()
    (tmp_path / ".s.PGSQL.5432.lock").touch()
    server_files.clear_stale(data, tmp_path)
    assert not path.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.parametrize("content", ["", "not a number\n", "2147483646\n"])
def test_an_unreadable_or_dead_lock_file_goes(tmp_path: Path, content: str) -> None:
    """A lock file cut by a power failure does not keep the platform from starting."""
    (tmp_path / "postmaster.pid").write_text(content)
    server_files.clear_stale(tmp_path, tmp_path)
    assert not (tmp_path / "postmaster.pid").exists()


def test_an_orphaned_server_is_ended_before_its_folder_is_used(tmp_path: Path) -> None:
    """A process that truly works in the data folder is asked to end, and waited for."""
    data = tmp_path / "data"
    data.mkdir()
    orphan = subprocess.Popen(
        [sys.executable, "-c", WAITING],
        cwd=data,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    with orphan:
        assert orphan.stdout is not None
        orphan.stdout.readline()
        lock_file(data, pid=orphan.pid)
        server_files.clear_stale(data.resolve(), tmp_path)
        assert orphan.wait(20) == -signal.SIGINT
    assert not (data / "postmaster.pid").exists()


def test_a_folder_is_private_to_its_server(tmp_path: Path) -> None:
    """Nobody but the server's user may look into it, even when a parent of it is refused as closed."""
    folder = tmp_path / "postgres"
    with contextlib.suppress(errors.Invalid):
        server_files.prepare(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.skipif(os.getuid() != 0, reason="only root hands the server to the user nobody")
def test_a_closed_parent_is_refused_by_its_name(tmp_path: Path) -> None:
    """Whoever runs the platform as root is told which folder the server's user may not enter."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    outermost = next(
        path for path in reversed((closed / "x").parents) if not path.stat().st_mode & stat.S_IXOTH
    )
    with pytest.raises(errors.Invalid) as refused:
        server_files.prepare(closed / "postgres")
    assert refused.value.reason == "database.unreachable_folder"
    assert f"may not enter {outermost}." in str(refused.value)


def test_a_free_port_can_be_bound() -> None:
    """The port that is told was free a moment ago."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", server_files.free_port()))


@pytest.mark.parametrize("code", [0, 3])
def test_the_watcher_ends_as_its_server_ends(code: int) -> None:
    """While the parent lives, the watcher gives back the server's own exit code."""
    watched = watcher(f"raise SystemExit({code})")
    with watched:
        assert watched.wait(20) == code


def test_the_watcher_ends_its_server_with_its_parent() -> None:
    """The end of standard input means the parent is gone: the server gets SIGQUIT at once."""
    watched = watcher("print('up', flush=True); __import__('signal').pause()")
    with watched:
        assert watched.stdout is not None
        assert watched.stdout.readline() == b"up\n"
        assert watched.stdin is not None
        watched.stdin.close()
        assert watched.wait(20) != 0


@pytest.mark.parametrize("mode", ["pipe", "signal"])
def test_a_server_can_be_ended_by_sigquit_even_where_ours_is_ignored(mode: str) -> None:
    """In a script's background the platform ignores SIGQUIT; what the launcher begins does not."""
    held = signal.signal(signal.SIGQUIT, signal.SIG_IGN)
    try:
        asked = watcher("import signal; print(signal.getsignal(signal.SIGQUIT) is signal.SIG_DFL)", mode)
    finally:
        signal.signal(signal.SIGQUIT, held)
    with asked:
        assert asked.stdout is not None
        assert asked.stdout.read() == b"True\n"


def watcher(program: str, mode: str = "pipe") -> "subprocess.Popen[bytes]":
    """Return the launcher over a small Python program."""
    user, group = str(os.getuid()), str(os.getgid())
    command = [sys.executable, "-I", "-S", launcher.__file__, str(os.getpid()), user, group, mode]
    return subprocess.Popen(
        [*command, sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


def test_a_launcher_whose_parent_is_gone_starts_nothing() -> None:
    """When the parent named is not the parent found, the server never begins."""
    user, group = str(os.getuid()), str(os.getgid())
    command = [sys.executable, "-I", "-S", launcher.__file__, "1", user, group, "signal"]
    made = subprocess.run([*command, "/bin/echo", "begun"], capture_output=True, check=False, timeout=20)
    assert made.returncode == launcher.ORPHANED
    assert made.stdout == b""


DUMP = b"PGDMP of some kind"


def packed(path: Path, **files: bytes) -> Path:
    """Write an archive with these files (`__` stands for a dot) and return its path."""
    with tarfile.open(path, "w") as made:
        for name, content in files.items():
            entry = tarfile.TarInfo(name.replace("__", "."))
            entry.size = len(content)
            made.addfile(entry, io.BytesIO(content))
    return path


def manifest(**changes: object) -> bytes:
    """Return a manifest over DUMP with what is given changed."""
    whole = {"format": archive.FORMAT, "schema": "v1", "dump_sha256": hashlib.sha256(DUMP).hexdigest()}
    return msgspec.json.encode(whole | {"objects": 0} | changes)


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"database__dump": DUMP},
        {"manifest__json": b"{}", "database__dump": DUMP},
        {"manifest__json": b"\xff", "database__dump": DUMP},
        {"manifest__json": manifest(format=2), "database__dump": DUMP},
        {"manifest__json": manifest(), "database__dump": DUMP + b"!"},
        {"manifest__json": manifest(dump_sha256=""), "database__dump": DUMP},
        {"manifest__json": manifest()},
        {"manifest__json": manifest(), "database__dump": DUMP},
        {"manifest__json": manifest(objects=2), "database__dump": DUMP, "objects/ab/one": b"1"},
    ],
)
def test_a_damaged_archive_is_refused_before_a_server_is_made(
    tmp_path: Path, files: dict[str, bytes]
) -> None:
    """Whatever is missing or changed in an archive, nothing is left in the new data directory."""
    made, data = packed(tmp_path / "a.tar", **files), tmp_path / "data"
    with pytest.raises(errors.Invalid) as refused:
        archive.restore(made, data)
    assert refused.value.reason == "backup.damaged"
    assert list(data.iterdir()) == []


@pytest.mark.parametrize("size", [0, 100, 600, 1_500])
def test_a_truncated_archive_is_refused(tmp_path: Path, size: int) -> None:
    """A copy that broke off is damaged, wherever it broke off."""
    whole = packed(tmp_path / "a.tar", manifest__json=manifest(), database__dump=DUMP * 50).read_bytes()
    (tmp_path / "cut.tar").write_bytes(whole[:size])
    with pytest.raises(errors.Invalid) as refused:
        archive.restore(tmp_path / "cut.tar", tmp_path / "data")
    assert refused.value.reason == "backup.damaged"


def test_an_archive_cannot_write_outside_the_new_directory(tmp_path: Path) -> None:
    """A member that climbs out of the folder is refused, and the file it aimed at is not made."""
    made = tmp_path / "a.tar"
    with tarfile.open(made, "w") as climbing:
        entry = tarfile.TarInfo("../../escaped")
        climbing.addfile(entry, io.BytesIO())
    with pytest.raises(errors.Invalid):
        archive.restore(made, tmp_path / "data")
    assert not any(path.name == "escaped" for path in tmp_path.rglob("*"))


@pytest.mark.parametrize("taken", ["postgres", "objects"])
def test_a_directory_in_use_is_not_restored_into(tmp_path: Path, taken: str) -> None:
    """Neither a database nor objects that are there already are ever mixed with a backup's."""
    (tmp_path / taken).mkdir()
    with pytest.raises(errors.Conflict) as refused:
        archive.restore(tmp_path / "absent.tar", tmp_path)
    assert refused.value.reason == "restore.not_empty"
    assert [path.name for path in tmp_path.iterdir()] == [taken]


def test_without_a_server_there_is_no_backup(tmp_path: Path) -> None:
    """A backup of a folder in which no platform runs is refused and leaves no file."""
    with pytest.raises(errors.NotFound):
        archive.backup(tmp_path / "data", tmp_path / "out.tar")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("gigabytes", "setting"), [(1, "128MB"), (4, "256MB"), (8, "512MB"), (512, "1024MB")]
)
def test_buffers_follow_the_memory_within_bounds(gigabytes: int, setting: str):
    """A small machine keeps its memory, a large one is not taken over."""
    assert server_files.shared_buffers(gigabytes * 2**30) == setting


def test_a_container_limits_the_memory(tmp_path: Path):
    """The limit counts where there is one; `max`, or no such file, means the machine's own memory."""
    limit = tmp_path / "memory.max"
    limit.write_text(f"{2**28}\n")
    assert server_files.memory(limit) == 2**28
    limit.write_text("max\n")
    assert server_files.memory(limit) == server_files.memory(tmp_path / "nothing") > 2**28
