"""What is wrong is refused with its place and code, changes nothing, and is repeated to nobody."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

import e2e_support as support
import platform_support

pytestmark = [pytest.mark.xdist_group("platform-doors"), pytest.mark.timeout(240)]

JSON = {"content-type": "application/json"}
MARK = support.PATIENT.encode()
WHOLE = support.encoded(support.claim(1))


@pytest.fixture(scope="module")
def biller(platform_doors: platform_support.Platform) -> Iterator[httpx2.Client]:
    """A biller's client."""
    with support.client(platform_doors) as made:
        yield made


def changed(**changes: Any) -> bytes:
    """Return a claim with other top-level fields; None leaves one out."""
    body = {**support.claim(1), **changes}
    return support.encoded({name: value for name, value in body.items() if value is not None})


def line(**changes: Any) -> bytes:
    """Return a claim whose line has other fields."""
    body = support.claim(1)
    body["lines"][0] |= changes
    return support.encoded(body)


def patient(**changes: Any) -> bytes:
    """Return a claim whose patient has other fields."""
    body = support.claim(1)
    body["patient"] |= changes
    return support.encoded(body)


def many(count: int) -> bytes:
    """Return a claim with so many lines."""
    body = support.claim(1)
    body["lines"] = [{**body["lines"][0], "sequence": number} for number in range(1, count + 1)]
    return support.encoded(body)


MALFORMED = {
    "not JSON": (b'{"patient": ' + MARK + b", oops", "json.malformed"),
    "cut short": (WHOLE[:-40], "json.malformed"),
    "empty": (b"", "json.malformed"),
    "not a number": (WHOLE.replace(b'"total": 170.0', b'"total": NaN'), "json.malformed"),
    "half a surrogate": (WHOLE.replace(MARK, MARK + b"\\ud800"), "json.malformed"),
    "broken UTF-8": (WHOLE.replace(MARK, MARK + b"\xff"), "json.encoding"),
    "deep lists": (b'{"patient":' + b"[" * 5_000 + b'"' + MARK + b'"' + b"]" * 5_000 + b"}", "json.too_deep"),
    "deeper objects": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "json.too_deep"),
}

UNREADABLE = {
    "wrong type of an amount": (line(net=True), "lines[0].net", "field.type"),
    "wrong type of a text": (patient(id=[support.PATIENT]), "patient.id", "field.type"),
    "wrong type of a number": (line(sequence=support.PATIENT), "lines[0].sequence", "field.type"),
    "no such choice": (patient(sex=support.PATIENT), "patient.sex", "field.choice"),
    "no such day": (patient(birth_date="1984-02-30"), "patient.birth_date", "date.invalid"),
    "no such date": (line(service_date=support.PATIENT), "lines[0].service_date", "date.invalid"),
    "unknown field": (patient(shoe_size=43), "patient.shoe_size", "field.unknown"),
    "unknown field of the head": (changed(priorty="stat"), "priorty", "field.unknown"),
    "missing field": (changed(provider=None), "provider", "field.missing"),
    "no lines": (changed(lines=[]), "lines", "field.missing"),
    "1,001 lines": (many(1_001), "lines", "claim.too_many_lines"),
    "three decimals of SAR": (line(net="170.001"), "lines[0].net", "money.too_many_decimals"),
    "three decimals as a number": (line(unit_price=1.001), "lines[0].unit_price", "money.too_many_decimals"),
    "an amount beyond all": (
        WHOLE.replace(b'"total": 170.0', b'"total": 1e999999'), "total", "money.out_of_range",
    ),
    "a NUL": (patient(id=support.PATIENT + "\0"), "patient.id", "text.nul"),
    "a list": (b"[" + WHOLE + b"]", "$", "field.type"),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _nothing_changes(biller: httpx2.Client) -> Iterator[None]:
    """Each refusal of this module leaves the record as it was, but for claims that a test declares."""
    before = support.stored(biller)
    yield
    after = support.stored(biller)
    kept = {claim_id for claim_id in after.values() if claim_id.startswith("KEPT-")}
    assert {key: name for key, name in after.items() if name not in kept} == {
        key: name for key, name in before.items() if name not in kept
    }


@pytest.mark.parametrize("door", [support.CLAIMS, f"{support.CLAIMS}/check"])
@pytest.mark.parametrize("case", MALFORMED)
def test_a_body_that_is_no_json_is_refused_with_400(biller: httpx2.Client, door: str, case: str) -> None:
    """Text that cannot be parsed is the message's fault, and told as such."""
    body, reason = MALFORMED[case]
    support.problem(biller.post(door, content=body, headers=JSON), 400, reason)


@pytest.mark.parametrize("case", UNREADABLE)
def test_a_claim_that_cannot_be_read_is_refused_with_its_path(biller: httpx2.Client, case: str) -> None:
    """The violation names place and code; nobody's name is repeated."""
    body, path, code = UNREADABLE[case]
    told = support.problem(biller.post(support.CLAIMS, content=body, headers=JSON), 422, "claim.unreadable")
    assert [(one["path"], one["code"]) for one in told["errors"]] == [(path, code)]


def test_a_claim_with_several_problems_names_each(biller: httpx2.Client) -> None:
    """One answer tells all that is wrong, so that a sender corrects once."""
    body = support.claim(1, use="wish", total="x")
    body["lines"][0]["net"] = "1.2345"
    answer = biller.post(support.CLAIMS, content=support.encoded(body), headers=JSON)
    told = support.problem(answer, 422, "claim.unreadable")
    assert {one["path"] for one in told["errors"]} == {"use", "total", "lines[0].net"}


def test_eleven_megabytes_are_too_much(biller: httpx2.Client) -> None:
    """A message over 10 MB is refused before it is read, announced or not."""
    body = WHOLE[:-1] + b', "notes": "' + b"x" * 11_000_000 + b'"}'
    for content in (body, iter([body[:6_000_000], body[6_000_000:]])):
        answer = biller.post(support.CLAIMS, content=content, headers=JSON)
        support.problem(answer, 413, "body.too_large")


def test_the_same_key_with_another_body_is_a_conflict(biller: httpx2.Client) -> None:
    """A key names one claim for good: the first stays, the second is refused."""
    headers = {**JSON, "idempotency-key": "bad-input-1"}
    kept = biller.post(support.CLAIMS, json=support.claim(1, claim_id="KEPT-KEY"), headers=headers)
    assert kept.status_code == 201, kept.text
    other = support.claim(2, claim_id="OTHER-KEY")
    answer = biller.post(support.CLAIMS, json=other, headers=headers)
    support.problem(answer, 409, "idempotency.key_reused")


def test_the_same_claim_id_with_another_body_is_a_conflict(biller: httpx2.Client) -> None:
    """Without a key the claim's own identity counts: a changed claim is a correction, never a silent copy."""
    kept = biller.post(support.CLAIMS, json=support.claim(3, claim_id="KEPT-ID"))
    assert kept.status_code == 201, kept.text
    other = support.claim(3, claim_id="KEPT-ID", total=171.0)
    support.problem(biller.post(support.CLAIMS, json=other), 409, "idempotency.key_reused")
    assert list(support.stored(biller, claim_id="KEPT-ID")) == [kept.json()["id"]]


@pytest.mark.parametrize("key", ["", "two words", "x" * 201])
def test_a_key_that_cannot_be_one_is_refused(biller: httpx2.Client, key: str) -> None:
    """A key is 1 to 200 visible characters; the violation names the header."""
    answer = biller.post(support.CLAIMS, content=WHOLE, headers={**JSON, "idempotency-key": key})
    told = support.problem(answer, 422, "idempotency.key_malformed")
    assert [one["path"] for one in told["errors"]] == ["header.Idempotency-Key"]


@pytest.mark.parametrize(
    ("path", "body", "reason"),
    [
        (support.CLAIMS, {"content-type": "text/plain"}, "media_type.unsupported"),
        (support.CLAIMS, {"content-type": "application/json; charset=latin-1"}, "media_type.unsupported"),
        (support.CLAIMS, {}, "media_type.unsupported"),
        (support.CLAIMS, {**JSON, "content-encoding": "gzip"}, "content_encoding.unsupported"),
    ],
)
def test_a_body_of_unknown_form_is_refused_with_415(
    biller: httpx2.Client, path: str, body: dict[str, str], reason: str
) -> None:
    """Media type, charset and content encoding that are not served are said to be so."""
    support.problem(biller.post(path, content=WHOLE, headers=body), 415, reason)


def test_a_caller_without_token_is_not_known(biller: httpx2.Client) -> None:
    """No token, one that is none, and one whose time is over are 401, and say how to authenticate."""
    for sent in ("", "Bearer nonsense", "Basic YTpi"):
        answer = biller.post(support.CLAIMS, content=WHOLE, headers={**JSON, "authorization": sent})
        assert answer.status_code == 401, (sent, answer.text)
        support.problem(answer, 401, answer.json()["type"].removeprefix("/problems/"))
        assert answer.json()["type"].startswith("/problems/token.")
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_an_expired_token_opens_nothing(
    biller: httpx2.Client, platform_doors: platform_support.Platform
) -> None:
    """A token of our own issuer whose time is over is refused as expired."""
    headers = {**JSON, "authorization": f"Bearer {support.expired_token(platform_doors.data)}"}
    support.problem(biller.post(support.CLAIMS, content=WHOLE, headers=headers), 401, "token.expired")


def test_an_unknown_tenant_is_denied(platform_doors: platform_support.Platform) -> None:
    """A good token for a tenant that does not exist stores nothing and sees nothing."""
    with support.client(platform_doors, tenant="elsewhere") as stranger:
        support.problem(stranger.post(support.CLAIMS, content=WHOLE, headers=JSON), 403, "tenant.unknown")
        support.problem(stranger.get(support.CLAIMS), 403, "tenant.unknown")


@pytest.mark.parametrize(("role", "allowed"), [("auditor", "read"), ("operator", "read")])
def test_a_role_that_may_not_submit_is_denied(
    platform_doors: platform_support.Platform, role: str, allowed: str
) -> None:
    """Who is known and not allowed gets 403; what the role is for still works."""
    with support.client(platform_doors, role) as watcher:
        support.problem(watcher.post(support.CLAIMS, content=WHOLE, headers=JSON), 403, "role.missing")
        assert watcher.get(support.CLAIMS).status_code == 200, allowed


def test_routes_and_methods_that_do_not_exist_say_so(biller: httpx2.Client) -> None:
    """404 for no route, 405 with Allow for no method, 404 for a claim that is not there."""
    support.problem(biller.get("/api/v1/nowhere"), 404, "route.unknown")
    answer = biller.request("DELETE", support.CLAIMS)
    support.problem(answer, 405, "route.method_not_allowed")
    assert {"GET", "POST"} <= {name.strip() for name in answer.headers["allow"].split(",")}
    for unknown in ("01890000-0000-7000-8000-000000000000", "nothing"):
        answer = biller.get(f"{support.CLAIMS}/{unknown}")
        assert answer.status_code == 404
        support.problem(answer, 404, answer.json()["type"].removeprefix("/problems/"))


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=1001",
        "limit=some",
        "verdict=perhaps",
        "colour=red",
        "from=soon",
        "sort=patient",
        "cursor=x",
    ],
)
def test_a_list_that_cannot_be_asked_for_is_refused(biller: httpx2.Client, query: str) -> None:
    """An unknown parameter, value, sort or cursor is 422 and never answered with everything."""
    answer = biller.get(f"{support.CLAIMS}?{query}")
    assert answer.status_code == 422, answer.text
    told = support.problem(answer, 422, answer.json()["type"].removeprefix("/problems/"))
    assert any(query.partition("=")[0] in one["path"] for one in told["errors"])


def test_a_bad_line_fails_alone(biller: httpx2.Client) -> None:
    """In NDJSON each line has its own answer in its own place; good neighbours are stored."""
    good = [support.claim(number, claim_id=f"KEPT-LINE-{number}") for number in (10, 11, 12)]
    body = support.lines(
        good[0], b'{"patient": ' + MARK, good[1], patient(shoe_size=1), WHOLE.replace(MARK, b"\xff"), good[2]
    )
    answer = biller.post(support.CLAIMS, content=body, headers={"content-type": support.NDJSON})
    assert answer.status_code == 200
    told = support.opened(answer)
    support.silent(*(json.dumps(one) for one in told if "type" in one and "claim_id" not in one))
    assert [one.get("claim_id") for one in told] == [
        "KEPT-LINE-10", None, "KEPT-LINE-11", None, None, "KEPT-LINE-12",
    ]  # fmt: skip
    assert [one["position"] for one in told if "claim_id" not in one] == [2, 4, 5]
    for one, reason in (
        (told[1], "json.malformed"),
        (told[3], "claim.unreadable"),
        (told[4], "json.encoding"),
    ):
        support.well_formed(one, 422 if reason == "claim.unreadable" else 400, reason)
    assert told[3]["errors"][0]["path"] == "patient.shoe_size"
    recorded = set(support.stored(biller).values())
    assert {one["claim_id"] for one in good} <= recorded


def test_a_file_cut_short_loses_only_its_last_line(biller: httpx2.Client) -> None:
    """What was whole before the cut is decided and stored; the rest of a line is told as what it is."""
    first = support.claim(20, claim_id="KEPT-CUT-20")
    body = support.lines(first) + support.encoded(support.claim(21))[:-30]
    answer = biller.post(support.CLAIMS, content=body, headers={"content-type": support.NDJSON})
    whole, cut = support.opened(answer)
    assert whole["claim_id"] == "KEPT-CUT-20"
    support.well_formed(cut, 400, "json.malformed")
    assert cut["position"] == 2


def test_a_bad_row_of_a_table_fails_alone(biller: httpx2.Client) -> None:
    """In CSV a claim that cannot be read is a row of the report, beside its neighbours'."""
    bad = support.claim(31)
    bad["lines"][0]["net"] = "1.234"
    body = support.table(support.claim(30, claim_id="KEPT-ROW-30"), bad)
    answer = biller.post(support.CLAIMS, content=body, headers={"content-type": support.CSV})
    assert answer.status_code == 200, answer.text
    _, kept, refused = answer.text.splitlines()
    assert "KEPT-ROW-30" in kept
    assert "claim.unreadable" in refused
    assert "lines[0].net" in refused


@pytest.mark.parametrize("break_it", [
    lambda told: told.pop("provider"),
    lambda told: told["item"][0].update(net={"value": "much", "currency": "SAR"}),
    lambda told: told.update(resourceType="Patient"),
])  # fmt: skip
def test_fhir_that_cannot_be_read_is_an_outcome(
    biller: httpx2.Client, break_it: Callable[[dict[str, Any]], object]
) -> None:
    """On FHIR's routes a refusal is an OperationOutcome that names the element."""
    told = support.fhir_claim(1)
    break_it(told)
    answer = biller.post(
        "/api/fhir/Claim/$submit", content=support.encoded(told), headers={"content-type": support.FHIR}
    )
    assert answer.status_code == 422, answer.text
    outcome = answer.json()
    assert outcome["resourceType"] == "OperationOutcome"
    assert outcome["issue"][0]["expression"]
    support.silent(answer.text)


def test_no_patient_stands_in_any_log_or_trace(
    platform_doors: platform_support.Platform, trace_file: Path
) -> None:
    """After all of the above neither the logs nor the traces hold a patient or a stack of calls."""
    files = [*(platform_doors.data / "logs").glob("*"), *([trace_file] if trace_file.exists() else [])]
    assert len(files) >= 4
    for file in files:
        text = file.read_text(errors="replace")
        assert support.PATIENT not in text, file
        assert "Traceback" not in text, file
