"""What the claims room expects of a scorer: of its twin, of scoring over a real socket, and of a bad one."""

import contextlib
import math
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest

import claims_support as support
import partial_servicers
import reasons_support
import scoring_support
from chassis import apps, errors, streams
from chassis import clock as clocks
from chassis import testing as chassis_testing
from claims import ports, testing
from claims.domain import decisions, histories, risk
from claims.outbound import calls, scorer
from formats import canonical, rows
from scoring import compose as scoring_compose
from scoring import settings as scoring_settings
from scoring.outbound import bundles
from ultrathink.common.v1 import common_pb2
from ultrathink.scoring.v1 import scoring_pb2, scoring_pb2_grpc

BUNDLE = Path(__file__).parents[2] / "packs" / "models" / "denial-demo"


def case(number: int = 1, **options: Any) -> ports.Case:
    """Return a claim to be scored, with some history."""
    known = options.pop("known", histories.Known(provider_claims=10, provider_denied=1, patient_claims=2))
    left = clocks.SystemClock().monotonic() + 30
    return ports.Case(
        context=chassis_testing.context(deadline=left),
        claim=canonical.decode(support.body(number, **options)),
        known=known,
    )


def soon() -> float:
    """Return a deadline some seconds from now."""
    return clocks.SystemClock().monotonic() + 20


@contextlib.asynccontextmanager
async def over_a_socket(app: apps.App) -> AsyncIterator[scorer.GrpcScorer]:
    """Yield the outbound scorer on a service, with the committed crosswalk."""
    async with chassis_testing.serve(app, caller="claims") as channel:
        stub = scoring_pb2_grpc.ScorerStub(channel)
        made = scorer.GrpcScorer(stub, clocks.SystemClock(), reasons_support.committed())
        try:
            yield made
        finally:
            await made.aclose()


@pytest.fixture(params=["memory", "scoring"])
async def scoring(request: pytest.FixtureRequest) -> AsyncIterator[ports.Scorer]:
    """The twin, and the scoring room with the committed bundle over a socket."""
    if request.param == "memory":
        yield testing.FakeScorer()
        return
    configured = scoring_settings.ScoringSettings(bundle_dir=BUNDLE)
    async with scoring_compose.compose(configured) as app, over_a_socket(app) as made:
        yield made


async def test_every_claim_has_a_score_in_its_place(scoring: ports.Scorer) -> None:
    """Probabilities per claim and line, the model's name, and that it was simulated."""
    lines = [support.LINE | {"sequence": number} for number in (1, 2, 3)]
    scores = await scoring.score([case(1), case(2, lines=lines, total=450.0)], deadline=soon())
    for score, count in zip(scores, (1, 3), strict=True):
        assert isinstance(score, risk.Score)
        assert score.state in {"scored", "out_of_range"}
        if score.state == "scored":
            assert score.probability is not None
            assert 0 <= score.probability <= 1
            assert len(score.line_probabilities) == count
        assert score.simulated is True
        assert score.model is not None
        assert len(score.model.revision) == 64


async def test_a_score_needs_no_history(scoring: ports.Scorer) -> None:
    """Counts that storage could not give are missing values, not zeros, and there is still an answer."""
    (score,) = await scoring.score([case(known=None)], deadline=soon())
    assert isinstance(score, risk.Score)


async def test_an_explanation_has_reasons(scoring: ports.Scorer) -> None:
    """Asked for, a claim gets the contributions of its own score."""
    score = await scoring.explain(case())
    assert score.probability is not None or score.state != "scored"
    if score.state == "scored":
        assert score.contributions or score.line_reasons
        for part in score.contributions:
            assert math.isfinite(part.log_odds)
            assert part.label.en


async def test_a_score_names_the_model_of_the_arm_that_gave_it(tmp_path: Path) -> None:
    """Half the claims meet a canary: each score has its own model, the same one whenever it is asked for."""
    other = scoring_support.other_bundle(tmp_path / "other")
    configured = scoring_settings.ScoringSettings(
        bundle_dir=BUNDLE, canary_bundle_dir=other, canary_percent=50, canary_timeout_ms=10_000
    )
    cases = [case(number) for number in range(1, 13)]
    async with scoring_compose.compose(configured) as app, over_a_socket(app) as made:
        first, again = [await made.score(cases, deadline=soon()) for _ in range(2)]
        explained = await made.explain(cases[0])
    models = [one.model for one in first if isinstance(one, risk.Score)]
    assert models == [one.model for one in again if isinstance(one, risk.Score)]
    assert explained.model == models[0]
    revisions = {model.revision for model in models if model is not None}
    assert revisions == {bundles.revision(folder) for folder in (BUNDLE, other)}


async def test_no_claims_are_no_scores(scoring: ports.Scorer) -> None:
    """Nothing asked, nothing sent."""
    assert list(await scoring.score([], deadline=soon())) == []


type Answer = Callable[[scoring_pb2.ScoreRequest], scoring_pb2.ScoreResponse]


class Servicer(partial_servicers.Scorer):
    """A scoring room that answers what a test wants."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.requests: list[scoring_pb2.ScoreRequest] = []

    async def _handle(self, request: scoring_pb2.ScoreRequest) -> scoring_pb2.ScoreResponse:
        self.requests.append(request)
        return self.answer(request)

    def ScoreStream(self, request_iterator: Any, context: Any) -> Any:  # noqa: N802 - the contract's name
        """Answer batches."""
        del context
        return streams.serve_batches(request_iterator, self._handle)

    async def Explain(self, request: Any, context: Any) -> Any:  # noqa: N802 - the contract's name
        """Answer as for a score."""
        del context
        told = self.answer(scoring_pb2.ScoreRequest(contexts=request.contexts, rows=request.rows))
        return scoring_pb2.ExplainResponse(model=told.model, claims=told.claims)


@contextlib.asynccontextmanager
async def answering(answer: Answer) -> AsyncIterator[tuple[scorer.GrpcScorer, Servicer]]:
    """Yield the outbound scorer on a room that answers so."""
    servicer = Servicer(answer)

    def register(server: grpc.aio.Server) -> None:
        scoring_pb2_grpc.add_ScorerServicer_to_server(servicer, server)

    async def ready() -> apps.Readiness:
        return apps.Readiness(ok=True)

    name = "ultrathink.scoring.v1.Scorer"
    callers = {f"/{name}/{method}": frozenset({"claims"}) for method in ("ScoreStream", "Explain")}
    app = apps.App(name="scoring", register=register, service_names=(name,), callers=callers, ready=ready)
    async with over_a_socket(app) as made:
        yield made, servicer


def scored(**fields: Any) -> Answer:
    """Return an answer that says the same of every claim."""
    usual: dict[str, Any] = {
        "state": scoring_pb2.SCORE_STATE_SCORED, "probability": 0.5, "line_probabilities": [0.5],
    }  # fmt: skip
    told = usual | fields

    def answer(request: scoring_pb2.ScoreRequest) -> scoring_pb2.ScoreResponse:
        claims = [scoring_pb2.ClaimScore(**told) for _ in request.contexts]
        model = scoring_pb2.ModelInfo(name="m", revision="r", simulated=True)
        return scoring_pb2.ScoreResponse(model=model, claims=claims)

    return answer


@pytest.mark.parametrize(
    "nonsense",
    [
        {"probability": 1.5},
        {"probability": float("nan")},
        {"line_probabilities": [-0.1]},
        {"line_probabilities": []},
        {"line_probabilities": [0.5, 0.5]},
    ],
)
async def test_what_is_no_probability_is_a_fault(nonsense: dict[str, Any]) -> None:
    """An answer outside [0, 1], or for another number of lines, is never taken for a score."""
    async with answering(scored(**nonsense)) as (made, _):
        (fault,) = await made.score([case()], deadline=soon())
        assert isinstance(fault, errors.Internal)
        assert fault.reason == "scoring.nonsense"
        with pytest.raises(errors.Internal):
            await made.explain(case())


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"nphies": "BE-1-4"}, ("BE-1-4", "197")),
        ({"carc": "29"}, ("AD-2-5", "29")),
        ({"nphies": "BE-1-3", "carc": "45"}, ("BE-1-3", "45")),
        ({"nphies": "X-1"}, ("X-1", None)),
    ],
)
async def test_a_predicted_reason_is_named_in_both_lists(
    told: dict[str, str], expected: tuple[str, str | None]
) -> None:
    """What a model named in one list gets its code of the other; it is marked predicted all the same."""
    guess = scoring_pb2.ReasonGuess(label_en="why", label_ar="لماذا", probability=0.7, **told)
    reason = scoring_pb2.LineReason(row=0, guesses=[guess])
    async with answering(scored(line_reasons=[reason])) as (made, _):
        (score,) = await made.score([case()], deadline=soon())
        explained = await made.explain(case())
    assert isinstance(score, risk.Score)
    for found in (score, explained):
        [[likely]] = [part.guesses for part in found.line_reasons]
        assert (likely.nphies, likely.carc) == expected
        assert likely.predicted is True


async def test_states_and_faults_of_claims_are_their_own() -> None:
    """Not scored, out of range and an error each stay with their claim and keep their reason."""
    told = [
        scoring_pb2.ClaimScore(state=scoring_pb2.SCORE_STATE_NOT_SCORED, reason="arm.failed"),
        scoring_pb2.ClaimScore(state=scoring_pb2.SCORE_STATE_OUT_OF_RANGE, reason="net", probability=0.9),
        scoring_pb2.ClaimScore(error=common_pb2.Error(kind=common_pb2.ERROR_KIND_UNAVAILABLE, reason="late")),
        scoring_pb2.ClaimScore(),
    ]

    def answer(_: Any) -> scoring_pb2.ScoreResponse:
        return scoring_pb2.ScoreResponse(claims=told)

    async with answering(answer) as (made, _):
        scores = await made.score([case(number) for number in range(4)], deadline=soon())
    first, second, third, fourth = scores
    assert isinstance(first, risk.Score)
    assert isinstance(second, risk.Score)
    assert isinstance(fourth, risk.Score)
    assert (first.state, first.reason) == ("not_scored", "arm.failed")
    assert (second.state, second.reason, second.probability) == ("out_of_range", "net", None)
    assert isinstance(third, errors.Unavailable)
    assert fourth.state == "not_scored"


async def test_another_number_of_answers_is_a_fault_for_all() -> None:
    """Answers that cannot be paired with claims are used for none."""

    def answer(_: Any) -> scoring_pb2.ScoreResponse:
        return scoring_pb2.ScoreResponse(claims=[scoring_pb2.ClaimScore()])

    async with answering(answer) as (made, _):
        scores = await made.score([case(1), case(2)], deadline=soon())
        assert all(isinstance(score, errors.Internal) for score in scores)


async def test_reasons_arrive_in_both_languages_and_marked() -> None:
    """A flagged line's guesses and contributions keep their order, labels and the mark predicted."""
    reason = scoring_pb2.LineReason(
        row=0,
        guesses=[
            scoring_pb2.ReasonGuess(nphies="MN-1-1", label_en="a", label_ar="ا", probability=0.6),
            scoring_pb2.ReasonGuess(carc="16", label_en="b", label_ar="ب", probability=0.3),
        ],
        contributions=[scoring_pb2.Contribution(feature="f", label_en="F", label_ar="ف", log_odds=0.25)],
    )
    async with answering(scored(line_reasons=[reason])) as (made, _):
        (score,) = await made.score([case()], deadline=soon())
    assert isinstance(score, risk.Score)
    (told,) = score.line_reasons
    assert [(one.nphies, one.carc, one.predicted) for one in told.guesses] == [
        ("MN-1-1", "50", True), (None, "16", True),
    ]  # fmt: skip
    assert told.contributions == [
        decisions.Contribution(feature="f", label=decisions.Bilingual(en="F", ar="ف"), log_odds=0.25)
    ]


async def test_history_and_rows_travel_without_identity() -> None:
    """The message names the row schema, counts of history, and nobody."""
    async with answering(scored()) as (made, servicer):
        await made.score([case(known=None)], deadline=soon())
    (request,) = servicer.requests
    assert request.rows.schema_hash == rows.SCHEMA_HASH
    assert b"Secret" not in request.SerializeToString()
    assert b"1000000001" not in request.SerializeToString().replace(b"10000000000101", b"")
    (column,) = [one for one in request.rows.claim_columns if one.name == "provider_claims"]
    assert int.from_bytes(column.i64, "little", signed=True) == calls.MISSING


async def test_rows_travel_as_records_once_the_server_reads_them() -> None:
    """The first batch has columns by name; an answer that says so makes the next ones records."""

    def answer(request: scoring_pb2.ScoreRequest) -> scoring_pb2.ScoreResponse:
        told = scored()(request)
        told.reads_records = True
        return told

    async with answering(answer) as (made, servicer):
        scores = [await made.score([case(number)], deadline=soon()) for number in range(3)]
    assert all(isinstance(score, risk.Score) for (score,) in scores)
    assert [bool(one.rows.claim_columns) for one in servicer.requests] == [True, False, False]
    assert [bool(one.rows.claim_records) for one in servicer.requests] == [False, True, True]
    assert b"1000000001" not in servicer.requests[1].SerializeToString().replace(b"10000000000101", b"")


async def test_an_older_server_gets_columns_again_and_no_claim_goes_without_its_score() -> None:
    """A server of before records takes the place of a newer one: the same claims are sent once more."""
    newer = [True]

    def answer(request: scoring_pb2.ScoreRequest) -> scoring_pb2.ScoreResponse:
        if newer[0] or request.rows.claim_columns:
            told = scored()(request)
            told.reads_records = newer[0]
            return told
        refusal = common_pb2.Error(kind=common_pb2.ERROR_KIND_INVALID, reason="rows.missing_column")
        return scoring_pb2.ScoreResponse(claims=[scoring_pb2.ClaimScore(error=refusal)])

    async with answering(answer) as (made, servicer):
        await made.score([case(1)], deadline=soon())
        newer[0] = False
        scores = [
            *await made.score([case(2)], deadline=soon()),
            *await made.score([case(3)], deadline=soon()),
        ]
    assert all(isinstance(score, risk.Score) for score in scores)
    assert [bool(one.rows.claim_columns) for one in servicer.requests] == [True, False, True, True]


async def test_an_older_server_explains_what_comes_in_columns() -> None:
    """It refuses records for the columns it misses, and is asked again."""

    def answer(request: scoring_pb2.ScoreRequest) -> scoring_pb2.ScoreResponse:
        if not request.rows.claim_columns:
            raise errors.Invalid("rows.missing_column", "The column type is missing.")
        return scored()(request)

    async with answering(answer) as (made, _):
        explained = await made.explain(case())
    assert explained.probability == 0.5


async def test_a_lone_claim_is_explained_as_it_was_scored() -> None:
    """The same way through the scoring room: not a digit of the probability differs."""
    configured = scoring_settings.ScoringSettings(bundle_dir=BUNDLE)
    async with scoring_compose.compose(configured) as app, over_a_socket(app) as made:
        await made.score([case(1)], deadline=soon())  # from here on rows travel as records
        (told,) = await made.score([case(2)], deadline=soon())
        explained = await made.explain(case(2))
    assert isinstance(told, risk.Score)
    assert (explained.probability, explained.line_probabilities) == (
        told.probability,
        told.line_probabilities,
    )


async def test_records_and_columns_are_scored_alike() -> None:
    """By the scoring room with the committed bundle: as columns, as records, and each claim alone."""
    configured = scoring_settings.ScoringSettings(bundle_dir=BUNDLE)
    cases = [case(number) for number in range(1, 4)]
    async with scoring_compose.compose(configured) as app, over_a_socket(app) as made:
        first, again = [await made.score(cases, deadline=soon()) for _ in range(2)]
        alone = [(await made.score([one], deadline=soon()))[0] for one in cases]
    for one, other in zip([*first, *first], [*again, *alone], strict=True):
        assert isinstance(one, risk.Score)
        assert isinstance(other, risk.Score)
        assert (one.state, one.feature_hash) == (other.state, other.feature_hash)
        assert one.probability == pytest.approx(other.probability, abs=1e-6)
        assert one.line_probabilities == pytest.approx(other.line_probabilities, abs=1e-6)
        assert [part.guesses for part in one.line_reasons] == [part.guesses for part in other.line_reasons]
        assert one.contributions == other.contributions


async def test_many_claims_travel_in_few_messages() -> None:
    """Groups of several callers share messages; every answer finds its claim."""
    async with answering(scored()) as (made, servicer):
        scores = await made.score([case(number) for number in range(600)], deadline=soon())
        assert len(scores) == 600
        assert all(isinstance(score, risk.Score) for score in scores)
        assert len(servicer.requests) <= 4


async def test_a_room_that_is_away_is_a_fault_per_claim_in_time() -> None:
    """Nobody there: unavailable by the deadline, not a crash and not a hang."""
    async with answering(scored()) as (made, _):
        pass
    scores = await made.score([case()], deadline=soon())
    assert isinstance(scores[0], errors.Unavailable)
