"""The base pack: it spares sound claims and published examples; its examples are judged in test_packs."""

import json
from pathlib import Path
from typing import Any

import pytest

import rules_support as support
from claims.domain.rules import examples
from formats import model, readers

BASE = support.committed()[0][0]
EXAMPLES = Path(__file__).parents[5] / "shared" / "data" / "fhir"


def test_the_checker_of_examples_agrees():
    """`examples.check` finds no mistake in the committed pack, and finds one that is planted."""
    assert examples.check(BASE, support.committed()[1]) == []
    wrong = support.pack(
        support.rule(
            examples={"violates": [{}], "satisfies": [{"lines": [{"net": -1}]}, {"lines": [{"net": None}]}]}
        )
    )
    found = examples.check(wrong, support.KNOWN)
    assert [(mistake.example, mistake.problem.split(";")[0].split(":")[0]) for mistake in found] == [
        ("violates[0]", "the rule does not fire"),
        ("satisfies[0]", "the rule fires"),
        ("satisfies[1]", "the rule is undecided"),
    ]


def test_a_sound_claim_has_no_finding():
    """The smallest sound claim satisfies every rule, and every rule is decided."""
    claim, as_of = examples.build({})
    outcome = support.judging().evaluate(claim, as_of=as_of)
    assert (outcome.findings, outcome.not_checked) == ([], [])
    assert {entry.name for entry in outcome.code_sets} >= {"icd-10-cm", "hcpcs"}


def test_the_pack_is_as_large_as_promised():
    """The base pack holds more than eighty rules; many are errors of arithmetic, order and dates."""
    assert len(BASE.rules) >= 80
    assert sum(rule.severity == "error" for rule in BASE.rules) >= 35
    assert BASE.regimes == ("base", "nphies", "x12-us")


def test_duplicates_point_at_the_repetition():
    """Of two equal lines the later one is shown."""
    claim, as_of = examples.build({"lines": [{}, {}, {"code": "X-2"}], "total": 300})
    outcome = support.judging().evaluate(claim, as_of=as_of)
    assert [(finding.rule, finding.line) for finding in outcome.findings] == [("BASE-701", 2)]


def test_the_zone_decides_a_late_evening():
    """A service on the day that has begun in Riyadh is not after a claim stamped in UTC."""
    claim, as_of = examples.build(
        {"created": "2026-08-01T21:30:00Z", "lines": [{"service_date": "2026-08-02"}]}
    )
    rules = {finding.rule for finding in support.judging().evaluate(claim, as_of=as_of).findings}
    assert "BASE-301" not in rules


def _claims(folder: str) -> list[tuple[str, model.Claim]]:
    found: list[tuple[str, model.Claim]] = []
    for file in sorted((EXAMPLES / folder).glob("*.json")):
        body = file.read_bytes()
        entries = readers.read(body, readers.detect(file.name, body[:4_096]))
        found += [(file.name, entry.claim) for entry in entries if isinstance(entry, readers.Read)]
    return found


@pytest.mark.skipif(not EXAMPLES.exists(), reason="the shared example files are not on this machine")
@pytest.mark.parametrize(
    ("folder", "least", "true"),
    # nphies' samples carry made-up residents' numbers of zeros, which begin with no 2.
    [("hl7-r4", 9, set()), ("nphies", 5, {("BV-00798", "patient.id")}), ("synthea", 17, set())],
)
def test_published_examples_raise_no_false_alarm(folder: str, least: int, true: set[tuple[str, str]]):
    """No finding of severity error on any published example claim but those a careful reader confirms."""
    claims = _claims(folder)
    assert len(claims) >= least
    wrong = {
        (finding.rule, finding.path)
        for _, claim in claims
        for finding in support.judging().evaluate(claim, as_of=support.AS_OF).findings
        if finding.severity == "error"
    }
    assert wrong == true


@pytest.mark.parametrize(
    "partial", [rule.examples.violates[0] for rule in BASE.rules], ids=[r.id for r in BASE.rules]
)
def test_findings_are_plain_json(partial: dict[str, Any]):
    """What a finding carries can be written as JSON by anyone."""
    claim, as_of = examples.build(partial)
    for finding in support.judging().evaluate(claim, as_of=as_of).findings:
        json.dumps([finding.actual, finding.expected], default=str)
        assert "{" not in finding.message.en + finding.message.ar
