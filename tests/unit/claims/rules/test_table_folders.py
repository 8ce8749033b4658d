"""A customer's file becomes a table of one tenant, or is told what is wrong; what people see of tables."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
import yaml

import rules_support as support
from chassis import errors
from claims.domain.rules import table_views, tables
from claims.outbound import pack_files, shelf, table_folders

DECLARED = {
    "name": "tariff", "title": "Prices", "source": "tests", "licence": "Apache-2.0",
    "key": ["payer", "system", "code"], "columns": {"price": "money", "since": "date"},
    "required": ["price"], "aliases": {"code": ["رمز الخدمة"], "price": ["السعر"]},
}  # fmt: skip
FILE = "\ufeffرمز الخدمة;السعر;from;to\n12345-00-10;100.50;;2026-06-30\n12345-00-10;110.00;2026-07-01;\n;;;\n"
ISSUE: dict[str, Any] = {
    "revision": "2026", "first": dt.date(2026, 1, 1), "defaults": {"payer": "7001", "system": "sbs"},
}  # fmt: skip


def write(file: Path, content: object) -> Path:
    """Write a text, or a document as YAML."""
    file.parent.mkdir(parents=True, exist_ok=True)
    text = (
        content if isinstance(content, str) else yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
    )
    file.write_text(text, encoding="utf-8")
    return file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A packs' directory with a declared tariff."""
    root = tmp_path / "packs"
    write(root / "sample/pack.yaml", dict(support.HEAD))
    write(root / "sample/rules/a.yaml", [support.rule()])
    write(root / "code-sets/tariff/table.yaml", DECLARED)
    return root


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A price list as Excel saves it, with Arabic titles."""
    return write(tmp_path / "prices.csv", FILE)


def convert(folder: Path, file: Path, kind: str = "tariff", **changes: Any) -> table_folders.Folder:
    """The file as an issue."""
    shapes = pack_files.library(folder).shapes
    return table_folders.convert(file, kind, shapes, table_folders.Issue(**{**ISSUE, **changes}))


def test_a_price_list_becomes_an_issue(folder: Path, file: Path):
    """Columns get the table's names, the rest stays as it was; what the file lacks stands in table.yaml."""
    found = convert(folder, file, title="أسعار", last=dt.date(2026, 12, 31))
    assert (found.name, found.size) == ("tariff-2026", 2)
    assert found.data.decode() == (
        "code,price,from,to\n12345-00-10,100.50,,2026-06-30\n12345-00-10,110.00,2026-07-01,\n"
    )
    assert yaml.safe_load(found.head) == {
        "name": "tariff", "title": "أسعار", "source": "the customer's file prices.csv",
        "licence": "the customer's own", "revision": "2026", "from": dt.date(2026, 1, 1),
        "to": dt.date(2026, 12, 31), "defaults": {"payer": "7001", "system": "sbs"}, "data": "rows.csv",
    }  # fmt: skip


def test_what_was_added_is_loaded(folder: Path, file: Path):
    """The tenant's engine has the prices, each on its days; nobody else's has."""
    target = table_folders.add(convert(folder, file), folder, "demo")
    assert target == folder / "tenants/demo/code-sets/tariff-2026"
    mine, other = shelf.Shelf(folder, "demo"), shelf.Shelf(folder, "other")
    key = ["7001", "sbs", "12345-00-10"]
    told = [mine.entry("tariff", key, dt.date(2026, month, 1)) for month in (6, 7)]
    assert [entry["values"] for entry in told] == [{"price": "100.50"}, {"price": "110.00"}]
    assert told[0]["key"] == "7001|SBS|12345-00-10"
    assert other.entry("tariff", key, dt.date(2026, 6, 1))["state"] == "unknown"


def test_an_issue_that_is_there_is_not_written_over(folder: Path, file: Path):
    """A table that decisions were made by stays as it was; a new one has a new revision."""
    table_folders.add(convert(folder, file), folder, "demo")
    with pytest.raises(errors.Conflict, match=r"table\.exists"):
        table_folders.add(convert(folder, file), folder, "demo")


def test_an_issue_that_contradicts_its_neighbours_leaves_no_trace(folder: Path, file: Path):
    """Days that overlap are told, and the folder is as before."""
    table_folders.add(convert(folder, file), folder, "demo")
    with pytest.raises(errors.Invalid) as caught:
        table_folders.add(convert(folder, file, revision="2026b"), folder, "demo")
    assert caught.value.violations[0].code == "table.overlap"
    assert sorted(path.name for path in (folder / "tenants/demo/code-sets").iterdir()) == ["tariff-2026"]


@pytest.mark.parametrize(
    ("text", "changes", "path", "message"),
    [
        ("code;price\nA;1,5\nB;2\n", {}, "prices.csv: line 2, column `price`", "Write a point"),
        ("code;price;note\nA;1;x\n", {}, "prices.csv: line 1", "unknown columns: `note`"),
        ("code;price\nA;1\n", {"defaults": {}}, "prices.csv: line 1", "lacks columns: payer, system"),
        ("code;price\nA;1\n", {"defaults": {"cost": "1"}}, "defaults", "no column cost"),
        ("code;price\nA;1\n", {"last": dt.date(2025, 1, 1)}, "to", "before the first"),
        ("code;price\nA;1\n", {"revision": "spring 2026"}, "options: revision", "regex"),
    ],
)
def test_a_file_that_is_wrong_is_told(
    folder: Path, file: Path, *, text: str, changes: dict[str, Any], path: str, message: str
):
    """File, line, column and remedy; nothing is guessed."""
    write(file, text)
    with pytest.raises(errors.Invalid) as caught:
        convert(folder, file, **changes)
    found = caught.value.violations[0]
    assert found.path == path
    assert message in found.message


def test_an_unknown_kind_is_told_with_the_known_ones(folder: Path, file: Path):
    """Who mistypes a table's name sees the names."""
    with pytest.raises(errors.NotFound, match="tables: tariff"):
        convert(folder, file, "tarif")


def test_a_shelf_adds_or_only_reads(folder: Path, file: Path):
    """A dry run counts the rows and writes nothing."""
    mine = shelf.Shelf(folder, "demo")
    assert mine.add(file, "tariff", ISSUE, dry=True) == {"rows": 2, "folder": ""}
    assert not (folder / "tenants").exists()
    added = mine.add(file, "tariff", ISSUE, dry=False)
    assert added["rows"] == 2
    assert Path(added["folder"]).is_dir()


def test_a_key_has_its_parts(folder: Path, file: Path):
    """A key of the wrong number of parts is told with their names; joined parts are parts too."""
    mine = shelf.Shelf(folder, "demo")
    mine.add(file, "tariff", ISSUE, dry=False)
    day = dt.date(2026, 6, 1)
    assert mine.entry("tariff", ["7001|sbs|12345-00-10"], day)["state"] == "found"
    with pytest.raises(errors.Invalid, match=r"payer\|system\|code"):
        mine.entry("tariff", ["12345-00-10"], day)
    with pytest.raises(errors.NotFound, match=r"table\.unknown"):
        mine.entry("prices", ["A"], day)


def test_an_absent_key_is_told_with_those_near_it(folder: Path, file: Path):
    """Who mistypes a code sees codes that begin alike."""
    mine = shelf.Shelf(folder, "demo")
    mine.add(file, "tariff", ISSUE, dry=False)
    told = mine.entry("tariff", ["7001", "sbs", "12345-00-11"], dt.date(2026, 6, 1))
    assert (told["state"], told["near"]) == ("absent", ["7001|SBS|12345-00-10"])
    assert told["issue"]["rows"] == 2


def test_every_table_is_listed_with_its_issues(folder: Path, file: Path):
    """Name, title, key, columns; of each issue revision, days, rows, hash, source and licence."""
    shelf.Shelf(folder, "demo").add(file, "tariff", ISSUE, dry=False)
    (entry,) = shelf.Shelf(folder, "demo").listed()
    assert (entry["name"], entry["title"], entry["key"]) == ("tariff", "Prices", ["payer", "system", "code"])
    (issue,) = entry["issues"]
    assert (issue["from"], issue["to"], issue["rows"]) == ("2026-01-01", None, 2)
    assert issue["revision"] == f"2026+{issue['sha256'][:12]}"
    (declared,) = shelf.Shelf(folder).listed()
    assert declared["issues"] == []


def test_values_are_shown_as_json_has_them():
    """Days as texts, numbers with their digits, missing values not at all."""
    period = tables.Period(
        first=dt.date(2026, 1, 1), last=None, revision="1",
        rows={"A": (True, 3, tables.number("1.50"), dt.date(2026, 5, 1).toordinal() - tables.EPOCH, None)},
    )  # fmt: skip
    kinds = {"flag": "boolean", "count": "integer", "price": "money", "day": "date", "note": "text"}
    found = tables.Table(name="t", fields=kinds, dotless=False, periods=(period,))
    told = table_views.entry(found, "a", dt.date(2026, 5, 1))
    assert told["values"] == {"flag": True, "count": 3, "price": "1.50", "day": "2026-05-01"}
    assert table_views.entry(found, "a", dt.date(2025, 5, 1))["state"] == "unknown"
    assert table_views.near(found, "b", dt.date(2025, 5, 1)) == []
    assert table_views.near(found, "b", dt.date(2026, 5, 1)) == []


@pytest.mark.parametrize("tenant", ["", "../other", "a/b", ".hidden", "x" * 65])
def test_a_tenant_is_no_way_to_another_folder(folder: Path, file: Path, tenant: str):
    """A name that is a path is refused before anything is written."""
    with pytest.raises(errors.Invalid, match=r"tenant\.invalid"):
        table_folders.add(convert(folder, file), folder, tenant)
    assert not (folder / "tenants").exists()
