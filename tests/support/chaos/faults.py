"""What may happen to a platform; each is inflicted, lasts, and is mended before its function returns."""

import contextlib
import dataclasses
import json
import os
import secrets
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import platform_support
from chaos import senders, stages

STOPPED_SECONDS = 5.0
STALLED_SECONDS = 3.0
FULL_SECONDS = 3.0
SKEW_SECONDS = 600
SKEWED_FOR_SECONDS = 4.0
RESETS = 3
LARGE_BYTES = 1_300_000  # more than a claim's documents may hold to lie in the database
FILLER_PIECE = 1024 * 1024
ROOMS = ("gateway", "claims", "scoring", "storage")

type Act = Callable[[stages.Stage], None]


@dataclasses.dataclass(frozen=True, slots=True)
class Fault:
    """A name for the report, what it does, statuses that are right beside those that pass, what it needs."""

    name: str
    act: Act
    tolerated: frozenset[int] = frozenset()
    disk: str = ""

    def lacking(self, stage: stages.Stage) -> str:
        """Return why it cannot be inflicted here, empty when it can."""
        missing = self.disk and self.disk not in stage.small_disks
        return f"no small disk for {self.disk}: needs root" if missing else ""


def _kill(room: str) -> Act:
    return lambda stage: stage.kill(room)


def _kill_backend(stage: stages.Stage) -> None:
    """Kill one of PostgreSQL's own processes, on which the server starts over."""
    backends = [pid for pid, line in stage.platform.descendants().items() if "ultrathink_app" in line]
    if not backends:
        stage.book.complain("no backend of the database was found to be killed")
        return
    os.kill(stage.dice.one(sorted(backends)), signal.SIGKILL)
    stage.wait(1.0)


def _stop(room: str) -> Act:
    def act(stage: stages.Stage) -> None:
        pid = stage.platform.room_pid(room)
        os.kill(pid, signal.SIGSTOP)
        try:
            stage.wait(STOPPED_SECONDS)
        finally:
            os.kill(pid, signal.SIGCONT)

    return act


def _stop_scoring(stage: stages.Stage) -> None:
    """Claims are answered all the same, unscored and for review."""
    before = len(stage.book.acknowledged)
    _stop("scoring")(stage)
    if len(stage.book.acknowledged) == before or not stage.book.answers["not_scored"]:
        stage.book.complain("no claim was answered as not scored while scoring stood still")


def _reset(room: str) -> Act:
    def act(stage: stages.Stage) -> None:
        for _ in range(RESETS):
            for proxy in stage.hops[room]:
                proxy.reset()
            stage.wait(0.3)

    return act


def _stall(room: str) -> Act:
    def act(stage: stages.Stage) -> None:
        for proxy in stage.hops[room]:
            proxy.stall()
        try:
            stage.wait(STALLED_SECONDS)
        finally:
            for proxy in stage.hops[room]:
                proxy.flow()

    return act


def _skew(room: str) -> Act:
    def act(stage: stages.Stage) -> None:
        stage.skew_file.write_text(f"{room} {stage.dice.one((SKEW_SECONDS, -SKEW_SECONDS))}\n")
        try:
            stage.wait(SKEWED_FOR_SECONDS)
        finally:
            stage.skew_file.write_text("")

    return act


def _fill_objects(stage: stages.Stage) -> None:
    """A claim too large for the database is refused while its disk is full, small ones are not."""
    body = large(f"LARGE-{secrets.token_hex(4)}")
    with full(stage.platform.data / "objects"):
        before = len(stage.book.acknowledged)
        if senders.post(stage.platform, stage.book, body):
            stage.book.complain("a claim was acknowledged whose documents had no room")
        stage.wait(FULL_SECONDS)
        if len(stage.book.acknowledged) == before:
            stage.book.complain("no small claim was acknowledged while the objects' disk was full")
    stage.until(lambda: senders.post(stage.platform, stage.book, body), "the large claim acknowledged")


def _fill_database(stage: stages.Stage) -> None:
    with full(stage.platform.data / "postgres"):
        stage.wait(FULL_SECONDS)


def _roll(stage: stages.Stage) -> None:
    """Ask each process in turn to end, as an update does; the next goes when the platform is ready again."""
    for room in ("storage", "scoring", "claims", "gateway"):
        stage.kill(room, signal.SIGTERM)
        stage.until(stage.ready, f"ready after {room} was rolled")


def large(claim_id: str) -> bytes:
    """Return a sound claim whose documents do not compress below what the database takes."""
    body = json.loads(platform_support.claim(1, claim_id=claim_id))
    body["supporting_info"].append(
        {"sequence": 2, "category": "info", "value_string": secrets.token_hex(LARGE_BYTES // 2)}
    )
    return json.dumps(body).encode()


@contextlib.contextmanager
def full(folder: Path) -> Iterator[None]:
    """Fill the disk of a folder to its last byte; free it at the end."""
    filler = folder / "filler"
    try:
        with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            size = FILLER_PIECE
            while size:
                try:
                    while file.write(bytes(size)) == size:
                        pass
                    size //= 16
                except OSError:
                    size //= 16
        yield
    finally:
        filler.unlink(missing_ok=True)


# A gateway whose clock is ten minutes off does not accept its callers' tokens.
_STRANGERS = frozenset({401})

ALL = (
    *(Fault(f"kill {room}", _kill(room)) for room in (*ROOMS, "postgresql")),
    Fault("kill a database backend", _kill_backend),
    Fault("kill the launcher", stages.Stage.restart_all),
    Fault("stop scoring 5 s", _stop_scoring),
    Fault("stop storage 5 s", _stop("storage")),
    Fault("objects' disk full", _fill_objects, disk="objects"),
    Fault("database's disk full", _fill_database, disk="postgres"),
    *(Fault(f"reset connections to {room}", _reset(room)) for room in stages.HOPS),
    *(Fault(f"stall connections to {room} 3 s", _stall(room)) for room in stages.HOPS),
    *(Fault(f"clock of {room} off by 10 min", _skew(room), tolerated=_STRANGERS) for room in ROOMS),
    Fault("rolling restart", _roll),
)
