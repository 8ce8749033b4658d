"""The base pack against a second telling of its rules in plain Python, on random claims.

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
from claims.domain.rules import examples

DAYS = ["2026-07-30", "2026-07-31", "2026-08-01", "2026-08-02", "2026-08-03"]
AMOUNTS = ["-1", "0", "0.01", "33.33", "50", "99.99", "100", "115"]


def _maybe(values: list[Any]) -> st.SearchStrategy[Any]:
    return st.sampled_from([*values, None])


LINES = st.lists(
    st.fixed_dictionaries({
        "sequence": st.integers(1, 3), "code": st.sampled_from(["X-1", "X-2"]),
        "service_date": _maybe(DAYS), "service_end": _maybe(DAYS),
        "quantity": _maybe(["-1", "0", "1", "2", "0.3333"]), "unit_price": _maybe(AMOUNTS),
        "factor": _maybe(["0", "0.5", "1", "0.9"]), "tax": _maybe(AMOUNTS), "net": _maybe(AMOUNTS),
        "patient_share": _maybe(AMOUNTS), "modifiers": st.lists(st.sampled_from(["76", "GT"]), max_size=1),
        "tooth": _maybe(["11"]),
        "diagnosis_sequences": st.lists(st.integers(1, 3), max_size=2),
        "care_team_sequences": st.lists(st.integers(1, 2), max_size=2),
    }),
    min_size=1, max_size=3,
).map(lambda lines: [*lines, {**lines[0], "sequence": len(lines) + 1}])  # fmt: skip
CLAIMS = st.fixed_dictionaries({
    "use": st.sampled_from(["claim", "preauthorization"]),
    "created": _maybe(DAYS), "total": _maybe([*AMOUNTS, "200"]),
    "currency": _maybe(["SAR", "USD"]),
    "patient": st.fixed_dictionaries({
        "birth_date": _maybe([*DAYS, "1880-01-01"]), "deceased_date": _maybe(DAYS),
    }),
    "encounter": st.fixed_dictionaries({"start": _maybe(DAYS), "end": _maybe(DAYS)}),
    "insurance": st.lists(
        st.fixed_dictionaries({"sequence": st.integers(1, 2), "focal": st.sampled_from([True, False, None])}),
        min_size=1, max_size=3,
    ),
    "diagnoses": st.lists(
        st.fixed_dictionaries({
            "sequence": st.integers(1, 3), "code": st.sampled_from(["E11.9", "I10"]),
            "system": st.just("icd-10"),  # no table judges it
            "type": st.lists(st.sampled_from(["principal", "secondary"]), max_size=1),
        }),
        max_size=3,
    ),
    "lines": LINES,
})  # fmt: skip

type Row = Mapping[str, Any]
type Claim = Mapping[str, Any]
type Found = set[tuple[str, int | None]]


def _number(row: Row, name: str) -> Fraction | None:
    return None if row.get(name) is None else Fraction(row[name])


def _day(row: Row, name: str) -> dt.date | None:
    return None if row.get(name) is None else dt.date.fromisoformat(row[name])


def _cents(value: Fraction) -> Fraction:
    """Round to hundredths, halves away from zero."""
    scaled = abs(value) * 100
    whole = int(scaled) + (scaled - int(scaled) >= Fraction(1, 2))
    return Fraction(whole if value >= 0 else -whole, 100)


def _later(first: dt.date | None, second: dt.date | None) -> bool:
    return first is not None and second is not None and first > second


def _money(claim: Claim) -> Found:
    found: Found = set()
    for at, line in enumerate(claim["lines"]):
        net, tax, share = (_number(line, name) for name in ("net", "tax", "patient_share"))
        price, quantity, factor = (_number(line, name) for name in ("unit_price", "quantity", "factor"))
        if net is not None and price is not None and quantity is not None:
            expected = _cents(quantity * price * (1 if factor is None else factor)) + (tax or 0)
            found |= {("BASE-101", at)} if net != expected else set()
        signs = {"103": tax, "104": share, "105": quantity, "106": net, "107": price}
        found |= {(f"BASE-{rule}", at) for rule, value in signs.items() if value is not None and value < 0}
        if net is not None and net >= 0:
            found |= {("BASE-108", at)} if share is not None and share > net else set()
            found |= {("BASE-115", at)} if tax is not None and tax > net else set()
        found |= {("BASE-109", at)} if factor is not None and factor <= 0 else set()
        found |= {("BASE-110", at)} if net is None and claim["use"] == "claim" else set()
        found |= {("BASE-112", at)} if price is not None and quantity is None else set()
    nets, total = [_number(line, "net") for line in claim["lines"]], _number(claim, "total")
    known = [net for net in nets if net is not None]
    if total is not None and len(known) == len(nets) and total != sum(known):
        found.add(("BASE-102", None))
    return found | ({("BASE-111", None)} if claim.get("currency") is None else set())


def _order(claim: Claim) -> Found:
    found: Found = set()
    for rule, name in (("BASE-201", "lines"), ("BASE-202", "diagnoses"), ("BASE-205", "insurance")):
        uses = Counter(row["sequence"] for row in claim[name])
        found |= {(rule, at) for at, row in enumerate(claim[name]) if uses[row["sequence"]] > 1}
    diagnoses = {row["sequence"] for row in claim["diagnoses"]}
    for at, line in enumerate(claim["lines"]):
        found |= {("BASE-211", at)} if not set(line["diagnosis_sequences"]) <= diagnoses else set()
        found |= {("BASE-212", at)} if not set(line["care_team_sequences"]) <= {1} else set()
    return found


def _dates(claim: Claim) -> Found:
    found: Found = set()
    start, end = _day(claim["encounter"], "start"), _day(claim["encounter"], "end")
    birth, death = _day(claim["patient"], "birth_date"), _day(claim["patient"], "deceased_date")
    created = _day(claim, "created")
    for at, line in enumerate(claim["lines"]):
        service, last = _day(line, "service_date"), _day(line, "service_end")
        if claim["use"] == "claim":
            found |= {("BASE-301", at)} if _later(service, created) else set()
            outside = _later(start, service) or (start is not None and _later(service, end))
            found |= {("BASE-304", at)} if outside else set()
        found |= {("BASE-302", at)} if _later(service, last) else set()
        found |= {("BASE-307", at)} if _later(birth, service) else set()
        found |= {("BASE-308", at)} if _later(service, death) else set()
    whole = [
        ("BASE-303", _later(start, end)), ("BASE-309", _later(created, support.AS_OF)),
        ("BASE-310", _later(birth, created)), ("BASE-312", _later(birth, death)),
        ("BASE-311", birth is not None and birth.year == 1880 and created is not None),
    ]  # fmt: skip
    return found | {(rule, None) for rule, wrong in whole if wrong}


def _kinds(claim: Claim) -> Found:
    found: Found = set()
    types = [row["type"] for row in claim["diagnoses"]]
    principal = sum("principal" in kind for kind in types)
    focal = [row["focal"] for row in claim["insurance"]]
    whole = [
        ("BASE-401", principal > 1),
        ("BASE-402", claim["use"] == "claim" and any(types) and principal == 0),
        ("BASE-404", claim["use"] == "claim" and not types),
        ("BASE-601", len(focal) > 1 and focal.count(True) != 1),
        ("BASE-602", focal == [False]),
        ("BASE-603", len(focal) > 1 and focal.count(True) != 1),
    ]
    seen: dict[tuple[Any, ...], int] = {}
    for row in claim["diagnoses"]:
        key = (row["code"], tuple(row["type"]))
        seen[key] = min(seen.get(key, row["sequence"]), row["sequence"])
    for at, row in enumerate(claim["diagnoses"]):
        found |= {("BASE-403", at)} if seen[row["code"], tuple(row["type"])] < row["sequence"] else set()
    return found | {(rule, None) for rule, wrong in whole if wrong}


def _twice(claim: Claim) -> Found:
    names = ("code", "service_date", "modifiers", "tooth", "care_team_sequences")
    keys = [tuple(str(line.get(name)) for name in names) for line in claim["lines"]]
    first: dict[tuple[str, ...], int] = {}
    for key, line in zip(keys, claim["lines"], strict=True):
        first[key] = min(first.get(key, line["sequence"]), line["sequence"])
    return {
        ("BASE-701", at)
        for at, (key, line) in enumerate(zip(keys, claim["lines"], strict=True))
        if claim["use"] == "claim" and line["service_date"] and "76" not in line["modifiers"]
        if first[key] < line["sequence"]
    }


TOLD = {
    *(f"BASE-{number}" for number in (*range(101, 113), 115)),
    *(f"BASE-{number}" for number in range(307, 313)), "BASE-201", "BASE-202", "BASE-205", "BASE-211",
    "BASE-212", "BASE-301", "BASE-302", "BASE-303", "BASE-304",
    "BASE-401", "BASE-402", "BASE-403", "BASE-404", "BASE-601", "BASE-602", "BASE-603", "BASE-701",
}  # fmt: skip


def _row(path: str) -> int | None:
    return int(path.partition("[")[2].partition("]")[0]) if "[" in path else None


@settings(max_examples=250, deadline=None)
@given(CLAIMS)
def test_engine_and_second_telling_agree(claim: Claim):
    """Forty rules fire in exactly the rows in which their second telling says so."""
    built, as_of = examples.build(claim)
    outcome = support.judging().evaluate(built, as_of=as_of)
    fired = {(finding.rule, _row(finding.path)) for finding in outcome.findings if finding.rule in TOLD}
    assert fired == _money(claim) | _order(claim) | _dates(claim) | _kinds(claim) | _twice(claim)


@settings(max_examples=100, deadline=None)
@given(CLAIMS)
def test_a_rule_fires_or_is_undecided_never_both(claim: Claim):
    """In one row a rule is TRUE, FALSE or unknown; an unknown one names something that is really absent."""
    built, as_of = examples.build(claim)
    outcome = support.judging().evaluate(built, as_of=as_of)
    fired = {(finding.rule, finding.path) for finding in outcome.findings}
    assert fired.isdisjoint({(entry.rule, entry.path) for entry in outcome.not_checked})
    for entry in outcome.not_checked:
        assert entry.missing
        assert all(_absent(claim, path) for path in entry.missing), entry


def _absent(claim: Claim, path: str) -> bool:
    """Tell whether the value at a path is missing, in some row where the path names all rows."""
    head, _, name = path.rpartition(".")
    if not head or head in {"patient", "encounter"}:
        return (claim if not head else claim[head]).get(name) is None
    rows, _, at = head.partition("[")
    chosen = claim[rows] if not at else [claim[rows][int(at.rstrip("]"))]]
    return any(row.get(name) is None for row in chosen)


@settings(max_examples=100, deadline=None)
@given(CLAIMS, st.randoms(use_true_random=False))
def test_the_order_of_lines_is_no_fact(claim: Claim, random: Any):
    """Lines in another order give the same findings at the same lines."""
    shuffled = [*claim["lines"]]
    random.shuffle(shuffled)

    def told(lines: list[Row]) -> list[tuple[str, str]]:
        built, as_of = examples.build({**claim, "lines": lines})
        outcome = support.judging().evaluate(built, as_of=as_of)
        return sorted(
            (
                finding.rule,
                "" if (at := _row(finding.path)) is None or "lines" not in finding.path else str(lines[at]),
            )
            for finding in outcome.findings
        )

    assert told([*claim["lines"]]) == told(shuffled)
