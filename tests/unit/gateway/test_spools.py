"""The spool: bytes out as they went in, however much waits, and a bound that holds."""

import asyncio

import hypothesis
from hypothesis import strategies

from gateway.inbound import spools

BIG = spools.MEMORY_BYTES // 2 + 1


async def _drain(spool: spools.Spool) -> bytes:
    taken = bytearray()
    while piece := await spool.get():
        taken += piece
    return bytes(taken)


@hypothesis.settings(max_examples=40, deadline=None)
@hypothesis.given(
    strategies.lists(strategies.one_of(strategies.none(), strategies.integers(1, 700_000)), max_size=12)
)
def test_what_goes_in_comes_out(steps: list[int | None]) -> None:
    """Any mixture of putting (a size) and getting (none) keeps every byte in order."""

    async def run() -> None:
        spool = spools.Spool(64 * 1024 * 1024)
        put, taken = bytearray(), bytearray()
        for number, size in enumerate(steps):
            if size is not None:
                data = bytes([number % 251]) * size
                put += data
                await spool.put(data)
            elif len(put) > len(taken):
                taken += await spool.get()
        await spool.close()
        taken += await _drain(spool)
        spool.discard()
        assert taken == put

    asyncio.run(run())


async def test_a_full_spool_makes_its_writer_wait() -> None:
    """When memory and file are full, the pressure reaches the sender, and a read releases it."""
    spool = spools.Spool(BIG)
    await spool.put(b"a" * spools.MEMORY_BYTES)
    await spool.put(b"b" * BIG)
    late = asyncio.create_task(spool.put(b"c" * BIG))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not late.done()
    reading = asyncio.create_task(_drain(spool))
    await late
    await spool.close()
    assert await reading == b"a" * spools.MEMORY_BYTES + b"b" * BIG + b"c" * BIG
    spool.discard()


async def test_a_piece_larger_than_any_room_still_passes() -> None:
    """One answer that fits nowhere goes through alone instead of blocking for ever."""
    spool = spools.Spool(10)
    await spool.put(b"x" * (spools.MEMORY_BYTES + 100))
    await spool.close()
    assert len(await _drain(spool)) == spools.MEMORY_BYTES + 100
