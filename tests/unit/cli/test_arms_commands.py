"""`ultrathink arms` against a scoring process: what an operator types, and what a restart keeps."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer import testing as typing_person

import scoring_support as support
from scoring.outbound import bundles
from ultrathink_cli import __main__ as command
from ultrathink_cli.compose import keys
from ultrathink_cli.domain import layout
from ultrathink_cli.outbound import run_file


def _run(*arguments: str | Path) -> typing_person.Result:
    wide = {"COLUMNS": "200", "TERM": "dumb"}
    result = typing_person.CliRunner(env=wide).invoke(command.app(), [str(part) for part in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@contextmanager
def _scoring(data: Path, **settings: object) -> Iterator[None]:
    """Run a scoring process that the data directory's run file names; it listens once it has logged."""
    files = layout.Layout(data)
    signers = keys.prepare(files, "dev")
    address = data / "address"
    address.unlink(missing_ok=True)
    own = {
        "SERVICE_KEYS_FILE": signers.public,
        "GRPC_ADDRESS_FILE": address,
        "BUNDLE_DIR": support.BUNDLE,
        "ARMS_STATE_DIR": files.arms,
    } | {name.upper(): value for name, value in settings.items()}
    environment = os.environ | {f"ULTRATHINK_{name}": str(value) for name, value in own.items()}
    with subprocess.Popen(
        [sys.executable, "-m", "scoring"], env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            said = []
            for line in process.stderr:
                said.append(line)
                if address.exists():
                    break
            assert address.exists(), said
            run_file.write(
                files.run_file,
                run_file.Running(
                    pid=os.getpid(),
                    mode="processes",
                    http="",
                    grpc="",
                    targets={"scoring": address.read_text().strip()},
                    auth="dev",
                    started_at="2026-01-01T00:00:00+00:00",
                ),
            )
            yield
        finally:
            process.terminate()
            process.wait(20)


def test_an_operator_promotes_restarts_and_rolls_back(tmp_path: Path):
    """The list shows both arms; a promotion outlives a restart; one call returns to the model before."""
    data = tmp_path / "data"
    other = support.other_bundle(tmp_path / "other")
    mine, theirs = (bundles.revision(folder)[:12] for folder in (support.BUNDLE, other))
    settings = {"canary_bundle_dir": other, "canary_percent": 10, "shadow_bundle_dir": other}
    with _scoring(data, **settings):
        shown = _run("arms", "list", "--data", data).stdout
        assert "10 %" in shown
        assert mine in shown
        assert theirs in shown
        assert "0 claims seen by both" in _run("arms", "compare", "--data", data).stdout
        promoted = _run("arms", "promote", "canary", "--data", data)
        assert promoted.exit_code == 0
        assert "restarts" not in promoted.stderr
    with _scoring(data, **settings):
        listed = json.loads(_run("arms", "list", "--json", "--data", data).stdout)
        assert [(arm["arm"], arm["model"]["revision"][:12]) for arm in listed] == [("stable", theirs)]
        back = _run("arms", "roll-back", "--data", data)
        assert back.exit_code == 0
        assert mine in back.stdout
        again = _run("arms", "roll-back", "--data", data)
        assert again.exit_code == 2
        assert "nothing to roll back" in again.stderr


@pytest.mark.parametrize(
    "arguments", [("list",), ("compare",), ("promote", "canary"), ("roll-back",)], ids=lambda found: found[0]
)
def test_without_a_platform_the_remedy_is_said(tmp_path: Path, arguments: tuple[str, ...]):
    """Arms are of a running process: each command says to start one."""
    refused = _run("arms", *arguments, "--data", tmp_path)
    assert refused.exit_code == 2
    assert "ultrathink up" in refused.stderr
