"""`ultrathink remit`: every answer is sent, every receipt kept, refusals counted by their reason."""

import json
from pathlib import Path

from typer import testing as typing_person

import cli_support
from ultrathink_cli import __main__ as command

ANSWER = json.dumps({"claim_id": "C-1", "outcome": "partial"})


def _answer(asked: cli_support.Asked) -> tuple[int, bytes]:
    """Join each line; refuse the one that says so; know the one that says so."""
    told = []
    for line in asked.body.splitlines():
        joined = {"outcome": "partial", "lines": 2, "replayed": b"known" in line}
        told.append({"type": "/problems/claim.not_found", "status": 404} if b"stranger" in line else joined)
    return 200, b"".join(json.dumps(one).encode() + b"\n" for one in told)


def _remit(*arguments: str | Path) -> typing_person.Result:
    result = typing_person.CliRunner().invoke(command.app(), ["remit", *(str(one) for one in arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def _file(folder: Path, *lines: str) -> Path:
    file = folder / "answers.ndjson"
    file.write_text("".join(f"{line}\n" for line in lines))
    return file


def test_all_joined_ends_with_zero_and_says_how_many(tmp_path: Path) -> None:
    """One line of result; the receipts lie beside the file, in its order."""
    file = _file(tmp_path, ANSWER, '{"claim_id": "known"}')
    with cli_support.gateway(_answer) as (url, asked):
        result = _remit(file, "--url", url, "--token", "t", "--data", tmp_path)
    assert result.exit_code == 0
    assert (
        "2 answers joined to 4 lines, 1 of them known before: 0 approved, 2 partial, 0 rejected"
        in result.stdout
    )
    assert (asked[0].path, asked[0].headers["content-type"]) == (
        "/api/v1/remittances",
        "application/x-ndjson",
    )
    receipts = (tmp_path / "answers.ndjson.receipts.ndjson").read_text().splitlines()
    assert [json.loads(one)["replayed"] for one in receipts] == [False, True]


def test_a_refused_answer_ends_with_one_and_its_reason(tmp_path: Path) -> None:
    """The script learns of it, the person how often and why; a second run sends the file again."""
    file = _file(tmp_path, ANSWER, '{"claim_id": "stranger"}')
    with cli_support.gateway(_answer) as (url, asked):
        first = _remit(file, "--url", url, "--token", "t", "--data", tmp_path)
        second = _remit(file, "--url", url, "--token", "t", "--data", tmp_path)
    assert first.exit_code == second.exit_code == 1
    assert "1 refused" in first.stdout
    assert "1 claim.not_found" in first.stdout
    assert asked[0].body == asked[1].body


def test_without_a_platform_nothing_is_sent(tmp_path: Path) -> None:
    """The remedy is named."""
    result = _remit(_file(tmp_path, ANSWER), "--data", tmp_path)
    assert result.exit_code == 2
    assert "ultrathink up" in result.stderr
