"""Counts and durations of this process, in Prometheus' text form; holds no value of what was counted.

Labels name a method, a kind, a queue: things that are few and known when the code is written, never what a
caller sent. Own metrics carry the prefix `ultrathink_`; those of RPCs are named as OpenTelemetry's semantic
conventions name them (rpc.server.duration, with rpc.method and the outcome as labels).
"""

import bisect
import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import prometheus_client as prometheus

PREFIX = "ultrathink_"
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
ROWS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)
MAX_RPC_SERIES = 1000  # Method and kind pairs; a flood of invented method names lands in `other`.

type Side = Literal["server", "client"]


class _Histogram(prometheus.Histogram):
    """The library's own without its two locks per value: a series is written from one thread."""

    def observe(self, amount: float, exemplar: dict[str, str] | None = None) -> None:  # noqa: ARG002 - the library's
        """Count a value."""
        self._sum._value += amount  # noqa: SLF001 - a test holds it beside the library's own way
        self._buckets[bisect.bisect_left(self._upper_bounds, amount)]._value += 1  # noqa: SLF001


@functools.cache
def registry() -> prometheus.CollectorRegistry:
    """Return this process's registry, with its memory, CPU time and open files."""
    registry = prometheus.CollectorRegistry(auto_describe=True)
    prometheus.ProcessCollector(registry=registry)
    prometheus.GCCollector(registry=registry)
    return registry


def counter(name: str, help_text: str, labels: Sequence[str] = ()) -> prometheus.Counter:
    """Return the counter `ultrathink_<name>`; the same one whenever it is asked for again."""
    return _made(prometheus.Counter, PREFIX + name, help_text, tuple(labels))


def gauge(name: str, help_text: str, labels: Sequence[str] = ()) -> prometheus.Gauge:
    """Return the gauge `ultrathink_<name>`; the same one whenever it is asked for again."""
    return _made(prometheus.Gauge, PREFIX + name, help_text, tuple(labels))


def histogram(
    name: str, help_text: str, labels: Sequence[str] = (), *, buckets: Sequence[float] = SECONDS
) -> prometheus.Histogram:
    """Return the histogram `ultrathink_<name>`, of seconds unless `buckets` say otherwise."""
    return _made(_Histogram, PREFIX + name, help_text, tuple(labels), buckets=tuple(buckets))


_MADE: dict[tuple[object, ...], Any] = {}  # one of each for the process


def _made[M](kind: Callable[..., M], name: str, text: str, labels: tuple[str, ...], **more: Any) -> M:
    key = (kind, name, text, labels, *more.values())
    made: M = _MADE.get(key) or _MADE.setdefault(key, kind(name, text, labels, registry=registry(), **more))
    return made


def observe_rpc(method: str, kind: str, seconds: float, *, side: Side = "server") -> None:
    """Count a call of `method` (full name) that ended in `kind` (`ok` or a fault's) after `seconds`."""
    observe = _RPC_SERIES.get((side, method, kind)) or _rpc_series(side, method, kind)
    observe(seconds)


_RPC_SERIES: dict[tuple[str, str, str], Callable[[float], None]] = {}


def _rpc_series(side: Side, method: str, kind: str) -> Callable[[float], None]:
    known = len(_RPC_SERIES) < MAX_RPC_SERIES
    name, text = f"rpc_{side}_duration_seconds", f"Duration of RPCs at the {side}."
    durations = _made(_Histogram, name, text, ("rpc_method", "kind"), buckets=SECONDS)
    observe = durations.labels(method if known else "other", kind if known else "other").observe
    if known:
        _RPC_SERIES[side, method, kind] = observe
    return observe


def batches(queue: str) -> Callable[[int, int], None]:
    """Return the observer of a Coalescer: rows of each batch sent, items left waiting."""
    rows = histogram("batch_rows", "Rows of a batch when it is sent.", ["queue"], buckets=ROWS).labels(queue)
    waiting = gauge("queue_items", "Items that wait after a batch is sent.", ["queue"]).labels(queue)
    told = 0

    def observe(sent: int, left: int) -> None:
        nonlocal told
        rows.observe(sent)
        if left != told:  # telling it takes a lock
            told = left
            waiting.set(left)

    return observe


def render() -> bytes:
    """Return every metric of this process in Prometheus' text form."""
    return prometheus.generate_latest(registry())


@contextmanager
def listening(bind: str) -> Iterator[int]:
    """Serve `render` over HTTP at `host:port` from its own thread; yields the port, 0 without a bind."""
    if not bind:
        yield 0
        return
    host, _, port = bind.rpartition(":")
    server, thread = prometheus.start_http_server(int(port), host, registry())
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
