"""Metrics: named once, counted cheaply, bounded in number, read over HTTP."""

import urllib.request
from typing import Any

import prometheus_client as prometheus
import pytest
from hypothesis import given
from hypothesis import strategies as st

import streams_support
from chassis import coalescing, metrics


def value(name: str, **labels: str) -> float:
    """Return a sample of this process, 0 when there is none."""
    return metrics.registry().get_sample_value(name, labels) or 0.0


def test_own_metrics_carry_the_prefix_and_are_made_once() -> None:
    """Two rooms that ask for the same counter count together."""
    first = metrics.counter("test_things", "Things.", ["kind"])
    assert metrics.counter("test_things", "Things.", ["kind"]) is first
    first.labels("a").inc(2)
    assert value("ultrathink_test_things_total", kind="a") == 2


def test_a_name_cannot_mean_two_things() -> None:
    """The second meaning is refused where it is made."""
    metrics.gauge("test_level", "Level.")
    with pytest.raises(ValueError, match="Duplicated"):
        metrics.gauge("test_level", "Another level.")


def test_histograms_are_of_seconds_unless_told_otherwise() -> None:
    """Their buckets run from half a millisecond to ten seconds."""
    metrics.histogram("test_seconds", "Seconds.").observe(0.0004)
    assert value("ultrathink_test_seconds_bucket", le="0.0005") == 1
    metrics.histogram("test_rows", "Rows.", buckets=metrics.ROWS).observe(7)
    assert value("ultrathink_test_rows_bucket", le="10.0") == 1


@given(st.lists(st.one_of(st.sampled_from([-1.0, 0.0, *metrics.SECONDS]), st.floats(0, 20))))
def test_a_histogram_tells_what_the_librarys_own_would(values: list[float]) -> None:
    """The same samples for the same values, those on a bound included."""
    ours, theirs = metrics.histogram("test_same", "Same.", ["n"]), prometheus.CollectorRegistry()
    ours.clear()  # an example begins anew
    own = prometheus.Histogram(
        "ultrathink_test_same", "Same.", ["n"], buckets=metrics.SECONDS, registry=theirs
    )
    for one in values:
        ours.labels("a").observe(one)
        own.labels("a").observe(one)
    told, expected = (
        {
            (one.name, *sorted(one.labels.items())): one.value
            for metric in found.collect()
            for one in metric.samples
            if not one.name.endswith("_created")
        }
        for found in (ours, theirs)
    )
    assert told == pytest.approx(expected)


@pytest.mark.parametrize("side", ["server", "client"])
def test_a_call_is_counted_under_its_conventional_name(side: Any) -> None:
    """rpc.server.duration and rpc.client.duration, by method and outcome."""
    name, labels = f"rpc_{side}_duration_seconds_count", {"rpc_method": "/a.B/C", "kind": "ok"}
    before = value(name, **labels)
    metrics.observe_rpc("/a.B/C", "ok", 0.002, side=side)
    metrics.observe_rpc("/a.B/C", "ok", 0.002, side=side)
    assert value(name, **labels) == before + 2


def test_invented_method_names_do_not_grow_the_registry() -> None:
    """Beyond a thousand series a call is counted as `other`."""
    before = value("rpc_server_duration_seconds_count", rpc_method="other", kind="other")
    known = len(metrics._RPC_SERIES)  # other tests of this process have called methods before
    for number in range(metrics.MAX_RPC_SERIES + 10):
        metrics.observe_rpc(f"/invented/{number}", "not_found", 0.001)
    grown = value("rpc_server_duration_seconds_count", rpc_method="other", kind="other") - before
    assert 10 <= grown <= 10 + known
    for key in [key for key in metrics._RPC_SERIES if key[1].startswith("/invented/")]:
        del metrics._RPC_SERIES[key]  # The process is shared with other tests.


async def test_a_coalescer_tells_its_batches_and_its_queue() -> None:
    """The observer fits, and says how many rows went out and how many wait."""

    async def exchange(items: list[str]) -> list[str]:
        return items

    coalescer = coalescing.Coalescer(
        exchange,
        max_rows=9,
        max_bytes=99,
        max_queue=9,
        size_of=len,
        clock=streams_support.ManualTime(),
        wakes=streams_support.ManualTime(),
        observe=metrics.batches("told-once"),
    )
    await coalescer.submit("a", deadline=10_000.0)
    assert value("ultrathink_batch_rows_count", queue="told-once") == 1
    assert value("ultrathink_batch_rows_sum", queue="told-once") == 1
    assert value("ultrathink_queue_items", queue="told-once") == 0


def test_the_page_is_prometheus_text_with_the_process_itself() -> None:
    """Memory and CPU time of the process are on it."""
    page = metrics.render().decode()
    assert "process_resident_memory_bytes" in page
    assert "process_cpu_seconds_total" in page


def test_the_listener_serves_the_page_and_stops() -> None:
    """It binds where it is told, and its port is free afterwards."""
    with (
        metrics.listening("127.0.0.1:0") as port,
        urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer,
    ):
        assert b"process_cpu_seconds_total" in answer.read()
    with metrics.listening(f"127.0.0.1:{port}") as again:
        assert again == port


def test_without_a_bind_nothing_listens() -> None:
    """A process that is not scraped opens no port."""
    with metrics.listening("") as port:
        assert port == 0
