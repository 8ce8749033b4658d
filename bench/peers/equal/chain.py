"""The chain that does the same work: FastAPI → gRPC claims → gRPC scoring, one unary call per claim and hop.

Usage: python -m peers.equal.chain http|claims|scoring; addresses come from PEER_* variables.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import fastapi
import grpc
import numpy as np
import uvicorn
import uvloop

from peers import chain
from peers.equal import rules, scoring, shapes, tables, work
from ultrathink.claims.v1 import claims_pb2
from ultrathink.common.v1 import common_pb2
from ultrathink.scoring.v1 import scoring_pb2

handler_of, call, serve = chain._handler, chain._call, chain._serve  # noqa: SLF001 - the first peers stay as they are
SUBMIT, SCORE = "/peer.equal.Claims/Submit", "/peer.equal.Scoring/Score"


async def serve_scoring() -> None:
    """Score one claim's rows per call."""
    scorer = scoring.Scorer(Path(os.environ["PEER_MODEL"]))

    async def score(request: scoring_pb2.ScoreRequest, _: object) -> scoring_pb2.ScoreResponse:
        rows = np.frombuffer(request.rows.line_records, dtype=np.float32)
        told = scorer.score(rows.reshape(-1, len(scoring.COLUMNS)))
        reasons = [
            scoring_pb2.LineReason(
                row=row,
                contributions=[
                    scoring_pb2.Contribution(feature=name, log_odds=share) for name, share in shares
                ],
            )
            for row, shares in told.reasons.items()
        ]
        claim = scoring_pb2.ClaimScore(line_probabilities=told.probabilities, line_reasons=reasons)
        return scoring_pb2.ScoreResponse(claims=[claim])

    handler = handler_of(SCORE, score, scoring_pb2.ScoreRequest)
    await serve(os.environ["PEER_SCORING_PORT"], handler)


async def serve_claims() -> None:
    """Look up and score one claim per call, check and store it."""
    engine = tables.engine(os.environ["PEER_DSN"])
    await tables.create(engine)
    store, book = work.Store(engine), rules.load()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{os.environ['PEER_SCORING_PORT']}") as channel:
        score = call(channel, SCORE, scoring_pb2.ScoreResponse)

        async def submit(request: claims_pb2.SubmitItem, context: Any) -> claims_pb2.SubmitResult:
            claim = shapes.Claim.model_validate_json(request.raw.body)
            rows = scoring_pb2.Rows(line_records=scoring.values([claim]).tobytes())
            earlier, scored = await asyncio.gather(
                store.earlier(claim), score(scoring_pb2.ScoreRequest(rows=rows))
            )
            row = work.judged(book, claim, earlier, _scores(scored), request.context.idempotency_key)
            try:
                answer = await store.keep(row)
            except work.ConflictError:
                await context.abort(grpc.StatusCode.ALREADY_EXISTS, "another claim under this key")
                raise
            body = claims_pb2.Rendered(body=answer.document.encode())
            return claims_pb2.SubmitResult(rendered=body, replayed=answer.replayed)

        handler = handler_of(SUBMIT, submit, claims_pb2.SubmitItem)
        await serve(os.environ["PEER_CLAIMS_PORT"], handler)


def _scores(answer: scoring_pb2.ScoreResponse) -> scoring.Scores:
    (claim,) = answer.claims
    reasons = {
        reason.row: [(one.feature, one.log_odds) for one in reason.contributions]
        for reason in claim.line_reasons
    }
    return scoring.Scores(list(claim.line_probabilities), reasons)


@asynccontextmanager
async def lifespan(app: fastapi.FastAPI) -> AsyncIterator[None]:
    """Hold one channel to claims."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{os.environ['PEER_CLAIMS_PORT']}") as channel:
        app.state.submit = call(channel, SUBMIT, claims_pb2.SubmitResult)
        app.state.channel = channel
        yield


app = fastapi.FastAPI(lifespan=lifespan)


@app.post("/claims", status_code=201)
async def submit(
    request: fastapi.Request, claim: shapes.Claim, idempotency_key: Annotated[str, fastapi.Header()] = ""
) -> fastapi.Response:
    """Validate at the door, pass the sender's bytes on, answer."""
    del claim  # valid: refused with 422 otherwise
    item = claims_pb2.SubmitItem(
        context=common_pb2.Context(idempotency_key=idempotency_key),
        raw=claims_pb2.RawClaim(body=await request.body()),
    )
    try:
        result = await app.state.submit(item)
    except grpc.aio.AioRpcError as cause:
        if cause.code() is not grpc.StatusCode.ALREADY_EXISTS:
            raise
        raise fastapi.HTTPException(409, "The same key came before with another claim.") from cause
    status = 200 if result.replayed else 201
    return fastapi.Response(result.rendered.body, status, media_type="application/json")


@app.get("/readyz")
async def ready() -> dict[str, bool]:
    """Answer once claims can be reached."""
    try:
        await asyncio.wait_for(app.state.channel.channel_ready(), 1)
    except TimeoutError as cause:
        raise fastapi.HTTPException(503, "claims are not there yet") from cause
    return {"ok": True}


if __name__ == "__main__":
    if sys.argv[1] == "http":
        uvicorn.run(app, port=int(os.environ["PEER_PORT"]), log_level="warning", access_log=False)
    else:
        serve_part = {"claims": serve_claims, "scoring": serve_scoring}[sys.argv[1]]
        asyncio.run(serve_part(), loop_factory=uvloop.new_event_loop)  # as uvicorn runs the door
