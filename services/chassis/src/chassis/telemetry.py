"""Traces: which hop took how long for the few items that are followed; knows nothing of what they carry.

An item is followed when the `traceparent` it travels with says so, or when `root_span` draws it at the door.
Everything else pays for one look at a context variable. Attributes pass the same allow-list as log fields;
an exception is told by its type. Spans go to a collector when OTEL_EXPORTER_OTLP_ENDPOINT names one, and as
JSON lines to the file that ULTRATHINK_TRACE_FILE names, so that an operator without a collector sees a trace.
"""

import contextlib
import contextvars
import os
import pathlib
import random
import re
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Protocol, Self

from opentelemetry import trace

from chassis import errors, logs, metrics

if TYPE_CHECKING:
    from opentelemetry.sdk import trace as sdk
    from opentelemetry.sdk.trace import export

MAX_LINKS = 32  # Items a batch span names; beyond it a link tells nobody anything.
MAX_TRACES = 8  # Traces in which one batch appears as a span of their own.
MAX_QUEUE = 2048  # Spans that wait for an exporter; more are dropped.
EXPORT_MS = 1000  # How old a span may get before it is written: a kill loses at most this much.

counter = metrics.counter
histogram = metrics.histogram
gauge = metrics.gauge

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_current: contextvars.ContextVar["Span | None"] = contextvars.ContextVar("span", default=None)


class Settings(Protocol):
    """What telemetry reads of a service's settings."""

    @property
    def trace_ratio(self) -> float:
        """Share of the items without a traceparent that are followed, 0 to 1."""
        ...


class _Tracing:
    """The tracer of this process while `configure` lasts."""

    def __init__(self) -> None:
        self.tracer: trace.Tracer | None = None
        self.ratio = 0.0
        self.draw: Callable[[], float] = random.random


_TRACING = _Tracing()


class Nothing:
    """The span of an item that is not followed."""

    __slots__ = ()

    @property
    def traceparent(self) -> str:
        """Empty: nobody is told to follow."""
        return ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, _: types.TracebackType | None
    ) -> None:
        """Do nothing."""

    def set(self, **_: str | float) -> None:
        """Do nothing."""


class Span(Nothing):
    """One followed step: a context manager that is current inside its block."""

    __slots__ = ("_inner", "_token")

    def __init__(self, inner: trace.Span) -> None:
        self._inner = inner
        self._token: contextvars.Token[Span | None] | None = None

    @property
    def traceparent(self) -> str:
        """The W3C traceparent that makes another span its child."""
        return _text(self.context)

    @property
    def context(self) -> trace.SpanContext:
        """The place of this span in its trace."""
        return self._inner.get_span_context()

    def set(self, **attributes: str | float) -> None:
        """Add allow-listed attributes."""
        self._inner.set_attributes(logs.allowed(attributes, "span"))

    def __enter__(self) -> Self:
        self._token = _current.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, _: types.TracebackType | None
    ) -> None:
        if self._token is not None:
            _current.reset(self._token)
        if kind is not None:
            told = failure.reason if isinstance(failure, errors.Fault) else kind.__qualname__
            self._inner.set_attribute("error.type", told)
            self._inner.set_status(trace.StatusCode.ERROR)
        self._inner.end()


NOTHING = Nothing()
_NOBODY: Final = contextlib.nullcontext[Mapping[str, str]](types.MappingProxyType({}))


def span(
    name: str, parent: str | None = None, links: Sequence[trace.Link] = (), **attributes: str | float
) -> Nothing:
    """Return the span of one step under `parent` (a traceparent), else under the current span.

    Without a parent the first of `links` is it. When that is not followed, neither is this. Raises nothing.
    """
    above = _current.get()
    if not parent and above is None and not links:
        return NOTHING
    return _child(name, _origin(parent, above, links), links, attributes)


def root_span(name: str, traceparent: str | None = None, **attributes: str | float) -> Nothing:
    """Return the span of an item at the door: followed as its valid `traceparent` says, else by the draw."""
    tracing = _TRACING
    if tracing.tracer is None:
        return NOTHING
    if traceparent and _TRACEPARENT.fullmatch(traceparent):
        return _child(name, _context(traceparent), (), attributes)
    if tracing.draw() >= tracing.ratio:
        return NOTHING
    return Span(tracing.tracer.start_span(name, attributes=logs.allowed(attributes, "span")))


def batch_span(
    name: str, traceparents: Iterable[str], **attributes: str | float
) -> contextlib.AbstractContextManager[Mapping[str, str]]:
    """Follow one step that serves many items: a span in each followed item's trace, linked to the others.

    Yields, for each followed traceparent, the one to hand to the next hop in its place.
    """
    followed = linked(traceparents)[:MAX_TRACES] if _TRACING.tracer is not None else []
    return _followed(name, followed, attributes) if followed else _NOBODY


@contextlib.contextmanager
def _followed(name: str, links: list[trace.Link], told: dict[str, str | float]) -> Iterator[dict[str, str]]:
    with contextlib.ExitStack() as stack:
        here = [stack.enter_context(_child(name, link.context, links, told)) for link in links]
        yield {_text(link.context): one.traceparent for link, one in zip(links, here, strict=True)}


def current_traceparent() -> str:
    """Return the traceparent to send along; empty when nothing is followed here."""
    above = _current.get()
    return "" if above is None else above.traceparent


def linked(traceparents: Iterable[str]) -> list[trace.Link]:
    """Return links to the followed ones of `traceparents`, each once, at most `MAX_LINKS`."""
    if _TRACING.tracer is None:
        return []
    contexts = (_context(text) for text in dict.fromkeys(traceparents) if text)
    return [trace.Link(context) for context in contexts if context is not None][:MAX_LINKS]


def _text(context: trace.SpanContext) -> str:
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags & 1:02x}"


def _context(traceparent: str) -> trace.SpanContext | None:
    """Return the place in a trace that a traceparent names; None when it is malformed or not followed."""
    match = _TRACEPARENT.fullmatch(traceparent)
    if match is None or not int(match[3], 16) & 1:
        return None
    flags = trace.TraceFlags(trace.TraceFlags.SAMPLED)
    context = trace.SpanContext(int(match[1], 16), int(match[2], 16), is_remote=True, trace_flags=flags)
    return context if context.is_valid else None


def _origin(parent: str | None, above: Span | None, links: Sequence[trace.Link]) -> trace.SpanContext | None:
    if parent:
        return _context(parent)
    if above is not None:
        return above.context
    return links[0].context


def _child(
    name: str,
    origin: trace.SpanContext | None,
    links: Sequence[trace.Link],
    attributes: dict[str, str | float],
) -> Nothing:
    tracer = _TRACING.tracer
    if tracer is None or origin is None:
        return NOTHING
    above = trace.set_span_in_context(trace.NonRecordingSpan(origin))
    others = [link for link in links if link.context != origin]
    return Span(
        tracer.start_span(name, context=above, links=others, attributes=logs.allowed(attributes, "span"))
    )


@contextlib.contextmanager
def configure(
    service: str,
    settings: Settings,
    *,
    environ: Mapping[str, str] = os.environ,
    exporters: Sequence["export.SpanExporter"] = (),
    draw: Callable[[], float] = random.random,
) -> Iterator[None]:
    """Trace for `service` while it lasts, and write out what is left at its end.

    Without an exporter (given, or named by the environment) nothing is followed. `draw` returns numbers in
    [0, 1); an item at the door is followed when it is below `settings.trace_ratio`.
    """
    out = [*exporters, *_exporters(environ)]
    if not out:
        yield
        return
    provider = _provider(service, out)
    before = vars(_TRACING).copy()
    _TRACING.tracer, _TRACING.ratio, _TRACING.draw = (
        provider.get_tracer("chassis"),
        settings.trace_ratio,
        draw,
    )
    try:
        yield
    finally:
        vars(_TRACING).update(before)
        provider.shutdown()


def _provider(service: str, exporters: Sequence["export.SpanExporter"]) -> "sdk.TracerProvider":
    # For those who look at traces only: the kit costs every start some fifty milliseconds.
    from opentelemetry.sdk import resources  # noqa: PLC0415
    from opentelemetry.sdk import trace as sdk  # noqa: PLC0415
    from opentelemetry.sdk.trace import export, sampling  # noqa: PLC0415

    provider = sdk.TracerProvider(
        sampler=sampling.ParentBased(sampling.ALWAYS_ON),  # The ratio was drawn before a span is made.
        resource=resources.Resource.create({"service.name": service, "service.namespace": "ultrathink"}),
        shutdown_on_exit=False,
    )
    for exporter in exporters:
        provider.add_span_processor(export.BatchSpanProcessor(exporter, MAX_QUEUE, EXPORT_MS))
    return provider


def _exporters(environ: Mapping[str, str]) -> Iterator["export.SpanExporter"]:
    if environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        # Costs a third of a second to import, for those who have a collector only.
        from opentelemetry.exporter.otlp.proto.grpc import trace_exporter  # noqa: PLC0415

        yield trace_exporter.OTLPSpanExporter(endpoint=environ["OTEL_EXPORTER_OTLP_ENDPOINT"])
    if environ.get("ULTRATHINK_TRACE_FILE"):
        from chassis import tracefiles  # noqa: PLC0415 - see _provider

        yield tracefiles.FileExporter(pathlib.Path(environ["ULTRATHINK_TRACE_FILE"]))
