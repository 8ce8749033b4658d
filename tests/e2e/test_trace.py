"""One claim whose sender asks for it leaves one trace with every hop, and nothing of a patient in it."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import e2e_support as support
import platform_support

pytestmark = [pytest.mark.xdist_group("platform-doors"), pytest.mark.timeout(240)]

CALLER = "00f067aa0ba902b7"  # the sender's own span, the parent of our first
ROOMS = {"gateway", "claims", "scoring", "storage"}
STAGES = {"admit", "rules", "lookup", "score", "decide", "record"}


def spans(file: Path, trace: str) -> list[dict[str, Any]]:
    """Return the spans of one trace, in the order they began."""
    lines = file.read_text().splitlines() if file.exists() else []
    found = [span for span in map(json.loads, lines) if span["trace_id"] == trace]
    return sorted(found, key=lambda span: span["start_us"])


def followed(
    platform: platform_support.Platform, file: Path, number: int, path: str = support.CLAIMS
) -> list[dict[str, Any]]:
    """Send a claim with a sampled traceparent; return its trace once every process has written its part."""
    trace = f"{number:032x}"
    with support.client(platform) as asking:
        headers = {"traceparent": f"00-{trace}-{CALLER}-01"}
        answer = asking.post(path, json=support.claim(number), headers=headers)
        assert answer.status_code in {200, 201}, answer.text
    last = {"gateway.check"} if path.endswith("/check") else {"gateway.submit", "storage.record"}
    platform.wait_until(
        lambda: (
            last <= {span["name"] for span in spans(file, trace)}
            and {span["service"] for span in spans(file, trace)} >= ROOMS
        ),
        f"a trace with every hop, only {[span['name'] for span in spans(file, trace)]}",
    )
    return spans(file, trace)


def test_a_followed_claim_leaves_one_trace_with_every_hop(
    platform_doors: platform_support.Platform, trace_file: Path
) -> None:
    """Each room and stage is a span, and every parent is in the trace or the sender's own."""
    found = followed(platform_doors, trace_file, 700_001)
    names = Counter(span["name"] for span in found)
    assert {f"claims.{stage}" for stage in STAGES} <= names.keys()
    assert {"gateway.submit", "gateway.batch", "claims.batch"} <= names.keys()
    assert {"scoring.score", "storage.lookup", "storage.record"} <= names.keys()
    assert set(names.values()) == {1}
    known = {span["span_id"]: span for span in found}
    assert [span["name"] for span in found if span["parent_id"] not in known] == ["gateway.submit"]
    assert found[0]["parent_id"] == CALLER
    above = {span["name"]: known[span["parent_id"]] for span in found if span["parent_id"] in known}
    assert above["claims.batch"]["service"] == "gateway"
    assert above["scoring.score"]["service"] == "claims"
    assert above["storage.lookup"]["service"] == above["storage.record"]["service"] == "claims"


def test_a_check_is_followed_as_far_as_it_goes(
    platform_doors: platform_support.Platform, trace_file: Path
) -> None:
    """A check asks history and model and records nothing; its trace says so."""
    names = {
        span["name"] for span in followed(platform_doors, trace_file, 700_002, f"{support.CLAIMS}/check")
    }
    assert {"gateway.check", "storage.lookup", "scoring.score"} <= names
    assert not {"claims.record", "storage.record"} & names


def test_a_trace_tells_work_and_no_patient(
    platform_doors: platform_support.Platform, trace_file: Path
) -> None:
    """Attributes are counts and names of things; neither patient, claim nor token is among them."""
    found = followed(platform_doors, trace_file, 700_003)
    support.silent(json.dumps(found))
    assert "E2E-700003" not in json.dumps(found)
    assert {name for span in found for name in span["attributes"]} <= {"rows", "items", "method", "lines"}
    assert all(span["ok"] and span["duration_us"] >= 0 for span in found)


def test_a_claim_nobody_asked_to_follow_leaves_no_trace(
    platform_doors: platform_support.Platform, trace_file: Path
) -> None:
    """With a ratio of nought an unsampled sender decides: no span carries that trace."""
    trace = f"{700_004:032x}"
    with support.client(platform_doors) as asking:
        headers = {"traceparent": f"00-{trace}-{CALLER}-00"}
        assert asking.post(support.CLAIMS, json=support.claim(700_004), headers=headers).status_code == 201
    followed(platform_doors, trace_file, 700_005)  # written after it by the same processes
    assert spans(trace_file, trace) == []
