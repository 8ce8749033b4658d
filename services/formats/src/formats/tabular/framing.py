"""Cutting a CSV stream into claims: header and the adjacent rows of one claim make one frame.

Room: formats.tabular. Memory is bounded by one claim: rows beyond its bound are counted, not kept.
"""

from chassis import errors
from formats import frames, jsontext, model
from formats.tabular import records

KEY = "claim_id"
_BOM = b"\xef\xbb\xbf"


class ClaimFramer:
    """Frames of CSV text, each with the header line on top; the delimiter is detected in the header."""

    def __init__(self) -> None:
        self._lines = frames.LineFramer(keep_blank=True)
        self._record: list[bytes] = []
        self._record_line = 0
        self._record_size = 0
        self._open = False
        self._header = b""
        self._delimiter = ","
        self._key_index: int | None = None
        self._rows: list[bytes] = []
        self._rows_size = 0
        self._rows_line = 0
        self._key = ""

    def feed(self, chunk: bytes) -> list[frames.Frame]:
        """Return the claims whose last row is known to be complete."""
        found: list[frames.Frame] = []
        for line in self._lines.feed(chunk):
            self._take(line, found)
        return found

    def close(self) -> list[frames.Frame]:
        """Return the last claim."""
        found: list[frames.Frame] = []
        for line in self._lines.close():
            self._take(line, found)
        if self._record:
            self._finish_record(found)
        self._finish_claim(found)
        return found

    def _take(self, line: frames.Frame, found: list[frames.Frame]) -> None:
        if line.fault is not None:
            self._finish_claim(found)
            found.append(line)
            return
        if not self._record:
            self._record_line = line.position
        text = line.body.decode("utf-8", "replace").rstrip("\r")
        self._record.append(line.body.rstrip(b"\r"))
        self._record_size += len(line.body)
        self._open = records.stays_open(text, self._delimiter, opened=self._open)
        if not self._open or self._record_size > jsontext.MAX_BYTES:
            self._finish_record(found)

    def _finish_record(self, found: list[frames.Frame]) -> None:
        record = b"\n".join(self._record)
        self._record, self._record_size, self._open = [], 0, False
        if not record.strip():
            return
        if not self._header:
            self._begin(record.removeprefix(_BOM))
            return
        key = self._key_of(record)
        if not self._rows or not key or key != self._key:
            self._finish_claim(found)
            self._key, self._rows_line = key, self._record_line
        self._rows_size += len(record)
        if self._rows_size <= jsontext.MAX_BYTES and len(self._rows) <= model.MAX_LINES:
            self._rows.append(record)  # one row too many is kept, for the reader to say so

    def _begin(self, header: bytes) -> None:
        self._header = header
        text = header.decode("utf-8", "replace")
        self._delimiter = records.delimiter_of(text)
        names = self._cells(header)
        self._key_index = names.index(KEY) if KEY in names else None

    def _key_of(self, record: bytes) -> str:
        if self._key_index is None:
            return ""
        cells = self._cells(record)
        return cells[self._key_index] if self._key_index < len(cells) else ""

    def _cells(self, record: bytes) -> list[str]:
        try:
            return records.cells(record.decode("utf-8", "replace"), self._delimiter)
        except errors.Invalid:  # the reader of the frame will say so
            return []

    def _finish_claim(self, found: list[frames.Frame]) -> None:
        if self._rows_size > jsontext.MAX_BYTES:
            found.append(frames.Frame(self._rows_line, b"", frames.too_large()))
        elif self._rows:
            found.append(frames.Frame(self._rows_line, b"\n".join([self._header, *self._rows])))
        self._rows, self._rows_size = [], 0
