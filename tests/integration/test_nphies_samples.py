"""The published nphies samples, where they are at hand: the findings are those a careful reader confirmed."""

import datetime as dt
import re
from pathlib import Path

import pytest

import rules_support as support
from formats import readers

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT.parent / "shared/data/fhir/nphies"
ROW = re.compile(r"^\| (\S+\.json) \| (\S+) \| (error|warning|info) \| (\S+) \| .+ \|$", re.MULTILINE)
CONFIRMED = ROW.findall((ROOT / "docs/nphies-samples.md").read_text())
UNCHECKED = re.findall(
    r"^\| (NPH-\S+) \| ([0-9a-z, ]+) \| .+ \|$", (ROOT / "docs/nphies-samples.md").read_text(), re.MULTILINE
)
FILES = sorted({name for name, *_ in CONFIRMED})
HAS_SAMPLES = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the nphies samples are not at hand")


@HAS_SAMPLES
@pytest.mark.parametrize("name", FILES)
def test_the_findings_are_those_a_reader_confirmed(name: str) -> None:
    """Neither more nor less, at the same places and as severe; what is not checked lacks a table."""
    body = (SAMPLES / name).read_bytes()
    (read,) = readers.read(body, readers.detect(name, body))
    assert isinstance(read, readers.Read)
    told = support.judging().evaluate(read.claim, as_of=dt.date(2026, 8, 2))
    found = sorted((name, one.rule, one.severity, one.path) for one in told.findings)
    assert found == sorted(row for row in CONFIRMED if row[0] == name)
    number = name.partition("_")[0]
    assert {one.rule for one in told.not_checked} == {
        rule for rule, samples in UNCHECKED if number in samples.split(", ")
    }
    assert {one.reason for one in told.not_checked} == {"not checked: no table for this date"}


@HAS_SAMPLES
def test_every_sample_that_holds_a_claim_is_told() -> None:
    """No sample with a claim is left out of the document."""
    holding = {path.name for path in SAMPLES.glob("*.json") if '"resourceType":"Claim"' in _dense(path)}
    assert holding == set(FILES)


def test_the_document_is_read_as_a_table() -> None:
    """A row that the pattern cannot read would be a row that is not checked."""
    text = (ROOT / "docs/nphies-samples.md").read_text()
    rows = text[text.index("## Findings") : text.index("## What is right")].count("\n| ") - 1
    assert len(CONFIRMED) == rows


def _dense(path: Path) -> str:
    return re.sub(r"\s", "", path.read_text(encoding="utf-8"))
