"""The table of numbers in packs/nphies/README.md is complete and true."""

import collections
import re
from collections.abc import Iterable

import pytest

import fhir_support
import rules_support as support
from claims.domain.rules import packs
from formats import media, readers

ROW = re.compile(r"^\| ((?:BV|GE)-\d{5}) \| ([^|]+?) \| ([^|]*?) \| ([^|]+?) \|$", re.MULTILINE)
README = (support.PACKS / "nphies" / "README.md").read_text()
ROWS = {number: (where, rule.strip(), says) for number, where, rule, says in ROW.findall(README)}
PACKS = {pack.id: pack for pack in support.committed()[0]}


def numbers(*found: int | range, family: str = "BV") -> set[str]:
    """Numbers of a family as the guide writes them."""
    flat = [number for part in found for number in ([part] if isinstance(part, int) else part)]
    return {f"{family}-{number:05d}" for number in flat}


def span(first: int, last: int) -> range:
    """A range of numbers, both ends included."""
    return range(first, last + 1)


# The list as the product's notes have it, section by section; payers' messages apart.
CLAIMS = (
    numbers(126, 130, 341, 168, 79, 225, 221, 165, 351, 163, 457, 532, 533, 542, 76)
    | numbers(20, 31, 32, 33, 34, 28, family="GE")
    | numbers(2, 44, 42, 43, 453, 454, 442, 443, 444, 502, 501)
    | numbers(251, 224, 254, 433, 434, 435, 36, 59, span(82, 96), 482)
    | numbers(64, 61, 66, 41, 52, 850, 851, 848)
    | numbers(54, 57, 27, 477, 478, 723, 376, span(763, 780), span(803, 806), 752, 846, 849, 506, 507, 553)
    | numbers(557, 747, 748, 756, 757, 751, 746, 809, 731)
    | numbers(486)  # told beside the units of measurement
    | numbers(741, 742, 743, span(732, 735), 727, 737, 744, 740, 855)
    | numbers(400, 420, 449, 462, 379, 382, 725, 508, 797, 798, 481)
    | numbers(span(342, 345), span(364, 368))
)
PAYERS = (
    numbers(97, 19, 46, 228, 255, 22, 23, 390, 391, 497, 498, 450, 374, 250, 480, 463, 392, 393, 394, 397)
    | numbers(505, 534, 537, 853, 854, 386, 387)
    | numbers(354, 479, 363, 401, 432, 495, 496, 193, 357, 377, 378)
)


def asked_of_nphies() -> Iterable[tuple[packs.Pack, packs.Rule]]:
    """Every rule that can be asked of a claim of nphies, with its pack."""
    for pack in PACKS.values():
        if "nphies" in pack.regimes:
            for rule in pack.rules:
                if not rule.applies.regime or "nphies" in rule.applies.regime:
                    yield pack, rule


def test_every_number_of_the_list_has_one_row():
    """No number is left out, none is told twice, none is made up."""
    told = [number for number, *_ in ROW.findall(README)]
    assert [number for number, times in collections.Counter(told).items() if times > 1] == []
    assert set(told) == CLAIMS | PAYERS


def test_payers_messages_are_said_to_be_unread():
    """What judges an answer or a payment is not claimed for this pack, and nothing else is put there."""
    assert {number for number, (where, _, _) in ROWS.items() if where == "payer's message"} == PAYERS


@pytest.mark.parametrize("number", sorted(ROWS))
def test_a_row_names_rules_that_there_are(number: str):
    """A row of a pack names rules of that pack that nphies claims are asked."""
    where, rule, _ = ROWS[number]
    if where in PACKS:
        there = {found.id for pack, found in asked_of_nphies() if pack.id == where}
        assert set(rule.split(", ")) <= there
        assert rule


def test_every_rule_with_a_number_stands_in_the_row_of_its_number():
    """A rule that carries a number is named there, with its pack; so no number has two rules unseen."""
    carried = [
        (rule.codes.bv, pack.id, rule.id) for pack, rule in asked_of_nphies() if rule.codes and rule.codes.bv
    ]
    for number, pack, rule in carried:
        where, named, _ = ROWS[number]
        assert (where, rule in named.split(", ")) == (pack, True), number
    times = collections.Counter(number for number, _, _ in carried)
    assert {number for number, found in times.items() if found > 1} == {"BV-00052"}  # one for each period


def test_a_rule_whose_id_is_a_number_carries_it():
    """The id of a numbered rule and its code are one."""
    for rule in PACKS["nphies"].rules:
        assert rule.codes is not None
        if not rule.id.startswith("NPH-"):
            assert rule.codes.bv == rule.id


def test_as_many_numbers_are_enforced_as_promised():
    """More than 120 numbers are enforced on claims; the figures in the text are those of the table."""
    enforced = {number for number in CLAIMS if ROWS[number][0] != "not enforced"}
    own = {rule.codes.bv for _, rule in asked_of_nphies() if rule.codes and rule.codes.bv}
    assert len(enforced) >= 130
    assert len(own) >= 115
    stated = re.search(
        r"Of (\d+) numbers in our list, (\d+) are enforced.*?, (\d+) judge.*? and (\d+) cannot",
        README,
        re.DOTALL,
    )
    assert stated is not None
    assert [int(found) for found in stated.groups()] == [
        len(ROWS), len(enforced), len(PAYERS), len(CLAIMS) - len(enforced),
    ]  # fmt: skip


def _refused(document: dict[str, object]) -> set[str]:
    (found,) = readers.read(fhir_support.text(document), media.FHIR)
    assert isinstance(found, readers.Refused)
    return {violation.code for violation in found.fault.violations} | {
        number
        for violation in found.fault.violations
        for number in re.findall(r"BV-\d{5}", violation.message)
    }


def test_what_the_reader_is_said_to_refuse_is_refused():
    """Header first (126), one form of the date (66), one currency, two decimals (GE-28)."""
    headless = fhir_support.message()
    del headless["entry"][0]
    assert {"message.no_header", "BV-00126"} <= _refused(headless)
    both = fhir_support.nphies_item(servicedPeriod={"start": "2026-05-10"})
    assert {"value.ambiguous", "BV-00066"} <= _refused(
        fhir_support.message(fhir_support.nphies_claim(item=[both]))
    )
    mixed = fhir_support.nphies_claim(total=fhir_support.money(138, "USD"))
    assert "currency.mixed" in _refused(fhir_support.message(mixed))
    exact = fhir_support.nphies_claim(total=fhir_support.money(138.001))
    assert "money.too_many_decimals" in _refused(fhir_support.message(exact))
