"""Every committed pack: each example of each rule comes out, both languages speak, codes have their form."""

import operator
import re
from collections import Counter

import pytest

import rules_support as support
from claims.domain.rules import examples, packs

PACKS, KNOWN = support.committed()
RULES = [(pack, rule) for pack in PACKS for rule in pack.rules]
EXAMPLES = [
    pytest.param(pack, rule, name, at, id=f"{rule.id}-{name}-{at}")
    for pack, rule in RULES
    for name in ("violates", "satisfies")
    for at in range(len(getattr(rule.examples, name)))
]
EVERY_RULE = [rule for _, rule in RULES]
ID = operator.attrgetter("id")
ARABIC = re.compile(r"[\u0621-\u064a]")
SLOT = re.compile(r"\{\w+\}")
CODES = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.×/-]*")  # codes and names are written in Latin letters everywhere
# Claim adjustment reasons whose own text demands a remark code beside them.
NEED_REMARK = {
    "16", "96", "129", "148", "201", "226", "227", "234", "237", "250", "251", "252", "267", "A1",
}  # fmt: skip
# The 71 rejection reasons of nphies are numbered without gaps in each family.
NPHIES = {
    f"{family}-{number}"
    for family, last in (
        ("AD-1", 9), ("AD-2", 6), ("AD-3", 8), ("CV-1", 10), ("CV-2", 1), ("CV-3", 5), ("CV-4", 10),
        ("MN-1", 2), ("SE-1", 10), ("BE-1", 10),
    )
    for number in range(1, last + 1)
}  # fmt: skip


@pytest.mark.parametrize(("pack", "rule", "name", "at"), EXAMPLES)
def test_every_example_comes_out(pack: packs.Pack, rule: packs.Rule, name: str, at: int):
    """A rule fires on what it says violates it, and is decided and silent on what satisfies it."""
    partial = getattr(rule.examples, name)[at]
    assert (
        examples.tried(pack, rule, partial, KNOWN, fires=name == "violates", judge=support.judging(pack.id))
        == ""
    )


@pytest.mark.parametrize("rule", EVERY_RULE, ids=ID)
def test_every_rule_speaks_both_languages(rule: packs.Rule):
    """Title, message and suggestion are there in Arabic letters too, with the same values put in."""
    assert rule.suggestion is not None
    for text in (rule.title, rule.message.text, rule.suggestion.text):
        words = CODES.sub("", SLOT.sub("", text.ar))
        assert len(ARABIC.findall(words)) > max(4, len(words) / 2)
        assert not ARABIC.search(text.en)
        assert set(SLOT.findall(text.en)) == set(SLOT.findall(text.ar))


@pytest.mark.parametrize("rule", EVERY_RULE, ids=ID)
def test_every_rule_says_what_it_rests_on(rule: packs.Rule):
    """A source is more than a word, and a finding says what to do."""
    assert len(rule.source.split()) > 1
    assert rule.suggestion is not None


@pytest.mark.parametrize("rule", [rule for rule in EVERY_RULE if rule.codes is not None], ids=ID)
def test_codes_have_their_form(rule: packs.Rule):
    """Reasons of nphies are of the list, BV numbers have five digits, CARC that need a remark have one."""
    codes = rule.codes
    assert codes is not None
    assert codes.nphies is None or codes.nphies in NPHIES
    assert codes.bv is None or re.fullmatch(r"(BV|GE|IC|DT|IB|RE|FR)-\d{5}|GE-\d{1,3}", codes.bv)
    assert codes.carc is None or re.fullmatch(r"[1-9]\d{0,2}|[AB]\d{1,2}", codes.carc)
    assert codes.rarc is None or re.fullmatch(r"(M|MA|N)\d{1,3}", codes.rarc)
    assert codes.group in {None, "CO", "PR", "OA", "PI"}
    if codes.x12 is not None:
        assert codes.x12["category"] in {"A3", "A6", "A7", "A8"}
        assert re.fullmatch(r"\d{1,3}", codes.x12["status"])


@pytest.mark.parametrize("rule", [rule for rule in EVERY_RULE if rule.id.startswith("X12-")], ids=ID)
def test_us_reasons_have_their_remark(rule: packs.Rule):
    """A reason that says nothing by itself is never given without the remark that explains it."""
    assert rule.codes is None or rule.codes.carc not in NEED_REMARK or rule.codes.rarc is not None


def test_ids_are_unique_over_all_packs():
    """A rule's id names one rule of the house."""
    assert [found for found, times in Counter(rule.id for _, rule in RULES).items() if times > 1] == []


def test_the_packs_are_as_large_as_promised():
    """Rules that hold for everyone, and the essentials of US claims."""
    sizes = {pack.id: len(pack.rules) for pack in PACKS}
    assert sizes["base"] >= 50
    assert sizes["x12-us"] >= 40
