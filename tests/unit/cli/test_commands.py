"""Every command's help, slips and refusals, as a person types them."""

import importlib
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer import testing as typing_person

from ultrathink_cli import __main__ as command
from ultrathink_cli.domain import addresses, layout
from ultrathink_cli.outbound import loopback, run_file

NAMES = list(command.VERBS)
WIDE = {"COLUMNS": "200", "TERM": "dumb"}


def _run(*arguments: str | Path) -> typing_person.Result:
    result = typing_person.CliRunner(env=WIDE).invoke(
        command.app(), [str(argument) for argument in arguments]
    )
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def _said(result: typing_person.Result) -> str:
    """Return what was said on both streams as one line, however wide the terminal was."""
    return " ".join((result.stdout + result.stderr).split())


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory that nobody has used, from a folder where nothing else lies."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ULTRATHINK_TOKEN", raising=False)
    return tmp_path / "data"


@pytest.fixture
def taken() -> Iterator[int]:
    """A loopback port somebody listens on."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        yield held.getsockname()[1]


def _running(data: Path, *, auth: str = "dev") -> run_file.Running:
    """Write a run file of this very process: it runs, and nobody listens."""
    http, grpc, scoring, storage = loopback.free(4)
    doors = addresses.Addresses(http, grpc, scoring, storage)
    running = run_file.Running(
        pid=os.getpid(), mode="processes", http=doors.url, grpc="127.0.0.1:1", targets=doors.targets,
        auth=auth, started_at="2026-01-01T00:00:00+00:00",
    )  # fmt: skip
    data.mkdir(exist_ok=True)
    run_file.write(layout.Layout(data).run_file, running)
    return running


@pytest.mark.parametrize("name", NAMES)
def test_every_command_explains_itself(name: str) -> None:
    """--help says what it does and what each option means."""
    result = _run(name, "--help")
    assert result.exit_code == 0
    module = importlib.import_module(f"ultrathink_cli.inbound.{command.VERBS[name]}")
    verb = getattr(module, name.replace("-", "_"))
    assert verb.__doc__.split(":")[0].split()[0] in result.stdout
    assert "--help" in result.stdout


@pytest.mark.parametrize("word", ["status", "tables"])
def test_a_verb_that_is_loaded_alone_is_asked_for_as_ever(word: str) -> None:
    """Who types one verb waits for that one; it reads and is refused as among all others."""
    alone, among = (
        typing_person.CliRunner(env=WIDE).invoke(made, [word, "--frobnicate"])
        for made in (command.app([word]), command.app())
    )
    assert (alone.exit_code, alone.stderr) == (among.exit_code, among.stderr)
    assert alone.exit_code == 2


def test_the_bare_command_lists_all() -> None:
    """Somebody new finds every verb."""
    said = _run("--help").stdout
    assert len(NAMES) == 16
    for name in NAMES:
        assert name in said


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_option_is_refused_with_two(name: str) -> None:
    """A slip is never ignored."""
    assert _run(name, "--no-such-option").exit_code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("check",),
        ("submit",),
        ("token",),
        ("train", "denial"),
        ("export",),
        ("restore",),
        ("submit", "not-there.ndjson"),
        ("restore", "not-there.tar"),
        ("evaluate", "denial", "--bundle", "not-there", "--data", "not-there"),
        ("simulate", "--claims", "many", "--out", "out"),
    ],
)
def test_missing_or_impossible_arguments_are_refused_with_two(arguments: tuple[str, ...], data: Path) -> None:
    """Usage errors have one status, and nothing was begun."""
    assert _run(*arguments).exit_code == 2
    assert not data.exists()


@pytest.mark.parametrize("option", ["--port", "--grpc-port"])
@pytest.mark.parametrize("number", ["0", "65536", "-1", "http"])
def test_a_port_that_cannot_be_is_refused(option: str, number: str, data: Path) -> None:
    """Only numbers that a port can have."""
    for verb in ("up", "demo"):
        assert _run(verb, option, number, "--data", data).exit_code == 2
    assert not data.exists()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--auth", "none"), "auth.unknown"),
        (("--auth", "oidc"), "issuer.missing"),
        (("--port", "18080", "--grpc-port", "18080"), "port.same"),
    ],
)
def test_up_refuses_what_cannot_work(
    arguments: tuple[str, ...], reason: str, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is made or started."""
    monkeypatch.delenv("ULTRATHINK_OIDC_ISSUER", raising=False)
    result = _run("up", "--data", data, *arguments)
    assert (result.exit_code, f"[{reason}]" in _said(result)) == (2, True)
    assert not data.exists()


@pytest.mark.parametrize(("mine", "other"), [("--port", "--grpc-port"), ("--grpc-port", "--port")])
def test_up_names_the_port_that_is_taken(mine: str, other: str, data: Path, taken: int) -> None:
    """And which option chooses another."""
    result = _run("up", "--data", data, mine, str(taken), other, str(loopback.free(1)[0]))
    assert result.exit_code == 2
    assert f"port {taken} is in use; choose another with {mine} [port.taken]" in _said(result)
    assert not data.exists()


def test_up_does_not_start_a_second_platform_on_the_same_data(data: Path) -> None:
    """It names the one that runs, and leaves its note alone."""
    running = _running(data)
    port, grpc_port = loopback.free(2)
    result = _run("up", "--data", data, "--port", str(port), "--grpc-port", str(grpc_port))
    assert result.exit_code == 2
    for word in ("platform.running", str(os.getpid()), running.http):
        assert word in _said(result)
    assert run_file.read(layout.Layout(data).run_file) == running


def test_status_when_nothing_runs_says_how_to_start(data: Path) -> None:
    """Status one, so that a script can ask too."""
    result = _run("status", "--data", data)
    assert result.exit_code == 1
    assert f"nothing runs on {data}; start it with `ultrathink up`" in _said(result)


def test_status_asks_every_room(data: Path) -> None:
    """A platform whose process lives but whose rooms are silent is shown as such."""
    running = _running(data)
    result = _run("status", "--data", data)
    assert result.exit_code == 0
    assert result.stdout.count("no answer") == 3
    assert "not ready" in result.stdout
    for address in (running.http, *running.targets.values()):
        assert address in result.stdout


def test_a_token_without_an_issuer_is_refused(data: Path) -> None:
    """With the folder that was looked into."""
    result = _run("token", "--role", "biller", "--data", data)
    assert result.exit_code == 2
    assert "issuer.not_found" in _said(result)
    assert str(data) in _said(result)
    assert not data.exists()


def _claims(folder: Path) -> Path:
    file = folder / "claims.ndjson"
    file.write_text("{}\n")
    return file


def test_submit_without_a_platform_says_how_to_start_one(data: Path, tmp_path: Path) -> None:
    """Or how to name another."""
    result = _run("submit", _claims(tmp_path), "--data", data)
    assert result.exit_code == 2
    assert "platform.not_running" in _said(result)


@pytest.mark.parametrize("url", [True, False])
def test_submit_makes_a_token_only_for_its_own_development_platform(
    url: bool,  # noqa: FBT001
    data: Path,
    tmp_path: Path,
) -> None:
    """A local token is of no use to another gateway and is not sent there."""
    _running(data, auth="oidc")
    elsewhere = ("--url", "http://127.0.0.1:9") if url else ()
    result = _run("submit", _claims(tmp_path), "--data", data, *elsewhere)
    assert result.exit_code == 2
    assert "token.missing" in _said(result)


def test_submit_to_a_gateway_that_is_gone_is_told(data: Path, tmp_path: Path) -> None:
    """Nothing was answered, so nothing is kept as a receipt."""
    url = f"http://127.0.0.1:{loopback.free(1)[0]}"
    result = _run("submit", _claims(tmp_path), "--data", data, "--url", url, "--token", "t")
    assert result.exit_code == 2
    assert "gateway.unreachable" in _said(result)
    assert (tmp_path / "claims.ndjson.receipts.ndjson").read_bytes() == b""


def test_the_record_of_a_directory_without_one_is_not_found(data: Path, tmp_path: Path) -> None:
    """Neither verifying nor exporting makes an empty record and calls it whole."""
    for arguments in (("verify-audit",), ("export", "--out", tmp_path / "out")):
        result = _run(*arguments, "--data", data)
        assert result.exit_code == 2
        assert "database.missing" in _said(result)
    assert not data.exists()
    assert not (tmp_path / "out").exists()


def test_an_unknown_format_of_export_is_refused(data: Path, tmp_path: Path) -> None:
    """The formats there are, are named."""
    result = _run("export", "--out", tmp_path / "out", "--format", "csv", "--data", data)
    assert result.exit_code == 2
    assert "--format is parquet, not csv [format.unknown]" in _said(result)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("there", ["postgres", "objects"])
def test_restoring_never_overwrites(there: str, data: Path, tmp_path: Path) -> None:
    """A directory that holds a platform's data is left as it is."""
    (data / there).mkdir(parents=True)
    (archive := tmp_path / "backup.tar").write_bytes(b"")
    result = _run("restore", archive, "--data", data)
    assert result.exit_code == 2
    assert "restore.not_empty" in _said(result)
    assert [path.name for path in data.iterdir()] == [there]


def test_restoring_something_else_than_an_archive_is_refused(data: Path, tmp_path: Path) -> None:
    """A damaged archive gives words, and no half of a platform."""
    (archive := tmp_path / "backup.tar").write_bytes(b"not an archive")
    result = _run("restore", archive, "--data", data)
    assert result.exit_code == 2
    assert "backup.damaged" in _said(result)
    assert not list(data.iterdir())


def test_an_unknown_task_is_refused_with_the_known_ones(data: Path, tmp_path: Path) -> None:
    """A data scientist need not read the source to find the names."""
    for arguments in (
        ("train", "weather", "--data", tmp_path, "--out", tmp_path / "bundle"),
        ("evaluate", "weather", "--bundle", tmp_path, "--data", tmp_path),
    ):
        result = _run(*arguments)
        assert result.exit_code == 2
        assert "denial" in _said(result)
    assert not (tmp_path / "bundle").exists()
    assert not data.exists()


@pytest.mark.parametrize("number", ["0", "-3", "10000001"])
def test_simulating_too_few_or_too_many_is_refused(number: str, tmp_path: Path) -> None:
    """The bounds are named and nothing is written."""
    result = _run("simulate", "--claims", number, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "simulate.claims" in _said(result)
    assert not (tmp_path / "out").exists()


def test_simulating_writes_claims_and_says_what(tmp_path: Path) -> None:
    """The same seed gives the same bytes, and a path with brackets is shown as it is."""
    folders = [tmp_path / "[a]", tmp_path / "[/b]"]
    for folder in folders:
        result = _run("simulate", "--claims", "20", "--seed", "7", "--out", folder)
        assert result.exit_code == 0
        assert "20 claims" in _said(result)
        assert f"→ {folder}" in _said(result)
    first, second = ((folder / "claims.ndjson").read_bytes() for folder in folders)
    assert first == second
    assert len([json.loads(line) for line in first.splitlines()]) == 20
