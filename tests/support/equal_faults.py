"""Faults of claims for the comparison with peers: what may be changed, left out or sent again."""

import copy
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

ABSENT = object()
BY_NUMBER = {"BASE-114", "BASE-123", "BASE-206"}  # rules over details, which we join by numbers of lines

_DAYS = (ABSENT, "2019-06-01", "2026-07-31", "2026-08-01", "2026-08-01T23:30:00Z", "2030-01-01", "1900-01-01")
_MONEY = (ABSENT, -1, 0, 12.34, 100, 250, 99999.99)
_POINTERS: tuple[list[int], ...] = ([], [1], [1, 2], [9], [1, 1])
_SEQUENCE = (1, 2, 99)
_DETAIL = {"sequence": 1, "code": "X-1", "system": "local"}
_LINE: Mapping[str, tuple[Any, ...]] = {
    "sequence": _SEQUENCE, "net": _MONEY, "tax": _MONEY, "patient_share": _MONEY, "unit_price": _MONEY,
    "quantity": (ABSENT, 0, -1, 1, 2.5, 1000), "factor": (ABSENT, 0, 1, 0.5, -1), "service_date": _DAYS,
    "service_end": _DAYS, "code": (ABSENT, "g0103", "X9999", "99213", "D0120", "ZZZ", "J1940"),
    "system": (ABSENT, "hcpcs", "HCPCS", "cpt", "sbs", "gtin", "cdt", "local"),
    "revenue_code": (ABSENT, "0270"), "modifiers": ([], ["76"], ["25"], ["XE", "25"]),
    "tooth": (ABSENT, "11"),
    "diagnosis_sequences": _POINTERS, "care_team_sequences": _POINTERS, "information_sequences": _POINTERS,
    "procedure_sequences": _POINTERS, "package": (ABSENT, True, False), "preauth_ref": (ABSENT, "A-1"),
    "details": (
        ABSENT, [_DETAIL], [_DETAIL, _DETAIL],
        [{**_DETAIL, "net": 60}, {**_DETAIL, "sequence": 2, "net": -5}],
        [{**_DETAIL, "quantity": 2, "unit_price": 50, "net": 90, "details": [{**_DETAIL, "net": 90}]}],
        [{**_DETAIL, "net": 100, "details": [{**_DETAIL, "net": 60}, {**_DETAIL, "sequence": 2, "net": 30}]}],
    ),
}  # fmt: skip
_ROWS: Mapping[str, Mapping[str, tuple[Any, ...]]] = {
    "lines": _LINE,
    "diagnoses": {
        "sequence": _SEQUENCE, "code": (ABSENT, "E11", "E119", "e11.9", "ZZZ", "I10"),
        "system": (ABSENT, "icd-10-cm", "icd-10-am", "ICD-10-CM", "http://hl7.org/fhir/sid/icd-10-cm"),
        "type": ([], ["principal"], ["secondary"], ["secondary", "admitting"]),
    },
    "care_team": {"sequence": _SEQUENCE, "practitioner": (ABSENT, "PR-1")},
    "supporting_info": {
        "sequence": _SEQUENCE, "category": (ABSENT, "onset"), "text": (ABSENT, "thirst"),
        "code": (ABSENT, "A"), "value_string": (ABSENT, "x"), "value_quantity": (ABSENT,),
        "start": _DAYS, "end": _DAYS,
        "value_attachment": (ABSENT, {"title": "report"}, {"content_type": "application/pdf"}),
    },
    "insurance": {
        "sequence": _SEQUENCE, "focal": (ABSENT, True, False), "preauth_refs": ([], ["A-1"], ["A-1", "A-2"]),
        "coverage": (ABSENT, {"payer": "P"}, {"payer": "P", "member_id": "M"},
                     {"payer": "P", "member_id": "M", "start": "2026-08-02", "end": "2026-08-01"}),
        "adjudicated": (ABSENT, {"paid": 1, "date": "2030-01-01"}, {"paid": 1, "date": "2026-08-01"}),
    },
    "procedures": {"sequence": _SEQUENCE, "date": _DAYS},
}  # fmt: skip
_HEAD: Mapping[str, tuple[Any, ...]] = {
    "total": _MONEY, "currency": (ABSENT, "sar", "USD", "KWD", "riyal"), "created": _DAYS,
    "type": ("professional", "institutional", "vision"),
    "use": ("claim", "preauthorization", "predetermination"),
    "status": (ABSENT, "active", "draft"), "frequency_code": (ABSENT, "1", "3", "7"),
    "newborn": (ABSENT, True), "diagnoses": ([],), "care_team": ([],), "regime": (ABSENT, "base"),
    "billable_period": (ABSENT, {"start": "2026-08-01", "end": "2026-07-01"}, {"start": "2026-07-01",
                        "end": "2026-07-31"}, {"end": "2026-08-01"}),
    "encounter": (ABSENT, {"start": "2026-08-01", "end": "2026-07-31"}, {"start": "2030-01-01"},
                  {"end": "2026-04-01"}, {"start": "2026-08-01T22:30:00Z"}),
    "amounts": (ABSENT, {"patient_paid": -1}, {"patient_paid": 1e6}, {"prior_payer_paid": 1e6},
                {"patient_estimated": -1}),
    "accident": (ABSENT, {"date": "2030-01-01"}, {"type": "MVA"}),
    "related": ([], [{"relationship": "prior"}], [{"relationship": "associated", "claim_id": "C-1"}],
                [{"relationship": "extend", "reference": "Claim/1"}]),
    "patient": ({"id": "1"}, {"id": "1", "sex": "male", "birth_date": "2026-08-01"}, {"name": "N"},
                {"id": "1", "birth_date": "1880-01-01", "deceased_date": "2026-07-31"},
                {"id": "1", "birth_date": "2030-01-01", "deceased_date": "2029-01-01"}),
    "provider": ({"id": "PR-1"}, {"id": "PR-2"}, {"name": "Clinic"}),
}  # fmt: skip


def faulty(claim: Mapping[str, Any], number: int) -> st.SearchStrategy[dict[str, Any]]:
    """Return a strategy of claims like this one with up to six faults, under one of two ids."""
    changes = st.lists(st.one_of(_changed_row(), _changed_head(), _doubled()), max_size=6)
    return changes.map(lambda found: _with(claim, found, number))


def _changed_row() -> st.SearchStrategy[tuple[Any, ...]]:
    return st.sampled_from(sorted(_ROWS)).flatmap(
        lambda name: st.sampled_from(sorted(_ROWS[name])).flatmap(
            lambda field: st.tuples(
                st.just(name), st.integers(0, 2), st.just(field), st.sampled_from(_ROWS[name][field])
            )
        )
    )


def _changed_head() -> st.SearchStrategy[tuple[Any, ...]]:
    return st.sampled_from(sorted(_HEAD)).flatmap(
        lambda field: st.tuples(st.just(field), st.sampled_from(_HEAD[field]))
    )


def _doubled() -> st.SearchStrategy[tuple[Any, ...]]:
    return st.tuples(st.sampled_from(sorted(_ROWS)))


def _with(claim: Mapping[str, Any], changes: list[tuple[Any, ...]], number: int) -> dict[str, Any]:
    found: dict[str, Any] = copy.deepcopy(dict(claim))
    found["claim_id"] = f"{claim['claim_id']}-{number % 2}"
    for change in changes:
        if len(change) == 2:
            _set(found, *change)
            continue
        rows = found.setdefault(change[0], [])
        if not rows:
            rows.append({"sequence": 1, "description": "words"} if change[0] == "lines" else {"sequence": 1})
        elif len(change) == 1:
            rows.append({**copy.deepcopy(rows[0]), "sequence": len(rows) + 1})
        if len(change) == 4:
            _set(rows[change[1] % len(rows)], *change[2:])
    for line in found["lines"]:
        if "code" not in line:
            line["description"] = "words"  # a line says what was done by one of them
    return found


def _set(row: dict[str, Any], field: str, value: Any) -> None:
    if value is ABSENT:
        row.pop(field, None)
    else:
        row[field] = copy.deepcopy(value)


# What is done with a claim that comes again, and the rules about duplicates that this can fire.
HISTORIES: Mapping[str, set[str]] = {
    "other id": {"HIST-101"},
    "same id": set(),
    "other provider": {"HIST-104"},
    "no provider": set(),
    "other practitioner": {"HIST-103"},
    "other payer": set(),
    "no payer": {"HIST-103"},
    "a moment of the day": {"HIST-103"},
    "modifier of a repeat": set(),
    "another modifier": {"HIST-103"},
    "replacement": set(),
    "restated": set(),
    "extended": set(),
    "newborn": set(),
    "pre-authorisation": set(),
}


def again(claim: Mapping[str, Any], case: str) -> dict[str, Any]:
    """Return a claim as it comes a second time."""
    found: dict[str, Any] = copy.deepcopy(dict(claim))
    if case != "same id":
        found["claim_id"] += "-2"
    found |= copy.deepcopy(_SAID_AGAIN.get(case, {}))
    if case in {"other provider", "no provider"}:
        found["provider"] = {"id": "PR-ELSEWHERE"} if case == "other provider" else {"name": "Clinic"}
    elif case == "other practitioner":
        found["care_team"][0]["practitioner"] = "PR-ELSE"
    elif case in {"other payer", "no payer"}:
        _set(found["insurance"][0]["coverage"], "payer", "PAYER-99" if case == "other payer" else ABSENT)
    for line in found["lines"]:
        line.update(_LINES_AGAIN.get(case, {}))
        if case == "a moment of the day":
            line["service_date"] = f"{line['service_date'][:10]}T10:00:00+03:00"
    return found


_SAID_AGAIN: Mapping[str, Mapping[str, Any]] = {
    "replacement": {"frequency_code": "7"},
    "restated": {"related": [{"relationship": "prior", "claim_id": "C"}]},
    "extended": {"related": [{"relationship": "extend", "claim_id": "C"}]},
    "newborn": {"newborn": True},
    "pre-authorisation": {"use": "preauthorization"},
}
_LINES_AGAIN: Mapping[str, Mapping[str, Any]] = {
    "modifier of a repeat": {"modifiers": ["76"]},
    "another modifier": {"modifiers": ["25"]},
}


def compared(claim: Mapping[str, Any], found: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return what is compared of findings: where numbers of lines repeat, not the rules that go by them."""
    numbers = [line["sequence"] for line in claim["lines"]]
    if len(set(numbers)) == len(numbers):
        return found
    return [(rule, path) for rule, path in found if rule not in BY_NUMBER]
