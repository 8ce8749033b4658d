"""The model's opinion through the scoring room: claims as columns out, probabilities and reasons in."""

import hashlib
import math
from collections.abc import Sequence

from chassis import clock as clocks
from chassis import errors, faults, streams, telemetry
from claims import ports
from claims.domain import decisions, reasons, risk
from claims.outbound import calls
from formats import rows
from ultrathink.scoring.v1 import scoring_pb2, scoring_pb2_grpc

CLAIM_BYTES = 600  # A claim's columns and context on the wire, measured; a line's columns below.
LINE_BYTES = 250

_STATES = {
    scoring_pb2.SCORE_STATE_SCORED: "scored",
    scoring_pb2.SCORE_STATE_OUT_OF_RANGE: "out_of_range",
}
# Without storage's answer the counts are missing, which the model knows from its training.
_UNKNOWN = rows.History(calls.MISSING, calls.MISSING, calls.MISSING)


class GrpcScorer:
    """Implements the port Scorer over one stream of batches.

    With `book`, a predicted reason that names one code gets the other by the crosswalk.
    """

    def __init__(
        self,
        stub: "scoring_pb2_grpc.ScorerAsyncStub",
        clock: clocks.Clock,
        book: reasons.Book | None = None,
    ) -> None:
        self._clock = clock
        self._book = book
        self._explain = stub.Explain
        self._stream: streams.BatchStream[scoring_pb2.ScoreRequest, scoring_pb2.ScoreResponse] = (
            streams.BatchStream(stub.ScoreStream, clock=clock, resend=True)  # scoring changes nothing
        )
        self._groups: calls.Groups[ports.Case, risk.Score] = calls.Groups(
            self._exchange, name="score", size_of=_size, deadline_of=_deadline, clock=clock
        )

    async def score(
        self, cases: Sequence[ports.Case], *, deadline: float
    ) -> Sequence[risk.Score | errors.Fault]:
        """Return one score per case, by `deadline`; a fault where there is none."""
        return await self._groups.send(cases, deadline=deadline)

    async def explain(self, case: ports.Case) -> risk.Score:
        """Return one claim's score with the contributions of every line."""
        request = scoring_pb2.ExplainRequest(
            contexts=calls.wire([case.context], {}, self._clock), rows=_rows([case]), claim_keys=[_key(case)]
        )
        answer = await calls.unary(self._explain, request, case.context, self._clock)
        if len(answer.claims) != 1:
            raise errors.Internal("scoring.mismatched", "Scoring answered another number of claims.")
        served = _Arms(answer.model, answer.candidates).of(answer.claims[0])
        score = self._score(answer.claims[0], served, len(case.claim.lines))
        if isinstance(score, errors.Fault):
            raise score
        return score

    async def aclose(self) -> None:
        """Wait for what is in flight and end the stream."""
        await self._groups.aclose()
        await self._stream.aclose()

    async def _exchange(self, cases: list[ports.Case], deadline: float) -> list[risk.Score | errors.Fault]:
        contexts = [case.context for case in cases]
        with telemetry.batch_span(
            "claims.score_batch", (item.traceparent for item in contexts), rows=len(cases)
        ) as onward:
            request = scoring_pb2.ScoreRequest(
                contexts=calls.wire(contexts, onward, self._clock),
                rows=_rows(cases),
                claim_keys=[_key(case) for case in cases],
            )
            answer = await self._stream.exchange(request, deadline=deadline)
        served = _Arms(answer.model, answer.candidates)
        return [
            self._score(told, served.of(told), len(case.claim.lines))
            for case, told in zip(cases, answer.claims, strict=False)
        ]

    def _score(
        self, told: scoring_pb2.ClaimScore, served: "_Served", lines: int
    ) -> risk.Score | errors.Fault:
        found = _score(told, served, lines)
        if self._book is None or not isinstance(found, risk.Score):
            return found
        return risk.completed(found, self._book, self._clock.now().date())


class _Served:
    """The model that answered a batch, in this room's words."""

    __slots__ = ("model", "simulated")

    def __init__(self, told: scoring_pb2.ModelInfo) -> None:
        self.model = decisions.Model(name=told.name, revision=told.revision) if told.revision else None
        self.simulated = told.simulated


class _Arms:
    """The models that answered a batch: the stable arm's, and those of candidates."""

    __slots__ = ("_others", "_stable")

    def __init__(self, stable: scoring_pb2.ModelInfo, candidates: Sequence[scoring_pb2.ModelInfo]) -> None:
        self._stable = _Served(stable)
        self._others = {one.revision: _Served(one) for one in candidates}

    def of(self, told: scoring_pb2.ClaimScore) -> _Served:
        """Return the model that answered one claim."""
        return self._others.get(told.model_revision, self._stable)


def _key(case: ports.Case) -> int:
    """Return a number made of what identifies a claim: with it, a claim always meets the same model."""
    claim = case.claim
    identity = f"{case.context.tenant}\0{claim.provider.id}\0{claim.claim_id}"
    return int.from_bytes(hashlib.blake2b(identity.encode(), digest_size=8).digest())


def _size(case: ports.Case) -> int:
    return CLAIM_BYTES + LINE_BYTES * len(case.claim.lines)


def _deadline(case: ports.Case) -> float:
    return case.context.deadline


def _rows(cases: Sequence[ports.Case]) -> scoring_pb2.Rows:
    histories = [
        _UNKNOWN
        if case.known is None
        else rows.History(case.known.provider_claims, case.known.provider_denied, case.known.patient_claims)
        for case in cases
    ]
    return rows.to_wire(rows.build([case.claim for case in cases], histories))


def _score(told: scoring_pb2.ClaimScore, served: _Served, lines: int) -> risk.Score | errors.Fault:
    if told.HasField("error"):
        return faults.from_wire(told.error)
    state = _STATES.get(told.state)
    if state is None:
        return risk.not_scored(told.reason or "scoring.not_scored")
    chances = list(told.line_probabilities)
    if state == "scored" and (
        len(chances) != lines or not all(map(_is_chance, [*chances, told.probability]))
    ):
        return errors.Internal("scoring.nonsense", "Scoring answered something that is no probability.")
    return risk.Score(
        state="scored" if state == "scored" else "out_of_range",
        reason=told.reason or None,
        probability=told.probability if state == "scored" else None,
        line_probabilities=chances if state == "scored" else [],
        line_reasons=[_reason(reason) for reason in told.line_reasons],
        contributions=[_contribution(part) for part in told.contributions],
        model=served.model,
        simulated=served.simulated,
    )


def _is_chance(value: float) -> bool:
    return math.isfinite(value) and 0 <= value <= 1


def _reason(told: scoring_pb2.LineReason) -> risk.LineReason:
    return risk.LineReason(
        row=told.row,
        guesses=[
            decisions.LikelyReason(
                nphies=guess.nphies or None,
                carc=guess.carc or None,
                label=decisions.Bilingual(en=guess.label_en, ar=guess.label_ar),
                probability=guess.probability,
                predicted=True,
            )
            for guess in told.guesses
        ],
        contributions=[_contribution(part) for part in told.contributions],
    )


def _contribution(told: scoring_pb2.Contribution) -> decisions.Contribution:
    return decisions.Contribution(
        feature=told.feature,
        label=decisions.Bilingual(en=told.label_en, ar=told.label_ar),
        log_odds=told.log_odds,
    )
