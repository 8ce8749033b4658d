"""The service put together: settings, readiness, callers, columns, and a claim through real rules."""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pydantic
import pytest

import claims_support as support
import storage_support
from chassis import clock as clocks
from chassis import errors, local, logs
from chassis import testing as chassis_testing
from claims import compose, ports, settings
from claims.outbound import calls, sheets
from formats import canonical
from scoring import compose as scoring_compose
from scoring import settings as scoring_settings
from ultrathink.claims.v1 import claims_pb2, claims_pb2_grpc
from ultrathink.common.v1 import common_pb2

ROOT = Path(__file__).parents[3]
PACKS = ROOT / "packs"


@contextlib.asynccontextmanager
async def platform(directory: Path, *, scoring: bool = True, **options: Any) -> AsyncIterator[Any]:
    """Yield claims composed with the real packs, scoring with its bundle and storage on its twin."""
    configured = support.configured(directory, packs_dir=PACKS, **options)
    async with contextlib.AsyncExitStack() as stack:
        stored = await stack.enter_async_context(storage_support.twin())
        bundle = scoring_settings.ScoringSettings(bundle_dir=PACKS / "models" / "denial-demo")
        scored = await stack.enter_async_context(scoring_compose.compose(bundle))
        scoring_channel = local.LocalChannel(scored, caller="claims" if scoring else "nobody")
        storage_channel = local.LocalChannel(stored.app, caller="claims")
        stack.push_async_callback(scoring_channel.close)
        stack.push_async_callback(storage_channel.close)
        yield await stack.enter_async_context(
            compose.compose(configured, scoring_channel=scoring_channel, storage_channel=storage_channel)
        )


async def submit(app: Any, *bodies: bytes) -> list[Any]:
    """Return the results of a batch over a real socket."""
    async with chassis_testing.serve(app, caller="gateway") as channel:
        stub = claims_pb2_grpc.ClaimIntakeStub(channel)
        return list((await stub.SubmitClaim(support.batch(bodies))).results)


async def test_a_claim_goes_all_the_way_through_real_rooms(tmp_path: Path) -> None:
    """Real rules, a real model and storage's own doors: a decision with packs, model and an id."""
    async with platform(tmp_path) as app:
        good, bad = await submit(
            app, support.body(1), support.body(2, lines=[support.LINE | {"net": 151.0}], total=150.0)
        )
        told = support.document(good)
        assert [one["pack"] for one in told["rules"]] == ["base", "history"]
        assert told["risk"]["state"] in {"scored", "out_of_range"}
        assert told["risk"]["model"]["name"]
        assert good.claim_id
        refused = support.document(bad)
        assert refused["verdict"] == "reject"
        assert any(one["severity"] == "error" and one["path"] for one in refused["findings"])
        (again,) = await submit(app, support.body(1))
        assert again.replayed
        assert again.rendered.body == good.rendered.body


async def test_readiness_tells_the_truth(tmp_path: Path) -> None:
    """Without scoring the service is ready and says what that means; without storage it is not."""
    async with platform(tmp_path) as app:
        assert await app.ready() == (await app.ready()).__class__(ok=True, detail="")
    async with platform(tmp_path, scoring=False) as app:
        told = await app.ready()
        assert told.ok
        assert "scoring" in told.detail
    configured = support.configured(tmp_path, packs_dir=PACKS, storage_target="127.0.0.1:1")
    async with compose.compose(configured) as app:
        told = await app.ready()
        assert not told.ok
        assert "storage" in told.detail


async def test_without_storage_nothing_is_promised(tmp_path: Path) -> None:
    """With storage out of reach a claim is refused as unavailable, and the service starts all the same."""
    configured = support.configured(tmp_path, packs_dir=PACKS, storage_target="127.0.0.1:1")
    async with compose.compose(configured) as app:
        (result,) = await submit(app, support.body(1))
        assert result.error.kind == common_pb2.ERROR_KIND_UNAVAILABLE
        assert result.error.reason == "storage.unavailable"
        assert result.error.retry_after_ms > 0


async def test_late_scores_come_by_themselves(tmp_path: Path) -> None:
    """The background work of a composed service starts and ends with it."""
    before = len(asyncio.all_tasks())
    async with platform(tmp_path, rescore=True) as app:
        assert app.name == "claims"
        assert len(asyncio.all_tasks()) > before


def test_every_method_names_its_callers() -> None:
    """The table covers all services whole; gateway, cli and verified users are named."""
    methods = compose._methods()
    assert len(methods) == 19
    assert "/ultrathink.claims.v1.ClaimIntake/StreamFile" in methods
    assert "/ultrathink.claims.v1.Completer/Complete" in methods
    assert frozenset({"gateway", "cli", "user"}) == compose.CALLERS


def test_settings_demand_packs_and_a_key() -> None:
    """A service without rules, or with a well-known key, does not start."""
    with pytest.raises(pydantic.ValidationError):
        settings.ClaimsSettings()


@pytest.mark.parametrize(("content", "reason"), [(None, "unreadable"), (b"short", "too_short")])
def test_a_bad_key_file_is_told(tmp_path: Path, content: bytes | None, reason: str) -> None:
    """Absent and short keys are refused with their reason, before anything is served."""
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(errors.Invalid) as caught:
        compose.read_patient_key(file)
    assert caught.value.reason == f"patient_key.{reason}"


async def test_a_development_token_opens_the_door(tmp_path: Path) -> None:
    """Claims verifies users' tokens itself; a token of another issuer is refused."""
    from chassis import tokens  # noqa: PLC0415 - only here

    ours = tokens.DevelopmentIssuer(tmp_path / "ours.pem", clocks.SystemClock())
    theirs = tokens.DevelopmentIssuer(tmp_path / "theirs.pem", clocks.SystemClock())
    request = support.batch([support.body()], tenant="ignored")
    async with platform(tmp_path, development_keys_file=ours.public_file) as app:
        for issuer in (ours, theirs):
            token = issuer.issue(tenant="demo", subject="user-9", roles=["biller"])
            async with chassis_testing.serve(app, token=token) as channel:
                stub = claims_pb2_grpc.ClaimIntakeStub(channel)
                if issuer is theirs:
                    with pytest.raises(errors.Denied):
                        await stub.SubmitClaim(request)
                else:
                    assert (await stub.SubmitClaim(request)).results[0].claim_id


async def test_no_log_line_holds_a_patient(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Whatever happens to claims, their content is not in the log."""
    with logs.configure("claims", "debug"):
        async with platform(tmp_path) as app:
            await submit(app, support.body(1), support.body(2, patient={"id": "Secret", "sex": "Secret"}))
    out = capfd.readouterr()
    for secret in ("Secret", "1000000001", "MEMBER-"):
        assert secret not in out.out + out.err


def submission(**options: Any) -> ports.Submission:
    """Return a decided claim that was not scored."""
    return support.decided(canonical.decode(support.body(**options)))


def test_columns_write_missing_values_as_the_contract_says() -> None:
    """No total, no date, no quantity, no score: NULLs, never zeros."""
    bare = {"sequence": 1, "description": "thing"}
    item = submission(lines=[bare], total=None, currency=None)
    request = sheets.Sheet([item]).fill([item])
    heads, lines = request.claims, request.lines
    assert (heads.submitted_minor[0], heads.payer_share_minor[0]) == (calls.MISSING, calls.MISSING)
    assert (heads.service_from_day[0], heads.service_to_day[0]) == (calls.MISSING, calls.MISSING)
    assert math.isnan(heads.probability[0])
    assert (heads.at_risk_minor[0], heads.model_revision[0], heads.currency[0]) == (calls.MISSING, "", "")
    assert (lines.net_minor[0], lines.quantity_e4[0], lines.service_day[0]) == (calls.MISSING,) * 3
    assert math.isnan(lines.probability[0])
    assert (lines.code[0], lines.service_key[0]) == ("", "")


def test_columns_of_lines_and_findings_point_at_their_claim() -> None:
    """Item indexes, sequences, money, quantities and days are those of each claim."""
    two = [
        support.LINE | {"sequence": 4, "service_date": "2026-08-03", "quantity": 1.5},
        support.LINE | {"sequence": 9, "service_date": "2026-07-31T22:00:00Z"},
    ]
    items = [submission(), submission(lines=two)]
    request = sheets.Sheet(items).fill(items)
    lines, found, heads = request.lines, request.findings, request.claims
    assert list(lines.item) == [0, 1, 1]
    assert list(lines.sequence) == [1, 4, 9]
    assert list(lines.quantity_e4) == [10_000, 15_000, 10_000]
    assert list(lines.net_minor) == [15_000] * 3
    first = lines.service_day[0]  # 22:00 UTC of the last of July is the first of August in Riyadh
    assert [day - first for day in lines.service_day] == [0, 2, 0]
    assert (heads.service_from_day[1], heads.service_to_day[1]) == (first, first + 2)
    assert list(found.item) == [0, 0, 1, 1]
    assert list(found.line) == [0, 1, 0, 1]
    assert list(heads.review_status) == ["open", "open"]


def test_the_contract_has_no_method_without_a_door() -> None:
    """Both services of the contract are served."""
    assert set(claims_pb2.DESCRIPTOR.services_by_name) == {"ClaimIntake", "ClaimDesk"}
