"""How long each stage of the path takes: a histogram for all, spans for the items that are followed."""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType

from chassis import clock as clocks
from chassis import contexts, telemetry
from claims.domain import decisions


class Stages:
    """Measures stages of batches by the clock it was given."""

    def __init__(self, clock: clocks.Clock) -> None:
        self._now = clock.monotonic
        seconds = telemetry.histogram(
            "claims_stage_seconds", "Seconds a batch of claims spends in a stage.", ["stage"]
        )
        self._observe = {
            stage: seconds.labels(stage).observe
            for stage in ("admit", "rules", "lookup", "history", "score", "decide", "record")
        }
        self._counts: dict[tuple[str, str], Callable[[float], None]] = {}  # regimes and verdicts are few
        self._decided = telemetry.counter(
            "claims_decided_total", "Claims decided, by verdict and regime.", ["verdict", "regime"]
        )

    def stage(self, name: str, items: Sequence[contexts.CallContext]) -> "_Stage":
        """Measure the block as stage `name` of these items."""
        followed = [item.traceparent for item in items if item.traceparent]
        spans = telemetry.batch_span(f"claims.{name}", followed, rows=len(items)) if followed else None
        return _Stage(self._now, self._observe[name], spans)

    def decided(self, told: Iterable[decisions.Decision]) -> None:
        """Count the decisions of a batch."""
        for kind, many in Counter([(one.verdict, one.regime) for one in told]).items():
            count = self._counts.get(kind)
            if count is None:
                count = self._counts[kind] = self._decided.labels(*kind).inc
            count(many)


class _Stage:
    """A block that is measured; a plain object, since every batch has seven of them."""

    __slots__ = ("_now", "_observe", "_spans", "_started")

    def __init__(
        self,
        now: Callable[[], float],
        observe: Callable[[float], None],
        spans: contextlib.AbstractContextManager[object] | None,
    ) -> None:
        self._now, self._observe, self._spans = now, observe, spans

    def __enter__(self) -> None:
        self._started = self._now()
        if self._spans is not None:
            self._spans.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._spans is not None:
            self._spans.__exit__(kind, failure, trace)
        self._observe(self._now() - self._started)
