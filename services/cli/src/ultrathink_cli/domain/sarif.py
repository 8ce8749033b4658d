"""Findings as SARIF 2.1.0 (OASIS), so that editors and code hosts show them beside the file."""

from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any
from urllib import parse

LEVELS = {"error": "error", "warning": "warning", "info": "note"}
KEPT = ("suggestion", "codes", "actual", "expected", "blocking", "review")  # of a finding, as they are
NONE: Mapping[str, Mapping[str, Any]] = {}
SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def log(
    decisions: Iterable[Mapping[str, Any]],
    *,
    lang: str,
    version: str,
    rules: Mapping[str, Mapping[str, Any]] = NONE,
) -> dict[str, Any]:
    """Return one SARIF log with a result per finding; a decision's `file` becomes the location.

    `rules` are the documents of the rules that fired, by id: their titles, sources and codes are told once.
    """
    results: list[dict[str, Any]] = []
    named: dict[str, int] = {}
    for decision in decisions:
        for finding in decision.get("findings", []):
            place = named.setdefault(finding["rule"], len(named))
            results.append(_result(decision, finding, lang) | {"ruleIndex": place})
    return run([_rule(rule, rules.get(rule, {}), lang) for rule in named], results, version=version)


def _rule(identifier: str, told: Mapping[str, Any], lang: str) -> dict[str, Any]:
    """Return a rule's metadata: its title in the chosen language, both in its full description."""
    if not told:
        return {"id": identifier}
    title, texts = told["title"], told.get("texts", {})
    conditions = "; ".join(f"{name}: {text}" for name, text in texts.items())
    return {
        "id": identifier,
        "shortDescription": {"text": title[lang]},
        "fullDescription": {"text": f"{title['en']} / {title['ar']}"},
        "help": {"text": f"{conditions}. {told['source']}"},
        "defaultConfiguration": {"level": LEVELS[told["severity"]]},
        "properties": {
            "pack": told["pack"], "scope": told["scope"], "source": told["source"], "title": title,
            "codes": told.get("codes", {}), "tags": sorted(told["regimes"]),
        },
    }  # fmt: skip


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
        "properties": {name: finding[name] for name in KEPT if finding.get(name) not in (None, False)},
    }


def uri(file: str) -> str:
    """Return a path as a URI reference (RFC 3986): relative stays relative, no letter is left unescaped."""
    quoted = parse.quote(file, errors="surrogateescape")
    return f"file://{quoted}" if PurePath(file).is_absolute() else quoted
