"""One rule at a time: a condition put into a pack of its own and asked about one claim."""

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from chassis import errors
from claims.domain.rules import checking, engine, examples, packs, parsing, tables

HEAD: dict[str, Any] = {
    "id": "pack-one",
    "version": "1.0",
    "title": {"en": "One", "ar": "واحد"},
    "regimes": ["base"],
    "licence": "none",
    "source": "written for a test",
}


def rule(violation: str, **fields: Any) -> dict[str, Any]:
    """Return the document of a rule as a domain expert would write it; `fields` replace or add."""
    whole: dict[str, Any] = {
        "id": "T-1",
        "title": {"en": "A rule", "ar": "قاعدة"},
        "severity": "error",
        "applies": {"scope": "line"},
        "violation": violation,
        "message": {"en": "Wrong.", "ar": "خطأ."},
        "source": "written for a test",
        "examples": {"violates": [{}], "satisfies": [{}]},
    }
    return whole | fields


def pack(*rules: object, known: tables.Tables | None = None, **head: Any) -> packs.Pack:
    """Return the pack of these rule documents."""
    return packs.assemble(
        ("pack.yaml", HEAD | head), [("rules.yaml", list(rules))], known or tables.Tables(), sha256="ab" * 32
    )


def outcome(
    document: dict[str, Any],
    claim: Mapping[str, Any] | None = None,
    *,
    known: tables.Tables | None = None,
    facts: engine.Facts | None = None,
) -> engine.Outcome:
    """Return what one rule says about a partial claim merged over the smallest sound one."""
    known = known or tables.Tables()
    built, day = examples.build(claim or {})
    return engine.Engine([pack(document, known=known)], known).evaluate(built, as_of=day, facts=facts)


def holds(
    condition: str,
    claim: Mapping[str, Any] | None = None,
    *,
    scope: str = "line",
    known: tables.Tables | None = None,
    facts: engine.Facts | None = None,
) -> bool | None:
    """Return whether a condition is TRUE of the claim's only row; None where it is unknown."""
    document = rule(condition, applies={"scope": scope})
    told = outcome(document, claim, known=known, facts=facts)
    if told.not_checked:
        return None
    return bool(told.findings)


def refusal(text: str, scope: str = "line", known: tables.Tables | None = None) -> parsing.TextError:
    """Return the refusal of a condition; fail where it is accepted."""
    try:
        checking.condition(text, scope, known or tables.Tables())
    except parsing.TextError as found:
        return found
    raise AssertionError(f"accepted: {text}")


def violations(*rules: object, **head: Any) -> tuple[errors.Violation, ...]:
    """Return everything wrong with a pack of these documents; fail where nothing is."""
    try:
        pack(*rules, **head)
    except errors.Invalid as found:
        return found.violations
    raise AssertionError("accepted")


def tariff(
    *, first: str = "2026-01-01", last: str | None = "2026-12-31", revision: str = "r1", **rows: tables.Row
) -> tables.Table:
    """Return a table of codes with a price, a text and a flag, valid in a window."""
    return tables.Table(
        name="tariff",
        fields={"price": "number", "kind": "text", "open": "boolean"},
        dotless=True,
        periods=(
            tables.Period(
                first=dt.date.fromisoformat(first),
                last=None if last is None else dt.date.fromisoformat(last),
                revision=revision,
                rows=rows or {"E119": (Decimal("12.5"), "chronic", True)},
            ),
        ),
    )
