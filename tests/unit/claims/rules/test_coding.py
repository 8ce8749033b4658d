"""Codes of rules: kinds of findings, what is completed at load, and the check over every committed pack."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

import reasons_support
import rules_support as support
from claims.domain import decisions, reasons
from claims.domain.rules import coding, packs
from claims.outbound import pack_files

BOOK = reasons_support.committed()
ON = reasons_support.ON


def _rule(**fields: Any) -> packs.Rule:
    [rule] = support.pack(support.rule(**fields)).rules
    return rule


@pytest.mark.parametrize(
    ("violation", "scope", "kind"),
    [
        ("net IS NULL", "line", "missing"),
        ("code IS NULL OR system IS NULL", "line", "missing"),
        ("quantity > 1 AND code IS NULL", "line", "missing"),
        ("COUNT(*) FILTER (WHERE 'principal' = ANY(diagnosis.type)) = 0", "claim", "missing"),
        ("CARDINALITY(modifiers) = 0", "line", "missing"),
        ("net < 0", "line", "invalid"),
        ("code = 'A1' OR net IS NULL", "line", "invalid"),
        ("NOT in_codeset(code, 'letters', service_date)", "line", "invalid"),
        ("net < tax", "line", "relational"),
        ("COUNT(*) FILTER (WHERE 'principal' = ANY(diagnosis.type)) > 1", "claim", "relational"),
        ("total <> SUM(lines.net)", "claim", "relational"),
    ],
)
def test_the_kind_of_a_finding_is_read_from_its_text(violation: str, scope: str, kind: reasons.Kind):
    """Absences are missing, one field alone is wrong, several fields or rows do not fit each other."""
    rule = _rule(violation=violation, applies={"scope": scope}, message={"en": "No.", "ar": "لا."})
    assert coding.kind(rule) == kind


def test_codes_are_completed_at_load(tmp_path: Path):
    """A pack with reasons beside it has adjustment, group and 277CA; without, what its rules state."""
    file = tmp_path / "sample/rules/a.yaml"
    file.parent.mkdir(parents=True)
    (tmp_path / "sample/pack.yaml").write_text(yaml.safe_dump(dict(support.HEAD), allow_unicode=True))
    file.write_text(yaml.safe_dump([support.rule(codes={"nphies": "A-1"})], allow_unicode=True))
    assert _codes(tmp_path) == decisions.Codes(nphies="A-1")
    folder = tmp_path / "reasons"
    folder.mkdir()
    for name, document in reasons_support.small().items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(document, allow_unicode=True))
    assert _codes(tmp_path) == decisions.Codes(
        nphies="A-1", carc="16", rarc="M1", group="CO", x12={"category": "A7", "status": "54"}
    )


def _codes(folder: Path) -> decisions.Codes | None:
    [pack], _ = pack_files.load(folder)
    return pack.rules[0].codes


def test_findings_carry_completed_codes():
    """A rule of the base pack that states reason and adjustment speaks X12 too, in the decision's JSON."""
    [pack] = [pack for pack in support.committed()[0] if pack.id == "base"]
    [rule] = [rule for rule in pack.rules if rule.id == "BASE-701"]
    assert json.loads(msgspec.json.encode(rule.codes)) == {
        "nphies": "AD-2-4", "carc": "18", "group": "OA", "x12": {"category": "A8", "status": "54"},
    }  # fmt: skip


@pytest.mark.parametrize("pack", support.committed()[0], ids=lambda pack: pack.id)
def test_every_code_of_every_committed_rule_is_in_the_tables(pack: packs.Pack):
    """No rule names a code that no list knows or that is out of use, and none lacks a remark it needs."""
    assert coding.check([pack], BOOK) == []


@pytest.mark.parametrize("pack", support.committed()[0], ids=lambda pack: pack.id)
def test_every_adjustment_of_a_committed_rule_has_a_group_and_a_category(pack: packs.Pack):
    """A 277CA can be written of every finding that states an adjustment with a status."""
    for rule in pack.rules:
        if rule.codes is not None and rule.codes.carc is not None:
            assert rule.codes.group in {"CO", "PR", "OA", "PI"}, rule.id
            assert rule.codes.x12 is None or rule.codes.x12["category"] in {"A3", "A6", "A7", "A8"}, rule.id


@pytest.mark.parametrize(
    ("codes", "field", "message", "remedy"),
    [
        ({"nphies": "AD-9-9"}, "nphies", "not in the list `nphies`", "add it to packs/reasons"),
        ({"nphies": "MN-1-3"}, "nphies", "out of use", "Use CV-3-2."),
        ({"bv": "BV-99999"}, "bv", "not in the list `error`", "add it to packs/reasons"),
        ({"carc": "125", "rarc": "M79"}, "carc", "out of use", "Use 16."),
        ({"carc": "16"}, "rarc", "needs a remark", "Add `rarc`."),
        ({"carc": "16", "rarc": "M57"}, "rarc", "out of use", "Use N257 or N290."),
        ({"rarc": "M79"}, "rarc", "without adjustment", "Add `carc`."),
        ({"carc": "29", "group": "XX"}, "group", "not in the list `group`", "Correct it"),
        ({"carc": "23", "group": "CO"}, "group", "does not allow the group CO", "Use OA."),
        ({"carc": "29", "x12": {"category": "Z1", "status": "718"}}, "x12.category", "not in the", "Correct"),
    ],
)  # fmt: skip
def test_a_wrong_code_is_told(codes: dict[str, Any], field: str, message: str, remedy: str):
    """Each problem names rule, field and code, and says what to write instead."""
    [problem] = coding.check([support.pack(support.rule(codes=codes))], BOOK)
    assert (problem.rule, problem.field) == ("R-1", field)
    assert message in problem.message
    assert remedy in problem.remedy


def test_a_rule_of_the_past_may_use_codes_of_its_days():
    """Codes are looked up on the rule's last day, the book's day, or the first day of a rule to come."""
    old = support.rule(codes={"carc": "125", "rarc": "M79"}, valid={"to": date(2013, 1, 1)})
    assert coding.check([support.pack(old)], BOOK) == []
    assert coding.day(_rule(valid={"from": date(2030, 1, 1)}), BOOK) == date(2030, 1, 1)
    assert coding.day(_rule(), BOOK) == BOOK.revision


def test_a_rule_without_codes_stays_without():
    """Nothing is completed where nothing is stated, and nothing is wrong with it."""
    pack = support.pack(support.rule())
    assert coding.completed(pack, BOOK) == pack
    assert coding.check([pack], BOOK) == []
