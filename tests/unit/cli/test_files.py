"""Where the platform keeps its files and how a running one is found."""

import json
import os
import socket
from pathlib import Path

from ultrathink_cli.domain import addresses, layout
from ultrathink_cli.outbound import loopback, run_file


def _running(pid: int) -> run_file.Running:
    doors = addresses.Addresses(8080, 50051, 1, 2)
    return run_file.Running(
        pid=pid, mode="processes", http=doors.url, grpc="127.0.0.1:50051", targets=doors.targets, auth="dev",
        started_at="2026-01-01T00:00:00+00:00",
    )  # fmt: skip


def test_everything_lies_under_the_data_directory(tmp_path: Path) -> None:
    """Removing one folder removes the platform."""
    files = layout.Layout(tmp_path)
    places = (
        files.run_file,
        files.keys,
        files.logs,
        files.objects,
        files.spool,
        files.issuer_key,
        files.patient_key,
    )
    assert all(tmp_path in place.parents for place in places)


def test_a_person_gets_a_folder_beside_the_work(tmp_path: Path) -> None:
    """Without root the data directory is .ultrathink under the current folder."""
    assert layout.default_data(tmp_path, is_root=False) == tmp_path.resolve() / ".ultrathink"


def test_root_gets_a_folder_that_the_database_can_reach(tmp_path: Path) -> None:
    """PostgreSQL does not run as root, so root's private folders will not do; two checkouts stay apart."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    (closed / "a").mkdir()
    (closed / "b").mkdir()
    first = layout.default_data(closed / "a", is_root=True)
    second = layout.default_data(closed / "b", is_root=True)
    assert first.parent == second.parent == layout.ROOT_HOME
    assert first != second


def test_reachable_means_every_folder_on_the_way_lets_others_pass(tmp_path: Path) -> None:
    """One closed folder on the way is enough."""
    (tmp_path / "closed").mkdir(mode=0o700)
    assert not layout.reachable_by_others(tmp_path / "closed" / "not-there-yet")


def test_a_run_file_is_read_back(tmp_path: Path) -> None:
    """Other commands find the platform of a data directory."""
    run_file.write(tmp_path / "run.json", _running(os.getpid()))
    assert run_file.read(tmp_path / "run.json") == _running(os.getpid())
    assert json.loads((tmp_path / "run.json").read_text())["targets"]["claims"] == "127.0.0.1:50051"


def test_a_run_file_of_a_dead_process_means_nothing_runs(tmp_path: Path) -> None:
    """A file left by a kill does not fool anyone."""
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    run_file.write(tmp_path / "run.json", _running(child))
    assert run_file.read(tmp_path / "run.json") is None


def test_no_or_broken_run_file_means_nothing_runs(tmp_path: Path) -> None:
    """Half a file is no file."""
    assert run_file.read(tmp_path / "run.json") is None
    (tmp_path / "run.json").write_text('{"pid": 1')
    assert run_file.read(tmp_path / "run.json") is None


def test_removing_a_run_file_twice_is_fine(tmp_path: Path) -> None:
    """A shutdown never fails over its own note."""
    run_file.write(tmp_path / "run.json", _running(1))
    run_file.remove(tmp_path / "run.json")
    run_file.remove(tmp_path / "run.json")
    assert not (tmp_path / "run.json").exists()


def test_free_ports_are_different() -> None:
    """Two rooms never get the same door."""
    assert len(set(loopback.free(5))) == 5


def test_ports_chosen_by_a_person_are_left_alone() -> None:
    """A room's own door is never the public one, however often the system offers it."""
    chosen = loopback.free(3)
    for _ in range(20):
        assert not set(loopback.free(4, besides=chosen)) & set(chosen)
        assert len(loopback.free(4, besides=chosen)) == 4


def test_a_taken_port_is_seen() -> None:
    """`up` says which port is in use before anything is started."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        assert loopback.taken(held.getsockname()[1])
    assert not loopback.taken(loopback.free(1)[0])


def test_single_has_no_loopback_targets_of_inner_rooms() -> None:
    """In one process only claims has a door of its own."""
    assert addresses.Addresses(8080, 50051).targets == {"claims": "127.0.0.1:50051"}
