"""Spans as JSON lines in a bounded file, which several processes may share; for whoever has no collector."""

import os
import pathlib
from collections.abc import Sequence
from typing import Any

import msgspec
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, export

MAX_BYTES = 64 * 1024 * 1024  # About 150,000 spans; then the file is left as it is.


class FileExporter(export.SpanExporter):
    """Appends one line per span; each batch of lines is one write, so that lines of processes do not mix."""

    def __init__(self, path: pathlib.Path, max_bytes: int = MAX_BYTES) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._max_bytes = max_bytes

    def export(self, spans: Sequence[ReadableSpan]) -> export.SpanExportResult:
        """Write the spans; FAILURE when the file is full or the disk refuses."""
        lines = b"".join(msgspec.json.encode(_line(span)) + b"\n" for span in spans)
        try:
            if os.fstat(self._file).st_size + len(lines) > self._max_bytes:
                return export.SpanExportResult.FAILURE
            os.write(self._file, lines)
        except OSError:
            return export.SpanExportResult.FAILURE
        return export.SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Close the file; every line is written already."""
        os.close(self._file)


def _line(span: ReadableSpan) -> dict[str, Any]:
    start, end = span.start_time or 0, span.end_time or 0
    context = span.get_span_context() or trace.INVALID_SPAN_CONTEXT
    return {
        "trace_id": f"{context.trace_id:032x}",
        "span_id": f"{context.span_id:016x}",
        "parent_id": f"{span.parent.span_id:016x}" if span.parent else "",
        "service": span.resource.attributes.get("service.name", ""),
        "name": span.name,
        "start_us": start // 1000,
        "duration_us": (end - start) // 1000,
        "ok": span.status.is_ok,
        "attributes": dict(span.attributes or {}),
        "links": [f"{link.context.trace_id:032x}" for link in span.links],
    }
