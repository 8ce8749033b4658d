"""The processes of a running platform by name: what each has spent and what it holds (Linux: /proc).

Names are the rooms' own (`python -m gateway` is gateway), `postgresql` for all of the database's, `launcher`
for the command that started them.
"""

import collections
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
KIB = 1_024
TICKS = os.sysconf("SC_CLK_TCK")
ROOMS = ("gateway", "claims", "scoring", "storage")


@dataclass(frozen=True, slots=True)
class Process:
    """One process as it was when it was looked at; CPU includes children that have ended."""

    pid: int
    name: str
    cpu_seconds: float


def family(root: int) -> list[Process]:
    """Return the process `root` and all that descend from it."""
    parents: dict[int, list[int]] = collections.defaultdict(list)
    seen: dict[int, tuple[str, float]] = {}
    for pid, parent, command, cpu in _all():
        parents[parent].append(pid)
        seen[pid] = (command, cpu)
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        waiting += parents[pid]
        if pid in seen:
            command, cpu = seen[pid]
            found.append(Process(pid, "launcher" if pid == root else name(command), cpu))
    return found


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident bytes of one process: its own with the files it has mapped, and of shared memory."""

    own: int
    shared: int


def memory(pid: int) -> Memory:
    """Return what a process holds by the kernel's counters (cheap to read); nothing when it has ended."""
    try:
        lines = (PROC / str(pid) / "status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return Memory(0, 0)
    held = {line.split(":")[0]: int(line.split()[1]) * KIB for line in lines if line.startswith("Rss")}
    return Memory(held.get("RssAnon", 0) + held.get("RssFile", 0), held.get("RssShmem", 0))


def name(command: str) -> str:
    """Return what a process is called by its command line."""
    if "postgres" in command.split(" -m ", maxsplit=1)[0]:
        return "postgresql"
    words = command.split()
    module = words[words.index("-m") + 1] if "-m" in words[:-1] else ""
    return module if module in ROOMS else "platform" if module else "other"


def _all() -> Iterator[tuple[int, int, str, float]]:
    for place in PROC.iterdir():
        if not place.name.isdigit():
            continue
        try:
            fields = (place / "stat").read_text().rpartition(")")[2].split()
            command = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):  # it ended while it was looked at
            continue
        ticks = sum(int(field) for field in fields[11:15])  # user, system, and the same of ended children
        yield int(place.name), int(fields[1]), command, ticks / TICKS
