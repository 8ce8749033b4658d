"""Rules of US claims against a second telling in plain Python, on random claims and small tables.

The second telling shares nothing with the engine: it reads the JSON that was sent and uses fractions.
"""

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import rules_support as support
from claims.domain.rules import engine, examples

MUE = {"G0101": 1, "J1100": 4}
PTP = {("G0101", "Q0091"): True, ("J1100", "G0463"): False}
PACKS, COMMITTED = support.committed()
KNOWN = examples.laid(
    {
        "tables": {
            "mue": {code: {"units": units} for code, units in MUE.items()},
            "ptp": {"|".join(pair): {"modifier_allowed": allowed} for pair, allowed in PTP.items()},
        }
    },
    COMMITTED,
)
ENGINE = engine.Engine([pack for pack in PACKS if pack.id == "x12-us"], KNOWN)
EXEMPT = {"59", "XE", "XS", "XP", "XU", "76", "77", "91", "RT", "LT", "50"}
DISTINCT = {"25", "58", "59", "78", "79", "91", "XE", "XS", "XP", "XU", "LT", "RT"}
AMOUNTS = ["0", "10", "60", "80", "99.99", "100"]

type Row = Mapping[str, Any]
type Claim = Mapping[str, Any]
type Found = set[tuple[str, int | None]]

DECISIONS = st.fixed_dictionaries({
    "paid": st.sampled_from(AMOUNTS),
    "adjustments": st.lists(
        st.fixed_dictionaries({
            "group": st.sampled_from(["CO", "PR", "XX"]), "carc": st.just("45"),
            "amount": st.sampled_from([*AMOUNTS, None]),
        }).map(lambda found: {name: value for name, value in found.items() if value is not None}),
        max_size=2,
    ),
})  # fmt: skip
LINES = st.lists(
    st.fixed_dictionaries({
        "code": st.sampled_from(["G0101", "Q0091", "J1100", "G0463"]),
        "service_date": st.sampled_from(["2026-07-30", "2026-08-01"]),
        "quantity": st.sampled_from(["0", "1", "2", "3", "0.125", "0.0625"]),
        "modifiers": st.lists(st.sampled_from(["25", "59", "76", "GA", "5", "LT", "RT", "XS"]), max_size=5),
        "diagnosis_sequences": st.lists(st.integers(1, 5), max_size=5),
        "net": st.sampled_from(AMOUNTS), "prior_payer": st.lists(DECISIONS, max_size=2),
        "revenue_code": st.sampled_from(["0120", "0219", "0220", "120"]),
    }),
    min_size=1, max_size=4,
)  # fmt: skip
CLAIMS = st.fixed_dictionaries({
    "regime": st.just("x12-us"), "type": st.sampled_from(["professional", "institutional"]),
    "frequency_code": st.sampled_from(["1", "2", "7", "8"]),
    "payer_claim_control_number": st.sampled_from(["P1", None]),
    "provider": st.fixed_dictionaries({"id": st.integers(1_234_567_890, 1_234_567_899).map(str)}),
    "billable_period": st.fixed_dictionaries({
        "start": st.sampled_from(["2026-07-29", "2026-07-31"]),
        "end": st.sampled_from(["2026-07-31", "2026-08-01"]),
    }),
    "institutional": st.fixed_dictionaries({
        "type_of_bill": st.sampled_from(["0111", "111", "0112", "131", "0137", "11"]),
        "patient_status": st.sampled_from(["01", "30", "1"]),
    }),
    "insurance": st.lists(
        st.fixed_dictionaries({
            "responsibility": st.sampled_from(["P", "S", "T"]), "focal": st.booleans(),
            "adjudicated": st.one_of(st.none(), DECISIONS),
        }),
        min_size=1, max_size=3,
    ),
    "lines": LINES, "total": st.sampled_from([*AMOUNTS, "200"]),
})  # fmt: skip


def _luhn(text: str) -> bool:
    """The check of a national provider identifier: 24 stands for the prefix 80840."""
    total = 24
    for at, mark in enumerate(reversed(text)):
        digit = int(mark) * (2 if at % 2 else 1)
        total += digit // 10 + digit % 10
    return total % 10 == 0


def _taken(decisions: list[Row]) -> Fraction | None:
    amounts = [entry.get("amount") for decision in decisions for entry in decision["adjustments"]]
    return None if None in amounts else sum((Fraction(str(amount)) for amount in amounts), Fraction(0))


def _head(claim: Claim) -> Found:
    found: Found = set()
    bill = claim["institutional"]["type_of_bill"].removeprefix("0")
    formed = len(bill) == 3
    kind, last, status = bill[:2], bill[-1], claim["institutional"]["patient_status"]
    hospital = claim["type"] == "institutional"
    whole = [
        ("X12-101", not _luhn(claim["provider"]["id"])),
        ("X12-305", not hospital and claim["frequency_code"] == "2"),
        ("X12-307", claim["frequency_code"] in "78" and claim["payer_claim_control_number"] is None),
        ("X12-308", claim["frequency_code"] == "1" and claim["payer_claim_control_number"] is not None),
        ("X12-602", hospital and not formed),
        ("X12-603", hospital and formed and last != claim["frequency_code"]),
        ("X12-606", hospital and formed and kind == "11"),
        ("X12-615", hospital and status == "1"),
        ("X12-617", hospital and formed and kind == "11" and last in "14" and status == "30"),
        ("X12-626", hospital and formed and kind == "11" and _lodged(claim)),
    ]
    return found | {(rule, None) for rule, wrong in whole if wrong}


def _lodged(claim: Claim) -> bool:
    """Room and board is billed, but not for the days of the stay."""
    units = [
        Fraction(line["quantity"]) for line in claim["lines"] if line["revenue_code"] in {"0120", "0219"}
    ]
    first, last = (dt.date.fromisoformat(claim["billable_period"][name]) for name in ("start", "end"))
    stayed = claim["institutional"]["patient_status"] == "30"
    return bool(units) and sum(units) != max(1, (last - first).days + stayed)


def _lines(claim: Claim) -> Found:
    found: Found = set()
    office = claim["type"] == "professional"
    for at, line in enumerate(claim["lines"]):
        pointers, units, modifiers = (
            line["diagnosis_sequences"],
            Fraction(line["quantity"]),
            line["modifiers"],
        )
        wrong = [
            ("X12-506", len(line["revenue_code"]) != 4),
            ("X12-510", office and units == 0),
            ("X12-511", (units * 1000).denominator != 1),
            ("X12-515", len(modifiers) > 4),
            ("X12-516", 0 < len(modifiers) < 5 and "5" in modifiers),
            ("X12-517", {"59", "XS"} <= set(modifiers)),
            ("X12-518", {"LT", "RT"} <= set(modifiers)),
            ("X12-520", office and not pointers),
            ("X12-521", office and len(pointers) > 4),
            ("X12-605", not office and not claim["billable_period"]["start"] <= line["service_date"]
             <= claim["billable_period"]["end"]),
        ]  # fmt: skip
        if len(line["prior_payer"]) == 1 and (taken := _taken(line["prior_payer"])) is not None:
            wrong.append(
                ("X12-211", Fraction(line["net"]) != Fraction(line["prior_payer"][0]["paid"]) + taken)
            )
        found |= {(rule, at) for rule, holds in wrong if holds}
    return found


def _edits(claim: Claim) -> Found:
    found: Found = set()
    plain = [line for line in claim["lines"] if not EXEMPT & set(line["modifiers"])]
    for at, line in enumerate(claim["lines"]):
        same = [
            other for other in plain
            if (other["code"], other["service_date"]) == (line["code"], line["service_date"])
        ]  # fmt: skip
        units = sum(Fraction(other["quantity"]) for other in same)
        if same and same[0] is line and line["code"] in MUE and units > MUE[line["code"]]:
            found.add(("X12-541", at))
        for other in claim["lines"]:
            allowed = PTP.get((other["code"], line["code"]))
            told_apart = DISTINCT & ({*line["modifiers"]} | {*other["modifiers"]})
            if other["service_date"] == line["service_date"] and allowed is not None:
                found |= set() if allowed and told_apart else {("X12-542", at)}
    return found


def _payers(claim: Claim) -> Found:
    found: Found = set()
    rows = claim["insurance"]
    places = Counter(row["responsibility"] for row in rows)
    decided = [row for row in rows if row["adjudicated"]]
    asked = "".join(row["responsibility"] for row in rows if row["focal"])
    before = {"P": "S" in asked or "T" in asked, "S": "T" in asked, "T": False}
    several = any(len(line["prior_payer"]) > 1 for line in claim["lines"])
    on_lines = [_taken(line["prior_payer"]) for line in claim["lines"]]
    for at, row in enumerate(rows):
        told = row["adjudicated"]
        taken = _taken([told]) if told else None
        wrong = [
            ("X12-205", places[row["responsibility"]] > 1),
            ("X12-206", row["focal"] and row["responsibility"] in "ST" and not places["P"]),
            ("X12-207", not row["focal"] and before[row["responsibility"]] and not told),
            ("X12-212", bool(told) and any(entry["group"] == "XX" for entry in told["adjustments"])),
        ]
        if told and len(decided) == 1 and taken is not None and not several and None not in on_lines:
            known = [amount for amount in on_lines if amount is not None]
            wrong.append(("X12-210", Fraction(claim["total"]) != Fraction(told["paid"]) + taken + sum(known)))
        found |= {(rule, at) for rule, holds in wrong if holds}
    return found


TOLD = {
    f"X12-{number}"
    for number in (
        101, 205, 206, 207, 210, 211, 212, 305, 307, 308, 506, 510, 511, 515, 516, 517, 518, 520, 521, 541,
        542, 602, 603, 605, 606, 615, 617, 626,
    )
}  # fmt: skip


def _row(path: str) -> int | None:
    return int(path.partition("[")[2].partition("]")[0]) if "[" in path else None


@settings(max_examples=300, deadline=None)
@given(CLAIMS)
def test_engine_and_second_telling_agree(claim: Claim):
    """Twenty-eight rules fire in exactly the rows in which their second telling says so."""
    built, as_of = examples.build(claim)
    outcome = ENGINE.evaluate(built, as_of=as_of)
    fired = {(finding.rule, _row(finding.path)) for finding in outcome.findings if finding.rule in TOLD}
    assert fired == _head(claim) | _lines(claim) | _edits(claim) | _payers(claim)


@settings(max_examples=60, deadline=None)
@given(CLAIMS)
def test_other_regimes_never_hear_of_these_rules(claim: Claim):
    """A plain or nphies claim with the same contents has no finding of the US pack."""
    for regime in ("base", "nphies"):
        built, as_of = examples.build({**claim, "regime": regime})
        outcome = ENGINE.evaluate(built, as_of=as_of)
        assert (outcome.findings, outcome.not_checked, outcome.rules) == ([], [], [])


def test_the_readme_lists_every_rule_once():
    """packs/x12-us/README.md is complete and true: id, severity, title, source."""
    [pack] = [pack for pack in PACKS if pack.id == "x12-us"]
    told = [
        line for line in (support.PACKS / "x12-us/README.md").read_text().splitlines() if "| X12-" in line
    ]
    rows = [f"| {rule.id} | {rule.severity} | {rule.title.en} | {rule.source} |" for rule in pack.rules]
    assert sorted(told) == sorted(rows)
    assert len(rows) >= 100
