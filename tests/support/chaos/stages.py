"""Where a run takes place: a platform of its own, with proxies between its rooms and small disks."""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import dice as dices
import platform_support
from chaos import books, proxies

SKEW = Path(__file__).with_name("skew")
HOPS = ("claims", "scoring", "storage")  # rooms that another room calls
DOORS = {"targets": "TARGET", "streams": "STREAMS"}  # of each: its gRPC server, and its batch streams
OBJECTS_MB, DATABASE_MB = 32, 1024
ENDS_SECONDS = 20.0


class Stage:
    """What faults act on."""

    def __init__(
        self,
        platform: platform_support.Platform,
        hops: Mapping[str, Sequence[proxies.Proxy]],
        small: frozenset[str],
        seed: int,
    ) -> None:
        self.platform, self.hops, self.small_disks = platform, hops, small
        self.dice = dices.Seeded(seed)
        self.book = books.Book()

    @property
    def skew_file(self) -> Path:
        """Which room's clock is off, and by how many seconds."""
        return Path(self.platform.environment["ULTRATHINK_SKEW_FILE"])

    def wait(self, seconds: float) -> None:
        """Let a fault last."""
        time.sleep(seconds)

    def kill(self, room: str, number: int = signal.SIGKILL) -> None:
        """Signal a room's process and wait until another runs in its place."""
        self.until(lambda: bool(self.platform.room_pids(room)), f"{room} runs")
        victim = self.platform.room_pid(room)
        os.kill(victim, number)
        self.until(lambda: self._replaced(room, victim), f"{room} started again")

    def until(
        self, condition: Callable[[], bool], what: str, seconds: float = platform_support.READY_SECONDS
    ) -> float:
        """Return the seconds until a condition holds; complain when it does not in time."""
        began = time.monotonic()
        while not condition():
            if time.monotonic() - began > seconds:
                self.book.complain(f"not {what} within {seconds:.0f} s")
                break
            time.sleep(0.05)
        return time.monotonic() - began

    def ready(self) -> bool:
        """Tell whether the platform says that it takes claims."""
        return self.platform.get("/readyz", token="")[0] == 200

    def restart_all(self) -> None:
        """Kill the process that a person started, see its children end with it, and start another."""
        children = self.platform.descendants()
        self.platform.stop(signal.SIGKILL)
        self.until(
            lambda: not any(Path(f"/proc/{pid}").exists() for pid in children),
            "every child ended",
            ENDS_SECONDS,
        )
        self.platform.start()

    def _replaced(self, room: str, victim: int) -> bool:
        found = self.platform.room_pids(room)
        return bool(found) and victim not in found


@contextlib.contextmanager
def stage(seed: int, *, disks: bool = True) -> Iterator[Stage]:
    """Yield a running stage; everything of it is ended and removed afterwards."""
    with contextlib.ExitStack() as stack:
        data = stack.enter_context(platform_support.folder())
        data.mkdir()
        small = stack.enter_context(_small_disks(data)) if disks else frozenset()
        skew = data.parent / "skew"
        skew.write_text("")
        environment = {}
        hops: dict[str, list[proxies.Proxy]] = {room: [] for room in HOPS}
        for kind, variable in DOORS.items():
            between = proxies.between({room: _upstream(data, kind, room) for room in HOPS})
            for room, proxy in stack.enter_context(between).items():
                hops[room].append(proxy)
                environment[f"ULTRATHINK_{room.upper()}_{variable}"] = proxy.address
        environment |= {"PYTHONPATH": str(SKEW), "ULTRATHINK_SKEW_FILE": str(skew)}
        platform = platform_support.Platform(data, environment=environment)
        stack.callback(_ended, platform)
        platform.start()
        platform.bearer()  # made now, not in the time of the first claim
        yield Stage(platform, hops, small, seed)


def _upstream(data: Path, kind: str, room: str) -> proxies.Upstream:
    return lambda: str(json.loads((data / "run.json").read_bytes())[kind][room])


def _ended(platform: platform_support.Platform) -> None:
    with contextlib.suppress(ProcessLookupError, AssertionError):
        try:
            platform.stop()
        except subprocess.TimeoutExpired:
            platform.stop(signal.SIGKILL)


@contextlib.contextmanager
def _small_disks(data: Path) -> Iterator[frozenset[str]]:
    """Mount disks in memory, bounded in size, where root may; nothing elsewhere."""
    made: list[Path] = []
    try:
        for name, megabytes in (("objects", OBJECTS_MB), ("postgres", DATABASE_MB)):
            place = data / name
            place.mkdir(mode=0o755)
            option = f"size={megabytes}m,mode=0755"
            command = ["mount", "-t", "tmpfs", "-o", option, "ultrathink-chaos", str(place)]
            if (
                os.geteuid() == 0
                and subprocess.run(command, capture_output=True, check=False).returncode == 0
            ):
                made.append(place)
        yield frozenset(place.name for place in made)
    finally:
        for place in made:
            subprocess.run(["umount", "-l", str(place)], check=False)
