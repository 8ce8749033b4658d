"""Replaying on a whole platform: the same packs say the same, others tell what they would change."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

import e2e_support as support
import platform_support

pytestmark = [pytest.mark.xdist_group("platform-replay"), pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "services" / "cli" / "src" / "ultrathink_cli" / "samples"
MEDIA = {"clinic.json": "application/json", "polyclinic.csv": support.CSV, "hospital.fhir.json": support.FHIR}


def _bodies() -> list[dict[str, Any]]:
    """Return sound claims and faulty ones, and two that repeat each other."""
    bodies = [support.claim(number) for number in range(1, 13)]
    bodies[1]["lines"][0]["net"] = 1  # the total no longer fits
    bodies[2]["lines"][0]["service_date"] = "2031-01-01"
    bodies[3]["created"] = None
    bodies[4]["lines"][0]["net"] = None
    bodies[6]["regime"] = "nphies"
    bodies[7]["regime"] = "x12-us"
    bodies[9]["diagnoses"] = []
    return [*bodies, {**support.claim(1), "claim_id": "AGAIN"}]


@pytest.fixture(scope="module")
def platform() -> Iterator[platform_support.Platform]:
    """A platform with claims of every format, some of them faulty."""
    with platform_support.platform(single=True) as running, support.client(running) as biller:
        _send(biller, support.lines(*_bodies()), support.NDJSON)
        for name, media_type in MEDIA.items():
            _send(biller, (SAMPLES / name).read_bytes(), media_type)
        yield running


def _send(biller: httpx2.Client, body: bytes, media_type: str) -> None:
    answer = biller.post(support.CLAIMS, content=body, headers={"content-type": media_type})
    assert answer.status_code in {200, 201}, answer.text


def _replayed(platform: platform_support.Platform, *arguments: str) -> dict[str, Any]:
    run = platform.command("replay", "--json", *arguments)
    assert run.returncode == 0, run.stdout + run.stderr
    told: dict[str, Any] = json.loads(run.stdout)
    return told


def _stored(platform: platform_support.Platform) -> int:
    with support.client(platform) as biller:
        return len(support.stored(biller))


@pytest.fixture(scope="module")
def whole(platform: platform_support.Platform) -> dict[str, Any]:
    """All claims judged again by the packs that judged them."""
    return _replayed(platform, "--workers", "2")


def test_the_same_packs_say_the_same_of_every_claim(
    platform: platform_support.Platform, whole: dict[str, Any]
) -> None:
    """Live, in bulk and in replay there is one verdict: not a finding, not an undecided rule differs."""
    assert whole["claims"] == _stored(platform)
    assert whole["claims"] > len(_bodies())
    assert (whole["unreadable"], whole["interrupted"]) == (0, False)
    assert whole["changed"] == 0, whole["examples"]


def test_other_packs_tell_what_they_change_in_money(
    platform: platform_support.Platform, tmp_path: Path
) -> None:
    """Milder rules let claims pass, rules taken out fall silent: which, how often, how much was asked."""
    packs = Path(shutil.copytree(ROOT / "packs", tmp_path / "packs", ignore=shutil.ignore_patterns("models")))
    money = packs / "base" / "rules" / "money.yaml"
    money.write_text(money.read_text().replace("severity: error", "severity: info"))
    (packs / "base" / "rules" / "dates.yaml").unlink()
    told = _replayed(platform, "--pack", str(packs), "--workers", "1")
    turned = {(turn["before"], turn["after"]): turn for turn in told["verdicts"]}
    assert any(before == "reject" and after != "reject" for before, after in turned)
    assert all(turn["money"] for turn in told["verdicts"])
    assert sum(rule["vanished"] for rule in told["rules"] if rule["rule"].startswith("BASE-3")) >= 1


def test_a_walk_goes_on_behind_a_claim_and_speaks_to_people(
    platform: platform_support.Platform, whole: dict[str, Any]
) -> None:
    """What a partial report names as its last claim is where the rest begins: here, at the end."""
    run = platform.command("replay", "--as-of", "2026-08-02", "--workers", "1", "--after", whole["last"])
    assert run.returncode == 0, run.stderr
    assert "tenant demo, as of 2026-08-02, by base" in run.stdout
    assert "0 claims judged twice" in run.stdout


def test_reading_all_claims_is_in_the_audit(
    platform: platform_support.Platform, whole: dict[str, Any]
) -> None:
    """The chains verify, and the last claim of each part tells that it was read."""
    with support.client(platform, role="auditor") as auditor:
        history = auditor.get(f"{support.CLAIMS}/{whole['last']}/history").json()
    assert "claims.read" in {entry["event"] for entry in history["audit"]}
    assert platform.command("verify-audit").returncode == 0


def test_what_claims_are_judged_by_is_open_to_readers(platform: platform_support.Platform) -> None:
    """Rules, packs, tables and reasons of the running platform, over HTTP; an unknown id is a problem."""
    with support.client(platform) as biller:
        wanted = {"regime": "nphies", "severity": "error", "limit": "5"}
        rules = biller.get("/api/v1/rules", params=wanted).json()
        assert len(rules["items"]) == 5
        one = biller.get(f"/api/v1/rules/{rules['items'][0]['id']}").json()
        assert one["texts"]["violation"]
        assert {pack["id"] for pack in biller.get("/api/v1/rules/packs").json()["items"]} >= {"base"}
        names = {table["name"] for table in biller.get("/api/v1/tables").json()["items"]}
        assert {"hcpcs", "icd-10-cm"} <= names
        entry = biller.get("/api/v1/tables/hcpcs/G0103", params={"on": "2019-06-01"}).json()
        assert entry["state"] == "found"
        assert biller.get("/api/v1/reasons").json()["official"] is False
        unknown = biller.get("/api/v1/rules/NO-SUCH")
    assert (unknown.status_code, unknown.headers["content-type"]) == (404, support.PROBLEM)


def test_coverage_counts_what_is_stored(platform: platform_support.Platform, whole: dict[str, Any]) -> None:
    """The same claims, rule by rule, without any file."""
    run = platform.command("rules", "coverage", "--stored", "--json")
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)
    assert (told["claims"], told["unreadable"]) == (whole["claims"], 0)
    tallies = {rule["rule"]: rule for rule in told["rules"]}
    assert tallies["BASE-301"]["fired"] >= 1
    assert tallies["BASE-301"]["satisfied"] > tallies["BASE-301"]["fired"]
