"""One JSON object per line on stderr; nothing about a person can get through, by construction.

Only fields named in `FIELDS` are printed, and of those only values shaped like an identifier or a number. An
event is a few lower-case words, written in the code. Of an exception the types and the places are told, never
the text: a driver's message quotes the row it choked on. Records of other libraries are told by place for the
same reason. Whatever is held back is counted in `ultrathink_log_withheld_total`.
"""

import contextlib
import logging
import re
import sys
import traceback
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any, TextIO, cast

import msgspec

from chassis import errors, metrics

# Names of things and measures of work. A name belongs here when no value of it can describe a person.
FIELDS = frozenset({
    "arm", "attempt", "batch_id", "bind", "bytes", "caller", "code", "count", "duration_ms", "exit_code",
    "grace_seconds", "item_id", "items", "kind", "lines", "media_type", "method", "migration", "model",
    "pack", "pid", "port", "queue", "reason", "remaining_ms", "request_id", "retry_after_ms", "revision",
    "rows", "rpc_method", "schema_hash", "service", "side", "signal", "state", "status", "table", "target",
    "task", "tenant", "trace_id", "version", "where",
})  # fmt: skip
MAX_FRAMES = 20  # The innermost places of one exception.
MAX_CAUSES = 5
_VALUE = re.compile(r"[A-Za-z0-9_.:/@+=#\[\]-]{0,200}")  # No blanks: a sentence does not fit.
_EVENT = re.compile(r"[a-z][a-z _.,-]{0,99}")  # No digits and no capitals: neither numbers nor names fit.
_LEVELS = logging.getLevelNamesMapping()


class _Output:
    """Where lines go; set by `configure` for as long as it lasts."""

    def __init__(self) -> None:
        self.service = ""
        self.level = logging.INFO
        self.stream: TextIO | None = None


_OUTPUT = _Output()
_ENCODER = msgspec.json.Encoder()


class Logger:
    """The logger of a room; fields outside `FIELDS` are dropped and counted."""

    __slots__ = ("_room",)

    def __init__(self, room: str) -> None:
        self._room = room

    def debug(self, event: str, **fields: object) -> None:
        """Say what only who looks for a defect wants to know."""
        _write(self._room, logging.DEBUG, event, fields)

    def info(self, event: str, **fields: object) -> None:
        """Say what an operator may need."""
        _write(self._room, logging.INFO, event, fields)

    def warning(self, event: str, **fields: object) -> None:
        """Say what is not as it should be, and was dealt with."""
        _write(self._room, logging.WARNING, event, fields)

    def error(self, event: str, **fields: object) -> None:
        """Say what failed; `exc_info` is the exception, or True for the one being handled."""
        _write(self._room, logging.ERROR, event, fields)

    def exception(self, event: str, **fields: object) -> None:
        """Say what failed, with the exception being handled."""
        self.error(event, **{"exc_info": True, **fields})


def get(name: str) -> Logger:
    """Return the logger of a room."""
    return Logger(name)


@contextlib.contextmanager
def configure(service: str, level: str, stream: TextIO | None = None) -> Iterator[None]:
    """Write lines of `level` and above for `service`, and take over what other libraries log."""
    before = vars(_OUTPUT).copy()
    _OUTPUT.service, _OUTPUT.level, _OUTPUT.stream = service, _LEVELS[level.upper()], stream
    root, handler = logging.getLogger(), _Foreign()
    handlers, root_level = root.handlers[:], root.level
    root.handlers[:] = [handler]
    root.setLevel(max(_OUTPUT.level, logging.WARNING))
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(root_level)
        vars(_OUTPUT).update(before)


def allowed(fields: Mapping[str, object], where: str) -> dict[str, str | int | float | bool]:
    """Return the fields that may leave the process; the others are counted under `where`."""
    kept = {
        name: value
        for name, value in fields.items()
        if name in FIELDS
        and (isinstance(value, int | float) or (isinstance(value, str) and _VALUE.fullmatch(value)))
    }
    if len(kept) < len(fields):
        _withhold(where, len(fields) - len(kept))
    return kept


def places(exception: BaseException) -> list[dict[str, Any]]:
    """Return types and places of an exception and its causes, outermost first, without any text of theirs."""
    told: list[dict[str, Any]] = []
    current: BaseException | None = exception
    while current is not None and len(told) < MAX_CAUSES:
        entry: dict[str, Any] = {"type": f"{type(current).__module__}.{type(current).__qualname__}"}
        if isinstance(current, errors.Fault):
            entry |= {"kind": current.kind, "reason": current.reason}
        frames = traceback.extract_tb(current.__traceback__)[-MAX_FRAMES:]
        entry["frames"] = [f"{_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames]
        told.append(entry)
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return told


def _withhold(where: str, count: int = 1) -> None:
    metrics.counter("log_withheld", "Fields and texts that were not allowed out.", ["where"]).labels(
        where
    ).inc(count)


def _short(path: str) -> str:
    return "/".join(PurePath(path).parts[-3:])


def _write(room: str, level: int, event: object, fields: dict[str, object]) -> None:
    if level < _OUTPUT.level:
        return
    failure = _failure(fields.pop("exc_info", None))
    line: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "level": logging.getLevelName(level).lower(),
        "service": _OUTPUT.service,
        "room": room,
        "event": _event(event),
    }
    line |= allowed(fields, "log")
    if failure is not None:
        line["exception"] = places(failure)
    _print(line)


def _event(text: object) -> str:
    if isinstance(text, str) and _EVENT.fullmatch(text):
        return text
    _withhold("event")
    return "event withheld"


def _failure(given: object) -> BaseException | None:
    if isinstance(given, BaseException):
        return given
    if isinstance(given, tuple):
        return cast("BaseException | None", given[1])
    return sys.exc_info()[1] if given else None


def _print(line: dict[str, Any]) -> None:
    stream = _OUTPUT.stream or sys.stderr
    stream.write(_ENCODER.encode(line).decode() + "\n")
    stream.flush()


class _Foreign(logging.Handler):
    """What other libraries log: who and where, never what."""

    def emit(self, record: logging.LogRecord) -> None:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "service": _OUTPUT.service,
            "room": record.name,
            "event": "library message",
            "where": f"{_short(record.pathname)}:{record.lineno}",
        }
        failure = _failure(record.exc_info)
        if failure is not None:
            line["exception"] = places(failure)
        _withhold("library")
        _print(line)
