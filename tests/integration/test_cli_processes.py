"""Services as real processes: they start, log, end when asked, insist when deaf, die with their parent."""

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

import pytest

from chassis import testing
from ultrathink_cli.outbound import processes
from ultrathink_cli.usecases import supervise

PATIENCE_S = 20.0
ENVIRONMENT = {"PATH": os.environ["PATH"]}
# Each script opens the named pipe when it is ready, so that a test waits for the fact and not for a time.
POLITE = "import signal,sys; open(sys.argv[1],'w').close(); signal.pause()"
DEAF = "import signal,sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + POLITE
PARENT = """
import asyncio, sys
from pathlib import Path
from ultrathink_cli.outbound import processes

async def main():
    command = (sys.executable, "-c", sys.argv[1], sys.argv[2])
    child = processes.ServiceProcess("child", command, {}, Path(sys.argv[3]))
    await child.start()
    print(child.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""
HOLDING = "import signal,sys; pipe = open(sys.argv[1],'w'); pipe.write('ready'); pipe.flush(); signal.pause()"


def _process(folder: Path, script: str, *arguments: str) -> processes.ServiceProcess:
    command = (sys.executable, "-c", script, *arguments)
    return processes.ServiceProcess("room", command, ENVIRONMENT, folder / "logs" / "room.log")


async def _started(folder: Path, script: str) -> processes.ServiceProcess:
    """Start a process and return once it says that it is ready."""
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    child = _process(folder, script, str(pipe))
    await child.start()
    await asyncio.wait_for(asyncio.to_thread(pipe.read_bytes), PATIENCE_S)
    return child


async def test_what_it_says_is_in_its_log(tmp_path: Path) -> None:
    """Both streams, after what was there; the folder is made; nothing of our environment leaks in."""
    script = "import os,sys; print('out', flush=True); print('err', sorted(os.environ), file=sys.stderr)"
    log = tmp_path / "logs" / "room.log"
    for _ in range(2):
        child = _process(tmp_path, script)
        await child.start()
        assert await asyncio.wait_for(child.wait(), PATIENCE_S) == 0
        assert child.pid is None
    said = log.read_text()
    assert said.count("out\n") == said.count("err") == 2
    assert "PATH" in said
    assert "HOME" not in said


async def test_exit_statuses_come_back(tmp_path: Path) -> None:
    """The supervisor tells an error from a signal."""
    child = _process(tmp_path, "raise SystemExit(3)")
    await child.start()
    assert await asyncio.wait_for(child.wait(), PATIENCE_S) == 3
    killed = _process(tmp_path, "import os; os.kill(os.getpid(), 9)")
    await killed.start()
    assert await asyncio.wait_for(killed.wait(), PATIENCE_S) == -signal.SIGKILL


async def test_a_process_that_never_started_can_be_waited_for_and_stopped(tmp_path: Path) -> None:
    """A shutdown in the middle of a start does not stumble."""
    child = _process(tmp_path, "")
    assert await child.wait() == 0
    await child.stop(1.0)
    assert child.pid is None


async def test_a_command_that_does_not_exist_is_told(tmp_path: Path) -> None:
    """A broken installation is an error, not a process that ends."""
    child = processes.ServiceProcess("room", (str(tmp_path / "none"),), {}, tmp_path / "log")
    with pytest.raises(FileNotFoundError):
        await child.start()


async def test_it_ends_when_asked(tmp_path: Path) -> None:
    """SIGTERM is enough for a process that listens; stopping again does nothing."""
    child = await _started(tmp_path, POLITE)
    assert child.pid is not None
    await asyncio.wait_for(child.stop(PATIENCE_S), PATIENCE_S)
    assert await child.wait() == -signal.SIGTERM
    await child.stop(PATIENCE_S)


async def test_a_deaf_process_is_ended_after_its_grace(tmp_path: Path) -> None:
    """A room that hangs does not hang the shutdown."""
    child = await _started(tmp_path, DEAF)
    await asyncio.wait_for(child.stop(0.05), PATIENCE_S)
    assert await child.wait() == -signal.SIGKILL


async def test_it_is_in_a_group_of_its_own(tmp_path: Path) -> None:
    """Ctrl-C in the terminal reaches only the parent, who then stops the rooms in order."""
    child = await _started(tmp_path, POLITE)
    assert child.pid is not None
    assert os.getpgid(child.pid) == child.pid != os.getpgid(0)
    await child.stop(PATIENCE_S)


async def test_it_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    """A kill -9 of `ultrathink up` leaves nothing behind: the kernel ends the children."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    parent = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        PARENT,
        HOLDING,
        str(pipe),
        str(tmp_path / "log"),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        # The child alone holds the writing end: the end of file comes when the child is gone.
        with await asyncio.wait_for(asyncio.to_thread(pipe.open, "rb", buffering=0), PATIENCE_S) as held:
            assert await asyncio.to_thread(held.read, 5) == b"ready"
            parent.kill()
            assert await asyncio.wait_for(asyncio.to_thread(held.read, 1), PATIENCE_S) == b""
    finally:
        with contextlib.suppress(ProcessLookupError):
            parent.kill()
        await parent.communicate()


class _Voice:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, message: str) -> None:
        self.lines.append(message)


async def test_a_killed_room_comes_back_as_another_process(tmp_path: Path) -> None:
    """The supervisor and real processes together: kill -9, a new pid, the restart said and counted."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    child, voice = _process(tmp_path, POLITE, str(pipe)), _Voice()
    supervisor = supervise.Supervisor([child], voice, testing.ManualClock())
    await supervisor.start()
    await asyncio.wait_for(asyncio.to_thread(pipe.read_bytes), PATIENCE_S)
    first = child.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await asyncio.wait_for(asyncio.to_thread(pipe.read_bytes), PATIENCE_S)
    assert child.pid not in {None, first}
    assert supervisor.restarts == {"room": 1}
    assert "signal 9" in voice.lines[0]
    await asyncio.wait_for(supervisor.stop(), PATIENCE_S)
    assert child.pid is None


def test_elsewhere_than_on_linux_nothing_is_tied() -> None:
    """Here it is tied; the tie is a function the child runs before its program."""
    tie = processes.die_with_parent()
    assert callable(tie) == (sys.platform == "linux")
