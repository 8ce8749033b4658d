"""The contracts: linted, compatible with what was published, and their stubs fresh."""

import filecmp
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROTOS = ROOT / "protos"
BUF = str(Path(sys.executable).with_name("buf"))


def _buf(*arguments: str, cwd: Path = PROTOS) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BUF, *arguments], cwd=cwd, capture_output=True, text=True, check=False)


def test_the_contracts_pass_the_linter() -> None:
    """Names and shapes follow the STANDARD rules of buf, less the exceptions stated in buf.yaml."""
    done = _buf("lint")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_badly_named_field_is_seen(tmp_path: Path) -> None:
    """The linter is on: a planted field in camel case fails."""
    (tmp_path / "buf.yaml").write_text((PROTOS / "buf.yaml").read_text())
    folder = tmp_path / "ultrathink/planted/v1"
    folder.mkdir(parents=True)
    text = 'syntax = "proto3";\npackage ultrathink.planted.v1;\nmessage Bad {\n  string someField = 1;\n}\n'
    (folder / "planted.proto").write_text(text)
    assert _buf("lint", cwd=tmp_path).returncode != 0


def test_nothing_published_was_broken() -> None:
    """A peer built against the published contracts still understands us."""
    done = _buf("breaking", "--against", "published.binpb")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_removed_field_is_seen(tmp_path: Path) -> None:
    """The compatibility check is on: a contract without one of its files fails against the published one."""
    (tmp_path / "buf.yaml").write_text((PROTOS / "buf.yaml").read_text())
    folder = tmp_path / "ultrathink/common/v1"
    folder.mkdir(parents=True)
    text = (PROTOS / "ultrathink/common/v1/common.proto").read_text().replace("  string branch = 5;\n", "")
    (folder / "common.proto").write_text(text)
    done = _buf("breaking", "--against", str(PROTOS / "published.binpb"), cwd=tmp_path)
    assert done.returncode != 0
    assert "branch" in done.stdout


def test_the_committed_stubs_are_fresh(tmp_path: Path) -> None:
    """What is committed is what `make gen` writes."""
    script = str(PROTOS / "generate.sh")
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    subprocess.run([script, str(tmp_path)], check=True, capture_output=True, env={"PATH": path})
    generated = sorted(p.relative_to(tmp_path) for p in tmp_path.rglob("*_pb2*"))
    assert generated
    _, differ, missing = filecmp.cmpfiles(
        tmp_path, PROTOS / "gen", [str(p) for p in generated], shallow=False
    )
    assert (differ, missing) == ([], [])


@pytest.mark.parametrize("proto", sorted(p.name for p in PROTOS.rglob("*.proto")))
def test_every_message_and_service_is_explained(proto: str) -> None:
    """Each service and each contract file begins with a sentence that says what it is."""
    text = next(PROTOS.rglob(proto)).read_text()
    assert text.split("package ")[0].count("//") >= 1
    for number, line in enumerate(text.splitlines()):
        if line.startswith("service "):
            assert text.splitlines()[number - 1].startswith("//"), line
