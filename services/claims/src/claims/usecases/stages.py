"""How long each stage of the path takes: a histogram for all, spans for the items that are followed."""

import contextlib
from collections.abc import Callable, Iterator, Sequence

from chassis import clock as clocks
from chassis import contexts, telemetry


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
        self._counts: dict[tuple[str, str], Callable[[], None]] = {}  # regimes and verdicts are few
        self._decided = telemetry.counter(
            "claims_decided_total", "Claims decided, by verdict and regime.", ["verdict", "regime"]
        )

    @contextlib.contextmanager
    def stage(self, name: str, items: Sequence[contexts.CallContext]) -> Iterator[None]:
        """Measure the block as stage `name` of these items."""
        started = self._now()
        followed = [item.traceparent for item in items if item.traceparent]
        try:
            if followed:
                with telemetry.batch_span(f"claims.{name}", followed, rows=len(items)):
                    yield
            else:
                yield
        finally:
            self._observe[name](self._now() - started)

    def decided(self, verdict: str, regime: str) -> None:
        """Count one decision."""
        count = self._counts.get((verdict, regime))
        if count is None:
            count = self._counts[verdict, regime] = self._decided.labels(verdict, regime).inc
        count()
