"""Anomalies at the door: told when asked for, beside every form of the answer, and never in its way."""

import shutil
from collections.abc import AsyncIterator
from concurrent import futures
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import anomaly_support as support
import scoring_support
from chassis import errors, local
from scoring import compose, settings
from scoring.domain import anomalies
from scoring.inbound import anomaly_converters
from scoring.usecases import unusual
from ultrathink.scoring.v1 import scoring_pb2, scoring_pb2_grpc


@asynccontextmanager
async def _door(**options: Any) -> AsyncIterator[Any]:
    chosen = settings.ScoringSettings(
        **{"bundle_dir": scoring_support.BUNDLE, "anomaly_bundle_dir": support.BUNDLE} | options
    )
    async with compose.compose(chosen) as app:
        yield scoring_pb2_grpc.ScorerStub(local.LocalChannel(app, caller="claims"))


def _request(**changes: Any) -> scoring_pb2.ScoreRequest:
    request = scoring_support.request(support.ordinary(), support.dear())
    for name, value in changes.items():
        setattr(request, name, value)
    return request


async def test_what_is_unusual_is_told_when_asked_for() -> None:
    """The dear line of the second claim: its place, peers, percentile and evidence in both languages."""
    async with _door() as stub:
        answer = await stub.Score(_request(anomalies=True))
    (told,) = answer.anomalies
    assert (told.item, told.row, told.reason) == (1, 1, "")
    assert told.percentile >= anomalies.TOLD_PERCENTILE
    assert {key.column: key.value for key in told.peer_group}["code"] == "G0108"
    assert told.peers > 100
    assert told.evidence[0].feature == "unit_price_minor"
    assert told.evidence[0].text_en
    assert told.evidence[0].text_ar
    assert answer.anomaly_model.revision == support.watcher().revision
    assert answer.anomaly_model.simulated


async def test_who_does_not_ask_pays_nothing() -> None:
    """Without the wish the answer is that of before."""
    async with _door() as stub:
        answer = await stub.Score(_request())
    assert not answer.anomalies
    assert not answer.HasField("anomaly_model")


async def test_the_form_of_the_answer_changes_nothing() -> None:
    """In columns, on the stream, or as messages: the same anomalies, the same scores."""
    async with _door() as stub:
        plain = await stub.Score(_request(anomalies=True))
        columns = await stub.Score(_request(anomalies=True, columnar=True))
        streamed = [one async for one in stub.ScoreStream(iter([_request(anomalies=True)]))]
    assert list(columns.anomalies) == list(plain.anomalies) == list(streamed[0].anomalies)
    assert columns.parts


async def test_scores_are_the_same_with_and_without() -> None:
    """An anomaly moves no probability."""
    async with _door() as stub:
        one, two = await stub.Score(_request()), await stub.Score(_request(anomalies=True))
    assert list(one.claims) == list(two.claims)


async def test_an_explanation_tells_everything() -> None:
    """Every line, the claim as a whole, and how isolated it is."""
    request = _request()
    async with _door() as stub:
        answer = await stub.Explain(scoring_pb2.ExplainRequest(contexts=request.contexts, rows=request.rows))
    told = [(one.item, one.row if one.HasField("row") else None) for one in answer.anomalies]
    assert told == [(0, 0), (0, None), (1, 0), (1, 1), (1, None)]
    assert all(one.HasField("isolation_percentile") != one.HasField("row") for one in answer.anomalies)


async def test_the_model_is_named() -> None:
    """GetModel says which bundle tells anomalies, and nothing where there is none."""
    async with _door() as stub:
        named = await stub.GetModel(scoring_pb2.GetModelRequest())
    assert named.anomaly_model.name == "anomaly-demo"
    async with _door(anomaly_bundle_dir=None) as stub:
        without = await stub.GetModel(scoring_pb2.GetModelRequest())
        scored = await stub.Score(_request(anomalies=True))
    assert not without.HasField("anomaly_model")
    assert not scored.anomalies
    assert scored.claims[0].state == scoring_pb2.SCORE_STATE_SCORED


async def test_a_tampered_bundle_keeps_the_process_from_starting(tmp_path: Path) -> None:
    """Nobody serves what was not verified."""
    folder = shutil.copytree(support.BUNDLE, tmp_path / "bundle")
    (folder / "card.md").write_text("better")
    with pytest.raises(errors.Invalid, match=r"card\.md"):
        async with _door(anomaly_bundle_dir=folder):
            pass


async def test_a_bundle_of_other_rows_keeps_the_process_from_starting(tmp_path: Path) -> None:
    """One batch is asked by both: its columns mean the same to both."""
    folder = shutil.copytree(support.BUNDLE, tmp_path / "bundle")
    scoring_support.reseal(folder, row_schema_hash="0" * 64)
    with pytest.raises(errors.Invalid, match=r"arms\.schema|other|rows of schema"):
        async with _door(anomaly_bundle_dir=folder):
            pass


async def test_what_fails_is_said_and_costs_no_score() -> None:
    """A model that raises leaves a reason for every claim, and the caller its answer."""
    book = support.watcher().book
    broken = support.watcher()._replace(book=book._replace(ranks=book.ranks[:1]))
    with futures.ThreadPoolExecutor(1) as worker:
        judge = unusual.Unusual(support.watcher(), worker=worker)
        judge.model = broken
        found = await judge(scoring_support.batch(support.ordinary(), support.dear()))
    assert found == [(anomalies.Anomaly(None, "anomaly.failed"),)] * 2


async def test_many_lines_are_judged_beside_the_loop() -> None:
    """A large batch goes to the worker and is told the same."""
    claims = [support.dear() for _ in range(unusual.INLINE_ROWS)]
    with futures.ThreadPoolExecutor(1) as worker:
        judge = unusual.Unusual(support.watcher(), worker=worker)
        judge.warm()
        found = await judge(scoring_support.batch(*claims))
    assert found == support.told(*claims)


def test_converters_keep_every_word() -> None:
    """Each field of an anomaly stands in its message; the claim as a whole has no row."""
    told = support.told(support.dear(), everything=True)
    wire = list(anomaly_converters.to_anomalies(told))
    for one, message in zip(told[0], wire, strict=True):
        assert message.HasField("row") == (one.row is not None)
        assert [(key.column, key.value) for key in message.peer_group] == list(one.peer_group)
        assert [(e.feature, e.value, e.typical, e.text_en, e.text_ar) for e in message.evidence] == [
            tuple(found) for found in one.evidence
        ]
