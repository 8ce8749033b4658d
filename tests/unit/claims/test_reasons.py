"""The crosswalk of reasons: both directions, dates, unknown codes, and what follows from a rule's codes."""

import json
import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reasons_support as support
from chassis import errors
from claims.domain import decisions, reasons, reasons_reference, risk
from claims.outbound import reason_files

BOOK = support.committed()
ON = support.ON
DAYS = st.dates(date(1990, 1, 1), date(2040, 1, 1))
CODES = {name: sorted({entry.code for entry in BOOK.lists[name].entries}) for name in reasons.LISTS}
ENDED = {"AD-3-9", "MN-1-3"}  # with nphies' implementation guide v2.5
NEEDS_REMARK = {
    "16", "17", "96", "125", "129", "148", "201", "226", "227", "234", "237", "250", "251", "252", "267",
    "A1",
}  # fmt: skip


def test_every_reason_of_nphies_is_there():
    """71 codes in use, in five families, and the two that ended."""
    entries = BOOK.lists["nphies"].entries
    assert {entry.code for entry in entries if not entry.in_use(ON)} == ENDED
    assert sum(entry.in_use(ON) for entry in entries) == 71
    families = dict.fromkeys(("AD", "CV", "MN", "SE", "BE"), 0)
    for entry in entries:
        families[entry.code[:2]] += entry.in_use(ON)
    assert families == {"AD": 23, "CV": 26, "MN": 2, "SE": 10, "BE": 10}


def test_reasons_name_the_use_they_are_for():
    """Two are for pre-authorisations only, twelve for claims only, the others for both."""
    uses: dict[str, tuple[str, ...]] = {entry.code: entry.uses for entry in BOOK.lists["nphies"].entries}
    assert {code for code, found in uses.items() if found == ("preauthorization",)} == {"AD-3-1", "CV-4-3"}
    assert {code for code, found in uses.items() if found == ("claim",)} == {
        "AD-2-5", "AD-3-4", *(f"BE-1-{number}" for number in range(1, 11)),
    }  # fmt: skip


@pytest.mark.parametrize("code", CODES["nphies"])
def test_every_reason_leads_to_an_adjustment_or_says_that_none_fits(code: str):
    """No reason in use is left without an answer, and an ended one has no suggestion."""
    [entry] = BOOK.entries("nphies", code)
    links = BOOK.adjustments(code, ON)
    assert bool(links) is (entry.in_use(ON) and entry.no_direct is None)
    assert [link.prefer for link in links] == list(range(1, len(links) + 1))


@pytest.mark.parametrize(
    ("nphies", "expected"),
    [
        ("AD-1-5", ["8", "170"]), ("AD-2-5", ["29"]), ("AD-2-6", ["198", "197"]), ("CV-1-1", ["242", "279"]),
        ("CV-3-3", ["35", "149"]), ("BE-1-4", ["197"]), ("BE-1-6", ["45", "16"]), ("BE-1-10", []),
        ("AD-3-1", []), ("MN-1-3", []), ("N-DC-079", []),
    ],
)  # fmt: skip
def test_adjustments_come_in_the_stated_order(nphies: str, expected: list[str]):
    """The preferred adjustment is the first; unknown and ended reasons have none, without a fault."""
    assert [link.carc for link in BOOK.adjustments(nphies, ON)] == expected


def test_the_way_back_prefers_the_same_remark():
    """A remark narrows what an adjustment may mean, and without one the preferred reason comes first."""
    assert BOOK.reasons("252", ON, "N457")[0].nphies == "SE-1-6"
    assert BOOK.reasons("16", ON, "M79")[0].nphies == "BE-1-6"
    assert {link.nphies for link in BOOK.reasons("119", ON)} == {
        "CV-1-8", "CV-3-1", "CV-3-4", "CV-3-5",
    }  # fmt: skip
    assert BOOK.reasons("9999", ON) == []


@given(st.sampled_from(CODES["nphies"]), DAYS)
def test_there_and_back_again(nphies: str, on: date):
    """Whatever adjustment says a reason on a day, the reason is among those it may say that day."""
    for link in BOOK.adjustments(nphies, on):
        assert link in BOOK.reasons(link.carc, on)
        same = [found for found in BOOK.reasons(link.carc, on, link.rarc) if found.rarc == link.rarc]
        assert link in same


@given(st.sampled_from(CODES["carc"]), DAYS)
def test_no_way_leads_to_a_code_out_of_use(carc: str, on: date):
    """On no day does a link join a code that was not yet, or is no longer, in use."""
    for link in BOOK.reasons(carc, on):
        assert BOOK.find("carc", link.carc, on) is not None
        assert BOOK.find("nphies", link.nphies, on) is not None
        assert link.rarc is None or BOOK.find("rarc", link.rarc, on) is not None


def test_a_link_begins_with_its_youngest_code():
    """CARC 272 exists since November 2015: before that day nothing says CV-4-6."""
    first = date(2015, 11, 1)
    assert [link.carc for link in BOOK.adjustments("CV-4-6", first)] == ["272"]
    assert BOOK.adjustments("CV-4-6", first - timedelta(days=1)) == []


def test_an_ended_code_names_its_successor():
    """It is found on its own days, has a label for ever, and is in use no more."""
    assert BOOK.find("carc", "125", date(2013, 1, 1)) is not None
    assert BOOK.find("carc", "125", ON) is None
    assert BOOK.entries("carc", "125")[-1].replaced_by == ("16",)
    assert "ended" in BOOK.label("carc", "125").en


@given(st.text(min_size=1, max_size=20), st.sampled_from(reasons.LISTS))
def test_an_unknown_code_is_its_own_label(code: str, name: reasons.ListName):
    """A payer's code that no list knows is shown as it is, never refused."""
    if not BOOK.entries(name, code):
        assert BOOK.label(name, code) == decisions.Bilingual(en=code, ar=code)
        assert BOOK.find(name, code, ON) is None


@pytest.mark.parametrize("name", reasons.LISTS)
def test_labels_speak_both_languages_shortly(name: reasons.ListName):
    """Arabic letters in the Arabic text, none in the English, and no label is longer than a line."""
    for entry in BOOK.lists[name].entries:
        for text in filter(None, (entry.label, entry.fix, entry.no_direct)):
            assert re.search(r"[\u0621-\u064a]", text.ar), entry.code
            assert not re.search(r"[\u0621-\u064a]", text.en), entry.code
        assert len(entry.label.en) <= 80, entry.code
        assert not entry.label.en.endswith("."), entry.code


def test_adjustments_that_need_a_remark_are_marked():
    """Exactly those whose own text asks for one, and every link to one of them names it."""
    assert {entry.code for entry in BOOK.lists["carc"].entries if entry.needs_remark} == NEEDS_REMARK
    assert all(link.rarc for link in BOOK.links if link.carc in NEEDS_REMARK)


@pytest.mark.parametrize(
    ("code", "group"),
    [
        ("1", "PR"),
        ("3", "PR"),
        ("16", "CO"),
        ("18", "OA"),
        ("23", "OA"),
        ("29", "CO"),
        ("45", "CO"),
        ("201", "PR"),
    ],
)
def test_groups_are_those_of_the_list(code: str, group: str):
    """What the list allows only in some groups is in one of them by default."""
    entry = BOOK.find("carc", code, ON)
    assert entry is not None
    assert entry.group == group
    assert not entry.groups or group in entry.groups


def _codes(**fields: Any) -> decisions.Codes:
    return decisions.Codes(**fields)


@pytest.mark.parametrize(
    ("stated", "kind", "expected"),
    [
        (_codes(nphies="AD-2-5"), "invalid",
         _codes(nphies="AD-2-5", carc="29", group="CO", x12={"category": "A7", "status": "718"})),
        (_codes(nphies="SE-1-9"), "missing",
         _codes(nphies="SE-1-9", carc="16", rarc="M53", group="CO", x12={"category": "A6", "status": "476"})),
        (_codes(nphies="BE-1-6", carc="16", rarc="M54"), "relational",
         _codes(nphies="BE-1-6", carc="16", rarc="M54", group="CO", x12={"category": "A8", "status": "178"})),
        (_codes(carc="206"), "invalid",
         _codes(carc="206", group="CO", x12={"category": "A6", "status": "562"})),
        (_codes(carc="18", group="CO"), "relational",
         _codes(carc="18", group="CO", x12={"category": "A8", "status": "54"})),
        (_codes(nphies="CV-3-5", carc="45"), "invalid",
         _codes(nphies="CV-3-5", carc="45", group="PR", x12={"category": "A7", "status": "107"})),
        (_codes(carc="29", x12={"category": "A3", "status": "718"}), "invalid",
         _codes(carc="29", group="CO", x12={"category": "A3", "status": "718"})),
        (_codes(nphies="BE-1-10"), "invalid", _codes(nphies="BE-1-10")),
        (_codes(bv="BV-00054"), "invalid", _codes(bv="BV-00054")),
        (_codes(nphies="N-DC-079", carc="X9"), "invalid", _codes(nphies="N-DC-079", carc="X9")),
    ],
)  # fmt: skip
def test_codes_are_completed(stated: decisions.Codes, kind: reasons.Kind, expected: decisions.Codes):
    """Adjustment, group and 277CA follow from what a rule states; that stays; nothing is invented."""
    assert BOOK.completed(stated, kind, ON) == expected


@given(
    st.builds(
        decisions.Codes,
        nphies=st.none() | st.sampled_from(CODES["nphies"]), carc=st.none() | st.sampled_from(CODES["carc"]),
        rarc=st.none() | st.sampled_from(CODES["rarc"]), group=st.none() | st.sampled_from(CODES["group"]),
    ),
    st.sampled_from(list(reasons.CATEGORIES)), DAYS,
)  # fmt: skip
def test_completing_adds_and_never_changes(stated: decisions.Codes, kind: reasons.Kind, on: date):
    """Completed codes keep every stated one, complete no further, and hold only codes of the lists."""
    found = BOOK.completed(stated, kind, on)
    for name, value in msgspec.structs.asdict(stated).items():
        assert value is None or getattr(found, name) == value
    assert BOOK.completed(found, kind, on) == found
    assert found.x12 is None or BOOK.entries("status", found.x12["status"])
    assert found.carc is None or BOOK.entries("carc", found.carc)
    assert found.carc is None or stated.carc is not None or BOOK.find("carc", found.carc, on) is not None


def _guess(nphies: str | None, carc: str | None) -> decisions.LikelyReason:
    label = decisions.Bilingual(en="why", ar="لماذا")
    return decisions.LikelyReason(nphies=nphies, carc=carc, label=label, probability=0.5, predicted=True)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (("AD-2-5", None), ("AD-2-5", "29")), ((None, "29"), ("AD-2-5", "29")),
        ((None, "119"), (None, "119")), (("BE-1-3", "45"), ("BE-1-3", "45")),
        (("N-1", None), ("N-1", None)), ((None, "X9"), (None, "X9")), ((None, None), (None, None)),
    ],
)  # fmt: skip
def test_a_predicted_reason_stays_predicted(
    told: tuple[str | None, str | None], expected: tuple[str | None, str | None]
):
    """The code a model left out is added where there is one answer; the mark and the chance are untouched."""
    found = BOOK.likely(_guess(*told), ON)
    assert found == _guess(*expected)
    assert json.loads(msgspec.json.encode(found))["predicted"] is True


def test_a_flagged_line_says_what_helps():
    """The remedy of the likeliest reason goes with the line; a reason without one, or unknown, has none."""
    told = [
        risk.LineReason(row=0, guesses=[_guess(None, "29"), _guess("MN-1-1", "50")]),
        risk.LineReason(row=1),
        risk.LineReason(row=2, guesses=[_guess("CV-3-1", "119")]),
        risk.LineReason(row=3, guesses=[_guess("N-DC-079", None)]),
    ]
    first, *others = [risk.completed(reason, BOOK, ON) for reason in told]
    assert first.guesses[0].nphies == "AD-2-5"
    assert first.fix == BOOK.entries("nphies", "AD-2-5")[0].fix
    assert first.fix is not None
    assert [other.fix for other in others] == [None, None, None]
    assert others == told[1:]


def test_fhir_names_of_findings():
    """What is missing is `required`; otherwise the adjustment says the issue type; unknown ones say none."""
    assert BOOK.issue(_codes(carc="18"), "relational", ON) == "duplicate"
    assert BOOK.issue(_codes(carc="18"), "missing", ON) == "required"
    assert BOOK.issue(_codes(carc="181"), "invalid", ON) == "code-invalid"
    assert BOOK.issue(_codes(), "invalid", ON) is None
    limits = {found.code for found in BOOK.names if found.adjudication == "ar002"}
    assert limits == {"35", "119", "149"}


@given(st.sampled_from(BOOK.names), DAYS)
def test_names_are_found_back(found: reasons.Name, on: date):
    """Whatever FHIR or the 277CA calls an adjustment, the adjustment is among those it calls so."""
    for field in ("issue", "adjudication", "status"):
        value = getattr(found, field)
        if value is not None:
            assert found in BOOK.named(field, value, on)
    assert BOOK.named("status", "999", on) == []


def test_documents_for_readers_hold_what_is_in_use():
    """Plain data with the day, the sources, `official: false`, and links of that day only."""
    found = reasons.as_documents(BOOK, ON)
    assert json.loads(json.dumps(found)) == json.loads(msgspec.json.encode(found))
    assert (found["on"], found["official"]) == ("2026-11-27", False)
    by_name = {part["list"]: {code["code"]: code for code in part["codes"]} for part in found["lists"]}
    assert set(by_name) == set(reasons.LISTS)
    assert by_name["nphies"]["MN-1-3"]["in_use"] is False
    assert by_name["carc"]["125"] == {
        "code": "125", "label": {"en": "Billing error (ended)", "ar": "خطأ في الفوترة (رمز منتهٍ)"},
        "group": "CO", "needs_remark": True, "replaced_by": ["16"], "from": "1995-01-01", "to": "2013-11-01",
        "in_use": False,
    }  # fmt: skip
    assert len(found["links"]) == len(BOOK.links)
    assert len(reasons.as_documents(BOOK, date(2000, 1, 1))["links"]) < len(BOOK.links)


def test_the_written_table_is_fresh():
    """docs/reasons.md is what the book gives now, says that it is not official, and holds every reason."""
    text = (support.ROOT / "docs/reasons.md").read_text()
    assert text == reasons_reference.markdown(BOOK)
    assert "official nowhere" in text
    for name in ("nphies", "carc", "rarc"):
        for code in CODES[name]:
            assert code in text


def test_a_folder_without_reasons_is_said(tmp_path: Path):
    """Packs may lie without reasons; asking for them then says so."""
    assert reason_files.find(tmp_path) is None
    with pytest.raises(errors.NotFound, match="reasons"):
        reason_files.load(tmp_path)
