"""The spool of answers that wait for their reader: order, bounds, ends."""

import asyncio

import pytest

from chassis import errors
from claims.inbound import spools


async def spool(max_bytes: int = 1 << 20, stall: float = 60.0) -> spools.Spool:
    """Return a spool."""
    return spools.Spool(max_bytes=max_bytes, stall_seconds=stall)


async def test_a_spool_keeps_order_across_memory_and_file() -> None:
    """Entries come out as they went in, also when reading catches up and falls behind again."""
    told = await spool()
    out: list[bytes] = []
    reader = told.entries()
    for start in (0, 1_000, 2_000):
        for number in range(start, start + 1_000):
            await told.put(b"%d" % number)
        assert told.spilled
        for _ in range(1_000):
            out.append(await anext(reader))  # noqa: PERF401
        assert not told.spilled
    told.end()
    assert [entry async for entry in reader] == []
    assert out == [b"%d" % number for number in range(3_000)]
    told.close()


async def test_a_full_spool_waits_for_its_reader() -> None:
    """Nothing is lost when the file is full: the writer goes on when there is room."""
    told = await spool(max_bytes=2_000)
    count = spools.IN_MEMORY + 500

    async def write() -> None:
        for number in range(count):
            await told.put(b"%06d" % number)
        told.end()

    writer = asyncio.create_task(write())
    out = [entry async for entry in told.entries()]
    await writer
    assert out == [b"%06d" % number for number in range(count)]
    told.close()


async def test_a_reader_that_never_reads_is_told() -> None:
    """When nothing is taken for the stall time the writer is refused: both would wait for ever."""
    told = await spool(max_bytes=100, stall=0.01)
    for _ in range(spools.IN_MEMORY + 1):
        await told.put(b"x" * 50)
    with pytest.raises(errors.Exhausted, match=r"file\.answers_not_read"):
        await told.put(b"x" * 50)
    told.close()


async def test_an_entry_larger_than_the_spool_still_passes() -> None:
    """One huge answer is written alone rather than never."""
    told = await spool(max_bytes=10)
    for _ in range(spools.IN_MEMORY):
        await told.put(b"a")
    await told.put(b"b" * 1_000)
    told.end()
    assert [entry async for entry in told.entries()][-1] == b"b" * 1_000
    told.close()


async def test_a_failure_is_raised_after_the_last_entry() -> None:
    """What was ready is read before the reason why nothing follows."""
    told = await spool()
    await told.put(b"1")
    told.end(errors.Invalid("x", "y"))
    reader = told.entries()
    assert await anext(reader) == b"1"
    with pytest.raises(errors.Invalid):
        await anext(reader)
