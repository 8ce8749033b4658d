"""Reading a history: outcomes beside rows, and no knowledge of the future in any row."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import training_support as support
from chassis import errors
from formats import canonical, days, rows
from training import histories

pytestmark = pytest.mark.xdist_group("training")  # one worker trains, once


def _claims() -> list[dict[str, Any]]:
    return [json.loads(line) for line in (support.data() / "claims.ndjson").read_bytes().splitlines()]


def _answers() -> list[dict[str, Any]]:
    return [json.loads(line) for line in (support.data() / "adjudications.ndjson").read_bytes().splitlines()]


def test_every_claim_and_line_has_its_outcome():
    """Counts and outcomes are those of the files, partial denials counted as denied."""
    history, answers = support.history(), _answers()
    assert history.rows.items == len(answers) == support.CLAIMS
    assert history.claim_denied.tolist() == [answer["outcome"] != "approved" for answer in answers]
    lines = [line for answer in answers for line in answer["lines"]]
    assert history.line_denied.tolist() == [line["outcome"] != "approved" for line in lines]
    assert history.rows.size == len(lines)


def test_batches_merge_into_one_dictionary():
    """Chunks decoded apart read as if they had been one batch."""
    history = support.history()
    written = [line["code"] for claim in _claims() for line in claim["lines"]]
    assert [history.rows.dictionary[code] for code in history.rows.lines["code"]] == written


def test_history_counts_only_what_was_known_by_then():
    """Earlier claims of the provider, and of them the denials decided before this claim was created."""
    history = support.history()
    seen: list[tuple[str, int, bool]] = []
    for number, (claim, answer) in enumerate(zip(_claims(), _answers(), strict=True)):
        created = days.day_number(claim["created"], rows.DEFAULT_ZONE)
        assert created is not None
        provider = claim["provider"]["id"]
        if number % 97 == 0:
            earlier = [one for one in seen if one[0] == provider]
            known = [one for one in earlier if one[2] and one[1] < created]
            assert history.rows.claims["provider_claims"][number] == len(earlier)
            assert history.rows.claims["provider_denied"][number] == len(known)
        decided = days.day_number(answer["decided_at"], rows.DEFAULT_ZONE)
        assert decided is not None
        seen.append((provider, decided, answer["outcome"] != "approved"))


def test_patients_are_counted_and_not_kept():
    """A patient's earlier claims are counted; of identity only a bucket of a hundred remains."""
    history = support.history()
    seen: Counter[str] = Counter()
    for number, claim in enumerate(_claims()):
        assert history.rows.claims["patient_claims"][number] == seen[claim["patient"]["id"]]
        seen[claim["patient"]["id"]] += 1
    assert set(history.patient.tolist()) <= set(range(100))
    assert not any(word.startswith("SIM-") for word in history.rows.dictionary)


def test_a_bucket_is_stable():
    """The bucket of an identity depends on nothing but the identity."""
    assert histories.bucket("PR-1") == histories.bucket("PR-1")
    spread = np.bincount([histories.bucket(f"PR-{n}") for n in range(10_000)], minlength=100)
    assert spread.min() > 50


def _written(folder: Path, claims: int, answers: int) -> Path:
    for name, count in (("claims.ndjson", claims), ("adjudications.ndjson", answers)):
        lines = (support.data() / name).read_bytes().splitlines(keepends=True)[:count]
        (folder / name).write_bytes(b"".join(lines))
    return folder


def test_the_truth_is_read_beside_the_answers_and_only_if_there(tmp_path: Path):
    """Probabilities and families come line by line; a folder without the file has none."""
    truth = support.history().truth
    assert truth is not None
    assert len(truth.claims) == support.CLAIMS
    assert truth.family[~support.history().line_denied].tolist() == [""] * int(
        (~support.history().line_denied).sum()
    )
    assert ((truth.lines >= 0) & (truth.lines <= 1)).all()
    assert histories.read(_written(tmp_path, 5, 5)).truth is None


def test_a_truth_about_other_claims_is_refused(tmp_path: Path):
    """A truth that does not fit its claims would make every figure wrong."""
    folder = _written(tmp_path, 3, 3)
    lines = (support.data() / "truth.ndjson").read_bytes().splitlines(keepends=True)
    (folder / "truth.ndjson").write_bytes(b"".join(lines[1:4]))
    with pytest.raises(errors.Invalid) as refused:
        histories.read(folder)
    assert refused.value.reason == "data.unpaired"


def test_findings_are_counted_per_line_and_claim(tmp_path: Path):
    """Errors and warnings count, hints do not; one about no line counts for each of the claim's."""
    folder = _written(tmp_path, 3, 3)
    claims = _claims()[:3]
    told = [
        {"path": "lines[0].net", "severity": "error"},
        {"path": "total", "severity": "warning"},
        {"path": "lines[0].code", "severity": "info"},
    ]
    checked = {"claim_id": claims[0]["claim_id"], "findings": told, "verdict": "reject"}
    other = {"claim_id": "X", "findings": told}
    (folder / "findings.ndjson").write_text(f"{json.dumps(checked)}\n{json.dumps(other)}\n")
    found = histories.read(folder).findings
    assert found is not None
    assert found.claims[0] == 2
    assert np.isnan(found.claims[1:]).all()
    first = len(claims[0]["lines"])
    assert found.lines[:first].tolist() == [2.0, *[1.0] * (first - 1)]
    assert np.isnan(found.lines[first:]).all()


@pytest.mark.parametrize(("claims", "answers"), [(3, 2), (2, 3)])
def test_files_of_different_length_are_refused(tmp_path: Path, claims: int, answers: int):
    """A claim without an answer, or an answer without a claim, is not trained on."""
    with pytest.raises(errors.Invalid) as refused:
        histories.read(_written(tmp_path, claims, answers))
    assert refused.value.reason == "data.unpaired"


def test_answers_about_other_claims_are_refused(tmp_path: Path):
    """Order matters: the answer must name its claim."""
    folder = _written(tmp_path, 2, 2)
    first, second = (folder / "adjudications.ndjson").read_bytes().splitlines(keepends=True)
    (folder / "adjudications.ndjson").write_bytes(second + first)
    with pytest.raises(errors.Invalid) as refused:
        histories.read(folder)
    assert refused.value.reason == "data.unpaired"


def test_a_missing_file_is_not_found(tmp_path: Path):
    """A folder without the files is named as such."""
    with pytest.raises(errors.NotFound) as refused:
        histories.read(tmp_path)
    assert refused.value.reason == "data.missing"


def test_an_unreadable_claim_is_refused(tmp_path: Path):
    """A line that is no claim is the reader's own refusal."""
    folder = _written(tmp_path, 1, 1)
    (folder / "claims.ndjson").write_text("{}\n")
    with pytest.raises(errors.Invalid):
        histories.read(folder)


def test_progress_is_told(tmp_path: Path):
    """The number of claims read is reported."""
    told: list[int] = []
    histories.read(_written(tmp_path, 5, 5), told.append)
    assert told == [5]
    assert canonical.decode((tmp_path / "claims.ndjson").read_bytes().splitlines()[0]).claim_id
