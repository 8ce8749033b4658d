"""Which memory is put into huge pages, and that a process survives it."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis import pages

HUGE = pages.HUGE_BYTES


def line(begin: int, end: int, permissions: str = "rw-p", name: str = "") -> str:
    """Return a line of /proc/PID/maps."""
    return f"{begin:x}-{end:x} {permissions} 00000000 00:00 0   {name}\n"


def test_whole_huge_pages_of_private_writable_memory_are_found() -> None:
    """What does not fill an aligned page stays as it is."""
    lines = [
        line(HUGE + 4096, 4 * HUGE + 4096),
        line(10 * HUGE, 11 * HUGE, name="[heap]"),
        line(20 * HUGE + 4096, 21 * HUGE + 4096),
    ]
    assert list(pages.places(lines)) == [2 * HUGE, 3 * HUGE, 10 * HUGE]


@pytest.mark.parametrize(
    ("permissions", "name"),
    [("r-xp", "libpython.so"), ("r--p", ""), ("rw-s", "/memfd:x"), ("rw-p", "[stack]")],
)
def test_code_shared_memory_and_the_stack_are_left_alone(permissions: str, name: str) -> None:
    """Only memory of the process's own is touched."""
    assert not list(pages.places([line(HUGE, 3 * HUGE, permissions, name)]))


@given(st.integers(0, 2**40), st.integers(0, 2**28))
def test_every_place_lies_aligned_within_its_mapping(begin: int, size: int) -> None:
    """Never a byte outside, and none is missed that fits."""
    found = list(pages.places([line(begin, begin + size)]))
    assert all(place % HUGE == 0 and begin <= place and place + HUGE <= begin + size for place in found)
    assert len(found) == max(0, (begin + size) // HUGE - -(-begin // HUGE))


def test_pages_that_the_kernel_does_not_take_are_not_counted() -> None:
    """A kernel without the call, or memory it cannot use, is no failure."""
    asked: list[int] = []

    def every_other(_: int, length: int) -> bool:
        asked.append(length)
        return len(asked) % 2 == 0

    assert pages.gather(every_other) == len(asked) // 2
    assert set(asked) == {HUGE}


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="Linux alone has /proc/self/maps")
def test_a_process_with_much_in_memory_lives_on() -> None:
    """What it kept is still there, byte for byte."""
    program = (
        "from chassis import pages\n"
        "kept = [str(number) for number in range(300_000)]\n"
        "assert pages.gather() >= 0\n"
        "assert kept == [str(number) for number in range(300_000)]\n"
        "print('lives')"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout == "lives\n"
