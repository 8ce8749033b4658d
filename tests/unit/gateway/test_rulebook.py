"""What claims are judged by, over HTTP: rules, packs, tables, reasons, for everybody who may read."""

import pytest

import gateway_support as support
from chassis import errors
from gateway.domain import exchanges

PATHS = (
    "/api/v1/rules", "/api/v1/rules/R-1", "/api/v1/rules/packs", "/api/v1/tables",
    "/api/v1/tables/letters/A1",
    "/api/v1/reasons",
)  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
async def test_whoever_may_read_gets_the_document_as_claims_wrote_it(path: str) -> None:
    """Canonical JSON, for the caller's tenant, kept by no cache."""
    stage = support.stage()
    async with support.client(stage.app) as client:
        answer = await client.get(path, headers=support.BILLER)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["tenant"] == "demo"


@pytest.mark.parametrize("path", PATHS)
async def test_nobody_reads_without_a_token(path: str) -> None:
    """There is nothing secret in rules, but a tenant's own tables are its own."""
    stage = support.stage()
    async with support.client(stage.app) as client:
        support.problem(await client.get(path), 401, "token.missing")
    assert stage.rulebook.asked == []


async def test_filters_and_cursor_reach_claims_as_they_were_asked() -> None:
    """Only what was named; the limit has a default a person reads."""
    stage = support.stage()
    asked = {"regime": "nphies", "severity": "error", "scope": "line", "q": "net أو", "cursor": "R-0"}
    asked["limit"] = "7"
    async with support.client(stage.app) as client:
        await client.get("/api/v1/rules", params=asked, headers=support.BILLER)
        await client.get("/api/v1/rules", headers=support.BILLER)
    named = {name: asked[name] for name in ("regime", "severity", "scope", "q")}
    assert stage.rulebook.asked == [
        exchanges.Selection(7, "R-0", named, ""), exchanges.Selection(50, "", {}, ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/api/v1/rules", {"severty": "error"}),
        ("/api/v1/rules", {"regime": "mars"}),
        ("/api/v1/rules", {"limit": "0"}),
        ("/api/v1/reasons", {"on": "tomorrow"}),
        ("/api/v1/tables/letters/A1", {"on": "2026-1-1"}),
    ],
)
async def test_what_is_not_as_documented_is_refused_by_name(path: str, asked: dict[str, str]) -> None:
    """A misspelt filter never shows everything, and the value is not repeated."""
    stage = support.stage()
    async with support.client(stage.app) as client:
        answer = await client.get(path, params=asked, headers=support.BILLER)
    told = support.problem(answer, 422, "query.invalid")
    assert next(iter(asked)) in told.errors[0].path
    assert stage.rulebook.asked == []


async def test_a_key_of_several_parts_and_a_day_come_through() -> None:
    """Parts are joined by |, and a key may hold a slash."""
    stage = support.stage()
    async with support.client(stage.app) as client:
        for key in ("7001|sbs|83600-00-00", "a/b"):
            answer = await client.get(
                f"/api/v1/tables/letters/{key}", params={"on": "2026-08-01"}, headers=support.BILLER
            )
            assert answer.status_code == 200
    assert stage.rulebook.asked == [
        exchanges.Place("letters", "7001|sbs|83600-00-00", "2026-08-01"),
        exchanges.Place("letters", "a/b", "2026-08-01"),
    ]


@pytest.mark.parametrize(
    ("path", "reason"),
    [("/api/v1/rules/R-2", "rule.unknown"), ("/api/v1/tables/gone/A1", "table.unknown")],
)
async def test_what_is_not_there_is_a_problem(path: str, reason: str) -> None:
    """An unknown id is 404 as a problem document."""
    stage = support.stage()
    async with support.client(stage.app) as client:
        support.problem(await client.get(path, headers=support.BILLER), 404, reason)


async def test_a_silent_room_behind_is_said() -> None:
    """503 with Retry-After, as everywhere."""
    stage = support.stage()
    stage.rulebook.failure = errors.Unavailable("claims.unavailable", "Away.", retry_after_ms=1_000)
    async with support.client(stage.app) as client:
        answer = await client.get("/api/v1/rules", headers=support.BILLER)
    support.problem(answer, 503, "claims.unavailable")
    assert answer.headers["retry-after"] == "1"
