"""What a decision asks for beside its findings: documents by reason and service, and the last day to file."""

import datetime as dt
from pathlib import Path
from typing import Any

import msgspec
import pytest

import rules_support as support
from chassis import errors
from claims.domain import checklists, decisions
from claims.domain.rules import examples, tables
from claims.outbound import label_files, pack_files

AS_OF = dt.date(2026, 8, 2)
TEXT = decisions.Bilingual(en="x", ar="س")
LABELS = {code: decisions.Bilingual(en=code, ar=f"وثيقة {code}") for code in ("report", "approval", "photo")}


def table(
    name: str, column: str, kind: str, rows: dict[str, Any], *, last: dt.date | None = None
) -> tables.Table:
    """A table of one column."""
    period = tables.Period(
        first=dt.date(2026, 1, 1), last=last, revision="1",
        rows={tables.normal(key, dotless=False): (value,) for key, value in rows.items()},
    )  # fmt: skip
    return tables.Table(name=name, fields={column: kind}, dotless=False, periods=(period,))


DOCUMENTS = table(
    "documents", "documents", "text",
    {"reason:SE-1-6": "report; photo", "reason:197": "approval", "hcpcs|A0428": "report",
     "hcpcs|A0429": "approval;photo"},
)  # fmt: skip
LIMITS = table("filing-limits", "days", "integer", {"P1": 30, "*": 60, "regime:nphies": 45})
ASKING = checklists.Checklists(tables.Tables([DOCUMENTS, LIMITS]), LABELS)


def finding(severity: decisions.Severity = "error", **codes: str) -> decisions.Finding:
    """A finding with codes."""
    found = msgspec.convert(codes, decisions.Codes) if codes else None
    return decisions.Finding(rule="R", severity=severity, path="", message=TEXT, codes=found)


def advise(
    partial: dict[str, Any], *findings: decisions.Finding, asking: checklists.Checklists = ASKING
) -> checklists.Advice:
    """What is asked of an example claim."""
    return asking.advise(examples.build(partial)[0], findings, as_of=AS_OF)


def asked(advice: checklists.Advice) -> list[tuple[str, str]]:
    """The documents and why."""
    return [(entry.code, entry.reason) for entry in advice.required_documents]


def test_a_reason_asks_for_what_answers_it():
    """Each document comes once, with its name in both languages and the reason that asked first."""
    found = advise({}, finding(nphies="SE-1-6"), finding("warning", carc="197"), finding(nphies="SE-1-6"))
    assert asked(found) == [("report", "SE-1-6"), ("photo", "SE-1-6"), ("approval", "197")]
    assert found.required_documents[0].label == LABELS["report"]


def test_a_remark_asks_for_nothing():
    """Only errors and warnings are answered with documents, and only those with a reason."""
    assert asked(advise({}, finding("info", nphies="SE-1-6"), finding(), finding(nphies="AD-1-1"))) == []


def test_a_service_asks_for_what_it_needs():
    """A line's document is asked for unless the claim holds it."""
    lines = [
        {"system": "hcpcs", "code": "A0428"},
        {"system": "hcpcs", "code": "A0429"},
        {"system": "hcpcs", "code": "X"},
    ]
    assert asked(advise({"lines": lines})) == [("report", "A0428"), ("approval", "A0429"), ("photo", "A0429")]
    held = [{"category": "report"}, {"category": "attachment", "code": "photo"}]
    assert asked(advise({"lines": lines, "supporting_info": held})) == [("approval", "A0429")]


def test_a_reason_asks_although_something_is_there():
    """Where a finding says that the evidence does not do, it is asked for again."""
    found = advise({"supporting_info": [{"category": "report"}]}, finding(nphies="SE-1-6"))
    assert ("report", "SE-1-6") in asked(found)


@pytest.mark.parametrize(
    ("partial", "day"),
    [
        ({"insurance": [{"focal": True, "coverage": {"payer": "P1"}}]}, "2026-08-31"),
        ({"insurance": [{"focal": True, "coverage": {"payer": "p1 "}}]}, "2026-08-31"),
        ({"insurance": [{"focal": True, "coverage": {"payer": "P2"}}]}, "2026-09-30"),
        ({"insurance": [{"focal": True, "coverage": {"payer": None}}]}, "2026-09-30"),
        ({"frequency_code": "7"}, None),
        ({"use": "preauthorization"}, None),
    ],
)
def test_the_last_day_to_file_is_the_payers(partial: dict[str, Any], day: str | None):
    """A payer's own row comes first, then that of every payer."""
    line = {"service_date": "2026-08-01"}
    assert advise({"lines": [line], **partial}).submit_by == day


def test_the_regimes_days_are_the_last_resort():
    """Where a customer brought no limits the public ones of the regime count."""
    public = table("filing-limits", "days", "integer", {"regime:nphies": 45})
    asking = checklists.Checklists(tables.Tables([public]), {})
    lines = [{"service_date": "2026-08-01"}]
    assert advise({"regime": "nphies", "lines": lines}, asking=asking).submit_by == "2026-09-15"
    assert advise({"regime": "base", "lines": lines}, asking=asking).submit_by is None


def test_what_was_asked_is_named_with_its_revision():
    """Only tables that said something are named."""
    lines = [{"service_date": "2026-08-01"}]
    found = advise({"lines": lines}, finding(nphies="SE-1-6"))
    assert [entry.name for entry in found.code_sets] == ["documents", "filing-limits"]
    assert [entry.name for entry in advise({"lines": lines}).code_sets] == ["filing-limits"]


def test_tables_without_data_ask_for_nothing():
    """Declared only, or out of their days: no document and no day."""
    bare = [
        tables.Table(name=found.name, fields=found.fields, dotless=False, periods=())
        for found in (DOCUMENTS, LIMITS)
    ]
    asking = checklists.Checklists(tables.Tables(bare), {})
    assert advise({}, finding(nphies="SE-1-6"), asking=asking) == checklists.Advice()
    ended = table("filing-limits", "days", "integer", {"*": 60}, last=dt.date(2026, 1, 31))
    assert advise({}, asking=checklists.Checklists(tables.Tables([ended]), {})).submit_by is None
    assert advise({}, asking=checklists.Checklists(tables.Tables(), {})) == checklists.Advice()


def test_committed_labels_name_every_document():
    """Each document of the committed tables has a name in both languages."""
    book = pack_files.book(support.PACKS)
    assert len(book.labels) >= 15
    for text in book.labels.values():
        assert text.en
        assert any("\u0600" <= letter <= "\u06ff" for letter in text.ar)


@pytest.mark.parametrize(
    ("written", "path", "message"),
    [
        ("report: {en: R, ar: ت}\n", "labels/documents.yaml: approval", "no label"),
        ("report: {en: R}\n", "labels/documents.yaml: [...]", "ar"),
        ("- report\n", "labels/documents.yaml", "object"),
    ],
)
def test_a_document_without_a_name_is_told(tmp_path: Path, written: str, path: str, message: str):
    """Nobody is asked for a bare code."""
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels/documents.yaml").write_text(written, encoding="utf-8")
    with pytest.raises(errors.Invalid) as caught:
        label_files.load(tmp_path, {}, tables.Tables([DOCUMENTS]))
    told = [(found.path, found.message) for found in caught.value.violations]
    assert told[0][0] == path
    assert message in told[0][1]


def test_labels_are_laid_over_those_below(tmp_path: Path):
    """A tenant may name its own documents, and name ours differently."""
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels/documents.yaml").write_text("photo: {en: Picture, ar: صورة}\n", encoding="utf-8")
    found = label_files.load(tmp_path, LABELS, tables.Tables([DOCUMENTS]))
    assert (found["photo"].en, found["report"].en) == ("Picture", "report")
