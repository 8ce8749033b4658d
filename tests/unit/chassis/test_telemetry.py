"""Traces: who is followed, how spans hang together across hops and batches, and where they are written."""

import asyncio
import contextlib
import json
import pathlib
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace import export as exports
from opentelemetry.sdk.trace.export import in_memory_span_exporter

from chassis import errors, telemetry, tracefiles

TRACE, PLACE = "ab" * 16, "cd" * 8
FOLLOWED, IGNORED = f"00-{TRACE}-{PLACE}-01", f"00-{TRACE}-{PLACE}-00"


class Settings:
    """One item in a hundred is followed."""

    trace_ratio = 0.01


class Traces:
    """The spans that were exported, readable after `recorded` ends."""

    def __init__(self) -> None:
        self.exporter = in_memory_span_exporter.InMemorySpanExporter()

    def spans(self) -> dict[str, ReadableSpan]:
        """Return the finished spans by name."""
        return {span.name: span for span in self.exporter.get_finished_spans()}


@contextlib.contextmanager
def recorded(draw: float = 0.5) -> Iterator[Traces]:
    """Trace into memory; an item at the door is followed when `draw` is below the ratio."""
    traces = Traces()
    with telemetry.configure("store", Settings(), environ={}, exporters=[traces.exporter], draw=lambda: draw):
        yield traces


def ids(traceparent: str) -> tuple[str, str]:
    """Return trace id and span id."""
    _, trace, place, _ = traceparent.split("-")
    return trace, place


def test_a_span_under_a_followed_traceparent_is_its_child() -> None:
    """The trace goes on across the hop."""
    with recorded() as traces, telemetry.span("rules.run", FOLLOWED, rows=3):
        inner = telemetry.current_traceparent()
    span = traces.spans()["rules.run"]
    assert span.parent is not None
    assert (f"{span.parent.trace_id:032x}", f"{span.parent.span_id:016x}") == (TRACE, PLACE)
    assert span.context is not None
    assert ids(inner) == (TRACE, f"{span.context.span_id:016x}")
    assert span.attributes == {"rows": 3}
    assert span.resource.attributes["service.name"] == "store"


@pytest.mark.parametrize(
    "parent",
    [None, "", IGNORED, "nonsense", f"ff-{TRACE}-{PLACE}-01", f"00-{'0' * 32}-{PLACE}-01", FOLLOWED[:-1]],
)
def test_a_span_without_a_followed_parent_is_nothing(parent: str | None) -> None:
    """What is not followed, or cannot be read, costs a look and leaves no trace."""
    with recorded() as traces, telemetry.span("rules.run", parent, rows=3) as span:
        span.set(rows=4)
        assert telemetry.current_traceparent() == ""
    assert traces.spans() == {}


def test_spans_nest_by_themselves_and_the_outer_one_comes_back() -> None:
    """Inside a block the current span is the parent; after it, the one before is current again."""
    with recorded() as traces, telemetry.span("outer", FOLLOWED):
        outer = telemetry.current_traceparent()
        with telemetry.span("inner") as inner:
            inner.set(rows=1)
        assert telemetry.current_traceparent() == outer
    span = traces.spans()["inner"]
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" == ids(outer)[1]


async def test_tasks_inherit_the_span_and_do_not_disturb_each_other() -> None:
    """Two items served at once keep their own traces."""

    async def hop(traceparent: str) -> str:
        with telemetry.span("hop", traceparent):
            await asyncio.sleep(0)
            return telemetry.current_traceparent()

    other = f"00-{'12' * 16}-{PLACE}-01"
    with recorded():
        told = await asyncio.gather(hop(FOLLOWED), hop(other), hop(IGNORED))
    assert [told[0].split("-")[1], told[1].split("-")[1], told[2]] == [TRACE, "12" * 16, ""]


@pytest.mark.parametrize(("draw", "followed"), [(0.0, True), (0.009, True), (0.01, False), (0.99, False)])
def test_an_item_without_a_trace_is_drawn_at_the_door(draw: float, followed: bool) -> None:  # noqa: FBT001 - pytest passes it by name
    """One in a hundred by default."""
    with recorded(draw) as traces, telemetry.root_span("door", rows=1):
        assert bool(telemetry.current_traceparent()) is followed
    assert bool(traces.spans()) is followed


def test_a_traceparent_at_the_door_decides_and_not_the_draw() -> None:
    """A caller who follows is joined; one who does not is left alone; nonsense is drawn."""
    with recorded(draw=0.99) as traces:
        with telemetry.root_span("joined", FOLLOWED):
            assert ids(telemetry.current_traceparent())[0] == TRACE
        with telemetry.root_span("nonsense", "nonsense"):
            pass
    assert set(traces.spans()) == {"joined"}
    with recorded(draw=0.0) as traces, telemetry.root_span("left alone", IGNORED):
        pass
    assert traces.spans() == {}


def test_a_batch_appears_in_the_trace_of_each_followed_item() -> None:
    """Each item's next hop hangs under its own span; the spans are linked to each other."""
    other = f"00-{'12' * 16}-{PLACE}-01"
    with (
        recorded() as traces,
        telemetry.batch_span("score", [FOLLOWED, "", IGNORED, other, FOLLOWED], rows=5) as on,
    ):
        assert set(on) == {FOLLOWED, other}
        assert ids(on[FOLLOWED])[0] == TRACE
        assert ids(on[other])[0] == "12" * 16
    spans = traces.exporter.get_finished_spans()
    assert sorted(f"{span.context.trace_id:032x}" for span in spans if span.context) == ["12" * 16, TRACE]
    assert [len(span.links) for span in spans] == [1, 1]


def test_a_batch_of_items_that_nobody_follows_is_nothing() -> None:
    """No span is made, and nothing is handed on."""
    with recorded() as traces, telemetry.batch_span("score", ["", IGNORED]) as onward:
        assert onward == {}
    assert traces.spans() == {}


def test_links_are_bounded_and_each_is_named_once() -> None:
    """A thousand followed items do not make a span of a thousand links."""
    many = [f"00-{number:032x}-{PLACE}-01" for number in range(1, 100)]
    with recorded() as traces:
        assert len(telemetry.linked([*many, *many])) == telemetry.MAX_LINKS
        with telemetry.span("record", links=telemetry.linked(many)):
            pass
        with telemetry.batch_span("score", many) as onward:
            assert len(onward) == telemetry.MAX_TRACES
    record = traces.spans()["record"]
    assert record.parent is not None
    assert record.parent.trace_id == 1
    assert len(record.links) == telemetry.MAX_LINKS - 1


def test_a_failure_is_told_by_its_reason_or_type_and_never_by_its_text() -> None:
    """A span is no door for what an exception quotes."""
    with recorded() as traces:
        with contextlib.suppress(ValueError), telemetry.span("foreign", FOLLOWED):
            raise ValueError("1012345678")
        with contextlib.suppress(errors.Fault), telemetry.span("ours", FOLLOWED):
            raise errors.Conflict("key.reused", "1012345678")
    foreign, ours = traces.spans()["foreign"], traces.spans()["ours"]
    assert (foreign.attributes or {})["error.type"] == "ValueError"
    assert (ours.attributes or {})["error.type"] == "key.reused"
    assert "1012345678" not in foreign.to_json() + ours.to_json()


def test_attributes_pass_the_list_of_the_logs() -> None:
    """What a log line may not tell, a span may not either."""
    with (
        recorded() as traces,
        telemetry.span("rules.run", FOLLOWED, patient="1012345678", reason="a b", rows=1) as span,
    ):
        span.set(name="Fatimah")
    assert traces.spans()["rules.run"].attributes == {"rows": 1}


def test_without_an_exporter_nothing_is_followed() -> None:
    """A process whose spans go nowhere does not make any."""
    with telemetry.configure("store", Settings(), environ={}, draw=lambda: 0.0):
        with telemetry.root_span("door") as span:
            assert span is telemetry.NOTHING
        assert telemetry.span("hop", FOLLOWED) is telemetry.NOTHING
        assert telemetry.linked([FOLLOWED]) == []


def test_the_end_of_configure_writes_out_what_is_left_and_stops() -> None:
    """A drained process loses no span, and the next one begins clean."""
    with recorded() as traces, telemetry.span("last", FOLLOWED):
        pass
    assert set(traces.spans()) == {"last"}
    assert telemetry.span("after", FOLLOWED) is telemetry.NOTHING


def test_a_trace_file_holds_a_line_per_span(tmp_path: pathlib.Path) -> None:
    """An operator without a collector reads a trace with `grep` and `sort`."""
    path = tmp_path / "trace.jsonl"
    with (
        telemetry.configure(
            "store", Settings(), environ={"ULTRATHINK_TRACE_FILE": str(path)}, draw=lambda: 0.0
        ),
        telemetry.root_span("door", method="/a.B/C"),
        telemetry.span("hop", rows=2),
    ):
        pass
    hop, door = (json.loads(line) for line in path.read_text().splitlines())
    assert hop["trace_id"] == door["trace_id"]
    assert hop["parent_id"] == door["span_id"]
    assert door["parent_id"] == ""
    assert (door["service"], door["name"], door["attributes"]) == ("store", "door", {"method": "/a.B/C"})
    assert door["duration_us"] >= hop["duration_us"] >= 0
    assert path.stat().st_mode & 0o077 == 0


def test_a_trace_file_is_bounded(tmp_path: pathlib.Path) -> None:
    """When it is full it is left as it is, whole lines only."""
    path = tmp_path / "trace.jsonl"
    with recorded() as traces:
        for _ in range(3):
            with telemetry.span("hop", FOLLOWED):
                pass
    spans = traces.exporter.get_finished_spans()
    exporter = tracefiles.FileExporter(path, max_bytes=600)
    results = [exporter.export([span]) for span in spans]
    exporter.shutdown()
    assert results[0] is exports.SpanExportResult.SUCCESS
    assert results[-1] is exports.SpanExportResult.FAILURE
    assert path.stat().st_size <= 600
    assert all(json.loads(line)["name"] == "hop" for line in path.read_text().splitlines())


def test_a_disk_that_refuses_is_a_failed_export(tmp_path: pathlib.Path) -> None:
    """The process goes on; the exporter says that the spans were not kept."""
    with recorded() as traces, telemetry.span("hop", FOLLOWED):
        pass
    exporter = tracefiles.FileExporter(tmp_path / "trace.jsonl")
    exporter.shutdown()
    assert exporter.export(traces.exporter.get_finished_spans()) is exports.SpanExportResult.FAILURE


def test_a_collector_is_used_when_the_environment_names_one() -> None:
    """Nothing is sent before there is a span to send."""
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
    with telemetry.configure("store", Settings(), environ=environ, draw=lambda: 0.99):
        assert telemetry.span("hop", IGNORED) is telemetry.NOTHING
        assert telemetry.linked([FOLLOWED])
