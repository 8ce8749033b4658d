"""Wishes are answered in their order by the bundles of one process, at the door as in the use case."""

import contextlib
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import pytest

import completion_support as support
import scoring_support
from chassis import errors
from chassis import testing as chassis_testing
from formats import completions, model
from scoring import compose, settings
from scoring.domain import completion
from scoring.usecases import complete
from ultrathink.common.v1 import common_pb2
from ultrathink.scoring.v1 import completion_pb2, scoring_pb2_grpc

DIAGNOSIS = completion.Wish("diagnoses[0].code", completion.DIAGNOSIS)


@pytest.fixture
def worker() -> Iterator[futures.ThreadPoolExecutor]:
    """A thread for the models."""
    with futures.ThreadPoolExecutor(1) as made:
        yield made


def _net(line: int) -> completion.Wish:
    return completion.Wish(f"lines[{line}].net", completion.NET, line)


@pytest.fixture
def completing(worker: futures.ThreadPoolExecutor) -> complete.Complete:
    """The use case over the made-up world's bundles."""
    return complete.Complete([support.diagnosing(), support.pricing()], worker=worker)


async def test_each_wish_is_answered_in_its_place(completing: complete.Complete):
    """Whatever the order of the wishes, with the revision of the model that spoke."""
    facts = support.facts("G0108", "Q9999", "G0403")
    wishes = [_net(2), DIAGNOSIS, _net(0), _net(1)]
    found = await completing(facts, wishes)
    assert [one.path for one in found] == [wish.path for wish in wishes]
    assert [type(one.outcome) for one in found] == [
        completion.Suggestion, completion.Suggestion, completion.Suggestion, completion.Refusal,
    ]  # fmt: skip
    assert found[1].revision == "d" * 64
    assert {found[0].revision, found[2].revision, found[3].revision} == {"a" * 64}


async def test_no_wishes_are_no_answers(completing: complete.Complete):
    """Nothing is asked of any model."""
    assert await completing(support.facts("G0108"), []) == []


async def test_without_bundles_every_wish_is_refused(worker: futures.ThreadPoolExecutor):
    """And no revision is named, for nobody spoke."""
    found = await complete.Complete([], worker=worker)(support.facts("G0108"), [DIAGNOSIS, _net(0)])
    for one in found:
        assert isinstance(one.outcome, completion.Refusal)
        assert one.outcome.reason == "completion.no_model"
        assert one.revision == ""


async def test_models_do_not_run_on_the_event_loop(completing: complete.Complete):
    """A thread of their own keeps the loop free for scores."""
    seen: list[int] = []
    inner = completing.answer

    class Watching(complete.Complete):
        def answer(self, facts: Any, wishes: Any) -> Any:
            seen.append(threading.get_ident())
            return inner(facts, wishes)

    with futures.ThreadPoolExecutor(1) as worker:
        await Watching([], worker=worker)(support.facts("G0108"), [DIAGNOSIS])
    assert seen != [threading.get_ident()]


async def test_a_line_is_priced_alike_alone_and_in_a_crowd(completing: complete.Complete):
    """Lines are asked about at once; that changes no amount."""
    facts = support.facts(*["G0108", "G0403", "J7613"] * 30)
    crowd = await completing(facts, [_net(line) for line in range(90)])
    for line in (0, 1, 2, 88):
        (alone,) = await completing(facts, [_net(line)])
        assert isinstance(alone.outcome, completion.Suggestion)
        told = crowd[line].outcome
        assert isinstance(told, completion.Suggestion)
        assert told.first == alone.outcome.first


def test_models_are_warm_before_they_are_asked():
    """Warming asks each of them once, and needs no claim."""
    complete.warm([support.diagnosing(), support.pricing()])


def test_origins_are_those_of_the_bundles(completing: complete.Complete):
    """In the order of the settings."""
    assert [one.task for one in completing.origins] == ["diagnosis-completion", "amount-completion"]


@contextlib.asynccontextmanager
async def _door(*folders: Path) -> AsyncIterator[Any]:
    chosen = settings.ScoringSettings(bundle_dir=scoring_support.BUNDLE, completion_bundles=folders)
    async with (
        compose.compose(chosen) as app,
        chassis_testing.serve(app, caller="claims") as channel,
    ):
        yield scoring_pb2_grpc.ScorerStub(channel)


def _request(claim: model.Claim, *wishes: completion_pb2.CompletionWish) -> completion_pb2.CompleteRequest:
    return completion_pb2.CompleteRequest(
        context=common_pb2.Context(item_id="1", tenant="demo", remaining_ms=1_000),
        claim=completions.to_wire(claim),
        wishes=wishes,
    )


def _wish(path: str = "diagnoses[0].code", line: int = 0) -> completion_pb2.CompletionWish:
    kind = (
        completion_pb2.COMPLETION_KIND_LINE_NET
        if path.startswith("lines")
        else completion_pb2.COMPLETION_KIND_PRINCIPAL_DIAGNOSIS
    )
    return completion_pb2.CompletionWish(path=path, kind=kind, line=line)


async def test_the_door_answers_from_the_committed_bundles():
    """A claim for diabetes training is suggested a metabolic diagnosis, and a price in riyals."""
    async with _door(*support.DEMO.values()) as stub:
        answer = await stub.Complete(_request(support.claim({}), _wish(), _wish("lines[0].net")), timeout=10)
    diagnosis, amount = (one.suggestion for one in answer.answers)
    assert diagnosis.first.value.startswith(("E", "H"))
    assert amount.first.currency == "SAR"
    assert len(answer.models) == 2


async def test_the_door_refuses_what_it_cannot_understand():
    """A wish for a line that is not there is the sender's fault, and says so."""
    async with _door(*support.DEMO.values()) as stub:
        with pytest.raises(errors.Invalid) as refused:
            await stub.Complete(_request(support.claim({}), _wish("lines[9].net", 9)), timeout=10)
    assert refused.value.reason == "completion.wish"


async def test_a_bundle_that_cannot_be_loaded_is_left_out(tmp_path: Path):
    """The other task is served, the scores too; the refusal says that there is no model."""
    spoiled = support.copied(support.DEMO["diagnosis"], tmp_path / "spoiled")
    (spoiled / "codes.npz").write_bytes(b"")
    async with _door(spoiled, support.DEMO["amount"]) as stub:
        answer = await stub.Complete(_request(support.claim({}), _wish(), _wish("lines[0].net")), timeout=10)
        scored = await stub.Score(scoring_support.request(scoring_support.claim()), timeout=10)
    assert answer.answers[0].refusal.reason == "completion.no_model"
    assert answer.answers[1].WhichOneof("outcome") == "suggestion"
    assert len(scored.claims) == 1


async def test_no_bundles_at_all_are_a_choice():
    """An operator may serve none: every wish is refused, the process is ready."""
    async with _door() as stub:
        answer = await stub.Complete(_request(support.claim({}), _wish()), timeout=10)
    assert answer.answers[0].refusal.reason == "completion.no_model"


@pytest.mark.parametrize(
    ("text", "folders"),
    [(",", ()), ("a", ("a",)), (" a , b,", ("a", "b")), ("/x/y,z", ("/x/y", "z"))],
)
def test_folders_are_named_with_commas(monkeypatch: pytest.MonkeyPatch, text: str, folders: tuple[str, ...]):
    """As an environment variable can hold them; a comma alone is none."""
    monkeypatch.setenv("ULTRATHINK_COMPLETION_BUNDLES", text)
    assert settings.ScoringSettings().completion_bundles == tuple(map(Path, folders))


def test_the_repositorys_bundles_are_the_default(monkeypatch: pytest.MonkeyPatch):
    """A platform started without a word suggests from the simulated models."""
    monkeypatch.delenv("ULTRATHINK_COMPLETION_BUNDLES", raising=False)
    told = settings.ScoringSettings().completion_bundles
    assert [folder.as_posix() for folder in told] == [
        "packs/models/diagnosis-completion-demo", "packs/models/amount-completion-demo",
    ]  # fmt: skip
