"""Claims of tests as an Arrow IPC stream."""

import io
from typing import Any

import pyarrow as pa


def stream(*claims: dict[str, Any], size: int = 1_000, schema: pa.Schema | None = None) -> bytes:
    """Return the claims as an Arrow IPC stream in batches of `size`, with all columns that one has."""
    names = dict.fromkeys(name for claim in claims for name in claim)
    rows = [{name: claim.get(name) for name in names} for claim in claims]
    table = pa.Table.from_pylist(rows, schema=schema)
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        for batch in table.to_batches(max_chunksize=size):
            writer.write_batch(batch)
    return sink.getvalue()


def records(stream: bytes) -> list[dict[str, Any]]:
    """Return the records of an Arrow IPC stream."""
    found: list[dict[str, Any]] = pa.ipc.open_stream(stream).read_all().to_pylist()
    return found
