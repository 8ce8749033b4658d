"""The bulk peers: NDJSON lines or Arrow batches in one process, batched; no HTTP, no services.

Usage: python -m peers.bulk orm|limit|arrow FILE; prints claims per second as one number.
"""

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from itertools import repeat
from pathlib import Path

import asyncpg
import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy.ext import asyncio as sa_asyncio

from formats import model as claim_model
from peers import model, rules, shapes, tables

BATCH = 1_000


async def orm(lines: list[bytes]) -> None:
    """Validate with pydantic, check, score a batch at once, add_all, commit per batch."""
    engine = tables.engine(os.environ["PEER_DSN"])
    async with engine.begin() as connection:
        await connection.run_sync(tables.Base.metadata.create_all)
    served = model.load(Path(os.environ["PEER_MODEL"]))
    session_of = sa_asyncio.async_sessionmaker(engine, expire_on_commit=False)
    for start in range(0, len(lines), BATCH):
        claims = [shapes.Claim.model_validate_json(line) for line in lines[start : start + BATCH]]
        frames = [model.features(claim) for claim in claims]
        chances = served.predict_proba(pd.concat(frames))[:, 1].tolist()
        rows, at = [], 0
        for claim in claims:
            rows.append(tables.row(claim, rules.check(claim), chances[at : at + len(claim.lines)]))
            at += len(claim.lines)
        async with session_of() as session:
            session.add_all(rows)
            await session.commit()
    await engine.dispose()


async def limit(lines: list[bytes]) -> None:
    """Decode with msgspec, check sums in numpy, score columns, COPY narrow rows and one body per batch."""
    decoder = msgspec.json.Decoder(claim_model.Claim)
    async with _kept() as keep:
        for start in range(0, len(lines), BATCH):
            raw = lines[start : start + BATCH]
            claims = [decoder.decode(line) for line in raw]
            codes = [(claim.claim_id, line.code) for claim in claims for line in claim.lines]
            counts = np.array([len(claim.lines) for claim in claims])
            nets = np.array([int((line.net or 0) * 100) for claim in claims for line in claim.lines])
            totals = np.array([int((claim.total or 0) * 100) for claim in claims])
            heads = [(claim.claim_id, claim.provider.id) for claim in claims]
            await keep(heads, codes, (counts, nets, totals), b"\n".join(raw))


async def arrow(stream: bytes) -> None:
    """The same from an Arrow stream: columns from the start, no claim is ever an object."""
    async with _kept() as keep:
        for batch in pa.ipc.open_stream(stream):
            lines = batch.column("lines")
            counts = lines.value_lengths().to_numpy()
            inside = lines.flatten()
            ids = batch.column("claim_id").to_pylist()
            codes = zip(np.repeat(ids, counts).tolist(), inside.field("code").to_pylist(), strict=True)
            heads = zip(ids, batch.column("provider").field("id").to_pylist(), strict=True)
            sums = (counts, _minor(inside.field("net")), _minor(batch.column("total")))
            await keep(list(heads), list(codes), sums, batch.serialize().to_pybytes())


def _minor(amounts: pa.Array) -> np.ndarray:
    hundred = pc.multiply(pc.fill_null(amounts, 0).cast(pa.decimal128(14, 2)), pa.scalar(100))
    found: np.ndarray = hundred.cast(pa.int64()).to_numpy()
    return found


type Pairs = list[tuple[str | None, str | None]]
type Sums = tuple[np.ndarray, np.ndarray, np.ndarray]  # lines of a claim, net of a line, total of a claim
type Keep = Callable[[Pairs, Pairs, Sums, bytes], Awaitable[None]]


@contextlib.asynccontextmanager
async def _kept() -> AsyncIterator[Keep]:
    """Yield what judges sums, scores and stores one batch of columns in one transaction."""
    connection = await asyncpg.connect(os.environ["PEER_DSN"])
    await connection.execute(
        "CREATE TABLE IF NOT EXISTS limit_claims"
        " (claim_id text, provider text, total bigint, probability float8, at timestamptz);"
        "CREATE TABLE IF NOT EXISTS limit_lines (claim_id text, code text, net bigint, probability float8);"
        "CREATE TABLE IF NOT EXISTS limit_bodies (body bytea)"
    )
    booster = model.load(Path(os.environ["PEER_MODEL"])).get_booster()

    async def keep(heads: Pairs, codes: Pairs, sums: Sums, body: bytes) -> None:
        counts, nets, totals = sums
        first = np.cumsum(counts) - counts
        fit = np.add.reduceat(nets, first) == totals
        matrix = np.zeros((len(nets), 20), dtype=np.float32)
        matrix[:, 17] = nets / 100
        matrix[:, 10] = np.repeat(totals, counts) / 100
        chances = booster.inplace_predict(matrix, validate_features=False)
        worst = (np.maximum.reduceat(chances, first) * fit).tolist()
        at = repeat(datetime.now(UTC), len(heads))
        claims = zip(heads, totals.tolist(), worst, at, strict=True)
        lines = zip(codes, nets.tolist(), chances.tolist(), strict=True)
        async with connection.transaction():
            await connection.copy_records_to_table(
                "limit_claims", records=[(*head, *rest) for head, *rest in claims]
            )
            await connection.copy_records_to_table(
                "limit_lines", records=[(*code, *rest) for code, *rest in lines]
            )
            await connection.execute("INSERT INTO limit_bodies VALUES ($1)", body)

    yield keep
    await connection.close()


def main(kind: str, file: Path) -> None:
    """Run a peer over a file; print what it took."""
    body = file.read_bytes()
    lines = body.splitlines() if kind != "arrow" else []
    began = time.perf_counter()
    asyncio.run(arrow(body) if kind == "arrow" else {"orm": orm, "limit": limit}[kind](lines))
    seconds = time.perf_counter() - began
    claims = len(lines) or sum(batch.num_rows for batch in pa.ipc.open_stream(body))
    print(json.dumps({"claims": claims, "seconds": seconds}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
