"""What `up` says of itself, how it waits for the gateway, and tokens of its data directory."""

import asyncio
import base64
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer import testing as typing_person

import cli_support
from chassis import clock as clocks
from chassis import errors, tokens
from ultrathink_cli import __main__ as command
from ultrathink_cli.compose import keys
from ultrathink_cli.domain import addresses, layout
from ultrathink_cli.inbound import up
from ultrathink_cli.outbound import loopback, run_file

PATIENCE_S = 20.0


def _run(*arguments: str | Path) -> typing_person.Result:
    return typing_person.CliRunner().invoke(command.app(), [str(argument) for argument in arguments])


async def test_ready_is_awaited_until_the_gateway_says_so() -> None:
    """A gateway that starts slowly is asked again."""
    answers = iter([(503, b""), (503, b""), (200, b"")])
    with cli_support.gateway(lambda _: next(answers)) as (url, asked):
        assert await asyncio.wait_for(up._ready(url, asyncio.Event(), lambda: "logs"), PATIENCE_S)
    assert [one.path for one in asked] == ["/readyz"] * 3


async def test_ctrl_c_while_it_starts_ends_the_wait() -> None:
    """Nobody has to wait for a start they no longer want."""
    stopping = asyncio.Event()

    def answer(_: cli_support.Asked) -> tuple[int, bytes]:
        loop.call_soon_threadsafe(stopping.set)
        return 503, b""

    loop = asyncio.get_running_loop()
    with cli_support.gateway(answer) as (url, _):
        assert not await asyncio.wait_for(up._ready(url, stopping, lambda: "logs"), PATIENCE_S)


@pytest.mark.parametrize(("single", "mode"), [(True, "single"), (False, "processes")])
def test_the_note_names_doors_mode_and_process(single: bool, mode: str, tmp_path: Path) -> None:  # noqa: FBT001
    """What `status` and `submit` read is what `up` wrote."""
    http, grpc, scoring, storage = loopback.free(4)
    doors = addresses.Addresses(http, grpc, scoring, storage)
    told = up._told(doors, single=single, auth="dev")
    run_file.write(tmp_path / "run.json", told)
    found = run_file.read(tmp_path / "run.json")
    assert found == told
    assert found is not None
    assert (found.pid, found.mode, found.http, found.targets) == (os.getpid(), mode, doors.url, doors.targets)
    assert datetime.fromisoformat(found.started_at).tzinfo is not None
    assert datetime.fromisoformat(found.started_at) <= datetime.now(UTC)


def test_a_port_taken_by_the_other_door_is_told_with_its_own_option(tmp_path: Path) -> None:
    """The check of both ports comes before anything is made."""
    files = layout.Layout(tmp_path / "data")
    port, grpc_port = loopback.free(2)
    with pytest.raises(errors.Invalid, match=r"port\.same"):
        up._refuse_conflicts(files, port, port, "dev")
    up._refuse_conflicts(files, port, grpc_port, "dev")
    assert not files.data.exists()


def test_oidc_with_an_issuer_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the missing issuer is refused."""
    monkeypatch.setenv("ULTRATHINK_OIDC_ISSUER", "https://issuer.example")
    port, grpc_port = loopback.free(2)
    up._refuse_conflicts(layout.Layout(tmp_path), port, grpc_port, "oidc")


def test_a_printed_token_is_one_line_and_says_who(tmp_path: Path) -> None:
    """A script puts it into a header as it is; tenant, person and roles are the ones asked for."""
    files = layout.Layout(tmp_path / "data")
    keys.prepare(files, "dev")
    result = _run(
        "token",
        "--role",
        "biller",
        "--role",
        "reviewer",
        "--tenant",
        "t1",
        "--subject",
        "s1",
        "--data",
        files.data,
    )
    assert result.exit_code == 0
    assert result.stdout.count("\n") == 1
    payload = result.stdout.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert claims["sub"] == "s1"
    assert "t1" in claims.values()
    assert ["biller", "reviewer"] in [list(value) for value in claims.values() if isinstance(value, list)]


async def test_a_printed_token_is_verified_by_the_keys_the_rooms_get(tmp_path: Path) -> None:
    """The public file of the data directory is enough to trust its tokens."""
    files = layout.Layout(tmp_path / "data")
    keys.prepare(files, "dev")
    token = keys.token(files, tenant="demo", roles=("biller",), subject="s")
    public = files.issuer_key.with_suffix(".jwks.json")
    principal = await tokens.development_verifier(public, clocks.SystemClock()).verify(token)
    assert (principal.tenant, principal.subject, tuple(principal.roles)) == ("demo", "s", ("biller",))


def test_every_command_finds_the_same_default_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without --data the folder depends on where the person stands, and is named."""
    monkeypatch.chdir(tmp_path)
    default = str(layout.default_data(tmp_path))
    assert default in _run("status").stdout
    assert default in _run("token", "--role", "biller").stderr
