"""The gateway as it is put together: real tokens, real channel, no way in without an issuer."""

from pathlib import Path

import pydantic
import pytest

import gateway_rooms as rooms
import gateway_support as support
from chassis import clock as clocks
from chassis import errors, local, tokens
from chassis import testing as plumbing
from gateway import compose, settings, testing

CLAIM = b'{"claim_id":"A"}'


def _issuer(folder: Path, clock: clocks.Clock) -> tokens.DevelopmentIssuer:
    return tokens.DevelopmentIssuer(folder / "issuer.pem", clock)


def _settings(folder: Path, **overrides: object) -> settings.Settings:
    told = {"development_keys_file": folder / "issuer.jwks.json", "http_bind": "127.0.0.1:0"} | overrides
    return settings.Settings.model_validate(told)


async def test_a_token_of_the_issuer_opens_the_door(tmp_path: Path) -> None:
    """From bearer token to claims and back through everything that is composed, over a socket to claims."""
    issuer, far = _issuer(tmp_path, clocks.SystemClock()), testing.MemoryClaims()
    token = issuer.issue(tenant="demo", subject="bilal", roles=("biller",), branch="riyadh")
    headers = support.JSON | {"authorization": f"Bearer {token}"}
    async with (
        plumbing.serve(rooms.room(far), caller="gateway") as channel,
        compose.compose(_settings(tmp_path), claims_channel=channel) as app,
        support.client(app) as client,
    ):
        assert (await client.get("/readyz")).status_code == 200
        answer = await client.post("/api/v1/claims", content=CLAIM, headers=headers)
    assert answer.status_code == 201
    context = far.submissions[0][1]
    assert (context.tenant, context.subject, context.roles, context.branch) == (
        "demo",
        "bilal",
        ("biller",),
        "riyadh",
    )


@pytest.mark.parametrize(
    ("token", "reason"),
    [("", "token.malformed"), ("abc", "token.malformed"), ("a.b.c", "token.malformed")],
)
async def test_what_the_issuer_did_not_make_is_refused(tmp_path: Path, token: str, reason: str) -> None:
    """Anything else is 401 with the error code of RFC 6750."""
    _issuer(tmp_path, clocks.SystemClock())
    app_room = rooms.room(testing.MemoryClaims())
    async with (
        local.LocalChannel(app_room, caller="gateway") as channel,
        compose.compose(_settings(tmp_path), claims_channel=channel, claims_ready=app_room.ready) as app,
        support.client(app) as client,
    ):
        headers = support.JSON | {"authorization": f"Bearer {token}"}
        answer = await client.post("/api/v1/claims", content=CLAIM, headers=headers)
    support.problem(answer, 401, reason)
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


async def test_an_expired_token_is_refused(tmp_path: Path) -> None:
    """A token past its end and the clocks' leeway is 401, also when it was good a moment ago."""
    clock = plumbing.ManualClock()
    token = _issuer(tmp_path, clock).issue(tenant="demo", subject="b", roles=("biller",), lifetime_seconds=60)
    app_room = rooms.room(testing.MemoryClaims())
    headers = {"authorization": f"Bearer {token}"}
    async with (
        local.LocalChannel(app_room, caller="gateway") as channel,
        compose.compose(
            _settings(tmp_path), claims_channel=channel, claims_ready=app_room.ready, clock=clock
        ) as app,
        support.client(app) as client,
    ):
        assert (await client.get("/api/v1/claims", headers=headers)).status_code == 200
        clock.advance(120)
        support.problem(await client.get("/api/v1/claims", headers=headers), 401, "token.expired")


async def test_without_an_issuer_nothing_starts() -> None:
    """There is no mode in which everybody may come in."""
    with pytest.raises(errors.Invalid, match=r"issuer\.missing"):
        await compose.compose(settings.Settings()).__aenter__()


async def test_an_openid_issuer_that_is_away_is_not_the_callers_fault(tmp_path: Path) -> None:
    """When keys cannot be had the answer is 503, so that nobody is logged out."""
    told = settings.Settings(oidc_issuer="http://127.0.0.1:9", http_bind="127.0.0.1:0")
    stranger = _issuer(tmp_path, clocks.SystemClock()).issue(tenant="demo", subject="b", roles=("biller",))
    app_room = rooms.room(testing.MemoryClaims())
    async with (
        local.LocalChannel(app_room, caller="gateway") as channel,
        compose.compose(told, claims_channel=channel, claims_ready=app_room.ready) as app,
        support.client(app) as client,
    ):
        answer = await client.get("/api/v1/claims", headers={"authorization": f"Bearer {stranger}"})
    support.problem(answer, 503, "oidc.unreachable")


async def test_a_claims_that_is_away_leaves_us_not_ready(tmp_path: Path) -> None:
    """The gateway starts without claims, says that it is not ready, and refuses claims with 503."""
    issuer = _issuer(tmp_path, clocks.SystemClock())
    token = issuer.issue(tenant="demo", subject="b", roles=("biller",))
    headers = support.JSON | {"authorization": f"Bearer {token}"}
    told = _settings(tmp_path, claims_target="127.0.0.1:9", deadline_seconds=0.3)
    async with compose.compose(told) as app, support.client(app) as client:
        assert (await client.get("/readyz")).status_code == 503
        assert (await client.get("/healthz")).status_code == 200
        answer = await client.post("/api/v1/claims", content=CLAIM, headers=headers)
        listed = await client.get("/api/v1/claims", headers=headers)
    assert answer.status_code in {503, 504}
    support.problem(listed, 503, "call.unavailable")


async def test_the_schema_comes_from_the_file_that_is_named(tmp_path: Path) -> None:
    """A named file is served; one that is not there keeps the gateway from starting."""
    _issuer(tmp_path, clocks.SystemClock())
    (tmp_path / "claim.json").write_bytes(support.SCHEMA)
    async with (
        compose.compose(_settings(tmp_path, schema_file=tmp_path / "claim.json")) as app,
        support.client(app) as client,
    ):
        assert (await client.get("/api/v1/schemas/claim.json")).content == support.SCHEMA
    with pytest.raises(FileNotFoundError):
        await compose.compose(_settings(tmp_path, schema_file=tmp_path / "none.json")).__aenter__()


async def test_serving_drains_readiness_first(tmp_path: Path) -> None:
    """Leaving the door says not ready before it closes."""
    _issuer(tmp_path, clocks.SystemClock())
    told = _settings(tmp_path)
    async with compose.compose(told) as app:
        async with compose.serve(app, told) as port:
            assert port > 0
            assert not app.draining.is_set()
        assert app.draining.is_set()


@pytest.mark.parametrize(
    "wrong",
    [
        {"cors_origins": "*"},
        {"message_bytes": 20_000_000},
        {"deadline_seconds": 0},
        {"development_keys_file": "keys.json", "oidc_issuer": "https://id.example"},
    ],
)
def test_settings_that_would_open_or_break_something_are_refused(wrong: dict[str, object]) -> None:
    """A dangerous or impossible setting stops the start."""
    with pytest.raises(pydantic.ValidationError):
        settings.Settings.model_validate(wrong)


def test_origins_are_a_list_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment holds text; origins are split at commas."""
    monkeypatch.setenv("ULTRATHINK_CORS_ORIGINS", "https://a.example, https://b.example")
    assert settings.Settings().cors_origins == ("https://a.example", "https://b.example")
