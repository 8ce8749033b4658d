"""`ultrathink drift`: exit statuses, words, JSON, and files that are no export."""

import json
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer import testing as typing_person

import scoring_support as support
from scoring.domain import drifting
from scoring.outbound import bundles
from ultrathink_cli import __main__ as command

COUNT = 1_000
CHANCES = np.random.default_rng(3).uniform(0.01, 0.99, COUNT)
DENIED = np.random.default_rng(4).random(COUNT) < CHANCES
TYPES = ["professional", "oral"] * (COUNT // 2)


def _run(*arguments: str | Path) -> typing_person.Result:
    wide = {"COLUMNS": "200", "TERM": "dumb"}
    result = typing_person.CliRunner(env=wide).invoke(command.app(), [str(part) for part in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that remembers what its training saw."""
    folder = support.other_bundle(tmp_path_factory.mktemp("bundle") / "with-reference")
    reference = drifting.reference({"claim.type": np.array(TYPES, dtype=object)})
    (folder / bundles.REFERENCE).write_bytes(msgspec.json.encode(reference))
    support.reseal(folder)
    return folder


def _export(folder: Path, bundle: Path, types: list[str]) -> Path:
    table = pa.table(
        {
            "id": [f"c{n}" for n in range(COUNT)],
            "line": pa.array([1] * COUNT, pa.uint32()),
            "type": types,
            "probability": CHANCES,
            "model_revision": [bundles.revision(bundle)] * COUNT,
            "business_status": ["rejected" if one else "approved" for one in DENIED],
        }
    )
    half = COUNT // 2
    folder.mkdir()
    pq.write_table(table.slice(0, half), folder / "a.parquet")
    pq.write_table(table.slice(half), folder / "b.parquet")
    return folder


def test_steady_claims_exit_with_zero(tmp_path: Path, bundle: Path):
    """All files of a folder count together; the table shows each figure with its state."""
    result = _run("drift", "--data", _export(tmp_path / "out", bundle, TYPES), "--bundle", bundle)
    assert result.exit_code == 0, result.stdout + result.stderr
    assert "1,000 claims" in result.stdout
    assert "claim.type" in result.stdout
    assert "steady" in result.stdout


def test_drift_exits_with_one_and_says_what_moved(tmp_path: Path, bundle: Path):
    """A scheduler sees the status, a person the sentence."""
    data = _export(tmp_path / "out", bundle, ["oral"] * COUNT)
    result = _run("drift", "--data", data, "--bundle", bundle)
    assert result.exit_code == 1
    assert "claim.type is another population" in result.stdout
    told = json.loads(_run("drift", "--data", data, "--bundle", bundle, "--json").stdout)
    assert told["review"] is True
    assert told["features"][0]["name"] == "claim.type"
    assert told["calibration"]["claims"] == COUNT


def test_what_cannot_be_judged_exits_with_two(tmp_path: Path, bundle: Path):
    """No file, or one that is no Parquet, is a refusal with a remedy."""
    nothing = _run("drift", "--data", tmp_path, "--bundle", bundle)
    assert nothing.exit_code == 2
    assert "ultrathink export" in nothing.stderr
    (tmp_path / "x.parquet").write_text("no")
    wrong = _run("drift", "--data", tmp_path / "x.parquet", "--bundle", bundle)
    assert wrong.exit_code == 2
    assert "data.unreadable" in wrong.stderr
