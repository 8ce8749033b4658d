"""The bulk peers: NDJSON lines in one process, batched; no HTTP, no services.

Usage: python -m peers.bulk orm|limit FILE; prints claims per second as one number.
"""

import asyncio
import json
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import msgspec
import numpy as np
import pandas as pd
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
    connection = await asyncpg.connect(os.environ["PEER_DSN"])
    await connection.execute(
        "CREATE TABLE IF NOT EXISTS limit_claims"
        " (claim_id text, provider text, total bigint, probability float8, at timestamptz);"
        "CREATE TABLE IF NOT EXISTS limit_lines (claim_id text, code text, net bigint, probability float8);"
        "CREATE TABLE IF NOT EXISTS limit_bodies (body bytea)"
    )
    booster = model.load(Path(os.environ["PEER_MODEL"])).get_booster()
    decoder = msgspec.json.Decoder(claim_model.Claim)
    for start in range(0, len(lines), BATCH):
        raw = lines[start : start + BATCH]
        claims = [decoder.decode(line) for line in raw]
        offsets = np.cumsum([0] + [len(claim.lines) for claim in claims])
        nets = np.array([int((line.net or 0) * 100) for claim in claims for line in claim.lines])
        totals = np.array([int((claim.total or 0) * 100) for claim in claims])
        sums_fit = np.add.reduceat(nets, offsets[:-1]) == totals
        matrix = np.zeros((len(nets), 20), dtype=np.float32)
        matrix[:, 17] = nets / 100
        matrix[:, 10] = np.repeat(totals, np.diff(offsets)) / 100
        chances = booster.inplace_predict(matrix, validate_features=False)
        worst = np.maximum.reduceat(chances, offsets[:-1]) * sums_fit
        now = datetime.now(UTC)
        async with connection.transaction():
            await connection.copy_records_to_table(
                "limit_claims",
                records=[
                    (c.claim_id, c.provider.id, int(t), float(p), now)
                    for c, t, p in zip(claims, totals, worst, strict=True)
                ],
            )
            codes = [(claim.claim_id, line.code) for claim in claims for line in claim.lines]
            await connection.copy_records_to_table(
                "limit_lines",
                records=[(*c, int(n), float(p)) for c, n, p in zip(codes, nets, chances, strict=True)],
            )
            await connection.execute("INSERT INTO limit_bodies VALUES ($1)", b"\n".join(raw))
    await connection.close()


if __name__ == "__main__":
    body = Path(sys.argv[2]).read_bytes().splitlines()
    began = time.perf_counter()
    asyncio.run({"orm": orm, "limit": limit}[sys.argv[1]](body))
    print(json.dumps({"claims": len(body), "seconds": time.perf_counter() - began}))
