"""Foreign sample files, where they are present beside the repository: every FHIR Claim of theirs reads.

The files are not ours and are not copied here. Set `ULTRATHINK_SAMPLE_DATA` to look elsewhere.
"""

import json
import os
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

from formats import canonical, hashing, media, model, readers

_BESIDE = pathlib.Path(__file__).resolve().parents[2].parent / "shared" / "data"
FHIR = pathlib.Path(os.environ.get("ULTRATHINK_SAMPLE_DATA", _BESIDE)) / "fhir"

pytestmark = pytest.mark.skipif(not FHIR.is_dir(), reason="the folder of sample data is not present")

# What R4 4.0.1 requires of every Claim; a sample without one of these breaks R4 itself.
REQUIRED = ("status", "type", "use", "patient", "created", "provider", "priority", "insurance")


def documents() -> list[pathlib.Path]:
    """Return all sample files in a stable order."""
    return sorted(FHIR.glob("*/*.json")) if FHIR.is_dir() else []


def resources(file: pathlib.Path) -> Iterator[dict[str, Any]]:
    """Yield the resources of a file: of a bundle its entries, else the document."""
    document = json.loads(file.read_bytes())
    if document.get("resourceType") == "Bundle":
        yield from (entry["resource"] for entry in document.get("entry", ()))
    else:
        yield document


def claim_files() -> list[pathlib.Path]:
    """Return the files that hold a Claim."""
    return [
        file
        for file in documents()
        if any(resource.get("resourceType") == "Claim" for resource in resources(file))
    ]


def read(file: pathlib.Path) -> readers.Read:
    """Return the one claim of a file."""
    (answer,) = readers.read(file.read_bytes(), media.FHIR)
    assert isinstance(answer, readers.Read), answer.fault.violations
    return answer


def test_there_are_claims_of_all_three_origins():
    """HL7's examples, nphies' messages and Synthea's claims are all looked at."""
    origins = [file.parent.name for file in claim_files()]
    assert {name: origins.count(name) for name in set(origins)} == {"hl7-r4": 9, "nphies": 5, "synthea": 17}


@pytest.mark.parametrize("file", claim_files(), ids=lambda file: f"{file.parent.name}/{file.name[:40]}")
def test_a_sample_claim_reads_and_comes_back(file: pathlib.Path):
    """It is recognised, read, named, written as canonical JSON, and read again as the same content."""
    body = file.read_bytes()
    assert readers.detect(file.name, body[:4096]) == media.FHIR
    claim = read(file).claim
    again = canonical.decode(canonical.encode(claim))
    assert again == claim
    assert hashing.content_hash(again) == hashing.content_hash(claim)
    (source,) = [resource for resource in resources(file) if resource["resourceType"] == "Claim"]
    assert len(claim.lines) == len(source["item"])
    assert len(claim.diagnoses) == len(source.get("diagnosis", []))
    assert claim.regime == ("nphies" if file.parent.name == "nphies" else "base")


@pytest.mark.parametrize(
    "file", [file for file in claim_files() if file.parent.name == "nphies"], ids=lambda file: file.name[:40]
)
def test_a_sample_message_of_nphies_is_resolved_inside_itself(file: pathlib.Path):
    """Provider, patient, payer and practitioner are identities, not references; shares are there."""
    found = read(file)
    claim = found.claim
    assert found.message is not None
    assert found.message.is_nphies
    assert found.message.sender == claim.provider.id
    assert (claim.patient.id_type, claim.patient.reference) == ("iqama", None)
    assert claim.insurance[0].coverage is not None
    assert claim.insurance[0].coverage.payer == found.message.receiver
    assert all(member.practitioner for member in claim.care_team)
    assert all(line.patient_share is not None and line.tax is not None for line in claim.lines)
    assert all(diagnosis.system == "icd-10-am" for diagnosis in claim.diagnoses)
    assert not any("not in the message" in note for note in found.notes)


def test_no_sample_claim_breaks_r4s_required_elements():
    """The list of samples that break R4 themselves is empty."""
    broken = {
        file.name: missing
        for file in claim_files()
        for resource in resources(file)
        if resource["resourceType"] == "Claim"
        and (missing := [name for name in REQUIRED if name not in resource])
    }
    assert broken == {}


def test_a_sample_without_a_claim_is_refused_as_such():
    """Responses, coverages and benefits are no claims, and say so."""
    others = [file for file in documents() if file not in set(claim_files())]
    assert others
    for file in others:
        (answer,) = readers.read(file.read_bytes(), media.FHIR)
        assert isinstance(answer, readers.Refused)
        assert answer.fault.violations[0].code in {"fhir.not_a_claim", "fhir.no_claim"}


def test_no_sample_claim_keeps_a_value_it_has_a_field_for():
    """What is kept aside is little: at most three elements per claim."""
    kept: dict[str, list[model.Extra]] = {file.name: read(file).claim.extra for file in claim_files()}
    assert {name: extras for name, extras in kept.items() if len(extras) > 3} == {}
