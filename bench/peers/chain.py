"""The naive chain: FastAPI → gRPC claims (rules, ORM) → gRPC scoring, one unary call per claim and hop.

Usage: python -m peers.chain http|claims|scoring; addresses come from PEER_* variables.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import fastapi
import grpc
import numpy as np
import pandas as pd
import uvicorn
from sqlalchemy.ext import asyncio as sa_asyncio

from peers import model, rules, shapes, tables
from ultrathink.claims.v1 import claims_pb2
from ultrathink.common.v1 import common_pb2
from ultrathink.scoring.v1 import scoring_pb2

SUBMIT, SCORE = "/peer.Claims/Submit", "/peer.Scoring/Score"


type Messages = type[Any]  # a generated class: it reads and writes its own bytes


def _handler(path: str, function: Callable[..., Any], request: Messages) -> grpc.GenericRpcHandler:
    service, method = path.strip("/").split("/")
    unary: grpc.RpcMethodHandler[Any, Any] = grpc.unary_unary_rpc_method_handler(
        function, request_deserializer=request.FromString, response_serializer=lambda m: m.SerializeToString()
    )
    return grpc.method_handlers_generic_handler(service, {method: unary})


def _call(channel: grpc.aio.Channel, path: str, answer: Messages) -> Callable[[Any], Awaitable[Any]]:
    return channel.unary_unary(
        path, request_serializer=lambda m: m.SerializeToString(), response_deserializer=answer.FromString
    )


async def _serve(port: str, handler: grpc.GenericRpcHandler) -> None:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((handler,))
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


async def scoring() -> None:
    """Score one claim's rows per call."""
    served = model.load(Path(os.environ["PEER_MODEL"]))

    async def score(request: scoring_pb2.ScoreRequest, _: object) -> scoring_pb2.ScoreResponse:
        frame = pd.DataFrame({c.name: np.frombuffer(c.f64) for c in request.rows.line_columns}).astype(
            "float32"
        )
        chances = served.predict_proba(frame)[:, 1].tolist()
        return scoring_pb2.ScoreResponse(claims=[scoring_pb2.ClaimScore(line_probabilities=chances)])

    await _serve(os.environ["PEER_SCORING_PORT"], _handler(SCORE, score, scoring_pb2.ScoreRequest))


async def claims() -> None:
    """Check one claim per call, have it scored, store it."""
    engine = tables.engine(os.environ["PEER_DSN"])
    async with engine.begin() as connection:
        await connection.run_sync(tables.Base.metadata.create_all)
    session_of = sa_asyncio.async_sessionmaker(engine, expire_on_commit=False)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{os.environ['PEER_SCORING_PORT']}") as channel:
        score = _call(channel, SCORE, scoring_pb2.ScoreResponse)

        async def submit(request: claims_pb2.RawClaim, _: object) -> claims_pb2.Decision:
            claim = shapes.Claim.model_validate_json(request.body)
            findings = rules.check(claim)
            frame = model.features(claim).astype("float64")
            columns = [
                common_pb2.Column(name=str(name), f64=frame[name].to_numpy().tobytes()) for name in frame
            ]
            scored = await score(scoring_pb2.ScoreRequest(rows=scoring_pb2.Rows(line_columns=columns)))
            row = tables.row(claim, findings, list(scored.claims[0].line_probabilities))
            async with session_of() as session:
                session.add(row)
                await session.commit()
            return claims_pb2.Decision(
                id=str(row.id),
                claim_id=claim.claim_id,
                probability=row.probability,
                findings=[claims_pb2.Finding(rule=f["rule"], path=f["path"]) for f in findings],
            )

        await _serve(os.environ["PEER_CLAIMS_PORT"], _handler(SUBMIT, submit, claims_pb2.RawClaim))


@asynccontextmanager
async def lifespan(app: fastapi.FastAPI) -> AsyncIterator[None]:
    """Hold one channel to claims."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{os.environ['PEER_CLAIMS_PORT']}") as channel:
        app.state.submit = _call(channel, SUBMIT, claims_pb2.Decision)
        app.state.channel = channel
        yield


app = fastapi.FastAPI(lifespan=lifespan)


@app.post("/claims", status_code=201)
async def submit(claim: shapes.Claim) -> dict[str, object]:
    """Validate at the door, pass on, answer."""
    decision = await app.state.submit(claims_pb2.RawClaim(body=claim.model_dump_json().encode()))
    return {
        "id": decision.id,
        "probability": decision.probability,
        "findings": [{"rule": f.rule, "path": f.path} for f in decision.findings],
    }


@app.get("/readyz")
async def ready() -> dict[str, bool]:
    """Answer once claims can be reached."""
    await asyncio.wait_for(app.state.channel.channel_ready(), 1)
    return {"ok": True}


if __name__ == "__main__":
    if sys.argv[1] == "http":
        uvicorn.run(app, port=int(os.environ["PEER_PORT"]), log_level="warning", access_log=False)
    else:
        asyncio.run({"claims": claims, "scoring": scoring}[sys.argv[1]]())
