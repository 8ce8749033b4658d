"""Packs and tables on disk: what is read, and everything that is wrong is told at once, with its place."""

import datetime as dt
import lzma
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import rules_support as support
from chassis import errors
from claims.outbound import pack_files, table_rows, yaml_files

TABLE: dict[str, Any] = {
    "name": "letters", "title": "Letters", "source": "tests", "licence": "Apache-2.0", "revision": "1",
    "from": dt.date(2026, 1, 1), "to": dt.date(2026, 6, 30), "dotless": True,
    "columns": {"billable": "boolean", "limit": "integer", "weight": "number", "group": "text"},
    "data": "rows.csv",
}  # fmt: skip
ROWS = "code,billable,limit,weight,group\nA.1,1,3,0.25,x\nB2,0,-1,10,y\n"


def _write(file: Path, content: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(
        content if isinstance(content, str) else yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one pack of one rule and one table."""
    _write(tmp_path / "sample/pack.yaml", dict(support.HEAD))
    _write(tmp_path / "sample/rules/a.yaml", [support.rule()])
    _write(tmp_path / "code-sets/letters/table.yaml", TABLE)
    _write(tmp_path / "code-sets/letters/rows.csv", ROWS)
    return tmp_path


def _violations(folder: Path) -> list[tuple[str, str, str]]:
    with pytest.raises(errors.Invalid) as caught:
        pack_files.load(folder)
    assert caught.value.reason == "pack.invalid"
    assert caught.value.violations
    return [(found.path, found.code, found.message) for found in caught.value.violations]


def test_a_folder_is_read(folder: Path):
    """Packs come with their rules, tables with their window and typed columns."""
    packs, tables = pack_files.load(folder)
    assert [(pack.id, [rule.id for rule in pack.rules]) for pack in packs] == [("sample", ["R-1"])]
    found = tables.find("letters")
    assert found is not None
    assert tables.names() == ["letters"]
    day = dt.date(2026, 3, 1).toordinal() - support.EPOCH
    assert [found.reader(name)("a1", day) for name in ("billable", "limit", "group")] == [True, 3, "x"]
    assert str(found.reader("weight")("B.2", day)) == "10"
    assert [(entry.name, entry.from_, entry.to) for entry in found.revisions()] == [
        ("letters", "2026-01-01", "2026-06-30")
    ]


@pytest.mark.parametrize(
    ("file", "changes_pack", "changes_table"),
    [
        ("sample/pack.yaml", True, False),
        ("sample/rules/a.yaml", True, False),
        ("code-sets/letters/table.yaml", False, True),
        ("code-sets/letters/rows.csv", False, True),
    ],
)
def test_a_revision_is_its_content(folder: Path, file: str, *, changes_pack: bool, changes_table: bool):
    """One changed byte changes the revision of what it belongs to, and of nothing else."""

    def revisions() -> tuple[str, str]:
        packs, tables = pack_files.load(folder)
        found = tables.find("letters")
        assert found is not None
        return packs[0].revision, found.revisions()[0].revision

    before = revisions()
    assert before == revisions()
    changed = folder / file
    changed.write_text(changed.read_text() + ("C,1,1,1,z\n" if file.endswith(".csv") else "# a remark\n"))
    after = revisions()
    assert (before[0] != after[0], before[1] != after[1]) == (changes_pack, changes_table)
    assert before[0].startswith("1+")


def test_two_issues_are_one_table(folder: Path):
    """Folders of one name add their windows; a day is answered by the issue that covers it."""
    shutil.copytree(folder / "code-sets/letters", folder / "code-sets/letters-later")
    _write(
        folder / "code-sets/letters-later/table.yaml",
        {
            **TABLE,
            "revision": "2",
            "from": dt.date(2026, 7, 1),
            "to": None,
            "data": "rows.csv.xz",
        },
    )
    later = ROWS.partition("\n")[0] + "\nC3,1,1,1,z\n"
    (folder / "code-sets/letters-later/rows.csv.xz").write_bytes(lzma.compress(later.encode()))
    _, tables = pack_files.load(folder)
    found = tables.find("letters")
    assert found is not None
    asked = [("a1", "2026-06-30"), ("c3", "2026-06-30"), ("a1", "2026-07-01"), ("c3", "2030-01-01")]
    asked.append(("c3", "2025-01-01"))
    contains = found.membership()
    days = [(code, dt.date.fromisoformat(day).toordinal() - support.EPOCH) for code, day in asked]
    assert [contains(code, day) for code, day in days] == [True, False, False, True, None]
    assert [entry.revision.partition("+")[0] for entry in found.revisions()] == ["1", "2"]


def test_no_pack_is_not_found(tmp_path: Path):
    """A folder without packs is an error, not an engine that finds nothing wrong."""
    with pytest.raises(errors.NotFound) as caught:
        pack_files.load(tmp_path)
    assert caught.value.reason == "pack.absent"


def test_everything_wrong_is_told_at_once(folder: Path):
    """Each problem names file, rule, field, place and remedy."""
    _write(folder / "sample/rules/b.yaml", [
        support.rule(id="R-2", violation="nett < 0 AND TRUE", when="net >", path="nowhere", expected="1 +"),
        support.rule(id="R-3", severity="fatal"),
        support.rule(id="R-4", message={"en": "{nett}", "ar": "x"},
                     suggestion={"en": "x", "ar": "{expected}"}),
        support.rule(id="R-5", colour="red"),
        support.rule(id="R-6", examples={"violates": [], "satisfies": [{}]}),
        support.rule(id="R-7", title={"en": "x"}),
        support.rule(id="R-8", codes={"carq": "16"}),
        {"title": "no id"}, "not a rule",
        support.rule(id="R-1"),
    ])  # fmt: skip
    _write(folder / "sample/rules/c.yaml", {"id": "R-9"})
    found = _violations(folder)
    assert [(path.partition(": ")[2], code) for path, code, _ in found] == [
        ("R-2.when", "rule.text"),
        ("R-2.violation", "rule.text"),
        ("R-2.expected", "rule.text"),
        ("R-2.path", "rule.path"),
        ("R-3.severity", "document.invalid"),
        ("R-4.message", "rule.message"),
        ("R-4.suggestion", "rule.message"),
        ("R-5", "document.invalid"),
        ("R-6.examples.violates", "document.invalid"),
        ("R-7.title", "document.invalid"),
        ("R-8.codes", "document.invalid"),
        ("a rule without id.title", "document.invalid"),
        ("a rule without id", "document.invalid"),
        ("", "pack.rules"),
        ("R-1", "rule.duplicate"),
    ]
    assert found[1] == (
        "sample/rules/b.yaml: R-2.violation", "rule.text",
        "line 1, column 1: There is no column `nett` here. Did you mean net?\n    nett < 0 AND TRUE\n    ^",
    )  # fmt: skip
    assert "colour" in found[7][2]


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("sample/rules/a.yaml", "- id: [", "not YAML at line"),
        ("sample/rules/a.yaml", "\x00", "not YAML"),
        ("sample/rules/a.yaml", "- !!python/object/apply:os.system ['true']", "not YAML"),
        ("sample/rules/a.yaml", "&a [*a, *a]", "Expected `object`"),
        ("sample/pack.yaml", {"id": "x"}, "missing required field"),
        ("sample/pack.yaml", {**support.HEAD, "regimes": ["mars"]}, "mars"),
        ("sample/pack.yaml", {**support.HEAD, "id": "../x"}, "regex"),
        ("code-sets/letters/table.yaml", {**TABLE, "data": "../../etc/passwd"}, "regex"),
        ("code-sets/letters/table.yaml", {**TABLE, "data": "absent.csv"}, "cannot be read"),
        ("code-sets/letters/table.yaml", {**TABLE, "columns": {"billable": "cash"}}, "cash"),
        ("code-sets/letters/table.yaml", {**TABLE, "columns": {}}, "header"),
        ("code-sets/letters/table.yaml", {**TABLE, "data": "rows.csv.xz"}, "cannot be read"),
        ("code-sets/letters/rows.csv", "", "header"),
        ("code-sets/letters/rows.csv", ROWS + "C,2,1,1,z\n", "neither yes nor no"),
        ("code-sets/letters/rows.csv", ROWS + "C,1,x,1,z\n", "no whole number"),
        ("code-sets/letters/rows.csv", ROWS + "C,1,1,NaN,z\n", "no number"),
        ("code-sets/letters/rows.csv", ROWS + "C,1,1,1\n", "4 cells, the header 5"),
    ],
)
def test_a_broken_file_is_named(folder: Path, file: str, content: object, message: str):
    """Broken YAML, a foreign field, a wrong row: the answer names the file and says what to do."""
    _write(folder / file, content)
    found = _violations(folder)
    assert file.split("/")[1] in found[0][0]
    assert any(message in told for _, _, told in found), found


@pytest.mark.parametrize("data", [b"not xz", lzma.compress(b"code\nA\n")[:-10], b""])
def test_a_broken_archive_is_named(folder: Path, data: bytes):
    """A table that does not unpack to its end is refused."""
    _write(folder / "code-sets/letters/table.yaml", {**TABLE, "columns": {}, "data": "rows.csv.xz"})
    (folder / "code-sets/letters/rows.csv.xz").write_bytes(data)
    assert _violations(folder)[0][0].endswith("rows.csv.xz")


def test_files_are_bounded(folder: Path):
    """A rule file of many megabytes is refused before it is parsed."""
    (folder / "sample/rules/a.yaml").write_bytes(b"#" * (yaml_files.MAX_TEXT_BYTES + 1))
    assert "larger than" in _violations(folder)[0][2]


def test_an_archive_cannot_swell_without_bound(folder: Path):
    """A table that unpacks to more than its bound is refused, not held in memory."""
    _write(folder / "code-sets/letters/table.yaml", {**TABLE, "columns": {}, "data": "rows.csv.xz"})
    bomb = lzma.compress(b"\n" * (table_rows.MAX_DATA_BYTES + 1), preset=0)
    (folder / "code-sets/letters/rows.csv.xz").write_bytes(bomb)
    assert "too large" in _violations(folder)[0][2]


def test_the_committed_tables_keep_what_they_promise():
    """ICD-10-CM and HCPCS are there with window and revision, and know their codes."""
    _, tables = support.committed()
    icd, hcpcs = tables.find("icd-10-cm"), tables.find("hcpcs")
    assert icd is not None
    assert hcpcs is not None
    day: Callable[[str], int] = lambda text: dt.date.fromisoformat(text).toordinal() - support.EPOCH  # noqa: E731
    contains, billable = icd.membership(), icd.reader("billable")
    assert [contains(code, day("2026-08-01")) for code in ("E11.9", "e119", "S00.00XA", "E11", "E1199")] == [
        True, True, True, True, False,
    ]  # fmt: skip
    assert [billable(code, day("2026-04-01")) for code in ("E119", "E11", "A00")] == [True, False, False]
    assert [contains("E119", day(text)) for text in ("2026-03-31", "2026-10-01")] == [None, None]
    assert [hcpcs.membership()(code, day("2019-01-01")) for code in ("G0103", "g0103", "99213")] == [
        True,
        True,
        False,
    ]
    assert hcpcs.membership()("G0103", day("2026-08-01")) is None
    assert len(icd.periods[0].rows) > 95_000
    assert len(hcpcs.periods[0].rows) == 6_440
