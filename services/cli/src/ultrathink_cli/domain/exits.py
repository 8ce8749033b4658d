"""Exit statuses of commands that judge claims; the highest over all files counts."""

from collections.abc import Iterable, Mapping
from typing import Any

CLEAN = 0
FINDINGS = 1
UNREADABLE = 2


def of_decisions(decisions: Iterable[Mapping[str, Any]]) -> int:
    """Return FINDINGS when any decision holds a finding of severity error, else CLEAN."""
    severities = (finding["severity"] for decision in decisions for finding in decision.get("findings", []))
    return FINDINGS if "error" in severities else CLEAN
