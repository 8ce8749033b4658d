"""A decision names the documents to send and the last day to file, through the whole service."""

import datetime as dt

import msgspec

import claims_support as support
from claims.domain import checklists, decisions
from claims.domain.rules import tables


def _table(name: str, column: str, kind: str, key: str, value: object) -> tables.Table:
    period = tables.Period(first=dt.date(2000, 1, 1), last=None, revision="1", rows={key: (value,)})
    return tables.Table(name=name, fields={column: kind}, dotless=False, periods=(period,))


async def test_a_decision_asks_for_documents_and_names_the_last_day() -> None:
    """What the tables say of findings and days stands in the answer, with the tables' revisions."""
    known = tables.Tables(
        [
            _table("documents", "documents", "text", "REASON:SE-1-6", "report"),
            _table("filing-limits", "days", "integer", "*", 45),
        ]
    )
    label = decisions.Bilingual(en="Report", ar="تقرير")
    lacking = msgspec.structs.replace(support.finding(), codes=decisions.Codes(nphies="SE-1-6"))
    async with support.world() as made:
        made.rules.checklists = checklists.Checklists(known, {"report": label})
        made.rules.judge = lambda _: [lacking]
        (result,) = await support.submit(made, support.batch([support.body()]))
        told = support.document(result)
    assert told["required_documents"] == [
        {"code": "report", "label": {"en": "Report", "ar": "تقرير"}, "reason": "SE-1-6"}
    ]
    assert dt.date.fromisoformat(told["submit_by"]) > dt.date(2020, 1, 1)
    assert [entry["name"] for entry in told["code_sets"]] == ["documents", "filing-limits"]


async def test_without_tables_nothing_is_asked() -> None:
    """A platform whose tables are declared only leaves both out."""
    async with support.world() as made:
        (result,) = await support.submit(made, support.batch([support.body()]))
        told = support.document(result)
    assert "required_documents" not in told
    assert "submit_by" not in told
