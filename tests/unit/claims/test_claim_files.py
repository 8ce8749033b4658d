"""Claims of a file, whatever its format: in order, each alone, whatever stands beside them."""

import json
from pathlib import Path
from typing import Any

import pytest

import rules_support
from chassis import errors
from claims.outbound import claim_files
from formats import readers

SAMPLES = rules_support.PACKS.parent / "services" / "cli" / "src" / "ultrathink_cli" / "samples"


def _claim(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "claim_id": f"C-{number}", "type": "professional", "use": "claim", "provider": {"id": "P"},
        "patient": {"id": "X"}, "insurance": [{"sequence": 1}], "lines": [{"sequence": 1, "code": "A"}],
        **changes,
    }  # fmt: skip


def _ids(file: Path) -> list[str | None]:
    """Return the ids of the claims read; None where one could not be."""
    return [
        None if isinstance(found, readers.Refused) else found.claim.claim_id
        for found in claim_files.read(file)
    ]


@pytest.mark.parametrize(
    ("name", "least"),
    [("clinic.json", 1), ("hospital.fhir.json", 1), ("polyclinic.csv", 2), ("polyclinic.nphies.json", 1)],
)
def test_every_sample_of_the_demo_is_read(name: str, least: int) -> None:
    """JSON, FHIR, CSV and a batch of nphies messages, told apart by what is in them."""
    ids = _ids(SAMPLES / name)
    assert len(ids) >= least
    assert None not in ids


def test_lines_are_read_beyond_the_first_look(tmp_path: Path) -> None:
    """A file larger than what tells its format, broken anywhere by the size of a read."""
    file = tmp_path / "many.ndjson"
    count = 3_000
    file.write_text("".join(json.dumps(_claim(number)) + "\n" for number in range(count)))
    assert file.stat().st_size > claim_files.DETECTED_BYTES + claim_files.CHUNK_BYTES
    assert _ids(file) == [f"C-{number}" for number in range(count)]


def test_a_broken_line_stops_no_other(tmp_path: Path) -> None:
    """It is refused in its place, with its number."""
    file = tmp_path / "three.ndjson"
    file.write_text(f"{json.dumps(_claim(1))}\n{{\n{json.dumps(_claim(3))}\n")
    assert _ids(file) == ["C-1", None, "C-3"]
    refused = [found for found in claim_files.read(file) if isinstance(found, readers.Refused)]
    assert [one.position for one in refused] == [2]


def test_the_last_line_needs_no_end(tmp_path: Path) -> None:
    """A file cut off behind its last claim is whole."""
    file = tmp_path / "two.ndjson"
    file.write_text(json.dumps(_claim(1)) + "\n" + json.dumps(_claim(2)))
    assert _ids(file) == ["C-1", "C-2"]


def test_nothing_is_no_claim(tmp_path: Path) -> None:
    """An empty file holds none, and that is no error of reading."""
    file = tmp_path / "none.ndjson"
    file.write_text("")
    assert _ids(file) == []


def test_a_file_that_is_not_there_or_not_ours_is_refused(tmp_path: Path) -> None:
    """A missing file and a format no reader is there for are told apart."""
    with pytest.raises(errors.NotFound, match=r"file\.unreadable"):
        list(claim_files.read(tmp_path / "gone.json"))
    with pytest.raises(errors.NotFound, match=r"file\.unreadable"):
        list(claim_files.read(tmp_path))
