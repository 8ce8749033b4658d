"""What each process holds while a large file streams in: nothing may grow with the file.

`python bench/memory.py --gb 1` or `--mb 200 --format ndjson|csv|arrow`. Claims are made as they are sent and
answers are read as they come, so neither lies on disk here. Every quarter of a second the memory of each
process is looked at: what is resident, files it has mapped included. PostgreSQL is told by its largest
process, and its buffers, which all of its processes share, apart. Ctrl-C ends the file and tells what was
seen until then.
"""

import argparse
import asyncio
import contextlib
import io
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TypedDict

import bulk
import keeping
import processes
import pyarrow as pa
import pyarrow.compute as pc
import systems

from formats import canonical
from formats.tabular import writing
from payersim.usecases import simulate

SEED = 23
CLAIMS = 1_000  # made once; sent again and again under other names
KB, MB = 1_000, 1_000_000
GOAL_MB = 400
EARLY = 0.1  # of the file: what a process holds by then is what it needs for a small one
LOOK_SECONDS = 0.25
PIECE = 64 * 1024
TYPES = {"ndjson": bulk.NDJSON, "csv": "text/csv", "arrow": bulk.ARROW}

type Pieces = Iterator[bytes]


class Seen(TypedDict):
    """Megabytes at one moment: each process's own, and PostgreSQL's shared ones."""

    sent: int
    answers: int
    own: dict[str, float]
    shared: float


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--gb", type=float, help="size of the file in gigabytes")
    size.add_argument("--mb", type=float, default=200, help="size of the file in megabytes (default 200)")
    parser.add_argument("--format", choices=tuple(TYPES), default="ndjson")
    options = parser.parse_args()
    wanted = int((options.gb * 1000 if options.gb else options.mb) * MB)
    base = "/var/tmp" if os.geteuid() == 0 else None  # noqa: S108 - the database's own user must reach the folder
    with tempfile.TemporaryDirectory(prefix="ultrathink-memory-", dir=base) as folder:
        Path(folder).chmod(0o755)
        pieces = _pieces(Path(folder), options.format)
        with systems.ours(Path(folder) / "ours", single=False) as ours:
            upload = Upload(ours, TYPES[options.format], wanted)
            asyncio.run(_watched(upload, pieces))
    _show(upload)
    told = {"sent": upload.sent, "seconds": upload.seconds, "answers": upload.answers}
    kept = keeping.keep("memory", options=vars(options), **told, seen=upload.seen)
    print(f"raw figures in {kept}")


class Upload:
    """One file on its way, with what was seen of the processes meanwhile."""

    def __init__(self, system: systems.System, media_type: str, wanted: int) -> None:
        self.system, self.wanted, self.media_type = system, wanted, media_type
        self.sent = self.answers = 0
        self.seconds = 0.0
        self.status = ""
        self.seen: list[Seen] = []
        self.ending = asyncio.Event()

    async def send(self, writer: asyncio.StreamWriter, pieces: Pieces) -> None:
        """Send until the file is as large as wanted, or is to end; never more than the platform takes."""
        writer.write(
            f"POST {self.system.path} HTTP/1.1\r\nHost: 127.0.0.1:{self.system.port}\r\n"
            f"Authorization: Bearer {self.system.token}\r\nContent-Type: {self.media_type}\r\n"
            f"Accept: {self.media_type}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        )
        for piece in pieces:
            if self.sent >= self.wanted or self.ending.is_set():
                break
            for at in range(0, len(piece), PIECE):
                part = piece[at : at + PIECE]
                writer.write(b"%x\r\n%s\r\n" % (len(part), part))
                await writer.drain()
                self.sent += len(part)
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    async def read(self, reader: asyncio.StreamReader) -> None:
        """Read the answer to its end, counting its lines, or of Arrow its kilobytes."""
        self.status = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n", 1)[0].decode()
        while size := int((await reader.readline()).strip(), 16):
            body = await reader.readexactly(size + 2)
            self.answers += body.count(b"\n", 0, size) if self.media_type != bulk.ARROW else size // KB
        await reader.readline()

    def look(self) -> None:
        """Remember what every process holds now."""
        own: dict[str, float] = {}
        shared = 0.0
        for process in processes.family(self.system.pid):
            held = processes.memory(process.pid)
            own[process.name] = max(own.get(process.name, 0.0), held.own / MB)
            if process.name == "postgresql":
                shared = max(shared, held.shared / MB)
        self.seen.append({"sent": self.sent, "answers": self.answers, "own": own, "shared": shared})


async def _watched(upload: Upload, pieces: Pieces) -> None:
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, upload.ending.set)
    upload.look()
    watch = asyncio.create_task(_look(upload))
    reader, writer = await asyncio.open_connection("127.0.0.1", upload.system.port)
    began = time.perf_counter()
    try:
        await asyncio.gather(upload.send(writer, pieces), upload.read(reader))
    finally:
        upload.seconds = time.perf_counter() - began
        watch.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watch
        writer.close()


async def _look(upload: Upload) -> None:
    while True:
        await asyncio.to_thread(upload.look)
        await asyncio.sleep(LOOK_SECONDS)


def _pieces(folder: Path, kind: str) -> Pieces:
    """Return a file without end, in pieces of so many claims: each time with other claims and patients."""
    simulate.simulate(CLAIMS, SEED, folder / "claims", regimes=("base",))
    lines = (folder / "claims" / "claims.ndjson").read_bytes()
    return {"ndjson": _lines, "csv": _rows, "arrow": _batches}[kind](lines)


def _lines(lines: bytes) -> Pieces:
    return (bulk.renamed(lines, f"M{at}") for at in range(1 << 30))


def _rows(lines: bytes) -> Pieces:
    claims = [canonical.decode(line) for line in lines.splitlines()]
    header, rows = writing.claim_table(claims).encode().split(b"\n", 1)
    yield header + b"\n"
    for at in range(1 << 30):
        yield rows.replace(b"SIM-", b"M%d-" % at)


def _batches(lines: bytes) -> Pieces:
    batch = pa.ipc.open_stream(bulk.arrow(lines)).read_all().combine_chunks().to_batches()[0]
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        for at in range(1 << 30):
            writer.write_batch(_renamed(batch, f"M{at}-"))
            yield sink.getvalue()
            sink.seek(0)
            sink.truncate()


def _renamed(batch: pa.RecordBatch, mark: str) -> pa.RecordBatch:
    patient = batch.column("patient")
    parts = [
        pc.replace_substring(patient.field(at), "SIM-", mark) if field.name == "id" else patient.field(at)
        for at, field in enumerate(patient.type)
    ]
    columns = {
        "claim_id": pc.replace_substring(batch.column("claim_id"), "SIM-", mark),
        "patient": pa.StructArray.from_arrays(parts, fields=list(patient.type)),
    }
    return pa.record_batch(
        [columns.get(name, batch.column(name)) for name in batch.schema.names], schema=batch.schema
    )


def _show(upload: Upload) -> None:
    rate = upload.sent / MB / upload.seconds
    unit = "KB" if upload.media_type == bulk.ARROW else "lines"
    print(f"{upload.sent / MB:,.0f} MB in {upload.seconds:,.0f} s ({rate:.1f} MB/s)")
    print(f"answered {upload.status}, {upload.answers:,} {unit}")
    early = [one for one in upload.seen if one["answers"] <= EARLY * upload.answers]
    print(f"{'MB':>12} {'first tenth':>12} {'whole file':>12}")
    for name in sorted({name for one in upload.seen for name in one["own"]}):
        first, peak = (max(one["own"].get(name, 0.0) for one in part) for part in (early, upload.seen))
        if peak:  # what had ended when it was looked at holds nothing
            print(f"{name:>12} {first:>12,.0f} {peak:>12,.0f}  {'pass' if peak < GOAL_MB else 'short'}")
    first, peak = (max(one["shared"] for one in part) for part in (early, upload.seen))
    print(f"{'its buffers':>12} {first:>12,.0f} {peak:>12,.0f}  shared by all of PostgreSQL")


if __name__ == "__main__":
    main()
