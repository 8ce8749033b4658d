"""The later half of the base pack against a second telling in plain Python, on random claims.

As in test_base_by_hand: it shares nothing with the engine and reads the JSON that was sent.
"""

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import rules_support as support
from claims.domain.rules import examples

DAYS = ["2025-07-31", "2026-07-30", "2026-07-31", "2026-08-01", "2026-08-02", "2026-08-03"]
AMOUNTS = ["-1", "0", "50", "100", "100.01"]

type Row = Mapping[str, Any]
type Claim = Mapping[str, Any]
type Found = set[tuple[str, int | None]]


def _maybe(values: list[Any]) -> st.SearchStrategy[Any]:
    return st.sampled_from([*values, None])


def _span() -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({"start": _maybe(DAYS), "end": _maybe(DAYS)})


CLAIMS = st.fixed_dictionaries({
    "use": st.sampled_from(["claim", "preauthorization"]), "created": _maybe(DAYS),
    "status": _maybe(["active", "draft"]), "newborn": _maybe([True, False]),
    "currency": _maybe(["SAR", "sar", "riyal", "KWD"]), "total": _maybe(["100", "200"]),
    "patient": st.fixed_dictionaries({
        "birth_date": _maybe(DAYS), "deceased_date": _maybe(DAYS), "sex": _maybe(["female"]),
    }),
    "encounter": st.fixed_dictionaries({"start": _maybe(DAYS)}),
    "billable_period": _span(), "accident": st.fixed_dictionaries({"date": _maybe(DAYS)}),
    "amounts": st.fixed_dictionaries({
        "patient_paid": _maybe(AMOUNTS), "patient_estimated": _maybe(AMOUNTS),
        "prior_payer_paid": _maybe(AMOUNTS),
    }),
    "insurance": st.lists(
        st.fixed_dictionaries({
            "focal": st.just(value=True), "coverage": _span(),
            "adjudicated": st.fixed_dictionaries({"paid": st.just("1"), "date": _maybe(DAYS)}),
        }),
        min_size=1, max_size=1,
    ),
    "diagnoses": st.lists(
        st.fixed_dictionaries({"code": _maybe(["I10"]), "system": _maybe(["icd-10"])}), max_size=2,
    ),
    "procedures": st.lists(
        st.fixed_dictionaries({"sequence": st.integers(1, 2), "code": st.just("P"), "date": _maybe(DAYS)}),
        max_size=3,
    ),
    "related": st.lists(
        st.fixed_dictionaries({"claim_id": _maybe(["C"]), "reference": _maybe(["R"])}), max_size=2,
    ),
    "lines": st.lists(
        st.fixed_dictionaries({
            "code": _maybe(["X-1"]), "description": st.just("words"), "service_date": _maybe(DAYS),
            "quantity": _maybe(["0", "1"]), "procedure_sequences": st.lists(st.integers(1, 2), max_size=2),
            "package": _maybe([True, False]),
            "details": st.lists(
                st.fixed_dictionaries({
                    "net": _maybe(AMOUNTS), "tax": _maybe(AMOUNTS), "quantity": _maybe(["-2"]),
                }),
                max_size=2,
            ),
        }),
        min_size=1, max_size=3,
    ),
})  # fmt: skip


def _later(first: str | None, second: str | None) -> bool:
    return first is not None and second is not None and first > second  # ISO days sort as texts


def _outside(day: str | None, first: str | None, last: str | None) -> bool:
    return None not in {day, first, last} and not str(first) <= str(day) <= str(last)


def _years(birth: str, day: str) -> int:
    born, now = dt.date.fromisoformat(birth), dt.date.fromisoformat(day)
    return now.year - born.year - ((now.month, now.day) < (born.month, born.day))


def _lines(claim: Claim) -> Found:
    found: Found = set()
    cover, period = claim["insurance"][0]["coverage"], claim["billable_period"]
    procedures = {row["sequence"] for row in claim["procedures"]}
    asked = claim["use"] == "claim"
    for at, line in enumerate(claim["lines"]):
        day = line["service_date"]
        wrong = [
            ("BASE-118", asked and line["quantity"] == "0"),
            ("BASE-124", line["package"] is True and not line["details"]),
            ("BASE-214", not set(line["procedure_sequences"]) <= procedures),
            ("BASE-315", asked and claim["created"] is None and _later(day, support.AS_OF.isoformat())),
            ("BASE-316", asked and _later(cover["start"], day)),
            ("BASE-317", asked and _later(day, cover["end"])),
            ("BASE-321", asked and _outside(day, period["start"], period["end"])),
            ("BASE-504", line["code"] is None),
        ]
        found |= {(rule, at) for rule, holds in wrong if holds}
    return found


def _rows(claim: Claim) -> Found:
    found: Found = set()
    uses = Counter(row["sequence"] for row in claim["procedures"])
    for at, row in enumerate(claim["procedures"]):
        found |= {("BASE-207", at)} if uses[row["sequence"]] > 1 else set()
        late = claim["use"] == "claim" and _later(row["date"], claim["created"])
        found |= {("BASE-322", at)} if late else set()
    for at, row in enumerate(claim["diagnoses"]):
        found |= {("BASE-406", at)} if row["code"] is not None and row["system"] is None else set()
    for at, row in enumerate(claim["related"]):
        found |= {("BASE-607", at)} if row["claim_id"] is None and row["reference"] is None else set()
    cover = claim["insurance"][0]
    found |= {("BASE-313", 0)} if _later(cover["coverage"]["start"], cover["coverage"]["end"]) else set()
    found |= {("BASE-324", 0)} if _later(cover["adjudicated"]["date"], support.AS_OF.isoformat()) else set()
    return found


def _details(claim: Claim) -> Counter[int]:
    """How many details of each line hold a negative number."""
    return Counter(
        at
        for at, line in enumerate(claim["lines"])
        for row in line["details"]
        if "-1" in (row["net"], row["tax"]) or row["quantity"] == "-2"
    )


def _whole(claim: Claim) -> Found:
    patient, period, created = claim["patient"], claim["billable_period"], claim["created"]
    amounts = {name: Decimal(value) for name, value in claim["amounts"].items() if value is not None}
    asked, begun = claim["use"] == "claim", claim["encounter"]["start"]
    total = None if claim["total"] is None else Decimal(claim["total"])
    born = patient["birth_date"]
    wrong = [
        ("BASE-116", total is not None and amounts.get("patient_paid", total) > total),
        ("BASE-117", asked and total is None),
        ("BASE-119", any(amount < 0 for amount in amounts.values())),
        ("BASE-120", total is not None and amounts.get("prior_payer_paid", total) > total),
        ("BASE-122", claim["currency"] in {"sar", "riyal"}),
        ("BASE-306", _later(period["start"], period["end"])),
        ("BASE-318", asked and _later(claim["accident"]["date"], created)),
        ("BASE-319", asked and _later(begun, created)),
        ("BASE-320", _later(born, begun)),
        ("BASE-323", _later(patient["deceased_date"], support.AS_OF.isoformat())),
        ("BASE-407", bool(claim["newborn"] and born and created) and _years(born, created) >= 1),
        ("BASE-611", claim["status"] == "draft"),
        ("BASE-613", patient["sex"] is None),
        ("BASE-614", born is None),
    ]
    return {(rule, None) for rule, holds in wrong if holds}


TOLD = {
    *(
        f"BASE-{number}"
        for number in (116, 117, 118, 119, 120, 122, 124, 207, 214, 306, 313, 406, 407, 504, 607)
    ),
    *(f"BASE-{number}" for number in (*range(315, 325), 611, 613, 614)),
}


def _row(path: str) -> int | None:
    return int(path.partition("[")[2].partition("]")[0]) if "[" in path else None


@settings(max_examples=250, deadline=None)
@given(CLAIMS)
def test_engine_and_second_telling_agree(claim: Claim):
    """Twenty-eight more rules fire in exactly the rows in which their second telling says so."""
    built, as_of = examples.build(claim)
    outcome = support.judging().evaluate(built, as_of=as_of)
    fired = {(finding.rule, _row(finding.path)) for finding in outcome.findings if finding.rule in TOLD}
    assert fired == _lines(claim) | _rows(claim) | _whole(claim)
    negative = Counter(_row(finding.path) for finding in outcome.findings if finding.rule == "BASE-121")
    assert negative == _details(claim)
