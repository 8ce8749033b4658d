"""The platform in one process: the same doors, and what an operator does with its record."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pyarrow.parquet as pq
import pytest
from fhir.resources.R4B import claimresponse as r4_response

import e2e_support as support
import platform_support

pytestmark = [pytest.mark.xdist_group("platform-single"), pytest.mark.timeout(300)]

IDENTIFYING = ("patient", "member", "birth", "name", "sex", "insured", "subscriber")

# What an export says of a person: sex, age, counts, shares, and one of a hundred buckets.
TELLING = {
    "patient_bucket", "patient_claims", "patient_denied", "patient_net_minor", "claim.patient_sex",
    "claim.patient_age_years", "claim.patient_claims", "line.patient_share_minor",
}  # fmt: skip


@pytest.fixture(scope="module")
def platform() -> Iterator[platform_support.Platform]:
    """One platform of one process for the module."""
    with platform_support.platform(single=True) as running:
        yield running


@pytest.fixture(scope="module")
def biller(platform: platform_support.Platform) -> Iterator[httpx2.Client]:
    """A biller's client."""
    with support.client(platform) as made:
        yield made


def done(run: subprocess.CompletedProcess[str]) -> str:
    """Return what a command said, in one line, after checking that it succeeded."""
    assert run.returncode == 0, run.stdout + run.stderr
    return " ".join(run.stdout.split())


def test_one_process_serves_every_room(platform: platform_support.Platform) -> None:
    """Beside the database there is one process of ours."""
    ours = [line for line in platform.descendants().values() if "postgres" not in line]
    assert len(ours) == 1, ours


def test_the_doors_are_the_same(biller: httpx2.Client) -> None:
    """A claim is created, repeated and given back; a file keeps its order; FHIR is answered in FHIR."""
    first = biller.post(support.CLAIMS, json=support.claim(1))
    assert first.status_code == 201, first.text
    told = first.json()
    assert (told["verdict"], told["risk"]["state"]) == ("accept", "scored")
    again = biller.post(support.CLAIMS, json=support.claim(1))
    assert (again.status_code, again.json()["id"]) == (200, told["id"])
    assert biller.get(f"{support.CLAIMS}/{told['id']}").json()["decision"] == told
    body = support.lines(*(support.claim(number) for number in range(2, 22)))
    answers = support.opened(
        biller.post(support.CLAIMS, content=body, headers={"content-type": support.NDJSON})
    )
    assert [one["claim_id"] for one in answers] == [f"E2E-{number}" for number in range(2, 22)]
    headers = {"content-type": support.FHIR}
    answer = biller.post("/api/fhir/Claim/$submit", json=support.fhir_claim(30), headers=headers)
    assert r4_response.ClaimResponse.model_validate_json(answer.content).outcome == "queued"
    assert len(support.stored(biller)) == 22


def test_a_refusal_is_the_same(biller: httpx2.Client) -> None:
    """A claim that cannot be read is refused with its path, and nothing is stored."""
    before = support.stored(biller)
    answer = biller.post(support.CLAIMS, json=support.claim(40, colour="red"))
    told = support.problem(answer, 422, "claim.unreadable")
    assert [one["path"] for one in told["errors"]] == ["colour"]
    assert support.stored(biller) == before


def test_a_file_goes_on_where_it_stopped(
    platform: platform_support.Platform, biller: httpx2.Client, tmp_path: Path
) -> None:
    """Receipts of an interrupted run are kept, their claims not sent again, and nothing is doubled."""
    file = tmp_path / "claims.ndjson"
    bodies = [support.claim(number) for number in range(50, 80)]
    file.write_bytes(support.lines(*bodies[:20]))
    done(platform.command("submit", str(file)))
    receipts = tmp_path / "claims.ndjson.receipts.ndjson"
    first = receipts.read_bytes().splitlines(keepends=True)
    assert len(first) == 20
    receipts.write_bytes(b"".join(first[:12]) + first[12][:25])  # as a crash leaves it
    file.write_bytes(support.lines(*bodies))
    said = done(platform.command("submit", str(file)))
    assert "30 claims" in said
    assert "12 of them from an earlier run" in said
    told = [json.loads(line) for line in receipts.read_bytes().splitlines()]
    assert [one["claim_id"] for one in told] == [body["claim_id"] for body in bodies]
    recorded = list(support.stored(biller).values())
    assert all(recorded.count(body["claim_id"]) == 1 for body in bodies)


def test_an_export_has_lines_and_scores_and_no_patient(
    platform: platform_support.Platform, biller: httpx2.Client, tmp_path: Path
) -> None:
    """One row per line with its score; no column, no cell and no key tells a person."""
    biller.post(support.CLAIMS, json=support.claim(90))
    done(platform.command("export", "--format", "parquet", "--out", str(tmp_path)))
    table = pq.read_table(tmp_path / "demo-00001.parquet")
    told = [name for name in table.column_names if any(word in name for word in IDENTIFYING)]
    assert set(told) == TELLING
    rows = table.to_pylist()
    assert "E2E-90" in {row["claim_id"] for row in rows}
    assert len(rows) == len(support.stored(biller))  # one line each
    assert all(0 < row["probability"] < 1 for row in rows if row["claim_id"] == "E2E-90")
    assert {row["features_agree"] for row in rows if row["claim_id"] == "E2E-90"} == {True}
    assert support.PATIENT not in json.dumps(rows)


def test_what_payers_answered_comes_out_by_line(
    platform: platform_support.Platform, biller: httpx2.Client, tmp_path: Path
) -> None:
    """From the command line into the export: outcome, reason and amount beside the score; nothing twice."""
    claims = [support.claim(number) for number in (91, 92)]
    for claim in claims:
        biller.post(support.CLAIMS, json=claim)
    lines = [{"sequence": 1, "outcome": "partial", "nphies": "BE-1-6", "carc": "45", "paid_minor": 8_500}]
    told = {"claim_id": "E2E-91", "outcome": "partial", "decided_at": "2026-08-20", "lines": lines}
    (answers := tmp_path / "answers.ndjson").write_bytes(support.lines(told))
    for known in ("", ", 1 of them known before"):
        said = done(platform.command("remit", str(answers)))
        assert f"1 answers joined to 1 lines{known}: 0 approved, 1 partial, 0 rejected; 0 refused" in said
    done(platform.command("export", "--out", str(tmp_path)))
    rows = {row["claim_id"]: row for row in pq.read_table(tmp_path / "demo-00001.parquet").to_pylist()}
    joined, silent = rows["E2E-91"], rows["E2E-92"]
    assert (joined["denied"], joined["outcome"], joined["outcome_source"]) == (1, "partial", "payer")
    assert (joined["outcome_reason"], joined["carc"], joined["paid_minor"]) == ("BE-1-6", "45", 8_500)
    assert (joined["business_status"], joined["wire_status"]) == ("partial", "received")
    assert (silent["denied"], silent["outcome_source"]) == (None, None)


def test_a_restored_backup_has_everything_and_its_chains_verify(
    platform: platform_support.Platform, biller: httpx2.Client
) -> None:
    """A backup of the running platform becomes a new data directory with the same chains and claims."""
    sent = biller.post(support.CLAIMS, json=support.claim(95)).json()
    before = done(platform.command("verify-audit"))
    archive = platform.data.parent / "platform.backup"
    done(platform.command("backup", str(archive)))
    restored = platform_support.Platform(platform.data.parent / "restored", single=True)
    said = done(restored.command("restore", str(archive)))
    root = before.split("Merkle root", 1)[1].split()
    assert said.split("Merkle root", 1)[1].split() == root
    try:
        restored.start()
        with support.client(restored) as asking:
            assert support.stored(asking) == support.stored(biller)
            again = asking.post(support.CLAIMS, json=support.claim(95))
            assert (again.status_code, again.json()["id"]) == (200, sent["id"])
            assert asking.post(support.CLAIMS, json=support.claim(96)).status_code == 201
        assert done(restored.command("verify-audit"))
    finally:
        restored.stop()
