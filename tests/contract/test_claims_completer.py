"""What the claims room expects of a completer: of its twin, of scoring over a socket, and of a bad one."""

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import pytest

import completion_support as support
import partial_servicers
import scoring_support
from chassis import apps, channels, contexts, errors
from chassis import clock as clocks
from chassis import testing as chassis_testing
from claims import ports
from claims.domain import completions
from claims.outbound import completer
from claims.testing import suggestions
from formats import model
from scoring import compose as scoring_compose
from scoring import settings as scoring_settings
from ultrathink.scoring.v1 import completion_pb2, scoring_pb2_grpc

NAME = "ultrathink.scoring.v1.Scorer"


def context(seconds: float = 30.0) -> contexts.CallContext:
    """Return a context with time left."""
    return chassis_testing.context(deadline=clocks.SystemClock().monotonic() + seconds)


@contextlib.asynccontextmanager
async def over_a_socket(app: apps.App) -> AsyncIterator[completer.GrpcCompleter]:
    """Yield the outbound completer on a service."""
    async with chassis_testing.serve(app, caller="claims") as channel:
        yield completer.GrpcCompleter(scoring_pb2_grpc.ScorerStub(channel), clocks.SystemClock())


@pytest.fixture(params=["memory", "scoring"])
async def completing(request: pytest.FixtureRequest) -> AsyncIterator[ports.Completer]:
    """The twin, and the scoring room with the committed bundles over a socket."""
    if request.param == "memory":
        yield suggestions.FakeCompleter()
        return
    configured = scoring_settings.ScoringSettings(
        bundle_dir=scoring_support.BUNDLE, completion_bundles=tuple(support.DEMO.values())
    )
    async with scoring_compose.compose(configured) as app, over_a_socket(app) as made:
        yield made


async def asked(completing: ports.Completer, claim: model.Claim) -> completions.Told:
    """Ask for all that the claim leaves open."""
    return await completing.complete(context(), claim, completions.places(claim))


async def test_every_open_place_is_answered_or_refused_in_its_order(completing: ports.Completer) -> None:
    """Three lines and the diagnosis: four answers, each about its own place."""
    claim = support.claim({}, {"code": "G0270"}, {"code": "A4253"})
    told = await asked(completing, claim)
    assert [one.path for one in told.answers] == [
        "diagnoses[0].code", "lines[0].net", "lines[1].net", "lines[2].net",
    ]  # fmt: skip
    assert [one.wanted for one in told.answers] == ["principal_diagnosis", *["line_net"] * 3]


async def test_a_suggestion_has_confidence_evidence_and_a_model(completing: ports.Completer) -> None:
    """And says how many cases it learned from; the model says that it was simulated, and what it knows."""
    told = await asked(completing, support.claim({}))
    (found,) = [one for one in told.answers if one.wanted == "principal_diagnosis"]
    assert isinstance(found, completions.Suggestion)
    assert 0 < found.first.confidence <= 1
    assert found.first.system == "icd-10-cm"
    assert found.covered is not None
    assert 0 < found.covered <= 1
    assert found.training_cases >= found.similar_cases > 0
    for one in found.evidence:
        assert one.text.en
        assert one.text.ar
        assert one.cases >= one.agreeing >= 0
    (spoke,) = [one for one in told.models if one.revision == found.model]
    assert spoke.simulated is True
    assert "hcpcs" in spoke.knows.reads
    assert "base" in spoke.knows.regimes


async def test_a_refusal_has_reason_and_remedy_in_both_languages(completing: ports.Completer) -> None:
    """A claim without a coded service is refused, not answered from age and sex."""
    claim = support.claim({"code": None, "system": None, "description": "a consultation"})
    told = await asked(completing, claim)
    found = told.answers[0]
    assert isinstance(found, completions.Refusal)
    assert found.reason == "completion.no_codes"
    for text in (found.message, found.remedy):
        assert text.en
        assert text.ar


async def test_nothing_open_is_nothing_asked(completing: ports.Completer) -> None:
    """An empty list of places is answered with an empty list."""
    told = await completing.complete(context(), support.claim({}), [])
    assert list(told.answers) == []


async def test_amounts_are_told_in_the_currencys_decimals() -> None:
    """A Saudi price has two, with a range around it and how often that holds."""
    configured = scoring_settings.ScoringSettings(
        bundle_dir=scoring_support.BUNDLE, completion_bundles=(support.DEMO["amount"],)
    )
    async with scoring_compose.compose(configured) as app, over_a_socket(app) as made:
        claim = support.claim({"code": "G0108", "quantity": 1}, {"code": "G0108", "quantity": 2})
        told = await made.complete(context(), claim, completions.places(claim)[1:])
    one, two = told.answers
    assert isinstance(one, completions.Suggestion)
    assert isinstance(two, completions.Suggestion)
    assert (one.first.kind, one.first.currency, one.first.tolerance) == ("amount", "SAR", 0.1)
    assert one.first.value == f"{float(one.first.value):.2f}"
    assert one.first.range is not None
    assert float(one.first.range["low"]) < float(one.first.value) < float(one.first.range["high"])
    assert one.first.range["share"] == 0.8
    assert float(two.first.value) == pytest.approx(2 * float(one.first.value), rel=0.05)


class BadScorer(partial_servicers.Scorer):
    """Answers completion as it is told to."""

    def __init__(self, answer: Callable[[Any], Any]) -> None:
        self._answer = answer

    async def Complete(self, request: Any, context: Any) -> completion_pb2.CompleteResponse:  # noqa: N802
        """Answer as told."""
        del context
        told: completion_pb2.CompleteResponse = self._answer(request)
        return told


def room(answer: Callable[[Any], Any], callers: frozenset[str] = frozenset({"claims"})) -> apps.App:
    """Return a scoring room that answers so."""

    def register(server: grpc.aio.Server) -> None:
        scoring_pb2_grpc.add_ScorerServicer_to_server(BadScorer(answer), server)

    async def ready() -> apps.Readiness:
        return apps.Readiness(ok=True)

    return apps.App("scoring", register, (NAME,), {f"/{NAME}/Complete": callers}, ready)


def _suggested(path: str, confidence: float) -> completion_pb2.CompletionAnswer:
    choice = completion_pb2.CompletionChoice(kind="code", value="I10", confidence=confidence)
    suggestion = completion_pb2.CompletionSuggestion(first=choice)
    return completion_pb2.CompletionAnswer(path=path, suggestion=suggestion)


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ([], "completion.mismatched"),
        ([_suggested("lines[0].net", 0.5)], "completion.mismatched"),
        ([completion_pb2.CompletionAnswer(path="diagnoses[0].code")], "completion.nothing"),
        ([_suggested("diagnoses[0].code", 1.5)], "completion.nonsense"),
        ([_suggested("diagnoses[0].code", float("nan"))], "completion.nonsense"),
    ],
)
async def test_nonsense_is_no_suggestion(answers: list[Any], reason: str) -> None:
    """An answer that is missing, about something else, or no probability is a defect, never shown."""
    claim = support.claim({})
    app = room(lambda _: completion_pb2.CompleteResponse(answers=answers))
    async with over_a_socket(app) as made:
        with pytest.raises(errors.Internal) as refused:
            await made.complete(context(), claim, completions.places(claim)[:1])
    assert refused.value.reason == reason


async def test_a_scoring_that_is_away_is_unavailable() -> None:
    """Its absence is told as such, with the hint to try again."""

    def away(_: Any) -> Any:
        raise errors.Unavailable("bundle.loading", "Not yet.", retry_after_ms=700)

    claim = support.claim({})
    async with over_a_socket(room(away)) as made:
        with pytest.raises(errors.Unavailable) as refused:
            await made.complete(context(), claim, completions.places(claim))
    assert refused.value.reason == "completion.unavailable"
    assert refused.value.retry_after_ms == 700


async def test_a_closed_socket_is_unavailable() -> None:
    """Nobody listens: the same answer as from a room that says so."""
    async with channels.open_channel("127.0.0.1:1", signer=None) as channel:
        made = completer.GrpcCompleter(scoring_pb2_grpc.ScorerStub(channel), clocks.SystemClock())
        claim = support.claim({})
        with pytest.raises(errors.Unavailable) as refused:
            await made.complete(context(2.0), claim, completions.places(claim))
    assert refused.value.reason in {"completion.unavailable", "deadline.exceeded"}


async def test_a_room_that_does_not_know_us_is_away_for_the_sender() -> None:
    """The sender of a claim can do nothing about keys and clocks between services, but try again."""
    claim = support.claim({})
    app = room(lambda _: completion_pb2.CompleteResponse(), frozenset({"somebody"}))
    async with over_a_socket(app) as made:
        with pytest.raises(errors.Unavailable) as refused:
            await made.complete(context(), claim, completions.places(claim))
    assert refused.value.reason == "completion.unavailable"


async def test_a_call_without_time_left_is_not_made() -> None:
    """Its caller's time is over: that is what is told, not that a room is away."""
    claim = support.claim({})
    app = room(lambda _: completion_pb2.CompleteResponse())
    async with over_a_socket(app) as made:
        with pytest.raises(errors.Unavailable) as refused:
            await made.complete(context(0.0), claim, completions.places(claim))
    assert refused.value.reason == "deadline.too_short"
