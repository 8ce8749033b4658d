"""Documents of reasons: everything wrong is told at once, with file, code and remedy."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import reasons_support as support
from chassis import errors
from claims.domain import reason_documents

type Change = Callable[[dict[str, Any]], object]

LATER: dict[str, Any] = {"from": date(2014, 1, 1)}  # than any code of the small book that ended


def _violations(change: Change) -> list[tuple[str, str, str]]:
    documents = support.small()
    change(documents)
    with pytest.raises(errors.Invalid) as caught:
        support.read(documents)
    assert caught.value.reason == "pack.invalid"
    return [(found.path, found.code, found.message) for found in caught.value.violations]


def _code(name: str, at: int = 0, **fields: Any) -> Change:
    return lambda documents: documents[name]["codes"][at].update(fields)


def _link(at: int = 0, **fields: Any) -> Change:
    return lambda documents: documents["crosswalk"]["links"][at].update(fields)


def _name(at: int = 0, **fields: Any) -> Change:
    return lambda documents: documents["crosswalk"]["names"][at].update(fields)


def test_a_sound_book_is_read():
    """Several codes of one row are entries each, links are ordered, and rows know their source."""
    book = support.read(support.small())
    assert [entry.code for entry in book.lists["error"].entries] == ["E-1", "E-2"]
    assert [(link.carc, link.source) for link in book.links] == [("16", "tests"), ("18", "tests")]
    assert book.revision == support.ON


@pytest.mark.parametrize(
    ("change", "path", "code", "message"),
    [
        (_code("nphies", ar="One"), "nphies.yaml: A-1", "arabic", "no Arabic letter"),
        (_code("nphies", en="واحد"), "nphies.yaml: A-1", "english", "has Arabic letters"),
        (_code("nphies", 1, no_direct={"en": "x", "ar": "x"}), "nphies.yaml: A-2", "arabic", "no Arabic"),
        (_code("nphies", 1, no_direct=None), "nphies.yaml: A-2", "no_link", "no adjustment"),
        (_code("nphies", no_direct={"en": "No", "ar": "لا"}), "nphies.yaml: A-1", "no_direct", "it has none"),
        (_code("carc", to=date(2000, 1, 1), **LATER), "carc.yaml: 16", "dates", "before `from`"),
        (_code("carc", 2, replaced_by=["17"]), "carc.yaml: 125", "unknown", "`17` is not in the list `carc`"),
        (_code("carc", group="XX"), "carc.yaml: 16", "unknown", "`XX` is not in the list `group`"),
        (_code("carc", group=None), "carc.yaml: 16", "group", "no usual group"),
        (_code("carc", 1, groups=["CO"]), "carc.yaml: 18", "group", "not one of `groups`"),
        (_code("carc", 1, code="16"), "carc.yaml: 16", "overlap", "hold on the same day"),
        (_link(carc="99"), "crosswalk.yaml: A-1 to 99", "unknown", "`99` is not in the list `carc`"),
        (_link(nphies="A-9"), "crosswalk.yaml: A-9 to 16", "unknown", "`A-9` is not in the list `nphies`"),
        (_link(rarc="M9"), "crosswalk.yaml: A-1 to 16", "unknown", "`M9` is not in the list `rarc`"),
        (_link(rarc=None), "crosswalk.yaml: A-1 to 16", "remark", "CARC 16 needs a remark"),
        (_link(1, carc="125"), "crosswalk.yaml: A-1 to 125", "ended", "not in use to the end of the row"),
        (_link(1, carc="125", **LATER), "crosswalk.yaml: A-1 to 125", "ended", "ended before"),
        (_link(1, group="PR"), "crosswalk.yaml: A-1 to 18", "unknown", "`PR` is not in the list `group`"),
        (_link(1, prefer=1), "crosswalk.yaml: A-1, prefer 1", "overlap", "hold on the same day"),
        (_name(issue=None), "crosswalk.yaml: names of carc 16", "issue", "no issue type"),
        (_name(status="999"), "crosswalk.yaml: names of carc 16", "unknown", "`999` is not in the list"),
        (_name(1, category="Z9"), "crosswalk.yaml: names of carc 18", "unknown", "`Z9` is not in the list"),
        (_name(1, carc="16"), "crosswalk.yaml: names of carc 16", "overlap", "hold on the same day"),
        (_name(1, carc="125"), "crosswalk.yaml: names of carc 18", "name", "not named"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(change: Change, path: str, code: str, message: str):
    """Each mistake names file and code, has its own stable reason, and a text with a remedy."""
    found = _violations(change)
    assert any(
        place == path and reason == f"reasons.{code}" and message in text for place, reason, text in found
    ), found
    assert all(text.count(".") >= 2 for _, _, text in found)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_code("carc", grup="CO"), "grup"),
        (_code("nphies", uses=["claims"]), "claims"),
        (_name(issue="wrong"), "wrong"),
        (lambda documents: documents["crosswalk"].update(official=True), "official"),
        (lambda documents: documents["nphies"].update(list="nphis"), "nphis"),
        (lambda documents: documents.pop("rarc"), "`rarc` is missing"),
        (lambda documents: documents.pop("crosswalk"), "not exactly one crosswalk"),
    ],
)
def test_a_document_of_another_shape_is_refused(change: Change, message: str):
    """Misspelt fields, unknown words, a claim to be official, missing lists."""
    assert any(message in f"{path}: {text}" for path, _, text in _violations(change))


def test_every_field_is_explained_where_the_message_sends_one():
    """docs/reasons.md names each field of lists, codes, links and names, and a remedy points there."""
    text = (support.ROOT / reason_documents.GUIDE).read_text()
    for kind in (reason_documents.CodeList, reason_documents.Code, reason_documents.Crosswalk,
                 reason_documents.Link, reason_documents.Name):  # fmt: skip
        for name in kind.__struct_encode_fields__:
            assert f"`{name}" in text, name
    [message] = [text for _, _, text in _violations(_code("carc", grup="CO")) if "grup" in text]
    assert message.endswith("See docs/reasons.md for the fields.")


def test_all_mistakes_are_told_at_once():
    """Three mistakes in three files are three violations."""

    def change(documents: dict[str, Any]) -> None:
        _code("nphies", ar="One")(documents)
        _code("rarc", en="ملاحظة")(documents)
        _link(carc="99")(documents)

    assert len(_violations(change)) >= 3


def test_a_code_may_have_two_periods():
    """Rows of one code that follow each other are one code with two lives."""
    documents = support.small()
    codes = documents["rarc"]["codes"]
    codes[0]["to"] = date(2020, 12, 31)
    codes.append({"code": "M1", "en": "Remark again", "ar": "ملاحظة", "from": date(2021, 1, 1)})
    documents["crosswalk"]["links"][0]["from"] = date(2021, 1, 1)
    book = support.read(documents)
    assert [book.find("rarc", "M1", day) is not None for day in (date(2020, 1, 1), date(2021, 1, 1))] == [
        True,
        True,
    ]
    assert book.label("rarc", "M1").en == "Remark again"


@given(st.dates(date(2000, 1, 1), date(2030, 1, 1)), st.dates(date(2000, 1, 1), date(2030, 1, 1)), st.data())
def test_a_dated_link_holds_on_its_days_only(first: date, last: date, data: st.DataObject):
    """Both days are included; outside them the link is not suggested."""
    first, last = sorted((first, last))
    documents = support.small()
    documents["crosswalk"]["links"][0].update({"from": first, "to": last})
    book = support.read(documents)
    day = data.draw(st.sampled_from([first, last]) | st.dates(date(1999, 1, 1), date(2031, 1, 1)))
    assert ("16" in [link.carc for link in book.adjustments("A-1", day)]) is (first <= day <= last)


def _problems(documents: dict[str, Any]) -> list[str] | None:
    """What is told of documents, None where they are a sound book."""
    try:
        support.read(documents)
    except errors.Invalid as fault:
        return [found.message for found in fault.violations]
    return None


_WILD: st.SearchStrategy[object] = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.text(max_size=6)
    | st.dates()
    | st.just([])
    | st.just({})
)


@given(st.data())
def test_whatever_stands_in_a_document_is_read_or_told(data: st.DataObject):
    """One value anywhere replaced by anything: a book, or the one fault with violations; never a crash."""
    documents = support.small()
    at: Any = documents
    for _ in range(data.draw(st.integers(1, 4))):
        key = data.draw(st.sampled_from(sorted(at) if isinstance(at, dict) else list(range(len(at)))))
        if not isinstance(at[key], dict | list) or not at[key]:
            break
        parent, at = at, at[key]
    else:
        at = parent
    at[key] = data.draw(_WILD)
    told = _problems(documents)
    assert told is None or (told and all(told))
