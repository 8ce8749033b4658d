"""Every door of a running platform, as its callers use it: HTTP, FHIR, events, and the papers."""

import csv
import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from fhir.resources.R4B import bundle as r4_bundle
from fhir.resources.R4B import capabilitystatement as r4_capabilities
from fhir.resources.R4B import claimresponse as r4_response

import e2e_support as support
import platform_support

pytestmark = [pytest.mark.xdist_group("platform-doors"), pytest.mark.timeout(240)]

FHIR = {"content-type": support.FHIR}
FAR_BEYOND = 900_000.0  # SAR for one visit: outside what the model has seen, so a person is asked


@pytest.fixture(scope="module")
def biller(platform_doors: platform_support.Platform) -> Iterator[httpx2.Client]:
    """A biller's client."""
    with support.client(platform_doors) as made:
        yield made


@pytest.fixture(scope="module")
def reviewer(platform_doors: platform_support.Platform) -> Iterator[httpx2.Client]:
    """A reviewer's client."""
    with support.client(platform_doors, "reviewer") as made:
        yield made


def priced(number: int, net: float, **changes: Any) -> dict[str, Any]:
    """Return a claim whose one line costs `net`."""
    body = support.claim(number, total=net, **changes)
    body["lines"][0] |= {"unit_price": net, "net": net}
    return body


def wrong(number: int) -> dict[str, Any]:
    """Return a claim whose total is not the sum of its lines."""
    return support.claim(number, total=999.0)


def sent(asking: httpx2.Client, body: dict[str, Any]) -> dict[str, Any]:
    """Send a claim; return the decision."""
    answer = asking.post(support.CLAIMS, json=body)
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


def test_a_claim_is_created_once_and_repeated_after_that(biller: httpx2.Client) -> None:
    """201 with its place; the same key and body again is 200, marked, with the first decision."""
    headers = {"idempotency-key": "doors-100"}
    first = biller.post(support.CLAIMS, json=support.claim(100), headers=headers)
    again = biller.post(support.CLAIMS, json=support.claim(100), headers=headers)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert again.json() == first.json()
    assert first.headers["location"] == f"{support.CLAIMS}/{first.json()['id']}"
    assert biller.get(first.headers["location"]).json()["decision"] == first.json()


def test_a_decision_tells_all_it_rests_on(biller: httpx2.Client) -> None:
    """Verdict, amounts, risk with its model, rules and code sets with their revisions, and the day."""
    told = sent(biller, support.claim(101))
    assert told["verdict"] == "accept"
    assert told["risk"]["state"] == "scored"
    assert told["risk"]["simulated"] is True
    assert 0 < told["risk"]["probability"] < 1
    assert told["risk"]["model"]["revision"]
    assert told["amounts"]["payer_share"] == 170.0
    assert [rule["pack"] for rule in told["rules"]] == ["base", "history"]
    assert told["received_at"] <= told["decided_at"]


def test_a_wrong_sum_is_rejected_by_its_rule(biller: httpx2.Client) -> None:
    """The finding names rule, place and both amounts, in English and in Arabic."""
    told = sent(biller, wrong(102))
    assert told["verdict"] == "reject"
    (finding,) = [one for one in told["findings"] if one["severity"] == "error"]
    assert finding["path"] == "total"
    assert finding["message"]["en"]
    assert finding["message"]["ar"]
    assert told["status"]["wire"] == "refused"


def test_a_file_is_answered_in_its_order(biller: httpx2.Client) -> None:
    """NDJSON in, one decision per line out, in the order of the lines; sent again nothing doubles."""
    bodies = [support.claim(number) for number in range(110, 180)]
    headers = {"content-type": support.NDJSON}
    first = support.opened(biller.post(support.CLAIMS, content=support.lines(*bodies), headers=headers))
    again = support.opened(biller.post(support.CLAIMS, content=support.lines(*bodies), headers=headers))
    assert [one["claim_id"] for one in first] == [body["claim_id"] for body in bodies]
    assert [one["id"] for one in again] == [one["id"] for one in first]


def test_a_table_is_answered_with_a_table(biller: httpx2.Client) -> None:
    """CSV in, a CSV report out: one row per claim with verdict, findings and risk."""
    body = support.table(support.claim(181), wrong(182))
    answer = biller.post(support.CLAIMS, content=body, headers={"content-type": support.CSV})
    assert answer.headers["content-type"].startswith("text/csv")
    good, bad = csv.DictReader(answer.text.splitlines())
    assert (good["claim_id"], good["verdict"], good["errors"]) == ("E2E-181", "accept", "0")
    assert (bad["claim_id"], bad["verdict"], bad["errors"]) == ("E2E-182", "reject", "1")
    assert good["probability"]
    assert set(bad["rules"].split()) >= {"BASE-102"}
    support.silent(answer.text)


def test_a_check_stores_nothing(biller: httpx2.Client) -> None:
    """The same verdict as a submission would get, without id, and the record is as before."""
    before = support.stored(biller)
    told = biller.post(f"{support.CLAIMS}/check", json=wrong(190)).json()
    assert told["verdict"] == "reject"
    assert "id" not in told
    many = support.lines(*(support.claim(number) for number in range(191, 195)))
    answer = biller.post(f"{support.CLAIMS}/check", content=many, headers={"content-type": support.NDJSON})
    assert [one["verdict"] for one in support.opened(answer)] == ["accept"] * 4
    assert support.stored(biller) == before


@pytest.mark.parametrize(("net", "outcome"), [(180.0, "queued"), (200.0, "error")])
def test_a_fhir_claim_is_answered_with_a_claim_response(
    biller: httpx2.Client, net: float, outcome: str
) -> None:
    """An R4 Claim with a sound sum is queued, one with a wrong sum is refused with the rule's error."""
    number = 200 + int(net)
    answer = biller.post("/api/fhir/Claim/$submit", json=support.fhir_claim(number, net), headers=FHIR)
    assert answer.status_code == 200, answer.text
    told: Any = r4_response.ClaimResponse.model_validate_json(answer.content)
    assert told.outcome == outcome
    assert bool(told.error) == (outcome == "error")
    assert told.request.identifier.value == f"FHIR-{number}"
    assert f"FHIR-{number}" in support.stored(biller).values()


@pytest.mark.parametrize(
    ("net", "outcome", "code"), [(180.0, "queued", "ok"), (200.0, "error", "fatal-error")]
)
def test_a_message_is_answered_with_a_message(
    biller: httpx2.Client, net: float, outcome: str, code: str
) -> None:
    """A claim-request gets its response Bundle: queued and pended, or error; never complete."""
    number = 600 + int(net)
    asked = support.message(number, net)
    answer = biller.post("/api/fhir/$process-message", json=asked, headers=FHIR)
    assert answer.status_code == 200, answer.text
    told: Any = r4_bundle.Bundle.model_validate_json(answer.content)
    header, response = (entry.resource for entry in told.entry)
    assert header.eventCoding.code == "claim-response"
    assert (header.response.identifier, header.response.code) == (asked["entry"][0]["resource"]["id"], code)
    assert header.destination[0].endpoint == "http://clinic.example"
    assert header.focus[0].reference == told.entry[1].fullUrl
    assert response.outcome == outcome
    assert ("pended" in answer.text) == (outcome == "queued")


def test_the_statement_of_capabilities_is_valid(biller: httpx2.Client) -> None:
    """The FHIR server says what it can do, to anybody."""
    answer = biller.get("/api/fhir/metadata", headers={"authorization": ""})
    assert r4_capabilities.CapabilityStatement.model_validate_json(answer.content).fhirVersion == "4.0.1"


def test_lists_filter_sort_and_turn_pages(biller: httpx2.Client) -> None:
    """Filters leave what they say, the cursor leads through all of it once, sorting follows its column."""
    first = sent(biller, priced(300, 310.0, provider={"id": "PR-LIST", "type": "polyclinic"}))
    second = sent(biller, priced(301, 320.0, provider={"id": "PR-LIST", "type": "polyclinic"}))
    refused = sent(biller, {**wrong(302), "provider": {"id": "PR-LIST", "type": "polyclinic"}})
    assert list(support.stored(biller, provider="PR-LIST")) == [
        refused["id"], second["id"], first["id"],
    ]  # fmt: skip
    assert list(support.stored(biller, provider="PR-LIST", verdict="reject")) == [refused["id"]]
    assert list(support.stored(biller, claim_id="E2E-301")) == [second["id"]]
    assert support.stored(biller, provider="PR-LIST", payer="NOBODY") == {}
    assert support.stored(biller, provider="PR-LIST", to="2020-01-01") == {}
    cheap = biller.get(
        support.CLAIMS, params={"provider": "PR-LIST", "sort": "submitted_minor", "limit": "1"}
    )
    assert [row["claim_id"] for row in cheap.json()["items"]] == ["E2E-300"]
    pages = []
    cursor: str | None = None
    while cursor != "":
        params = {"provider": "PR-LIST", "limit": "1", **({"cursor": cursor} if cursor else {})}
        page = biller.get(support.CLAIMS, params=params).json()
        pages += [row["id"] for row in page["items"]]
        cursor = page["next_cursor"] or ""
    assert pages == [refused["id"], second["id"], first["id"]]


def test_a_claim_shows_its_history_and_reasons(biller: httpx2.Client) -> None:
    """A recorded claim is given back as it came, with its audit entries and what moved its score."""
    body = support.claim(310)
    told = sent(biller, body)
    place = f"{support.CLAIMS}/{told['id']}"
    kept = biller.get(place).json()
    assert kept["claim"]["patient"]["id"] == body["patient"]["id"]
    assert kept["claim"]["lines"][0]["net"] == 170.0
    history = biller.get(f"{place}/history").json()
    assert [one["event"] for one in history["transitions"]] == ["claim.recorded"]
    assert history["audit"][0]["event"] == "claim.recorded"
    assert len(history["audit"][0]["hash"]) == 64
    reasons = biller.get(f"{place}/explanation").json()
    assert reasons["claim"]["probability"] == pytest.approx(told["risk"]["probability"], abs=1e-6)
    assert [line["sequence"] for line in reasons["lines"]] == [1]
    assert "claim.explained" in [one["event"] for one in biller.get(f"{place}/history").json()["audit"]]


def test_who_needs_no_patient_sees_none(
    biller: httpx2.Client, platform_doors: platform_support.Platform
) -> None:
    """A data scientist reads the same claim without the person in it."""
    told = sent(biller, support.claim(311))
    with support.client(platform_doors, "scientist") as scientist:
        answer = scientist.get(f"{support.CLAIMS}/{told['id']}")
    assert answer.status_code == 200
    support.silent(answer.text)
    assert answer.json()["claim"]["lines"][0]["net"] == 170.0


def test_a_reviewer_decides_once_on_what_was_seen(biller: httpx2.Client, reviewer: httpx2.Client) -> None:
    """A claim no model can judge waits for a person; an older revision is a conflict."""
    told = sent(biller, priced(320, FAR_BEYOND))
    assert (told["verdict"], told["status"]["review"]) == ("review", "open")
    place = f"{support.CLAIMS}/{told['id']}/decision"
    word = {"verdict": "accept", "revision": told["revision"], "note": "seen the invoice"}
    support.problem(biller.post(place, json=word), 403, "role.missing")
    stale = reviewer.post(place, json={**word, "revision": told["revision"] + 7})
    support.problem(stale, 409, "claim.revision_changed")
    decided = reviewer.post(place, json=word)
    assert decided.status_code == 200, decided.text
    assert (decided.json()["verdict"], decided.json()["status"]["review"]) == ("accept", "decided")
    assert decided.json()["revision"] == told["revision"] + 1
    support.problem(reviewer.post(place, json=word), 409, "claim.revision_changed")
    history = biller.get(f"{support.CLAIMS}/{told['id']}/history").json()
    assert [one["event"] for one in history["transitions"]] == ["claim.recorded", "review.decided"]
    assert "seen the invoice" not in json.dumps(history["audit"])


def test_a_watcher_is_told_of_changes_without_patients(
    biller: httpx2.Client, platform_doors: platform_support.Platform
) -> None:
    """Server-sent events name claim, status and verdict, and a position to go on from."""
    with support.client(platform_doors) as watcher, watcher.stream("GET", "/api/v1/events") as events:
        assert events.status_code == 200
        assert events.headers["content-type"].startswith("text/event-stream")
        told: dict[str, Any] = {}
        position = ""
        for text in events.iter_lines():
            if text.startswith("retry:"):
                expected = sent(biller, support.claim(330))
            position = text.removeprefix("id: ") if text.startswith("id: ") else position
            if text.startswith("data: "):
                told = json.loads(text.removeprefix("data: "))
                if told["id"] == expected["id"]:
                    break
    assert (told["claim_id"], told["event"], told["verdict"]) == ("E2E-330", "claim.recorded", "accept")
    assert position
    support.silent(json.dumps(told))


def test_the_papers_are_served_to_anybody(platform_doors: platform_support.Platform) -> None:
    """OpenAPI, its page, the claim's schema, health and measures need no token."""
    with httpx2.Client(base_url=f"http://127.0.0.1:{platform_doors.port}", trust_env=False) as anybody:
        openapi = anybody.get("/openapi.json").json()
        assert openapi["openapi"].startswith("3.1")
        assert {"get", "post"} <= openapi["paths"]["/api/v1/claims"].keys()
        page = anybody.get("/docs")
        assert page.headers["content-type"].startswith("text/html")
        assert "/api/v1/claims" in page.text
        schema = anybody.get("/api/v1/schemas/claim.json")
        assert schema.status_code == 200, schema.text
        assert schema.json()["$schema"].endswith("2020-12/schema")
        assert anybody.get("/healthz").status_code == 200
        assert anybody.get("/readyz").status_code == 200
        assert anybody.get("/api/health").json()["rooms"]["claims"]["state"] == "up"
        samples = [line for line in anybody.get("/metrics").text.splitlines() if line and line[0] != "#"]
        assert any(line.startswith("ultrathink_http_request_seconds_bucket") for line in samples)
        support.silent(*samples)


def test_a_new_tenant_sends_claims_without_a_restart(platform_doors: platform_support.Platform) -> None:
    """Added by a command beside the running platform; from then on it is a customer like any other."""
    name = "clinic-doors"
    with support.client(platform_doors, tenant=name) as stranger:
        assert stranger.post(support.CLAIMS, json=support.claim(990)).status_code == 403
    added = platform_doors.command("tenant", "add", name, "--display-name", "عيادة")
    assert added.returncode == 0, added.stderr
    with support.client(platform_doors, tenant=name) as customer:

        def taken() -> bool:
            return customer.post(support.CLAIMS, json=support.claim(990)).status_code == 201

        platform_doors.wait_until(taken, "known as a tenant")  # its refusal is remembered for some seconds
        assert [row["claim_id"] for row in customer.get(support.CLAIMS).json()["items"]] == [
            support.claim(990)["claim_id"]
        ]
