"""nphies' clinical and encounter rules, told a second time by hand: what each asks, and of which claims."""

import datetime as dt
import functools
import json
from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import rules_support as support
import sound_claims
from claims.domain.rules import examples, packs
from formats import canonical

FILES = (
    "accidents", "clinical-diagnoses", "clinical-notes", "encounters", "newborn", "pharmacy", "vital-signs",
)  # fmt: skip
VITALS = (
    "vital-sign-weight", "vital-sign-height", "vital-sign-systolic", "vital-sign-diastolic", "temperature",
    "pulse", "oxygen-saturation", "chief-complaint", "respiratory-rate",
)  # fmt: skip
NOTES = {
    "investigation-result": "BV-00752", "treatment-plan": "BV-00803", "patient-history": "BV-00804",
    "physical-examination": "BV-00805", "history-of-present-illness": "BV-00806",
}  # fmt: skip
ASKED = {
    kind: {category: f"BV-{first + at:05d}" for at, category in enumerate(VITALS)} | NOTES
    for kind, first in (("institutional", 763), ("professional", 772))
}
UNITS = {
    "vital-sign-weight": (70, "kg"), "vital-sign-height": (170, "cm"), "vital-sign-systolic": (120, "mm[Hg]"),
    "vital-sign-diastolic": (80, "mm[Hg]"), "temperature": (36.8, "Cel"), "pulse": (72, "/min"),
    "oxygen-saturation": (98, "%"), "respiratory-rate": (16, "/min"),
}  # fmt: skip
PROFILE = "http://nphies.sa/fhir/ksa/nphies-fs/StructureDefinition/"
ADMITTED = dt.date(2026, 8, 1)  # the encounter's start in the smallest claim


@functools.cache
def _mine() -> frozenset[str]:
    rules = support.PACKS / "nphies" / "rules"
    read = (yaml.safe_load((rules / f"{name}.yaml").read_text(encoding="utf-8")) for name in FILES)
    return frozenset(rule["id"] for file in read for rule in file)


@functools.cache
def _pack() -> packs.Pack:
    return next(pack for pack in support.committed()[0] if pack.id == "nphies")


def _found(partial: Mapping[str, Any]) -> set[str]:
    """The rules of these files that fire on an nphies claim."""
    claim, as_of = examples.build({"regime": "nphies", **partial})
    fired = {finding.rule for finding in support.judging().evaluate(claim, as_of=as_of).findings}
    return fired & _mine()


def _entry(category: str) -> dict[str, Any]:
    value, unit = UNITS.get(category, (None, None))
    return {"category": category} | (
        {} if unit is None else {"value_quantity": {"value": value, "unit": unit}}
    )


def _visit(**changes: Any) -> dict[str, Any]:
    """A consultation with all that is asked of it."""
    asked = [_entry(category) for category in ASKED["professional"]]
    return {"encounter": {"service_event_type": "ICSE"}, "supporting_info": asked} | changes


def _stay(**changes: Any) -> dict[str, Any]:
    """An inpatient stay with all that is asked of it."""
    encounter = {
        "class": "IMP", "admit_source": "EER", "specialty": "08.00", "intended_length_of_stay": "IO",
        "discharge_specialty": "08.00", "discharge_disposition": "home",
    }  # fmt: skip
    asked = [_entry(category) for category in ASKED["institutional"]]
    return {
        "type": "institutional", "subtype": "ip", "encounter": encounter, "supporting_info": asked,
    } | changes  # fmt: skip


def _emergency(**changes: Any) -> dict[str, Any]:
    """A visit to an emergency room with all that is asked of it."""
    encounter = {
        "class": "EMER", "emergency_arrival": "PV", "triage_category": "U",
        "triage_date": "2026-08-01T09:10:00+03:00", "emergency_service_start": "2026-08-01T09:20:00+03:00",
    }  # fmt: skip
    return _visit(subtype="emr", encounter=encounter) | changes


SOUND: dict[str, dict[str, Any]] = {
    "visit": _visit(),
    "visit to authorise": _visit(use="preauthorization"),
    "stay": _stay(),
    "emergency": _emergency(),
    "dental": {"type": "oral", "encounter": {"service_event_type": "SCSE"}},
    "vision": {"type": "vision", "encounter": None, "supporting_info": []},
    "pharmacy": {
        "type": "pharmacy", "encounter": None,
        "supporting_info": [{"category": "days-supply", "value_quantity": {"value": 30, "unit": "d"}}],
    },
    "newborn": _stay(
        newborn=True, patient={"birth_date": "2026-07-30"},
        diagnoses=[{"code": "P59.9", "system": "icd-10-am"},
                   {"code": "Z38.0", "system": "icd-10-am", "type": ["secondary"]}],
        supporting_info=[*_stay()["supporting_info"],
                         {"category": "birth-weight", "value_quantity": {"value": 3.1, "unit": "kg"}},
                         {"category": "admission-weight", "value_quantity": {"value": 3.0, "unit": "kg"}}],
    ),
    "traffic": _emergency(
        accident={"type": "MVA", "date": "2026-08-01"},
        diagnoses=[{"code": "S72.0", "system": "icd-10-am"},
                   {"code": "V43.5", "system": "icd-10-am", "type": ["secondary"]}],
    ),
}  # fmt: skip


def test_every_example_comes_out():
    """Each rule does on its examples what it says it does."""
    assert examples.check(_pack(), support.committed()[1]) == []


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_claim_is_left_alone(name: str):
    """A claim with all that is asked of its kind has no finding."""
    assert _found(SOUND[name]) == set()


@given(
    data=st.data(), kind=st.sampled_from([kind for kind in sound_claims.ALL if kind.startswith("nphies/")])
)
def test_generated_sound_claims_are_left_alone(data: st.DataObject, kind: str):
    """No rule of any pack finds an error in a sound claim of any type."""
    claim = canonical.decode(json.dumps(data.draw(sound_claims.strategy(kind))).encode())
    findings = support.judging().evaluate(claim, as_of=sound_claims.AS_OF).findings
    assert [finding.rule for finding in findings if finding.severity == "error"] == []


@given(data=st.data(), kind=st.sampled_from(["institutional", "professional"]))
def test_what_is_missing_is_what_is_told(data: st.DataObject, kind: str):
    """Of vital signs and notes, exactly those that are not there are asked for, each by its own number."""
    given_ = data.draw(st.sets(st.sampled_from(sorted(ASKED[kind]))))
    claim = (_stay if kind == "institutional" else _visit)(
        use=data.draw(st.sampled_from(["claim", "preauthorization"])),
        supporting_info=[_entry(category) for category in sorted(given_)],
    )
    asked = {number for category, number in ASKED[kind].items() if category not in given_}
    assert _found(claim) - {"NPH-LENGTH-OF-STAY"} == asked


@pytest.mark.parametrize("kind", ["institutional", "professional", "oral"])
@pytest.mark.parametrize(
    ("version", "encounter", "asked"),
    [("1.0.0", False, False), ("1.0.0", True, True), ("5.2.0", False, True), (None, False, None)],
)
def test_older_messages_are_spared(kind: str, version: str | None, *, encounter: bool, asked: bool | None):
    """Without an encounter, 1.0.0 is asked nothing, a newer profile everything; unknown is not checked."""
    profile = [] if version is None else [f"{PROFILE}{kind}-claim|{version}"]
    number = {"institutional": "BV-00763", "professional": "BV-00772", "oral": "BV-00751"}[kind]
    claim, as_of = examples.build(
        {"regime": "nphies", "type": kind, "profile": profile, "supporting_info": []}
        | ({} if encounter else {"encounter": None})
    )
    outcome = support.judging().evaluate(claim, as_of=as_of)
    assert (number in {finding.rule for finding in outcome.findings}) is bool(asked)
    assert (number in {entry.rule for entry in outcome.not_checked}) is (asked is None)


@pytest.mark.parametrize("kind", ["institutional", "professional", "oral", "pharmacy", "vision"])
@pytest.mark.parametrize("class_", ["IMP", "SS", "AMB", "EMER", "HH", "VR", "ACUTE"])
def test_the_class_fits_the_claim(kind: str, class_: str):
    """Stays belong to institutional claims, dental care to the clinic; pharmacy and vision are not asked."""
    fits = {"institutional": {"IMP", "SS"}, "professional": {"EMER", "AMB", "HH", "VR"}, "oral": {"AMB"}}
    numbers = {"institutional": "BV-00741", "professional": "BV-00742", "oral": "BV-00743"}
    wrong = {numbers[kind]} if kind in fits and class_ not in fits[kind] else set()
    found = _found({"type": kind, "encounter": {"class": class_}})
    assert found & set(numbers.values()) == wrong


@pytest.mark.parametrize(
    ("field", "number"),
    [("emergency_arrival", "BV-00732"), ("triage_date", "BV-00733"), ("triage_category", "BV-00734"),
     ("emergency_service_start", "BV-00735")],
)  # fmt: skip
def test_an_emergency_tells_how_it_began(field: str, number: str):
    """Each of the four facts of an emergency is asked for by its own number."""
    encounter = {**_emergency()["encounter"], field: None}
    assert _found(_emergency(encounter=encounter)) == {number}


@pytest.mark.parametrize(
    ("field", "number"),
    [("admit_source", "BV-00727"), ("specialty", "BV-00737"), ("intended_length_of_stay", "BV-00744"),
     ("discharge_specialty", "NPH-DISCHARGE-SPECIALTY"), ("discharge_disposition", "NPH-DISCHARGE")],
)  # fmt: skip
def test_a_stay_tells_how_it_came_about(field: str, number: str):
    """Each fact of a stay is asked for by its own number."""
    encounter = {**_stay()["encounter"], field: None}
    assert _found(_stay(encounter=encounter)) == {number}


@given(days=st.integers(0, 800), newborn=st.booleans(), weighed=st.booleans())
def test_infants_and_newborns(days: int, *, newborn: bool, weighed: bool):
    """Under 365 days on admission the weight is asked; a newborn is at most 90 days old, weighed and Z38."""
    info = [*_stay()["supporting_info"]]
    info += [{"category": "birth-weight"}, {"category": "admission-weight"}] if weighed else []
    birth = (ADMITTED - dt.timedelta(days=days)).isoformat()
    told = _found(_stay(newborn=newborn, patient={"birth_date": birth}, supporting_info=info))
    asked = {
        "BV-00849": days < 365 and not weighed, "BV-00506": newborn and not weighed,
        "BV-00507": weighed and not newborn, "BV-00553": newborn and days > 90, "BV-00557": newborn,
    }  # fmt: skip
    assert told & set(asked) == {number for number, holds in asked.items() if holds}


CODES = st.builds(
    lambda letter, number, dot: f"{letter}{number:02d}{dot}",
    st.sampled_from("ABCDFHJKPRSTUVWXYZcdvy"), st.integers(0, 99),
    st.sampled_from(["", ".0", ".9", "0", "9"]),
)  # fmt: skip


@given(codes=st.lists(CODES, min_size=1, max_size=4, unique=True), kind=st.sampled_from(["MVA", "WPA", None]))
def test_accidents_agree_with_their_cause(codes: list[str], kind: str | None):
    """Traffic and work injuries go with their kind of accident, and accidents with an injury or a cause."""
    diagnoses = [{"code": code, "system": "icd-10-am", "type": ["secondary"]} for code in codes]
    accident = None if kind is None else {"type": kind, "date": "2026-08-01"}
    told = _found(_visit(diagnoses=diagnoses, accident=accident))
    heads = {code[:3].upper() for code in codes}
    plain = {code.replace(".", "").upper() for code in codes}
    vehicle = heads & {f"V{number:02d}" for number in (2, 3, 4, 12, 13, 14, *range(20, 80))}
    work = {code for code in plain if code[:3] == "Y96" or code[:4] in {"Y990", "U730"}}
    asked = {
        "BV-00747": bool(work) and kind != "WPA",
        "BV-00748": kind == "WPA" and not any(head[0] in "STVWXY" or head == "U73" for head in heads),
        "BV-00756": bool(vehicle) and kind is None,
        "BV-00757": kind == "MVA" and not any(head[0] == "V" or head == "Y85" for head in heads),
        "NPH-CV-1-10": kind == "WPA",
    }
    assert told & set(asked) == {number for number, holds in asked.items() if holds}


@given(codes=st.lists(CODES, max_size=3, unique=True), given_=st.booleans())
def test_morphology_goes_with_tumours(codes: list[str], *, given_: bool):
    """A stay with a tumour has morphology, and morphology has a tumour."""
    diagnoses = [{"code": code, "system": "icd-10-am", "type": ["secondary"]} for code in codes]
    info = [*_stay()["supporting_info"], *([{"category": "morphology"}] if given_ else [])]
    told = _found(_stay(diagnoses=diagnoses, supporting_info=info))
    tumour = any(code[0].upper() == "C" or (code[0].upper() == "D" and code[1:3] < "50") for code in codes)
    # C00 is the first: nothing with C comes before it, and D49 the last of the lists.
    assert ("BV-00746" in told, "BV-00809" in told) == (tumour and not given_, given_ and not tumour)


KINDS = st.sampled_from(["principal", "secondary", "admitting", "discharge", "differential"])


@given(kinds=st.lists(KINDS, min_size=1, max_size=5), subtype=st.sampled_from(["ip", "op", "emr", None]))
def test_kinds_of_diagnoses(kinds: list[str], subtype: str | None):
    """Exactly one is principal; admitting and discharge belong to inpatient claims."""
    diagnoses = [{"code": f"I{at}0", "type": [kind]} for at, kind in enumerate(kinds)]
    told = _found({"subtype": subtype, "diagnoses": diagnoses})
    outside = subtype in {"op", "emr"}
    asked = {
        "BV-00054": kinds.count("principal") != 1, "BV-00057": False,
        "BV-00477": "admitting" in kinds and outside, "BV-00478": "discharge" in kinds and outside,
    }  # fmt: skip
    assert told & set(asked) == {number for number, holds in asked.items() if holds}


@given(links=st.lists(st.sets(st.integers(1, 4)), min_size=1, max_size=3),
       supplies=st.sets(st.integers(1, 4)))  # fmt: skip
def test_each_medicine_has_one_supply(links: list[set[int]], supplies: set[int]):
    """A line of a pharmacy claim is linked to exactly one entry of days' supply."""
    info = [{"category": "days-supply" if at in supplies else "info"} for at in range(1, 5)]
    lines = [{"code": f"X-{at}", "information_sequences": sorted(link)} for at, link in enumerate(links)]
    claim, as_of = examples.build(
        {"regime": "nphies", "type": "pharmacy", "supporting_info": info, "lines": lines}
    )
    findings = support.judging().evaluate(claim, as_of=as_of).findings
    told = {finding.line for finding in findings if finding.rule == "BV-00376"}
    assert told == {at for at, link in enumerate(links, start=1) if len(link & supplies) != 1}


@pytest.mark.parametrize(
    ("died", "cause", "told"),
    [("disposition", None, "BV-00740"), ("date", None, "BV-00740"), ("", "I21.9", "BV-00855"),
     ("disposition", "I21.9", None), ("date", "I21.9", None), ("", None, None)],
)  # fmt: skip
def test_a_death_and_its_cause_go_together(died: str, cause: str | None, told: str | None):
    """Who died has a cause of death, and who has one died."""
    encounter = {**_stay()["encounter"], "cause_of_death": cause}
    encounter |= {"discharge_disposition": "died"} if died == "disposition" else {}
    patient = {"deceased_date": "2026-08-01"} if died == "date" else {}
    assert _found(_stay(encounter=encounter, patient=patient)) == ({told} if told else set())
