"""The peers that do the same work, on a real database: kept once, answered twice, found by later claims."""

import datetime as dt
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from peers import model as first_model
from peers.equal import bulk, scoring, shapes, tables, work
from sqlalchemy.ext import asyncio as sa_asyncio

import equal_faults as faults
import equal_support as support
import storage_support
from payersim.usecases import simulate

pytestmark = pytest.mark.xdist_group("postgres")
TODAY = dt.date.today  # the peers ask the clock, as a service does


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of simulated claims, with a model trained on them."""
    folder = tmp_path_factory.mktemp("equal")
    simulate.simulate(300, 12, folder, regimes=("base",))
    first_model.train(folder, folder / "model.json")
    return folder


@pytest.fixture
def documents(simulated: Path) -> list[dict[str, Any]]:
    """Claims that no rule refuses."""
    lines = (simulated / "claims.ndjson").read_bytes().splitlines()
    found = support.theirs_in_full(lines, dt.date(2026, 8, 15))
    return [
        json.loads(line)
        for line, told in zip(lines, found, strict=True)
        if not any(finding["severity"] == "error" for finding in told)
    ]


@pytest.fixture
async def database(embedded_postgres: storage_support.Server) -> AsyncIterator[sa_asyncio.AsyncEngine]:
    """A database with the peers' tables."""
    engine = tables.engine(embedded_postgres.dsn(await embedded_postgres.fresh(), owner=True))
    await tables.create(engine)
    yield engine
    await engine.dispose()


async def _sent(
    store: work.Store, scorer: scoring.Scorer, document: dict[str, Any], key: str = ""
) -> tuple[work.Answer, dict[str, Any]]:
    """Do what the doors of the peers do."""
    claim = shapes.Claim.model_validate(document)
    scores = scorer.score(scoring.values([claim]))
    answer = await store.keep(work.judged(support.book(), claim, await store.earlier(claim), scores, key))
    return answer, json.loads(answer.document)


async def test_a_claim_sent_again_gets_its_first_decision(
    database: sa_asyncio.AsyncEngine, simulated: Path, documents: list[dict[str, Any]]
):
    """The same claim under its key repeats the answer and stores nothing; a changed one is refused."""
    store, scorer = work.Store(database), scoring.Scorer(simulated / "model.json")
    for key in ("", "K-1"):
        first, told = await _sent(store, scorer, documents[0], key)
        second, again = await _sent(store, scorer, documents[0], key)
        assert (first.replayed, second.replayed) == (False, True)
        assert again == told
        with pytest.raises(work.ConflictError):
            await _sent(store, scorer, documents[0] | {"total": 1}, key)
    async with database.connect() as connection:
        counted = await connection.scalar(sa.select(sa.func.count()).select_from(tables.ClaimRow))
        lines = await connection.scalar(sa.select(sa.func.count()).select_from(tables.LineRow))
    assert (counted, lines) == (2, 2 * len(documents[0]["lines"]))


async def test_a_later_claim_finds_the_earlier_one(
    database: sa_asyncio.AsyncEngine, simulated: Path, documents: list[dict[str, Any]]
):
    """The query brings what the rules about duplicates need; a refused claim is not found."""
    store, scorer = work.Store(database), scoring.Scorer(simulated / "model.json")
    for number, (case, fired) in enumerate(faults.HISTORIES.items()):
        document = documents[number]
        await _sent(store, scorer, document)
        if case == "same id":
            continue  # refused or repeated, see above
        _, told = await _sent(store, scorer, faults.again(document, case))
        found = {one["rule"] for one in told["findings"] if one["rule"].startswith("HIST-1")}
        assert found == fired, case
    refused = documents[-1] | {"total": 1}
    _, told = await _sent(store, scorer, refused)
    assert told["verdict"] == "reject"
    _, told = await _sent(store, scorer, faults.again(documents[-1], "other id"))
    assert not any(one["rule"].startswith("HIST") for one in told["findings"])


async def test_a_file_is_kept_as_its_claims_one_by_one(
    database: sa_asyncio.AsyncEngine, simulated: Path, documents: list[dict[str, Any]]
):
    """A batch finds what claims sent one after the other find, and sent again changes nothing."""
    some = [*documents[:40], *(faults.again(document, "other id") for document in documents[:10])]
    scorer, store = scoring.Scorer(simulated / "model.json"), work.Store(database)
    session_of = sa_asyncio.async_sessionmaker(database)
    claims = [shapes.Claim.model_validate(document) for document in some]
    for _ in range(2):
        async with session_of() as session:
            await bulk.keep(session, claims, support.book(), scorer)
    rows = sa.select(tables.ClaimRow.claim_id, tables.ClaimRow.decision)
    async with database.connect() as connection:
        kept = {row.claim_id: json.loads(row.decision) for row in await connection.execute(rows)}
    assert len(kept) == len(some)
    expected = support.theirs([json.dumps(document).encode() for document in some], TODAY())
    for document, found in zip(some, expected, strict=True):
        told = kept[document["claim_id"]]
        assert sorted((one["rule"], one["path"]) for one in told["findings"]) == found
        answer, _ = await _sent(store, scorer, document)
        assert answer.replayed
        flagged = [line for line in told["risk"]["lines"] if line["probability"] >= scoring.FLAG]
        assert all(len(line["reasons"]) == scoring.TOP for line in flagged)
    changed = [shapes.Claim.model_validate(some[0] | {"total": 1})]
    async with session_of() as session:
        with pytest.raises(work.ConflictError):
            await bulk.keep(session, changed, support.book(), scorer)
