"""A bench says how the processes it started ended, and ends them however it ends itself."""

import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

CHILDREN = Path(__file__).parents[3] / "bench" / "children.py"
NOBODY = "http://127.0.0.1:1/readyz"
SECONDS = 20.0

specification = importlib.util.spec_from_file_location("children", CHILDREN)
assert specification is not None
assert specification.loader is not None
children = importlib.util.module_from_spec(specification)
specification.loader.exec_module(children)


def _python(program: str) -> list[str]:
    return [sys.executable, "-c", program]


def test_a_process_that_dies_at_its_start_is_told_with_its_last_lines() -> None:
    """Name, exit status and the end of what it printed, on whichever stream, instead of ours."""
    program = "import sys; print('begun'); sys.exit('no database at that address')"
    with (
        children.running("naive monolith", _python(program), {}) as child,
        pytest.raises(SystemExit) as ended,
    ):
        children.ready(NOBODY, child)
    told = str(ended.value)
    assert "naive monolith" in told
    assert "exit status 1" in told
    assert told.endswith("no database at that address")


def test_of_several_the_one_that_ended_is_named() -> None:
    """A chain whose second link is missing never becomes ready: it is told at once, by its signal."""
    waits = _python("import time; time.sleep(60)")
    dies = _python("import os; os.kill(os.getpid(), 9)")
    with (
        children.running("first", waits, {}) as first,
        children.running("second", dies, {}) as second,
        pytest.raises(SystemExit, match=r"second .* signal 9 \(SIGKILL\); it printed nothing"),
    ):
        children.ready(NOBODY, first, second)


def test_one_that_never_answers_is_told_with_what_it_said() -> None:
    """Waiting is bounded."""
    says = _python("import time; print('loading', flush=True); time.sleep(60)")
    with children.running("slow", says, {}) as child:
        ends = time.monotonic() + SECONDS
        while "loading" not in child.said():
            assert time.monotonic() < ends
        with pytest.raises(SystemExit, match=r"not ready within 0 s; of slow its last lines:\n  loading"):
            children.ready(NOBODY, child, seconds=0.0)


def test_one_that_died_while_it_was_measured_is_told_of(capsys: pytest.CaptureFixture[str]) -> None:
    """Failed requests have a reason beside them."""
    with children.running("ours", _python("raise SystemExit(7)"), {}) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert "ours" in (said := capsys.readouterr().err)
    assert "exit status 7" in said


# Where the tests run in the background of a script, SIGINT is ignored, and a child inherits that.
PARENT = f"""
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.path.insert(0, {str(CHILDREN.parent)!r})
import children
with children.running("child", [sys.executable, "-c", "import time; time.sleep(60)"], {{}}) as child:
    print(child.pid, flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, -2), (signal.SIGKILL, -9)],
)
def test_what_a_bench_started_ends_with_it(number: signal.Signals, status: int) -> None:
    """On Ctrl-C, when it is asked to end, when its terminal goes, and when it is killed."""
    parent = subprocess.Popen(
        _python(PARENT), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert parent.stdout is not None
    assert parent.stdin is not None
    child = Path(f"/proc/{int(parent.stdout.readline())}/stat")
    parent.send_signal(number)
    assert parent.wait(SECONDS) == status
    parent.stdin.close()
    parent.stdout.close()
    ends = time.monotonic() + SECONDS
    while child.exists() and child.read_text().rsplit(")", 1)[1].split()[0] != "Z":
        assert time.monotonic() < ends, "the child outlived the bench"
