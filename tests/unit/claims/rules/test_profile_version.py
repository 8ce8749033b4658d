"""The version of a claim's profile, by which newer rules spare older messages."""

import pytest

import rules_support as support

PROFILE = "http://nphies.sa/fhir/ksa/nphies-fs/StructureDefinition/professional-claim"


@pytest.mark.parametrize(
    ("profiles", "version"),
    [
        ([], None),
        ([PROFILE], None),
        ([f"{PROFILE}|1.0.0"], "1.0.0"),
        ([PROFILE, f"{PROFILE}|5.2.0"], "5.2.0"),
        ([f"{PROFILE}|5.2.0", f"{PROFILE}|1.0.0"], "5.2.0"),
    ],
)
def test_the_first_stated_version_counts(profiles: list[str], version: str | None):
    """A profile without version says nothing; of several the first that says one counts."""
    assert support.value("profile_version", {"profile": profiles}, scope="claim") == version
