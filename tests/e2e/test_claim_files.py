"""Files of claims over HTTP on a running platform: the same claims in every form, again, and in bad shape."""

import csv
import io
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

import arrow_support
import e2e_support as support
import platform_support

pytestmark = [pytest.mark.xdist_group("platform-doors"), pytest.mark.timeout(240)]

ARROW = "application/vnd.apache.arrow.stream"
SOUND, WRONG, DEAR = range(3)


@pytest.fixture(scope="module")
def biller(platform_doors: platform_support.Platform) -> Iterator[httpx2.Client]:
    """A biller's client."""
    with support.client(platform_doors) as made:
        yield made


def some(first: int) -> list[dict[str, Any]]:
    """Return a sound claim, one whose total is wrong, and one that is far dearer than any in training."""
    dear = support.claim(first + DEAR, total=900_000.0)
    dear["lines"][0] |= {"unit_price": 900_000.0, "net": 900_000.0}
    return [support.claim(first + SOUND), support.claim(first + WRONG, total=999.0), dear]


def encoded(form: str, claims: list[dict[str, Any]]) -> bytes:
    """Return the claims as a file of a media type."""
    if form == ARROW:
        return arrow_support.stream(*claims)
    return support.table(*claims) if form == support.CSV else support.lines(*claims)


def sent(
    biller: httpx2.Client, form: str, body: bytes, accept: str = support.NDJSON, path: str = support.CLAIMS
) -> httpx2.Response:
    """Send a file; return its answer."""
    answer = biller.post(path, content=body, headers={"content-type": form, "accept": accept})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith(accept)
    return answer


def said(decision: dict[str, Any]) -> tuple[str, str, tuple[str, ...]]:
    """Return what a decision comes to: verdict, state of its score, rules that fired."""
    rules = tuple(sorted(finding["rule"] for finding in decision["findings"]))
    return decision["verdict"], decision["risk"]["state"], rules


@pytest.mark.parametrize(("form", "first"), [(support.NDJSON, 8_100), (ARROW, 8_300)])
def test_a_claim_is_judged_alike_in_every_form(biller: httpx2.Client, form: str, first: int) -> None:
    """What each form's file is told is what the same claims are told as JSON, one by one."""
    claims = some(first)
    path = f"{support.CLAIMS}/check"
    alone = [biller.post(path, json=claim).json() for claim in claims]
    together = support.opened(sent(biller, form, encoded(form, claims), path=path))
    assert [said(one) for one in together] == [said(one) for one in alone]
    assert [one["verdict"] for one in together] == ["accept", "reject", "review"]
    assert [one["content_hash"] for one in together] == [one["content_hash"] for one in alone]


@pytest.mark.parametrize(("form", "first"), [(support.NDJSON, 8_400), (support.CSV, 8_500), (ARROW, 8_600)])
def test_a_file_sent_again_stores_nothing_twice(biller: httpx2.Client, form: str, first: int) -> None:
    """The second answer repeats ids and decisions, and the list holds each claim once."""
    claims = some(first)
    once = support.opened(sent(biller, form, encoded(form, claims)))
    again = support.opened(sent(biller, form, encoded(form, claims)))
    assert [one["id"] for one in again] == [one["id"] for one in once]
    assert again == once
    for claim in claims:
        assert len(support.stored(biller, claim_id=claim["claim_id"])) == 1


def test_arrow_is_answered_in_arrow_and_tells_what_was_known(biller: httpx2.Client) -> None:
    """Without another wish the answer has the file's form: a typed record per claim."""
    body = arrow_support.stream(*some(8_700), size=2)
    first = arrow_support.records(sent(biller, ARROW, body, ARROW).content)
    again = arrow_support.records(sent(biller, ARROW, body, ARROW).content)
    assert [one["position"] for one in first] == [1, 2, 3]
    assert [one["verdict"] for one in first] == ["accept", "reject", "review"]
    assert first[WRONG]["errors"] >= 1
    assert first[WRONG]["rules"]
    assert [one["replayed"] for one in first + again] == [False] * 3 + [True] * 3
    assert 0 < first[SOUND]["probability"] < 1


def test_a_table_of_answers_has_a_row_per_claim_whatever_was_sent(biller: httpx2.Client) -> None:
    """Arrow in, CSV out."""
    answer = sent(biller, ARROW, arrow_support.stream(*some(8_800)), support.CSV)
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["verdict"] for row in rows] == ["accept", "reject", "review"]


def test_bad_records_of_arrow_fail_alone_and_are_told(biller: httpx2.Client) -> None:
    """A record without lines has its problem and position; its neighbours are recorded."""
    claims = some(8_900)
    claims[WRONG]["lines"] = []
    answer = sent(biller, ARROW, arrow_support.stream(*claims))
    first, second, third = support.opened(answer)
    support.well_formed(second, 422, "claim.unreadable")
    assert second["position"] == 2
    assert {first["claim_id"], third["claim_id"]} == {claims[SOUND]["claim_id"], claims[DEAR]["claim_id"]}
    support.silent(second)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"claim_id":"A"}\n', "arrow.malformed"),
        (arrow_support.stream({"claimid": "A"}), "arrow.columns"),
        (arrow_support.stream(*some(8_950))[:-200], "arrow.truncated"),
    ],
)
def test_what_is_no_arrow_of_claims_is_told_and_stores_nothing(
    biller: httpx2.Client, body: bytes, reason: str
) -> None:
    """Other bytes, other columns and a stream that breaks off each have their reason."""
    before = len(support.stored(biller))
    (told,) = support.opened(sent(biller, ARROW, body))
    assert told["type"] == f"/problems/{reason}"
    assert len(support.stored(biller)) == before


def test_a_person_checks_and_sends_a_file_of_arrow(
    platform_doors: platform_support.Platform, tmp_path: Path
) -> None:
    """`ultrathink check` knows the form by its bytes, `submit` leaves a receipt beside the file."""
    file = tmp_path / "claims.arrows"
    file.write_bytes(arrow_support.stream(*some(9_000)))
    checked = subprocess.run(
        [platform_support.COMMAND, "check", file, "--format", "json"],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert checked.returncode == 1, checked.stderr  # one has findings of severity error
    assert len(checked.stdout.splitlines()) == 3
    submitted = platform_doors.command("submit", str(file))
    assert submitted.returncode in {0, 1}, submitted.stderr
    assert [one.name for one in tmp_path.iterdir() if one != file]
