"""The README counts the rules that are there."""

import re
from pathlib import Path

import pytest

import rules_support as support

ROOT = Path(__file__).parents[4]
COUNTED = re.findall(
    r"^\| \[packs/([a-z0-9-]+)\]\([^)]+\) \| (\d+) rules", (ROOT / "README.md").read_text(), re.MULTILINE
)


@pytest.mark.parametrize(("pack", "rules"), COUNTED)
def test_the_readme_counts_a_pack_s_rules(pack: str, rules: str) -> None:
    """A number in the README is the number of rules that load."""
    (found,) = [one for one in support.committed()[0] if one.id == pack]
    assert len(found.rules) == int(rules)


def test_every_pack_is_in_the_readme() -> None:
    """No pack is left out."""
    assert {pack for pack, _ in COUNTED} == {pack.id for pack in support.committed()[0]}
