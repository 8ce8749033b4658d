"""What the sender of a file gets back as an Arrow IPC stream: the columns of the CSV table, typed.

pyarrow is imported with this module, and this module with the first answer in Arrow.
"""

import io
from collections.abc import Sequence

import pyarrow as pa

from chassis import errors
from gateway.domain import exchanges
from gateway.inbound import reports

_TYPES = {
    "position": pa.uint64(), "replayed": pa.bool_(), "errors": pa.uint32(), "warnings": pa.uint32(),
    "rules": pa.list_(pa.string()), "probability": pa.float64(), "at_risk_minor": pa.int64(),
}  # fmt: skip
SCHEMA = pa.schema([(name, _TYPES.get(name, pa.string())) for name in reports.COLUMNS])


class Arrow:
    """An Arrow stream: a record per claim, a record batch for those that get ready together."""

    media_type = exchanges.ARROW

    def __init__(self) -> None:
        self._decoder = reports.decoder()
        self._sink = io.BytesIO()
        self._stream = pa.ipc.new_stream(self._sink, SCHEMA)

    def head(self) -> bytes:
        """Return the message of the schema."""
        return self._written()

    def lines(self, answers: Sequence[exchanges.FileAnswer]) -> bytes:
        """Return the record batch of some claims."""
        return self._batch([reports.cells(answer, self._decoder) for answer in answers])

    def broken(self, fault: errors.Fault) -> bytes:
        """Return a record without a position: it is about the file."""
        return self._batch([reports.refused(fault, None)])

    def tail(self) -> bytes:
        """Return the end of the stream."""
        self._stream.close()
        return self._written()

    def _batch(self, rows: list[tuple[object, ...]]) -> bytes:
        columns = [
            pa.array(column, kind) for column, kind in zip(zip(*rows, strict=True), SCHEMA.types, strict=True)
        ]
        self._stream.write_batch(pa.record_batch(columns, schema=SCHEMA))
        return self._written()

    def _written(self) -> bytes:
        written = self._sink.getvalue()
        self._sink.seek(0)
        self._sink.truncate()
        return written
