"""Suggestions through the running platform: answered with evidence, refused with reasons, never filled in."""

import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

import e2e_support as support
import platform_support

ROUTE = "/api/v1/completions"
JSON = {"content-type": "application/json"}

pytestmark = [pytest.mark.xdist_group("platform-doors"), pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def biller(platform_doors: platform_support.Platform) -> Iterator[httpx2.Client]:
    """A biller's client."""
    with support.client(platform_doors) as made:
        yield made


def open_claim(number: int = 1, **changes: Any) -> dict[str, Any]:
    """Return a claim without diagnoses whose line states neither net nor price."""
    body = support.claim(number)
    del body["diagnoses"], body["total"]
    for line in body["lines"]:
        for name in ("net", "unit_price", "diagnosis_sequences"):
            line.pop(name, None)
    return body | changes


def line(**changes: Any) -> dict[str, Any]:
    """Return an open claim whose line is changed; None leaves a field out."""
    body = open_claim()
    told = body["lines"][0] | changes
    body["lines"] = [{name: value for name, value in told.items() if value is not None}]
    return body


def asked(biller: httpx2.Client, body: dict[str, Any]) -> dict[str, Any]:
    """Return what is told of a claim."""
    answer = biller.post(ROUTE, json=body)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    support.silent(answer.text)
    told: dict[str, Any] = answer.json()
    return told


def test_a_coder_is_offered_diagnoses_with_evidence(biller: httpx2.Client) -> None:
    """A code for its place, others beside it, their confidence, and what spoke for it."""
    told = asked(biller, open_claim())
    assert told["open"][0] == {"path": "diagnoses[0].code", "wanted": "principal_diagnosis"}
    found = told["suggestions"][0]
    assert found["path"] == "diagnoses[0].code"
    assert found["first"]["kind"] == "code"
    assert found["first"]["system"] == "icd-10-cm"
    confidences = [one["confidence"] for one in (found["first"], *found["alternatives"])]
    assert confidences == sorted(confidences, reverse=True)
    assert 0 < confidences[0] < 1
    assert confidences[0] <= found["covered"] <= 1
    assert found["group"]["confidence"] >= confidences[0] - 0.1
    spoke = next(one for one in found["evidence"] if one["path"] == "lines[0].code")
    assert spoke["text"]["en"].startswith("Service ")
    assert spoke["text"]["ar"].startswith("الخدمة ")
    assert 0 < spoke["agreeing"] <= spoke["cases"]


def test_a_biller_is_offered_an_amount_with_its_range(biller: httpx2.Client) -> None:
    """As a claim would state it, with how near such amounts come and where eight of ten lie."""
    found = asked(biller, open_claim())["suggestions"][1]
    assert (found["path"], found["wanted"]) == ("lines[0].net", "line_net")
    first = found["first"]
    assert (first["kind"], first["currency"], first["tolerance"]) == ("amount", "SAR", 0.1)
    low, amount, high = (
        float(one) for one in (first["range"]["low"], first["value"], first["range"]["high"])
    )
    assert 0 < low < amount < high < 2 * low
    assert found["similar_cases"] > 0


def test_models_say_that_they_were_simulated_and_what_they_know(biller: httpx2.Client) -> None:
    """Revision, task, systems, currencies, regimes: enough to judge the suggestion by."""
    told = asked(biller, open_claim())
    by_task = {model["task"]: model for model in told["models"]}
    assert set(by_task) == {"diagnosis-completion", "amount-completion"}
    for model in by_task.values():
        assert model["simulated"] is True
        assert "simulated" in model["data"]
        assert len(model["revision"]) == 64
        assert model["knows"]["regimes"] == ["base", "nphies", "x12-us"]
        assert model["knows"]["currencies"] == ["SAR", "USD"]
    assert {one["model"] for one in told["suggestions"]} == {one["revision"] for one in told["models"]}


def test_nothing_is_filled_in_or_stored(biller: httpx2.Client) -> None:
    """The answer holds no claim, and afterwards no claim by that id is known."""
    body = open_claim(4711)
    before = support.stored(biller)
    told = asked(biller, body)
    assert set(told) == {"claim_id", "regime", "open", "suggestions", "refusals", "models"}
    assert told["claim_id"] == body["claim_id"]
    assert support.stored(biller) == before


def test_a_complete_claim_has_nothing_open(biller: httpx2.Client) -> None:
    """That is said by an empty list of open places, not by an empty list of suggestions alone."""
    told = asked(biller, support.claim(1))
    assert told["open"] == told["suggestions"] == told["refusals"] == []


def test_a_line_that_states_its_price_is_not_guessed(biller: httpx2.Client) -> None:
    """Quantity times price is arithmetic; the remedy says the sum."""
    told = asked(biller, line(unit_price=75.25, quantity=2))
    (found,) = told["refusals"]
    assert (found["path"], found["reason"]) == ("lines[0].net", "completion.stated_by_claim")
    assert "150.50 SAR" in found["remedy"]["en"]
    assert "150.50 SAR" in found["remedy"]["ar"]


REFUSED = {
    "an unknown code": (line(code="G9999"), "lines[0].net", "completion.unseen_codes"),
    "an unknown system": (line(system="loinc"), "diagnoses[0].code", "completion.unknown_system"),
    "no system": (line(system=None), "diagnoses[0].code", "completion.unknown_system"),
    "a code of the house": (line(system="local"), "lines[0].net", "completion.unknown_system"),
    "no code": (
        line(code=None, system=None, description="a visit"), "diagnoses[0].code", "completion.no_codes",
    ),
    "no quantity": (line(quantity=None), "lines[0].net", "completion.no_quantity"),
    "a quantity never seen": (line(quantity=5_000), "lines[0].net", "completion.unusual_quantity"),
    "another currency": (open_claim(currency="KWD"), "lines[0].net", "completion.unknown_currency"),
    "another coding of old": (
        open_claim(diagnoses=[{"sequence": 1, "code": "4019", "system": "icd-9-cm", "type": ["secondary"]}]),
        "diagnoses[1].code", "completion.unknown_system",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_thin_evidence_is_refused_with_reason_and_remedy(biller: httpx2.Client, case: str) -> None:
    """Each refusal names its place, a stable reason, and in both languages why and what would help."""
    body, path, reason = REFUSED[case]
    found = {one["path"]: one for one in asked(biller, body)["refusals"]}
    assert found[path]["reason"] == reason
    for text in (found[path]["message"], found[path]["remedy"]):
        assert text["en"]
        assert any("\u0600" <= letter <= "\u06ff" for letter in text["ar"])


def test_the_regime_of_the_tenant_counts_where_the_claim_says_none(biller: httpx2.Client) -> None:
    """As for submitted claims."""
    body = open_claim()
    body.pop("regime", None)
    assert asked(biller, body)["regime"] == "base"


def test_an_australian_claim_is_answered_in_its_own_codes(biller: httpx2.Client) -> None:
    """Nphies claims are coded in ICD-10-AM."""
    told = asked(biller, open_claim(regime="nphies"))
    assert told["suggestions"][0]["first"]["system"] == "icd-10-am"


def test_the_same_question_has_the_same_answer(biller: httpx2.Client) -> None:
    """Nothing is drawn by lot."""
    assert asked(biller, open_claim()) == asked(biller, open_claim())


WRONG = {
    "not JSON": (b"{", 400, "json.malformed"),
    "empty": (b"", 400, "json.malformed"),
    "a list": (b"[]", 422, "claim.unreadable"),
    "an unknown field": (support.encoded(open_claim(shoe=1)), 422, "claim.unreadable"),
    "no lines": (support.encoded(open_claim(lines=[])), 422, "claim.unreadable"),
    "too many decimals": (support.encoded(line(unit_price="1.001")), 422, "claim.unreadable"),
    "not a number": (support.encoded(open_claim()).replace(b'"SAR"', b"NaN"), 400, "json.malformed"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_claim_that_cannot_be_read_is_a_problem(biller: httpx2.Client, case: str) -> None:
    """With its place, as when it is checked; and without repeating who the patient is."""
    body, status, reason = WRONG[case]
    checked = biller.post("/api/v1/claims/check", content=body, headers=JSON)
    support.problem(checked, status, reason)
    told = support.problem(biller.post(ROUTE, content=body, headers=JSON), status, reason)
    assert told["errors"] == checked.json()["errors"]


@pytest.mark.parametrize("media_type", ["application/fhir+json", "text/csv", "application/x-ndjson", ""])
def test_only_canonical_claims_are_completed(biller: httpx2.Client, media_type: str) -> None:
    """Another media type is 415, whatever the body."""
    answer = biller.post(ROUTE, content=b"{}", headers={"content-type": media_type} if media_type else {})
    support.problem(answer, 415, "media_type.unsupported")


def test_a_body_beyond_the_limit_is_refused(biller: httpx2.Client) -> None:
    """Ten megabytes are the bound of one message."""
    answer = biller.post(ROUTE, content=b" " * 10_000_001, headers=JSON)
    support.problem(answer, 413, "body.too_large")


@pytest.mark.parametrize(
    ("role", "status"), [("reviewer", 200), ("payer", 200), ("auditor", 403), ("operator", 403)]
)
def test_who_may_check_may_ask(platform_doors: platform_support.Platform, role: str, status: int) -> None:
    """The same roles as for checking claims."""
    with support.client(platform_doors, role) as asking:
        assert asking.post(ROUTE, json=open_claim()).status_code == status


def test_nobody_asks_without_a_token(biller: httpx2.Client) -> None:
    """A token that is missing, and a tenant that is not known, are refused."""
    url = str(biller.base_url)
    with httpx2.Client(base_url=url, timeout=30, trust_env=False) as stranger:
        support.problem(stranger.post(ROUTE, json=open_claim()), 401, "token.missing")


def test_a_tenant_that_is_not_known_is_refused(platform_doors: platform_support.Platform) -> None:
    """Suggestions are for tenants, as decisions are."""
    with support.client(platform_doors, tenant="nobody") as stranger:
        support.problem(stranger.post(ROUTE, json=open_claim()), 403, "tenant.unknown")


def test_the_wrong_method_is_told_the_right_one(biller: httpx2.Client) -> None:
    """Suggestions are asked for by POST."""
    answer = biller.get(ROUTE)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"


def test_the_document_describes_the_route(biller: httpx2.Client) -> None:
    """OpenAPI has the operation, its body, its answer and its refusals."""
    told = biller.get("/openapi.json").json()["paths"][ROUTE]["post"]
    assert told["operationId"] == "complete"
    assert told["security"] == [{"bearer": []}]
    body = told["requestBody"]["content"]["application/json"]
    assert body["schema"] == {"$ref": "#/components/schemas/Claim"}
    assert {"200", "400", "401", "403", "413", "415", "422", "503", "504"} <= told["responses"].keys()
    example = told["responses"]["200"]["content"]["application/json"]["example"]
    assert {"open", "suggestions", "refusals", "models"} <= example.keys()
    assert biller.post(ROUTE, json=body["example"]).status_code == 200


def test_a_scoring_that_is_away_is_a_503_and_never_an_empty_answer() -> None:
    """Stopped, its callers hear that it is away; back again, suggestions come."""
    with platform_support.platform() as platform, support.client(platform) as asking:
        scoring = next(pid for pid, line in platform.descendants().items() if "-m scoring" in line)
        assert asking.post(ROUTE, json=open_claim()).status_code == 200
        os.kill(scoring, signal.SIGKILL)
        answer = asking.post(ROUTE, json=open_claim())
        support.problem(answer, 503, "completion.unavailable")
        assert int(answer.headers["retry-after"]) >= 1
        platform.wait_until(
            lambda: asking.post(ROUTE, json=open_claim()).status_code == 200, "suggesting again"
        )
        told = json.loads(asking.post(ROUTE, json=open_claim()).content)
        assert told["suggestions"]
