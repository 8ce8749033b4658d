"""What an operator sees of the claims room: stages, verdicts, spans of followed items; no patient."""

from collections.abc import Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan, export

import claims_support as support
from chassis import metrics, telemetry
from claims.domain import tenants

TRACED = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


class Kept(export.SpanExporter):
    """Keeps the spans it is given."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def export(self, spans: Sequence[ReadableSpan]) -> export.SpanExportResult:
        """Keep them."""
        self.spans += spans
        return export.SpanExportResult.SUCCESS


class _Config:
    trace_ratio = 0.0


async def run(kept: Kept, traceparent: str) -> None:
    """Submit two claims, the first of which may be followed."""
    with telemetry.configure("claims", _Config(), environ={}, exporters=[kept]):
        async with support.world() as made:
            request = support.batch([support.body(1), support.body(2)])
            request.items[0].context.traceparent = traceparent
            await support.submit(made, request)


async def test_a_followed_claim_has_a_span_per_stage() -> None:
    """Every stage of the path is in the trace of the item that is followed."""
    kept = Kept()
    await run(kept, TRACED)
    names = [span.name for span in kept.spans]
    assert set(names) >= {
        "claims.batch", "claims.admit", "claims.rules", "claims.lookup", "claims.score", "claims.decide",
        "claims.record",
    }  # fmt: skip
    assert {f"{span.context.trace_id:032x}" for span in kept.spans if span.context} == {"a" * 32}


async def test_what_is_not_followed_has_no_spans() -> None:
    """An ordinary claim costs no span."""
    kept = Kept()
    await run(kept, "")
    assert kept.spans == []


@pytest.mark.parametrize(("drawn", "followed"), [(0.0, True), (1.0, False)])
async def test_a_users_call_is_drawn_at_this_door(
    drawn: float,
    followed: bool,  # noqa: FBT001 - a table's column
) -> None:
    """Port 50051 is a door of its own: calls of users' clients are followed as often as the ratio says."""
    kept = Kept()
    who = support.user("biller")
    config = _Config()
    config.trace_ratio = 0.5
    with telemetry.configure("claims", config, environ={}, exporters=[kept], draw=lambda: drawn):
        async with support.world() as made, support.intake(made, principal=who) as stub:
            await stub.SubmitClaim(support.batch([support.body()]))
    assert {"claims.call", "claims.rules", "claims.record"} <= {
        span.name for span in kept.spans
    } or not followed
    assert bool(kept.spans) is followed


async def test_spans_hold_no_patient() -> None:
    """Neither names nor attributes of spans repeat what a claim says."""
    kept = Kept()
    await run(kept, TRACED)
    told = " ".join(span.to_json() for span in kept.spans)
    for secret in ("Secret", "1000000001", "MEMBER-", "CLM-"):
        assert secret not in told


def value(text: str, name: str, **labels: str) -> float:
    """Return a sample of the metrics' text form, 0 when it is not there."""
    for line in text.splitlines():
        if line.startswith(name) and all(f'{key}="{wanted}"' in line for key, wanted in labels.items()):
            return float(line.rpartition(" ")[2])
    return 0.0


def rendered() -> str:
    """Return every metric of this process."""
    return metrics.render().decode()


async def test_decided_claims_are_counted_by_verdict_and_regime() -> None:
    """A reject of the base regime counts as one."""
    name, labels = "ultrathink_claims_decided_total", {"verdict": "reject", "regime": "base"}
    before = value(rendered(), name, **labels)
    async with support.world() as made:
        made.rules.judge = lambda _: [support.finding()]
        await support.submit(made, support.batch([support.body()]))
    assert value(rendered(), name, **labels) == before + 1


@pytest.mark.parametrize("stage", ["admit", "rules", "lookup", "history", "score", "decide", "record"])
async def test_every_stage_is_timed(stage: str) -> None:
    """A batch is one observation in each stage it passed."""
    name = "ultrathink_claims_stage_seconds_count"
    before = value(rendered(), name, stage=stage)
    async with support.world() as made:
        await support.submit(made, support.batch([support.body(1), support.body(2)]))
    assert value(rendered(), name, stage=stage) == before + 1


async def test_a_check_records_nothing_and_times_no_record() -> None:
    """The record stage belongs to submitting alone."""
    name = "ultrathink_claims_stage_seconds_count"
    before = value(rendered(), name, stage="record")
    async with support.world() as made:
        await support.submit(made, support.batch([support.body()], dry_run=True))
    assert value(rendered(), name, stage="record") == before


async def test_claims_at_work_are_a_gauge_that_returns_to_zero() -> None:
    """After the answer nothing is at work, also when the work failed."""
    async with support.world() as made:

        async def broken(name: str) -> tenants.Tenant:
            del name
            raise ZeroDivisionError

        made.tenants.find = broken  # type: ignore[method-assign]
        with pytest.raises(Exception, match="internal"):
            await support.submit(made, support.batch([support.body()]))
    assert value(rendered(), "ultrathink_claims_in_flight") == 0


def test_labels_are_few_and_known() -> None:
    """No metric of this room has a label whose values a sender chooses freely."""
    for line in rendered().splitlines():
        if line.startswith("ultrathink_claims_") and "tenant=" in line:
            pytest.fail(line)
