"""What the demo expects of its samples is told claim by claim; judging as of a day stands on that day."""

import os
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib import parse
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import ultrathink_cli
from formats import canonical, readers
from ultrathink_cli.domain import backoff, days, exits, expectations, sarif

SAMPLES = Path(ultrathink_cli.__file__).parent / "samples"
WANTED = expectations.Expectations(
    files=[],
    claims={
        "A": expectations.Expected("accept"),
        "R": expectations.Expected("reject", ["BASE-101", "BASE-102"]),
    },
)


def _decision(claim: str, verdict: str, *rules: str, severity: str = "error") -> dict[str, Any]:
    findings = [{"rule": rule, "severity": severity} for rule in rules]
    return {"claim_id": claim, "verdict": verdict, "findings": findings}


GOOD = [_decision("A", "accept"), _decision("R", "reject", "BASE-102", "BASE-101", "BASE-102")]


def test_all_as_expected_says_nothing() -> None:
    """Order and repetition of rules do not matter."""
    assert WANTED.deviations(GOOD) == []


def test_warnings_are_not_expected_one_by_one() -> None:
    """Only rules of severity error are written down by hand."""
    hinted = _decision("A", "accept", "BASE-900", severity="warning")
    assert WANTED.deviations([hinted, GOOD[1]]) == []


@pytest.mark.parametrize(
    ("decided", "sentence"),
    [
        ([GOOD[0]], "R has no decision"),
        ([*GOOD, _decision("X", "accept")], "X is not among the samples"),
        ([_decision("A", "review"), GOOD[1]], "A got verdict review, expected accept"),
        ([_decision("A", "accept", "BASE-1"), GOOD[1]], "A broke ['BASE-1'], expected none"),
        ([GOOD[0], _decision("R", "reject")], "R broke no rule, expected ['BASE-101', 'BASE-102']"),
    ],
)
def test_each_deviation_is_one_sentence(decided: list[dict[str, Any]], sentence: str) -> None:
    """Whoever runs the demo reads which claim came out how, and what was expected."""
    assert WANTED.deviations(decided) == [sentence]


CLAIMS = st.dictionaries(st.text("ABC", min_size=1, max_size=2), st.sampled_from(["accept", "reject"]))


@given(wanted=CLAIMS, got=CLAIMS)
def test_no_sentence_only_when_answers_and_expectations_agree(
    wanted: dict[str, str], got: dict[str, str]
) -> None:
    """The demo passes for no other reason than that every claim came out as expected."""
    told = expectations.Expectations([], {claim: expectations.Expected(v) for claim, v in wanted.items()})
    deviations = told.deviations([_decision(claim, verdict) for claim, verdict in got.items()])
    assert (not deviations) == (wanted == got)
    different = {claim for claim in wanted.keys() | got.keys() if wanted.get(claim) != got.get(claim)}
    assert len(deviations) == len(different)


def test_a_broken_expectations_file_is_not_read() -> None:
    """A slip in the file is seen at once, not as a deviation."""
    with pytest.raises(msgspec.ValidationError):
        expectations.read(b'{"files": [], "claims": {"A": {}}}')


def test_every_sample_claim_is_expected_with_a_reason() -> None:
    """Our own samples and the expectations name the same claims, each with its why."""
    wanted = expectations.read((SAMPLES / "expected.json").read_bytes())
    found: set[str] = set()
    for name in wanted.files:
        body = (SAMPLES / name).read_bytes()
        for one in readers.read(body, readers.detect(name, body)):
            assert isinstance(one, readers.Read), name
            assert canonical.encode(one.claim)
            assert one.claim.claim_id is not None
            found.add(one.claim.claim_id)
    assert found == set(wanted.claims)
    assert all(expected.why for expected in wanted.claims.values())


@given(st.dates(min_value=date(1970, 1, 2), max_value=date(2200, 1, 1)))
def test_as_of_is_that_day_in_every_zone_we_serve(day: date) -> None:
    """Riyadh, Dubai and Cairo agree which day it is."""
    clock = days.AsOf(day)
    assert clock.now() == clock.now()
    assert clock.now().tzinfo is UTC
    for zone in ("Asia/Riyadh", "Asia/Dubai", "Africa/Cairo", "Asia/Kolkata"):
        assert clock.now().astimezone(ZoneInfo(zone)).date() == day


def test_as_of_keeps_seconds_running() -> None:
    """Deadlines hold although the day stands still."""
    clock = days.AsOf(date(2026, 7, 1))
    first = clock.monotonic()
    assert clock.monotonic() >= first
    assert clock.now() == datetime(2026, 7, 1, 12, tzinfo=UTC)


@given(st.lists(st.floats(0, 3600, allow_nan=False), max_size=40))
def test_waits_grow_within_bounds_and_start_over_after_a_steady_life(lives: list[float]) -> None:
    """Never less than the first wait, never more than the longest, at most doubled from death to death."""
    waits, last = backoff.Backoff(), None
    for lived in lives:
        now = waits.after(lived)
        assert backoff.FIRST_DELAY_S <= now <= backoff.LONGEST_DELAY_S
        if lived >= backoff.STEADY_AFTER_S or last is None:
            assert now == backoff.FIRST_DELAY_S
        else:
            assert now == min(2 * last, backoff.LONGEST_DELAY_S)
        last = now


FINDING = {"rule": "BASE-1", "severity": "error", "path": "total", "message": {"en": "Wrong."}}
FINDINGS = st.lists(
    st.fixed_dictionaries(
        {
            "rule": st.sampled_from(["BASE-1", "BASE-2", "BASE-3"]),
            "severity": st.sampled_from(sorted(sarif.LEVELS)),
            "path": st.text(max_size=8),
            "message": st.fixed_dictionaries(
                {"en": st.text(min_size=1)}, optional={"ar": st.text(min_size=1)}
            ),
        }
    ),
    max_size=4,
)
DECISIONS = st.lists(
    st.fixed_dictionaries(
        {"claim_id": st.text(max_size=5), "findings": FINDINGS, "file": st.text(max_size=5)}
    ),
    max_size=4,
)


@given(decisions=DECISIONS, lang=st.sampled_from(["en", "ar"]))
def test_sarif_tells_every_finding_once_and_names_every_rule(
    decisions: list[dict[str, Any]], lang: str
) -> None:
    """An editor shows as many marks as there are findings, in the language asked for where it exists."""
    (run,) = sarif.log(decisions, lang=lang, version="1")["runs"]
    findings = [finding for decision in decisions for finding in decision["findings"]]
    assert [result["ruleId"] for result in run["results"]] == [finding["rule"] for finding in findings]
    words = [finding["message"].get(lang, finding["message"]["en"]) for finding in findings]
    assert [result["message"]["text"] for result in run["results"]] == words
    named = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert sorted(named) == sorted({finding["rule"] for finding in findings})
    errors = any(result["level"] == "error" for result in run["results"])
    assert exits.of_decisions(decisions) == (exits.FINDINGS if errors else exits.CLEAN)


@given(st.binary(max_size=12).filter(lambda name: b"\0" not in name).map(os.fsdecode))
@example("ملف ١.json")
def test_a_files_name_becomes_a_uri_that_leads_back_to_it(name: str) -> None:
    """Blanks, Arabic, colons, bytes that are no text: whatever a system names a file, the way leads back."""
    decision = {"claim_id": "C", "file": name, "findings": [FINDING]}
    (result,) = sarif.log([decision], lang="en", version="1")["runs"][0]["results"]
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri.isascii()
    assert not set(uri) & set(' "<>\\^`{|}')
    found = parse.urlsplit(uri) if name.startswith("/") else None
    assert parse.unquote(uri.removeprefix("file://"), errors="surrogateescape") == name
    assert found is None or found.scheme == "file"
