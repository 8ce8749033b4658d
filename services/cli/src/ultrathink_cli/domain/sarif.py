"""Findings as SARIF 2.1.0 (OASIS), so that editors and code hosts show them beside the file."""

from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any
from urllib import parse

LEVELS = {"error": "error", "warning": "warning", "info": "note"}
SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def log(decisions: Iterable[Mapping[str, Any]], *, lang: str, version: str) -> dict[str, Any]:
    """Return one SARIF log with a result per finding; a decision's `file` becomes the location."""
    results: list[dict[str, Any]] = []
    rules: dict[str, dict[str, Any]] = {}
    for decision in decisions:
        for finding in decision.get("findings", []):
            rules.setdefault(finding["rule"], {"id": finding["rule"]})
            results.append(_result(decision, finding, lang))
    return run(list(rules.values()), results, version=version)


def run(rules: list[dict[str, Any]], results: list[dict[str, Any]], *, version: str) -> dict[str, Any]:
    """Return a log of one run of ours."""
    driver = {"name": "ultrathink", "version": version, "rules": rules}
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}


def _result(decision: Mapping[str, Any], finding: Mapping[str, Any], lang: str) -> dict[str, Any]:
    where = {
        "physicalLocation": {"artifactLocation": {"uri": uri(str(decision.get("file", "")))}},
        "logicalLocations": [{"fullyQualifiedName": f"{decision['claim_id']}/{finding['path']}"}],
    }
    return {
        "ruleId": finding["rule"],
        "level": LEVELS[finding["severity"]],
        "message": {"text": finding["message"].get(lang) or finding["message"]["en"]},
        "locations": [where],
    }


def uri(file: str) -> str:
    """Return a path as a URI reference (RFC 3986): relative stays relative, no letter is left unescaped."""
    quoted = parse.quote(file, errors="surrogateescape")
    return f"file://{quoted}" if PurePath(file).is_absolute() else quoted
