"""The monolith that does the same work: FastAPI, pydantic, rules, DataFrame, ORM; one process."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import fastapi
import uvicorn

from peers.equal import rules, scoring, shapes, tables, work


@asynccontextmanager
async def lifespan(app: fastapi.FastAPI) -> AsyncIterator[None]:
    """Open the pool, load the model, the texts and the tables once."""
    engine = tables.engine(os.environ["PEER_DSN"])
    await tables.create(engine)
    app.state.store = work.Store(engine)
    app.state.rules = rules.load()
    app.state.scorer = scoring.Scorer(Path(os.environ["PEER_MODEL"]))
    yield
    await engine.dispose()


app = fastapi.FastAPI(lifespan=lifespan)


@app.post("/claims", status_code=201)
async def submit(
    claim: shapes.Claim, idempotency_key: Annotated[str, fastapi.Header()] = ""
) -> fastapi.Response:
    """Look up, check, score, store, answer."""
    state = app.state
    earlier = await state.store.earlier(claim)
    scores = state.scorer.score(scoring.values([claim]))
    row = work.judged(state.rules, claim, earlier, scores, idempotency_key)
    try:
        answer = await state.store.keep(row)
    except work.ConflictError as cause:
        raise fastapi.HTTPException(409, "The same key came before with another claim.") from cause
    status = 200 if answer.replayed else 201
    return fastapi.Response(answer.document, status, media_type="application/json")


@app.get("/readyz")
async def ready() -> dict[str, bool]:
    """Answer once the lifespan has started."""
    return {"ok": True}


if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ["PEER_PORT"]), log_level="warning", access_log=False)
