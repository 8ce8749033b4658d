"""`ultrathink submit` and the demo's table, against a gateway of fixed answers."""

import json
import os
from pathlib import Path

import pytest
from typer import testing as typing_person

import cli_support
from chassis import errors
from ultrathink_cli import __main__ as command
from ultrathink_cli.compose import keys
from ultrathink_cli.domain import layout
from ultrathink_cli.inbound import demo
from ultrathink_cli.outbound import run_file

CLAIM = json.dumps({"claim_id": "C-1", "use": "claim"})


def _answer(asked: cli_support.Asked) -> tuple[int, bytes]:
    """Accept each line, refuse the one that says so."""
    lines = [line for line in asked.body.splitlines() if line.strip()]
    refused = {"status": 422, "position": 1}
    told = [refused if b"refuse" in line else {"verdict": "accept"} for line in lines]
    return 200, b"".join(json.dumps(one).encode() + b"\n" for one in told)


def _submit(*arguments: str | Path) -> typing_person.Result:
    result = typing_person.CliRunner().invoke(command.app(), ["submit", *(str(one) for one in arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def _file(folder: Path, *lines: str) -> Path:
    file = folder / "[batch].ndjson"
    file.write_text("".join(f"{line}\n" for line in lines))
    return file


def test_all_taken_ends_with_zero_and_says_where_receipts_lie(tmp_path: Path) -> None:
    """The tally stands on one line, whatever the width and the name of the file."""
    file = _file(tmp_path, CLAIM, CLAIM)
    with cli_support.gateway(_answer) as (url, asked):
        result = _submit(file, "--url", url, "--token", "t", "--data", tmp_path)
    receipts = f"{file}.receipts.ndjson"
    told = f"{file}: 2 claims: 2 accept, 0 review, 0 reject, 0 refused; receipts in {receipts}"
    assert (result.exit_code, result.stdout) == (0, told + "\n")
    assert asked[0].headers["authorization"] == "Bearer t"


def test_a_refused_claim_ends_with_one_and_a_second_run_resumes(tmp_path: Path) -> None:
    """The script learns of it; what has a receipt is not sent again."""
    file = _file(tmp_path, CLAIM, '{"claim_id": "refuse"}')
    with cli_support.gateway(_answer) as (url, asked):
        first = _submit(file, "--url", url, "--token", "t", "--data", tmp_path)
        second = _submit(file, "--url", url, "--token", "t", "--data", tmp_path)
    assert first.exit_code == second.exit_code == 1
    assert "1 accept, 0 review, 0 reject, 1 refused" in first.stdout
    assert "2 claims, 2 of them from an earlier run" in second.stdout
    assert asked[1].body == b""


def test_a_local_development_platform_needs_no_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command makes one for the platform that runs on the data directory."""
    monkeypatch.delenv("ULTRATHINK_TOKEN", raising=False)
    files = layout.Layout(tmp_path / "data")
    keys.prepare(files, "dev")
    with cli_support.gateway(_answer) as (url, asked):
        running = run_file.Running(
            pid=os.getpid(), mode="single", http=url, grpc="", targets={}, auth="dev", started_at=""
        )
        run_file.write(files.run_file, running)
        assert _submit(_file(tmp_path, CLAIM), "--data", files.data).exit_code == 0
    assert asked[0].headers["authorization"].count(".") == 2


def test_a_file_of_no_known_format_is_refused(tmp_path: Path) -> None:
    """Nothing is sent."""
    (file := tmp_path / "claims.pdf").write_bytes(b"%PDF-1.7\n\0\1\2")
    with cli_support.gateway(lambda _: (400, b"{}")) as (url, _):
        assert _submit(file, "--url", url, "--token", "t", "--data", tmp_path).exit_code == 2


def _demo_answers(verdicts: dict[str, str]) -> bytes:
    told = [{"claim_id": claim, "verdict": verdict, "findings": [], "risk": {"state": "not_scored"}}
            for claim, verdict in verdicts.items()]  # fmt: skip
    return b"".join(json.dumps(one).encode() + b"\n" for one in told)


async def test_the_demo_fails_when_answers_are_not_as_expected(capsys: pytest.CaptureFixture[str]) -> None:
    """A table alone proves nothing: each deviation is told."""
    with cli_support.gateway(lambda _: (200, _demo_answers({"DEMO-CLINIC-1": "review"}))) as (url, _):
        assert not await demo._show(url, "t", "en")
    shown = capsys.readouterr().out
    assert "unexpected: DEMO-CLINIC-1 got verdict review, expected accept" in shown
    assert "unexpected: DEMO-POLY-1 has no decision" in shown


async def test_a_refused_sample_ends_the_demo() -> None:
    """Our own samples are readable, or we are wrong."""

    def refuse(asked: cli_support.Asked) -> tuple[int, bytes]:
        return 200, b'{"status": 422}\n' if b"POLY" in asked.body else _demo_answers({"C": "accept"})

    with cli_support.gateway(refuse) as (url, _), pytest.raises(errors.Internal, match=r"demo\.refused"):
        await demo._show(url, "t", "en")
