"""What a domain expert is told about a wrong pack: file, rule, field, place and remedy, all at once."""

from typing import Any

import pytest

import rule_language_support as support
from chassis import errors
from claims.domain import decisions
from claims.domain.rules import packs, tables


def only(*rules: object, **head: Any) -> errors.Violation:
    """Return the one thing wrong with a pack."""
    [found] = support.violations(*rules, **head)
    return found


@pytest.mark.parametrize(
    ("fields", "path", "word"),
    [
        ({"severity": "fatal"}, "rules.yaml: T-1.severity", "Invalid enum value 'fatal'"),
        ({"violatoin": "TRUE"}, "rules.yaml: T-1", "unknown field `violatoin`"),
        ({"title": {"en": "A"}}, "rules.yaml: T-1.title", "missing required field `ar`"),
        ({"applies": {"scope": "page"}}, "rules.yaml: T-1.applies.scope", "Invalid enum value 'page'"),
        ({"applies": {"scope": "line", "regime": ["mars"]}}, "rules.yaml: T-1.applies.regime", "'mars'"),
        ({"source": ""}, "rules.yaml: T-1.source", "length >= 1"),
        ({"valid": {"from": "soon"}}, "rules.yaml: T-1.valid.from", "RFC3339 encoded date"),
        ({"codes": {"nphies": "X", "other": "Y"}}, "rules.yaml: T-1.codes", "unknown field `other`"),
        ({"examples": {"violates": [], "satisfies": [{}]}}, "rules.yaml: T-1.examples.violates", "length"),
        ({"blocking": "yes"}, "rules.yaml: T-1.blocking", "Expected `bool`, got `str`"),
    ],
)
def test_a_field_that_is_wrong_is_named(fields: dict[str, Any], path: str, word: str) -> None:
    """File, rule and field stand in the path; the remedy says where fields are described."""
    found = only(support.rule("net > 1", **fields))
    assert found.path.startswith(path)
    assert found.code == "document.invalid"
    assert word in found.message
    assert "See docs/rule-schema.md for the fields." in found.message


@pytest.mark.parametrize(
    ("fields", "path", "code", "words"),
    [
        ({"violation": "missing > 1"}, "rules.yaml: T-1.violation", "rule.text",
         ["line 1, column 1", "no column `missing`", "See docs/rule-schema.md.", "\n    ^"]),
        ({"when": "net >"}, "rules.yaml: T-1.when", "rule.text", ["not a complete SQL expression"]),
        ({"expected": "net +"}, "rules.yaml: T-1.expected", "rule.text", ["not a complete SQL expression"]),
        ({"path": "nowhere"}, "rules.yaml: T-1.path", "rule.path", ["There is no column `nowhere` here."]),
        ({"message": {"en": "{nothing}", "ar": "ا"}}, "rules.yaml: T-1.message", "rule.message",
         ["`{nothing}` is no column here.", "Name columns or {expected}."]),
        ({"message": {"en": "a", "ar": "{expected}"}}, "rules.yaml: T-1.message", "rule.message",
         ["`{expected}` is no column here."]),
        ({"suggestion": {"en": "{nothing}", "ar": "ا"}}, "rules.yaml: T-1.suggestion", "rule.message",
         ["`{nothing}`"]),
    ],
)  # fmt: skip
def test_a_text_that_is_wrong_is_named(
    fields: dict[str, Any], path: str, code: str, words: list[str]
) -> None:
    """Conditions, places and messages are checked when the pack is read, each with its remedy."""
    found = only(support.rule("net > 1") | fields)
    assert (found.path, found.code) == (path, code)
    for word in words:
        assert word in found.message


def test_everything_wrong_is_told_at_once() -> None:
    """Three mistakes in two rules are three violations, and the message shows the first."""
    first = support.rule("missing > 1", when="gone > 1")
    second = support.rule("net > 1", id="T-2", severity="fatal")
    found = support.violations(first, second)
    assert [one.path.split(": ")[1] for one in found] == ["T-1.when", "T-1.violation", "T-2.severity"]
    with pytest.raises(
        errors.Invalid, match=r"Problems in packs and tables: 3; the first: rules\.yaml: T-1\.when"
    ):
        support.pack(first, second)


def test_a_flood_of_mistakes_is_bounded() -> None:
    """Of more mistakes than anybody reads the first hundred are told, and all are counted."""
    rules = [support.rule("missing > 1", id=f"T-{number}") for number in range(packs.Report.LIMIT + 5)]
    with pytest.raises(errors.Invalid, match=f"tables: {packs.Report.LIMIT + 5};") as caught:
        support.pack(*rules)
    assert len(caught.value.violations) == packs.Report.LIMIT
    assert caught.value.reason == "pack.invalid"


def test_two_rules_of_one_id_are_refused() -> None:
    """An id names one rule, or findings could not be told apart."""
    found = only(support.rule("net > 1"), support.rule("net > 2"))
    assert (found.path, found.code) == ("pack.yaml: T-1", "rule.duplicate")


@pytest.mark.parametrize("entry", [7, None, "net > 1", []])
def test_what_is_no_rule_is_refused(entry: object) -> None:
    """An entry that is no mapping is told as a rule without an id."""
    found = only(entry)
    assert found.path.startswith("rules.yaml: a rule without id")
    assert found.code == "document.invalid"


def test_a_file_that_is_no_list_is_refused() -> None:
    """A rule file that forgot its dashes is told how rules begin."""
    with pytest.raises(errors.Invalid) as caught:
        packs.assemble(
            ("pack.yaml", support.HEAD), [("one.yaml", {"id": "T-1"})], tables.Tables(), sha256="0" * 64
        )
    [found] = caught.value.violations
    assert (found.path, found.code) == ("one.yaml", "pack.rules")
    assert "Begin each rule with `- id:`." in found.message


@pytest.mark.parametrize(
    ("head", "path"),
    [
        ({"regimes": []}, "pack.yaml: regimes"),
        ({"regimes": ["mars"]}, "pack.yaml: regimes"),
        ({"version": "1 0"}, "pack.yaml: version"),
        ({"id": "-x"}, "pack.yaml: id"),
        ({"author": "me"}, "pack.yaml"),
    ],
)
def test_a_head_that_is_wrong_is_named(head: dict[str, Any], path: str) -> None:
    """The head of a pack is read as strictly as its rules."""
    assert only(support.rule("net > 1"), **head).path.startswith(path)


def test_a_revision_names_version_and_content() -> None:
    """People see the version, proof is the start of the hash."""
    read = support.pack(support.rule("net > 1"))
    assert read.revision == "1.0+abababababab"
    assert packs.revision("2.1", "0123456789abcdef") == "2.1+0123456789ab"


@pytest.mark.parametrize(
    ("violation", "fields", "path"),
    [
        ("net > tax", {}, "lines[0].net"),
        ("net > tax", {"path": "tax"}, "lines[0].tax"),
        ("SUM(lines.net) >= total", {}, "lines[0]"),
        ("TRUE", {}, "lines[0]"),
        ("patient_sex = 'male'", {"applies": {"scope": "claim"}}, "patient.sex"),
        ("MAX(lines.sequence) > 0", {"applies": {"scope": "claim"}, "path": "lines"}, "lines"),
        ("type = ARRAY['principal']", {"applies": {"scope": "diagnosis"}}, "diagnoses[0].type"),
        ("payer IS NOT NULL", {"applies": {"scope": "insurance"}}, "insurance[0].coverage.payer"),
        ("role = 'primary'", {"applies": {"scope": "care_team"}}, "care_team[0].role"),
        ("text = 'thirst'", {"applies": {"scope": "information"}}, "supporting_info[0].text"),
    ],
)  # fmt: skip
def test_a_finding_points_at_its_field(violation: str, fields: dict[str, Any], path: str) -> None:
    """The place is the first column the rule reads, or the one it names, in the canonical JSON."""
    [found] = support.outcome(support.rule(violation, **fields)).findings
    assert found.path == path
    assert found.line == (1 if fields.get("applies", {"scope": "line"})["scope"] == "line" else None)


def test_a_detail_is_found_where_it_stands() -> None:
    """A detail's detail is told by the positions of all three, and by the numbers the sender gave."""
    inner = {"sequence": 7, "code": "C", "net": 5}
    lines = [{}, {"sequence": 4, "details": [{"sequence": 3, "code": "B", "net": 1, "details": [inner]}]}]
    document = support.rule("net > 1", applies={"scope": "detail"})
    [found] = support.outcome(document, {"lines": lines}).findings
    assert (found.path, found.line, found.detail) == ("lines[1].details[0].details[0].net", 4, 7)


def test_a_finding_carries_what_its_rule_says_of_it() -> None:
    """Severity, codes, source, blocking and review pass from the rule to the finding unchanged."""
    fields = {"severity": "warning", "blocking": True, "review": True, "codes": {"nphies": "BE-1-1"}}
    [found] = support.outcome(support.rule("net > 1", **fields)).findings
    assert (found.rule, found.severity, found.blocking, found.review) == ("T-1", "warning", True, True)
    assert found.codes is not None
    assert (found.codes.nphies, found.codes.bv) == ("BE-1-1", None)
    assert found.source == "written for a test"
    assert isinstance(found.message, decisions.Bilingual)
