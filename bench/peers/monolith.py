"""The naive monolith: FastAPI, pydantic, DataFrame, ORM; one process."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import fastapi
import uvicorn
from sqlalchemy.ext import asyncio as sa_asyncio

from peers import model, rules, shapes, tables


@asynccontextmanager
async def lifespan(app: fastapi.FastAPI) -> AsyncIterator[None]:
    """Open the pool and load the model once."""
    engine = tables.engine(os.environ["PEER_DSN"])
    async with engine.begin() as connection:
        await connection.run_sync(tables.Base.metadata.create_all)
    app.state.session = sa_asyncio.async_sessionmaker(engine, expire_on_commit=False)
    app.state.model = model.load(Path(os.environ["PEER_MODEL"]))
    yield
    await engine.dispose()


app = fastapi.FastAPI(lifespan=lifespan)


@app.post("/claims", status_code=201)
async def submit(claim: shapes.Claim) -> dict[str, object]:
    """Check, score, store, answer."""
    findings = rules.check(claim)
    scores = app.state.model.predict_proba(model.features(claim))[:, 1].tolist()
    row = tables.row(claim, findings, scores)
    async with app.state.session() as session:
        session.add(row)
        await session.commit()
    return {"id": row.id, "verdict": row.verdict, "findings": findings, "probabilities": scores}


@app.get("/readyz")
async def ready() -> dict[str, bool]:
    """Answer once the lifespan has started."""
    return {"ok": True}


if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ["PEER_PORT"]), log_level="warning", access_log=False)
