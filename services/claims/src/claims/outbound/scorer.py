"""The model's opinion through the scoring room: claims as columns out, probabilities and reasons in."""

import hashlib
from collections.abc import Sequence

from chassis import clock as clocks
from chassis import contexts, errors, streams, telemetry
from claims import ports
from claims.domain import reasons, risk
from claims.outbound import anomalies, calls, opinions
from formats import model, rows
from ultrathink.scoring.v1 import scoring_pb2, scoring_pb2_grpc

CLAIM_BYTES = 600  # A claim's columns and context on the wire, measured; a line's columns below.
LINE_BYTES = 250

type Asked = tuple[contexts.CallContext, model.Claim]

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
        self._opinions = opinions.Opinions(book)
        self._records = False  # whether the server that answered last reads rows as records
        self._explain = stub.Explain
        self._stream: streams.BatchStream[scoring_pb2.ScoreRequest, scoring_pb2.ScoreResponse] = (
            streams.BatchStream(stub.ScoreStream, clock=clock, resend=True)  # scoring changes nothing
        )
        self._groups: calls.Groups[ports.Case, risk.Score] = calls.Groups(
            self._exchange, name="score", size_of=_size, deadline_of=_deadline, clock=clock
        )

    def lay_out(self, asked: Sequence[Asked]) -> "_Sheet | None":
        """Return what a question about these claims can hold before their history is known."""
        return _Sheet(asked, self._known()) if self._records else None

    async def score(
        self, cases: Sequence[ports.Case], *, deadline: float
    ) -> Sequence[risk.Score | errors.Fault]:
        """Return one score per case, by `deadline`; a fault where there is none."""
        return await self._groups.send(cases, deadline=deadline)

    async def explain(self, case: ports.Case) -> risk.Score:
        """Return one claim's score with the contributions of every line."""
        request = scoring_pb2.ExplainRequest(
            contexts=calls.wire([case.context], {}, self._clock),
            rows=rows.pack([case.claim], _histories([case])),
            claim_keys=[_key(case.context, case.claim)],
        )
        try:
            answer = await calls.unary(self._explain, request, case.context, self._clock)
        except errors.Invalid:  # a server of before records misses the columns
            request.rows.CopyFrom(_columns([case]))
            answer = await calls.unary(self._explain, request, case.context, self._clock)
        if len(answer.claims) != 1:
            raise errors.Internal("scoring.mismatched", "Scoring answered another number of claims.")
        (score,) = self._read(answer, [case])
        if isinstance(score, errors.Fault):
            raise score
        return score

    async def aclose(self) -> None:
        """Wait for what is in flight and end the stream."""
        await self._groups.aclose()
        await self._stream.aclose()

    async def _exchange(self, cases: list[ports.Case], deadline: float) -> list[risk.Score | errors.Fault]:
        senders = [case.context for case in cases]
        with telemetry.batch_span(
            "claims.score_batch", (sender.traceparent for sender in senders), rows=len(cases)
        ) as onward:
            sheet = calls.laid(cases, _Sheet)
            if sheet is None:
                sheet = _Sheet([(case.context, case.claim) for case in cases], self._known())
            request = sheet.fill(_histories(cases))
            if not self._records:
                request.rows.CopyFrom(_columns(cases))
            wired = [request.contexts.add() for _ in cases]
            calls.fill(wired, senders, onward, self._clock)
            answer = await self._stream.exchange(request, deadline=deadline)
            if request.rows.claim_records and not answer.reads_records:  # another server, of before records
                self._records = False
                request.rows.CopyFrom(_columns(cases))
                answer = await self._stream.exchange(request, deadline=deadline)
            self._records = answer.reads_records
        return self._read(answer, cases)

    def _known(self) -> list[str]:
        return self._opinions.known(self._clock.now().date())

    def _read(
        self, answer: scoring_pb2.ScoreResponse | scoring_pb2.ExplainResponse, cases: Sequence[ports.Case]
    ) -> list[risk.Score | errors.Fault]:
        lines = [len(case.claim.lines) for case in cases]
        scores = self._opinions.read(answer, lines, self._clock.now().date())
        return anomalies.beside(scores, answer, lines)


class _Sheet:
    """A question about these claims, all but their history and contexts; good for one filling."""

    __slots__ = ("_request", "_rows", "_size")

    def __init__(self, asked: Sequence[Asked], known: Sequence[str]) -> None:
        self._request = scoring_pb2.ScoreRequest(
            claim_keys=[_key(context, claim) for context, claim in asked],
            columnar=True,
            anomalies=True,
            known_revisions=known,
        )
        self._rows = rows.Sheet([claim for _, claim in asked], self._request.rows)
        self._size = len(asked)

    def __len__(self) -> int:
        return self._size

    def fill(self, histories: Sequence[rows.History]) -> scoring_pb2.ScoreRequest:
        """Return the question with the history of each claim; contexts are still to be added."""
        self._size = 0
        self._rows.fill(histories)
        return self._request


def _key(context: contexts.CallContext, claim: model.Claim) -> int:
    """Return a number made of what identifies a claim: with it, a claim always meets the same model."""
    identity = f"{context.tenant}\0{claim.provider.id}\0{claim.claim_id}"
    return int.from_bytes(hashlib.blake2b(identity.encode(), digest_size=8).digest())


def _size(case: ports.Case) -> int:
    return CLAIM_BYTES + LINE_BYTES * len(case.claim.lines)


def _deadline(case: ports.Case) -> float:
    return case.context.deadline


def _histories(cases: Sequence[ports.Case]) -> list[rows.History]:
    return [
        _UNKNOWN
        if case.known is None
        else rows.History(case.known.provider_claims, case.known.provider_denied, case.known.patient_claims)
        for case in cases
    ]


def _columns(cases: Sequence[ports.Case]) -> scoring_pb2.Rows:
    """Return the rows of claims in columns by name, as servers of before records read them."""
    return rows.to_wire(rows.build([case.claim for case in cases], _histories(cases)))
