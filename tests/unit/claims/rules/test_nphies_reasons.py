"""nphies' reasons of rejection that a claim and customers' tables can tell beforehand, told a second time."""

import dataclasses
import datetime as dt
import functools
from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import rules_support as support
from claims.domain import decisions
from claims.domain.rules import engine, examples, packs, tree

FILES = ("reasons-patient", "reasons-services", "vital-values")
UNITS = {
    "vital-sign-weight": "kg", "vital-sign-height": "cm", "vital-sign-systolic": "mm[Hg]",
    "vital-sign-diastolic": "mm[Hg]", "temperature": "Cel", "pulse": "/min", "oxygen-saturation": "%",
    "respiratory-rate": "/min", "birth-weight": "kg", "admission-weight": "kg", "icu-hours": "h",
    "ventilation-hours": "h", "days-supply": "d", "estimated-Length-of-Stay": "d",
}  # fmt: skip
BOUNDS = {
    "vital-sign-weight": ("WEIGHT", 0.3, 400), "vital-sign-height": ("HEIGHT", 20, 250),
    "vital-sign-systolic": ("SYSTOLIC", 40, 300), "vital-sign-diastolic": ("DIASTOLIC", 10, 200),
    "temperature": ("TEMPERATURE", 25, 44), "pulse": ("PULSE", 20, 300),
    "oxygen-saturation": ("OXYGEN", 40, 100), "respiratory-rate": ("BREATHING", 4, 120),
    "birth-weight": ("BIRTH-WEIGHT", 0.3, 7),
    "admission-weight": ("ADMISSION-WEIGHT", 0.3, 400),
}  # fmt: skip
SERVICE = "local|X-100"
CONTRACT = f"7001571327|{SERVICE}"
# An example with tables compiles the rules that look into them again: slow on a busy machine.
COMPILING = settings(deadline=None, max_examples=40)
TOLD = {"patient": {"occupation": "business"}, "care_team": [{"qualification": "08.00"}]}
NO_TABLE = "not checked: no table for this date"


@functools.cache
def _mine() -> frozenset[str]:
    rules = support.PACKS / "nphies" / "rules"
    read = (yaml.safe_load((rules / f"{name}.yaml").read_text(encoding="utf-8")) for name in FILES)
    return frozenset(rule["id"] for file in read for rule in file)


@functools.cache
def _looking() -> list[packs.Pack]:
    """The pack with those rules alone that look into tables: quick to compile again for other tables."""
    pack = next(pack for pack in support.committed()[0] if pack.id == "nphies")
    looking = [rule for rule in pack.rules if rule.id in _mine() and _tables(rule)]
    return [dataclasses.replace(pack, rules=tuple(looking))]


def _tables(rule: packs.Rule) -> bool:
    nodes = (*tree.walk(rule.when), *tree.walk(rule.violation))
    return any(isinstance(node, tree.Call) and node.table for node in nodes)


def _judged(partial: Mapping[str, Any]) -> engine.Outcome:
    judge = support.judging()
    if "tables" in partial:
        judge = engine.Engine(_looking(), examples.laid(partial, support.committed()[1]))
    claim, as_of = examples.build({"regime": "nphies", **TOLD, **partial})
    return judge.evaluate(claim, as_of=as_of)


def _findings(partial: Mapping[str, Any]) -> dict[str, decisions.Finding]:
    """The findings of these files, by rule; with tables of those that look into one."""
    return {finding.rule: finding for finding in _judged(partial).findings if finding.rule in _mine()}


def _found(partial: Mapping[str, Any]) -> set[str]:
    return set(_findings(partial))


def _entry(category: str, value: float | None, unit: str | None) -> dict[str, Any]:
    quantity = {} if value is None else {"value_quantity": {"value": value, "unit": unit}}
    return {"category": category} | quantity


def test_a_claim_that_says_everything_is_left_alone():
    """Without tables of a customer nothing is found, and what needs one is said not to be checked."""
    outcome = _judged({"diagnoses": [{"code": "E11.9", "system": "icd-10-am"}]})
    assert {finding.rule for finding in outcome.findings} & _mine() == set()
    unchecked = {entry.rule: entry.reason for entry in outcome.not_checked if entry.rule in _mine()}
    licensed = (
        "NPH-AD-3-7",
        "NPH-AD-3-8",
        "NPH-BE-1-4",
        "NPH-BE-1-6",
        "NPH-BE-1-6-BELOW",
        "NPH-CODE-ICD-10-AM",
    )
    assert unchecked == dict.fromkeys(licensed, NO_TABLE)


@given(
    category=st.sampled_from(sorted(UNITS)), unit=st.sampled_from([*set(UNITS.values()), "cel", "lb", None])
)
def test_every_measurement_has_one_unit(category: str, unit: str | None):
    """A value in another unit, or in none, is told with the unit that is meant."""
    value = 30.0  # within every bound but that of a birth weight
    told = _findings({"supporting_info": [_entry(category, value, unit)]})
    right = unit == UNITS[category] or (category == "temperature" and unit == "cel")
    assert ("BV-00486" in told) is not right
    if not right:
        assert told["BV-00486"].expected == UNITS[category]


@given(data=st.data(), category=st.sampled_from(sorted(BOUNDS)))
def test_values_outside_the_bounds_are_doubted(data: st.DataObject, category: str):
    """The bounds themselves are plausible, and a wrong unit is one finding, not two."""
    name, low, high = BOUNDS[category]
    value = data.draw(st.sampled_from([low, high]) | st.floats(0, 5_000).map(lambda x: round(x, 2)))
    rule = f"NPH-VITAL-{name}"
    told = _found({"supporting_info": [_entry(category, value, UNITS[category])]})
    assert told == (set() if low <= value <= high else {rule})
    assert rule not in _found({"supporting_info": [_entry(category, value, "[lb_av]")]})


@given(
    upper=st.lists(st.integers(60, 200), max_size=3), lower=st.lists(st.integers(60, 200), max_size=3),
)  # fmt: skip
def test_pressures_are_exchanged_only_where_no_pair_fits(upper: list[int], lower: list[int]):
    """One reading above the other is enough to be left alone."""
    info = [_entry("vital-sign-systolic", value, "mm[Hg]") for value in upper]
    info += [_entry("vital-sign-diastolic", value, "mm[Hg]") for value in lower]
    exchanged = bool(upper) and bool(lower) and max(upper) <= min(lower)
    assert ("NPH-VITAL-PRESSURE" in _found({"supporting_info": info})) is exchanged


@pytest.mark.parametrize("category", sorted(BOUNDS))
def test_a_vital_sign_without_a_number_is_told(category: str):
    """A category alone says nothing."""
    assert _found({"supporting_info": [_entry(category, None, None)]}) == {"NPH-VITAL-VALUE"}


WOMEN = ("O00.1", "O99.8", "N70.1", "N98.9", "C51.9", "C58", "D25.0", "D28.9", "D39.1", "Q50.0", "Q52.9",
         "Z32.0", "Z36.9", "Z37.0", "Z39.2", "o80")  # fmt: skip
MEN = ("N40", "N51.8", "C60.9", "C61", "C63.9", "D29.1", "D40.0", "Q53.9", "Q55.9", "c62.1")
BOTH = ("N69.9", "N99.0", "N39.0", "N52.9", "C50.9", "C59", "C64", "D24", "D30.0", "D38.1", "D41.0",
        "Q49.9", "Q56.0", "Z31.0", "Z38.0", "P00.0", "E11.9")  # fmt: skip


@pytest.mark.parametrize("sex", ["male", "female", "unknown", "other", None])
@pytest.mark.parametrize("code", [*WOMEN, *MEN, *BOTH])
def test_diagnoses_of_one_sex(sex: str | None, code: str):
    """ICD-10's blocks of one sex, at their first and last codes; an unknown sex is not told."""
    partial = {
        "patient": {"sex": sex, "occupation": "business"},
        "diagnoses": [{"code": code, "system": "icd-10-am"}],
    }
    told = _found(partial) & {"NPH-AD-3-6-FEMALE", "NPH-AD-3-6-MALE"}
    wrong = {("male", code in WOMEN): "NPH-AD-3-6-FEMALE", ("female", code in MEN): "NPH-AD-3-6-MALE"}
    assert told == {rule for key, rule in wrong.items() if key == (sex, True)}


@COMPILING
@given(
    age=st.integers(0, 90), first=st.none() | st.integers(0, 90), last=st.none() | st.integers(0, 90),
    sex=st.sampled_from(["male", "female", None]),
)  # fmt: skip
def test_services_of_one_age_and_sex(age: int, first: int | None, last: int | None, sex: str | None):
    """A service that a table limits fits between its ages, both included, and its sex."""
    partial = {
        "patient": {"birth_date": f"{2026 - age}-08-01", "sex": "male", "occupation": "business"},
        "tables": {"service-edits": {SERVICE: {"age_from": first, "age_to": last, "sex": sex}}},
    }
    told = _found(partial) & {"NPH-AD-3-7", "NPH-AD-3-8"}
    wrong = (first is not None and age < first) or (last is not None and age > last)
    assert ("NPH-AD-3-7" in told, "NPH-AD-3-8" in told) == (wrong, sex == "female")


PRICES = st.decimals("0.01", "300", places=2)


@COMPILING
@given(price=PRICES, agreed=PRICES, factor=st.sampled_from(["1", "0.9", "1.1", None]))
def test_prices_are_held_against_the_contract(price: Any, agreed: Any, factor: str | None):
    """More than agreed is a warning, to the halala; less is information, unless a factor says it is meant."""
    partial = {
        "lines": [{"unit_price": float(price), "factor": factor and float(factor), "net": 1}],
        "tables": {"tariff": {CONTRACT: {"price": agreed, "currency": "SAR"}}},
    }
    told = _found(partial) & {"NPH-BE-1-6", "NPH-BE-1-6-BELOW"}
    asked = price * (1 if factor is None else type(price)(factor))
    below = factor in {None, "1"} and price < agreed
    assert ("NPH-BE-1-6" in told, "NPH-BE-1-6-BELOW" in told) == (asked > agreed, below)


@pytest.mark.parametrize(
    "shown",
    [
        {"insurance": [{"preauth_refs": ["PA-1"]}]}, {"lines": [{"preauth_ref": "PA-1"}]},
        {"authorization": {"offline_date": "2026-07-31"}}, {"authorization": {"prior_auth_response": "R-1"}},
        {"encounter": {"class": "EMER"}}, {"lines": [{"emergency": True}]}, {"use": "preauthorization"},
    ],
)  # fmt: skip
def test_any_sign_of_an_approval_or_emergency_suffices(shown: dict[str, Any]):
    """A number of the claim or line, an answer, an approval outside the exchange, or an emergency."""
    needed = {"tables": {"preauthorization-required": {CONTRACT: {"required": True}}}}
    assert "NPH-BE-1-4" in _found(needed)
    assert "NPH-BE-1-4" not in _found({**needed, **shown})


@COMPILING
@given(days=st.integers(0, 400), own=st.none() | st.integers(10, 300), every=st.integers(10, 300))
def test_the_payers_own_limit_comes_first(days: int, own: int | None, every: int):
    """A payer's own days count, else everyone's; the last day is in time."""
    limits = {"*": {"days": every}} | ({} if own is None else {"7001571327": {"days": own}})
    served = dt.date(2026, 8, 2) - dt.timedelta(days=days)
    partial = {"lines": [{"service_date": served.isoformat()}], "tables": {"filing-limits": limits}}
    late = days > (every if own is None else own)
    assert ("NPH-AD-2-5" in _found(partial)) is late
    again = {**partial, "related": [{"claim_id": "C-1", "relationship": "prior"}]}
    assert "NPH-AD-2-5" not in _found(again)


@given(start=st.integers(-3, 3), end=st.integers(-3, 3))
def test_services_lie_within_the_cover(start: int, end: int):
    """Both days of the cover belong to it."""
    day = dt.date(2026, 8, 1)
    cover = {
        "start": (day + dt.timedelta(days=start)).isoformat(),
        "end": (day + dt.timedelta(days=end)).isoformat(),
    }
    told = _found({"insurance": [{"coverage": cover}]}) & {"NPH-AD-2-3", "NPH-CV-2-1"}
    assert ("NPH-AD-2-3" in told, "NPH-CV-2-1" in told) == (start > 0, end < 0)
    assert not _found({"use": "preauthorization", "insurance": [{"coverage": cover}]}) & {"NPH-AD-2-3"}


@given(tooth=st.integers(0, 99), age=st.integers(1, 90))
def test_teeth_by_quadrant_and_place(tooth: int, age: int):
    """Quadrants one to four have eight permanent teeth, five to eight have five milk teeth."""
    quadrant, place = divmod(tooth, 10)
    known = (1 <= quadrant <= 4 and 1 <= place <= 8) or (5 <= quadrant <= 8 and 1 <= place <= 5)
    partial = {
        "type": "oral", "lines": [{"tooth": f"{tooth:02d}"}],
        "patient": {"birth_date": f"{2026 - age}-08-01", "occupation": "business"},
    }  # fmt: skip
    told = _found(partial)
    assert ("NPH-TOOTH" in told) is not known
    if known:
        assert ("NPH-TOOTH-AGE" in told) is (age >= 20 if quadrant > 4 else age < 4)


@pytest.mark.parametrize(
    ("system", "code", "table", "rule"),
    [
        ("sbs", "83600-00-11", {"sbs": {"83600-00-10": {}}}, "NPH-CODE-SBS"),
        ("nphies-services", "83600-00-10", {"sbs": {"83600-00-10": {}}}, None),
        ("gtin", "06285096000010", {"gtin": {"06285096000027": {}}}, "NPH-CV-4-10"),
        ("gtin", "99999999999999", {"gtin": {"06285096000027": {}}}, None),
        ("local", "83600-00-11", {"sbs": {"83600-00-10": {}}, "gtin": {"1": {}}}, None),
    ],
)
def test_codes_are_looked_up_in_the_customers_lists(
    system: str, code: str, table: dict[str, Any], rule: str | None
):
    """Only codes of a list's own system are looked up in it."""
    told = _found({"lines": [{"system": system, "code": code}], "tables": table})
    assert told & {"NPH-CODE-SBS", "NPH-CV-4-10"} == ({rule} if rule else set())


@given(hours=st.integers(0, 200), days=st.integers(0, 5))
def test_hours_fit_into_the_stay(hours: int, days: int):
    """A stay from one day to the next has at most 48 hours."""
    encounter = {"start": "2026-08-01", "end": (dt.date(2026, 8, 1) + dt.timedelta(days=days)).isoformat()}
    info = [_entry("icu-hours", hours, "h")]
    told = _found({"created": "2026-08-09", "encounter": encounter, "supporting_info": info})
    assert ("NPH-HOURS" in told) is (hours > 24 * (days + 1))
