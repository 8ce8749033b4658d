"""What the room judges by, told: filters, pages, one rule whole, tables; a tenant's own for it alone."""

import datetime as dt

import pytest

import rules_support as support
from chassis import errors
from claims.domain.rules import catalogue, engines, tables

DAY = dt.date(2026, 8, 2)
RULES = [
    support.rule(id="A-1", title={"en": "Net is positive", "ar": "الصافي موجب"}, codes={"carc": "16"}),
    support.rule(
        id="A-2", severity="warning", applies={"scope": "claim"}, violation="total < 0", message=support.PLAIN
    ),
    support.rule(id="A-3", applies={"scope": "line", "regime": ["nphies"]}, violation="tax < 0"),
]
COMMON = engines.Book(packs=[support.pack(*RULES)], tables=support.KNOWN)
OWN = engines.Book(
    packs=[*COMMON.packs, support.pack(support.rule(id="OWN-1"), id="own")],
    tables=tables.Tables([support.table(), support.table("mine")]),
)
KNOWN = catalogue.Catalogue(COMMON, {"clinic": OWN})


def _ids(tenant: str = "demo", **filters: str) -> list[str]:
    items, _ = KNOWN.rules(tenant, filters, after="", limit=50)
    return [item["id"] for item in items]


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        ({}, ["A-1", "A-2", "A-3"]),
        ({"severity": "warning"}, ["A-2"]),
        ({"scope": "line"}, ["A-1", "A-3"]),
        ({"regime": "base"}, ["A-1", "A-2"]),
        ({"regime": "nphies", "scope": "line"}, ["A-1", "A-3"]),
        ({"pack": "sample"}, ["A-1", "A-2", "A-3"]),
        ({"pack": "own"}, []),
        ({"q": "NET positive"}, ["A-1"]),
        ({"q": "الصافي"}, ["A-1"]),
        ({"q": "16"}, ["A-1"]),
        ({"q": "nothing such"}, []),
    ],
)
def test_rules_are_found_by_what_people_know_of_them(filters: dict[str, str], ids: list[str]) -> None:
    """By regime, severity, scope, pack, and by words of id, title, source or code."""
    assert _ids(**filters) == ids


def test_pages_follow_each_other_without_a_gap() -> None:
    """The cursor leads on until there is no more; a foreign one is refused."""
    found: list[str] = []
    after: str | None = ""
    while after is not None:
        items, after = KNOWN.rules("demo", {}, after=after, limit=2)
        found += [item["id"] for item in items]
    assert found == ["A-1", "A-2", "A-3"]
    with pytest.raises(errors.Invalid, match=r"query\.cursor"):
        KNOWN.rules("demo", {}, after="NONE", limit=2)


def test_a_rule_is_told_whole() -> None:
    """Its text in one spelling, what it reads, its codes and its pack."""
    told = KNOWN.rule("demo", "A-1")
    assert told["texts"] == {"violation": "net < 0"}
    assert told["columns"][0]["name"] == "net"
    assert (told["pack"], told["codes"]["carc"]) == ("sample", "16")
    with pytest.raises(errors.NotFound, match=r"rule\.unknown"):
        KNOWN.rule("demo", "OWN-1")


def test_a_tenant_sees_its_own_beside_the_common_ones() -> None:
    """And nobody else does: rules, packs and tables alike."""
    assert _ids("clinic")[-1] == "OWN-1"
    assert [pack["id"] for pack in KNOWN.packs("clinic")] == ["sample", "own"]
    assert [pack["id"] for pack in KNOWN.packs("demo")] == ["sample"]
    assert [table["name"] for table in KNOWN.tables("clinic")] == ["letters", "mine"]
    with pytest.raises(errors.NotFound, match=r"table\.unknown"):
        KNOWN.entry("demo", "mine", "A1", DAY)


def test_packs_and_tables_prove_what_they_are() -> None:
    """Revision and hash of a pack, window of an issue."""
    (pack,) = KNOWN.packs("demo")
    assert (pack["version"], pack["sha256"], pack["rules"]) == ("1", "ab" * 32, 3)
    (table,) = KNOWN.tables("demo")
    assert (table["issues"][0]["from"], table["issues"][0]["rows"]) == ("2026-01-01", 3)


@pytest.mark.parametrize(
    ("key", "day", "state"),
    [("A1", DAY, "found"), ("Z9", DAY, "absent"), ("A1", dt.date(2020, 1, 1), "unknown")],
)
def test_a_table_answers_for_a_day(key: str, day: dt.date, state: str) -> None:
    """Found, absent, or no issue for that day: three different things."""
    assert KNOWN.entry("demo", "letters", key, day)["state"] == state


def test_without_lists_of_reasons_that_is_said() -> None:
    """An empty list would claim that there are no reasons."""
    with pytest.raises(errors.NotFound, match=r"reasons\.absent"):
        KNOWN.reasons(DAY)
    assert catalogue.empty().packs("demo") == []
