"""Lint: what keeps packs from loading with its place, and what is sound but doubtful."""

import datetime as dt
import itertools
import operator
from pathlib import Path

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import reasons_support
import rules_support as support
from claims.domain.rules import advice, documents, linting, written
from claims.outbound import pack_sources, workbench

TODAY = dt.date(2026, 8, 2)


def _pack(folder: Path, *rules: object, name: str = "mine", text: str = "", **head: object) -> Path:
    """Write a pack with one file of rules; `text` replaces the rules' YAML."""
    place = folder / name
    (place / "rules").mkdir(parents=True)
    (place / "pack.yaml").write_text(yaml.safe_dump({**support.HEAD, "id": name, **head}, allow_unicode=True))
    body = text or yaml.safe_dump(list(rules), allow_unicode=True, sort_keys=False)
    (place / "rules" / "a.yaml").write_text(body, encoding="utf-8")
    return folder


def _linted(folder: Path) -> list[written.Remark]:
    return linting.lint(pack_sources.read(folder, support.KNOWN), today=TODAY)


def _codes(remarks: list[written.Remark]) -> list[str]:
    return [remark.code for remark in remarks]


def test_a_sound_rule_gets_no_remark(tmp_path: Path) -> None:
    """Lint is quiet about what is right."""
    assert _linted(_pack(tmp_path, support.rule())) == []


def test_the_committed_packs_load_and_no_advice_is_open() -> None:
    """Our own packs are what we ask of others."""
    assert workbench.Workbench(support.PACKS).lint(TODAY) == []


def test_a_misspelt_column_is_shown_with_a_caret(tmp_path: Path) -> None:
    """File, line, rule, field, the line of the text and the column in it."""
    (found,) = _linted(_pack(tmp_path, support.rule(violation="net > 1 AND nett > 2")))
    assert (found.level, found.file, found.rule, found.field) == (
        "error",
        "mine/rules/a.yaml",
        "R-1",
        "violation",
    )
    assert (found.excerpt, found.caret) == ("net > 1 AND nett > 2", 13)
    assert found.remedy == "Did you mean net?"
    assert found.line > 1


def test_a_file_that_is_no_yaml_is_one_remark_with_its_line(tmp_path: Path) -> None:
    """The rest of the packs is still linted."""
    _pack(tmp_path, text='- id: X\n  title: {en: "a", ar: "c"\n  severity: error\n')
    _pack(tmp_path, support.rule(violation="nett > 1"), name="other")
    found = _linted(tmp_path)
    assert [(one.file, one.line, one.code) for one in found] == [
        ("mine/rules/a.yaml", 3, "file.invalid"),
        ("other/rules/a.yaml", found[1].line, "rule.text"),
    ]


def test_a_field_given_twice_is_an_error(tmp_path: Path) -> None:
    """YAML would keep the last one and say nothing."""
    rule = yaml.safe_dump([support.rule()], allow_unicode=True, sort_keys=False)
    found = _linted(_pack(tmp_path, text=f"{rule}  source: again\n"))
    assert [one.message for one in found] == ["`source` is given twice here."]


def test_an_id_is_used_once_within_a_pack_and_across(tmp_path: Path) -> None:
    """The place of the second rule is told, whichever pack it stands in."""
    _pack(tmp_path, support.rule(), support.rule(violation="net < -1"))
    _pack(tmp_path, support.rule(violation="net < -2"), name="other")
    found = [one for one in _linted(tmp_path) if one.code == "rule.duplicate"]
    assert [(one.file, one.level, one.field) for one in found] == [
        ("mine/rules/a.yaml", "error", "id"),
        ("other/rules/a.yaml", "error", "id"),
    ]


def test_an_id_of_ours_is_not_taken_by_a_pack_beside(tmp_path: Path) -> None:
    """A customer's pack runs beside ours, so it is linted beside ours."""
    bench = workbench.Workbench(support.PACKS, [_pack(tmp_path, support.rule(id="BASE-301"))])
    assert [(one["code"], one["rule"]) for one in bench.lint(TODAY)] == [("rule.duplicate", "BASE-301")]


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"title": {"en": "T", "ar": "latin"}}, "text.arabic", "title.ar"),
        ({"message": {"en": "Net {net}", "ar": "{net}"}}, "text.arabic", "message.ar"),
        ({"message": {"en": " ", "ar": "صافي"}}, "text.missing", "message.en"),
        ({"message": {"en": "Net {net}", "ar": "صافي"}}, "message.slots", "message.ar"),
        ({"message": {"en": "Net { net }", "ar": "صافي"}}, "message.braces", "message.en"),
        ({"violation": "1 = 2"}, "rule.constant", "violation"),
        ({"when": "1 = 1"}, "rule.constant", "when"),
        ({"violation": "net = NULL"}, "rule.null", "violation"),
        ({"violation": "net < 0 OR net < 0"}, "rule.twice", "violation"),
        ({"violation": "TRUE"}, "rule.always", "violation"),
        ({"violation": "net > 5 AND net < 3"}, "rule.never", "violation"),
        ({"violation": "net > 5 AND net <= 5"}, "rule.never", "violation"),
        ({"violation": "code = 'A' AND code = 'B'"}, "rule.never", "violation"),
        ({"when": "code = 'A'", "violation": "code <> 'A'"}, "rule.never", "violation"),
        ({"when": "net = 5", "violation": "net > 5"}, "rule.never", "violation"),
        ({"violation": "tax IS NULL AND tax > 5"}, "rule.never", "violation"),
        ({"violation": "code LIKE 'E11*'"}, "rule.pattern", "violation"),
        ({"applies": {"scope": "line", "regime": ["x12-us"]}}, "rule.unreachable", "applies.regime"),
        ({"applies": {"scope": "line", "type": ["profesional"]}}, "applies.word", "applies.type"),
        ({"valid": {"from": dt.date(2026, 2, 1), "to": dt.date(2026, 1, 1)}}, "rule.unreachable", "valid.to"),
        ({"valid": {"to": dt.date(2026, 8, 1)}}, "rule.expired", "valid.to"),
    ],
)
def test_doubtful_rules_get_advice(changes: dict[str, object], code: str, field: str) -> None:
    """Each kind of advice is given at its field, and alone."""
    (rule,) = support.pack(support.rule(**changes)).rules
    notes = advice.about(rule, msgspec.convert(dict(support.HEAD), documents.Head), TODAY)
    assert [(note.code, note.field) for note in notes] == [(code, field)]


@pytest.mark.parametrize(
    "text",
    [
        "net >= 5 AND net <= 5", "net > 3 AND net < 5", "net > 5 OR net < 3", "net = 5 AND net >= 5",
        "code = 'A' AND system = 'B'", "net <> 5 AND net <> 6", "net IS NULL OR net > 5",
        "net > tax AND net < 3",
    ],
)  # fmt: skip
def test_what_can_be_true_is_no_contradiction(text: str) -> None:
    """Advice is never given where some value passes."""
    (rule,) = support.pack(support.rule(violation=text)).rules
    assert advice.about(rule, None, TODAY) == []


OPS = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@given(
    st.lists(st.tuples(st.sampled_from(sorted(OPS)), st.integers(0, 3)), min_size=2, max_size=3, unique=True)
)
def test_never_is_said_exactly_where_two_bounds_exclude_each_other(asked: list[tuple[str, int]]) -> None:
    """Over halves around the bounds: two comparisons that no value passes, and only those."""
    (rule,) = support.pack(
        support.rule(violation=" AND ".join(f"net {op} {bound}" for op, bound in asked))
    ).rules
    told = any(note.code == "rule.never" for note in advice.about(rule, None, TODAY))
    values = [half / 2 for half in range(-2, 9)]
    assert told == any(
        not any(all(OPS[op](value, bound) for op, bound in pair) for value in values)
        for pair in itertools.combinations(asked, 2)
    )


def test_two_rules_that_ask_the_same_are_told_unless_they_never_meet(tmp_path: Path) -> None:
    """White space is no difference; another regime, use or time is."""
    line = {"scope": "line"}
    _pack(
        tmp_path,
        support.rule(id="A", violation="net<0"),
        support.rule(id="B", violation="net  <  0"),
        support.rule(id="C", applies={**line, "use": ["claim"]}, violation="net > 9"),
        support.rule(id="D", applies={**line, "use": ["preauthorization"]}, violation="net > 9"),
    )
    found = _linted(tmp_path)
    assert [(one.code, one.rule) for one in found] == [("rule.repeated", "B")]
    assert "Rule A" in found[0].message


def test_rules_of_packs_for_different_regimes_never_meet(tmp_path: Path) -> None:
    """A rule that names no regime has its pack's; two packs of one regime do meet."""
    _pack(tmp_path, support.rule(id="A"), name="one", regimes=["base"])
    _pack(tmp_path, support.rule(id="B"), name="two", regimes=["nphies"])
    assert _linted(tmp_path) == []
    _pack(tmp_path, support.rule(id="C"), name="zwei", regimes=["nphies", "x12-us"])
    assert [(one.code, one.rule) for one in _linted(tmp_path)] == [("rule.repeated", "C")]


def test_a_rule_of_another_time_does_not_overlap() -> None:
    """What replaced a rule may ask the same as it did."""
    before = support.pack(support.rule(valid={"to": dt.date(2025, 12, 31)})).rules[0]
    after = support.pack(support.rule(valid={"from": dt.date(2026, 1, 1)})).rules[0]
    assert not advice.overlap(before, after)
    assert advice.overlap(before, before)


def test_a_folder_without_packs_is_refused(tmp_path: Path) -> None:
    """A mistyped folder is not a folder of sound packs."""
    with pytest.raises(Exception, match="name a folder of packs"):
        pack_sources.folders(tmp_path)


def test_a_code_that_no_list_knows_is_told_at_its_place(tmp_path: Path) -> None:
    """The rule works, so it is advice: the code's line, and what to write instead; without lists, silence."""
    codes = {"nphies": "AD-9-9", "carc": "16", "rarc": "M57"}
    _pack(tmp_path, support.rule(codes=codes))
    sources = pack_sources.read(tmp_path, support.KNOWN)
    found = linting.lint(sources, today=TODAY, book=reasons_support.committed())
    assert {(one.code, one.level, one.field, one.remedy) for one in found} == {
        ("rule.code", "advice", "codes.nphies", "Correct it, or add it to packs/reasons."),
        ("rule.code", "advice", "codes.rarc", "Use N257 or N290."),
    }
    text = (tmp_path / "mine/rules/a.yaml").read_text().splitlines()
    for one in found:
        assert codes[one.field.removeprefix("codes.")] in text[one.line - 1]
    assert linting.lint(sources, today=TODAY) == []


def test_lint_of_a_folder_knows_our_lists(tmp_path: Path) -> None:
    """A person's own pack is held against the lists beside our packs."""
    _pack(tmp_path, support.rule(codes={"carc": "252"}))
    (found,) = workbench.Workbench(support.PACKS, [tmp_path]).lint(TODAY)
    assert (found["code"], found["remedy"]) == ("rule.code", "Add `rarc`.")
