"""Processes that a bench starts: they say how they ended, and end with the bench however that ends."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import IO

from ultrathink_cli.outbound import processes

READY_SECONDS = 60.0
END_SECONDS = 20.0
POLL_SECONDS = 0.2
LAST_LINES = 15  # of what a process printed: enough for the end of a stack trace
LAST_BYTES = 16 * 1024


class Child:
    """A process under its name, with what it printed."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], printed: IO[bytes]) -> None:
        self.name, self.pid = name, process.pid
        self._process, self._printed = process, printed
        self.told = False  # whether its end was told already

    def ended(self) -> str:
        """Return how it ended and its last lines, nothing while it runs."""
        code = self._process.poll()
        if code is None:
            return ""
        how = f"exit status {code}" if code >= 0 else f"signal {-code} ({signal.Signals(-code).name})"
        return f"{self.name} (process {self.pid}) ended with {how}; {self.said()}"

    def said(self) -> str:
        """Return the last lines that it printed."""
        size = os.fstat(self._printed.fileno()).st_size
        whole = os.pread(self._printed.fileno(), LAST_BYTES, max(0, size - LAST_BYTES))
        lines = whole.decode(errors="replace").splitlines()[-LAST_LINES:]
        return "\n  ".join(["its last lines:", *lines]) if lines else "it printed nothing"

    def end(self) -> None:
        """Ask it to end, then insist; tell of one that had ended by itself."""
        if told := self.ended():
            if not self.told:
                print(told, file=sys.stderr)
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextlib.contextmanager
def running(
    name: str, command: Sequence[str], settings: Mapping[str, str], folder: Path | None = None
) -> Iterator[Child]:
    """Run a program inside the block, with these settings on top of the bench's own environment."""
    with tempfile.TemporaryFile() as printed, ending():
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **settings},
            stdout=printed,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the bench, which then ends it
            preexec_fn=processes.die_with_parent(),  # noqa: PLW1509 - the bench starts from its only thread
        )
        child = Child(name, process, printed)
        try:
            yield child
        finally:
            child.end()


def ready(url: str, *children: Child, seconds: float = READY_SECONDS) -> None:
    """Return once `url` answers well; SystemExit says which process ended, or what the last one said."""
    ends = time.monotonic() + seconds
    while not _answers(url):
        for child in children:
            if told := child.ended():
                child.told = True
                raise SystemExit(f"{url} was not ready yet: {told}")
        if time.monotonic() > ends:
            last = children[-1]
            raise SystemExit(f"{url} was not ready within {seconds:.0f} s; of {last.name} {last.said()}")
        time.sleep(POLL_SECONDS)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own loopback address
            return bool(answer.status == 200)
    except OSError:  # nobody there yet, or not ready
        return False


@contextlib.contextmanager
def ending() -> Iterator[None]:
    """Leave the block, and so end what was started in it, when the bench is asked to end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, _leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, how in before.items():
            signal.signal(number, how)


def _leave(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)
