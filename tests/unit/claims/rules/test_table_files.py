"""Tables of a directory: declarations and issues, and everything wrong in all of them told at once."""

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

import rules_support as support
from chassis import errors
from claims.domain.rules import shapes
from claims.outbound import table_files

DECLARED: dict[str, Any] = {
    "name": "limits", "title": "Limits", "source": "tests", "licence": "Apache-2.0", "key": ["payer"],
    "columns": {"days": "integer"}, "required": ["days"], "extends": True,
}  # fmt: skip
ISSUE: dict[str, Any] = {
    "name": "limits", "title": "Limits of 2026", "source": "tests", "licence": "Apache-2.0",
    "revision": "2026", "from": dt.date(2026, 1, 1), "data": "rows.csv",
}  # fmt: skip
ROWS = "payer,days\nP1,45\n"


def put(root: Path, folder: str, head: Mapping[str, Any], rows: str | None = None) -> None:
    """Write a table's folder; a field of None is left out."""
    place = root / table_files.FOLDER / folder
    place.mkdir(parents=True, exist_ok=True)
    said = {name: value for name, value in head.items() if value is not None}
    (place / table_files.HEAD).write_text(yaml.safe_dump(said, sort_keys=False, allow_unicode=True))
    if rows is not None:
        (place / "rows.csv").write_text(rows, encoding="utf-8")


def problems(root: Path, declared: Mapping[str, shapes.Shape] | None = None) -> list[tuple[str, str]]:
    """What is wrong under a root: place and code."""
    with pytest.raises(errors.Invalid) as caught:
        table_files.load(root, declared)
    assert all(found.message.endswith(".") for found in caught.value.violations)
    return [(found.path, found.code) for found in caught.value.violations]


def day(text: str) -> int:
    """The day number of an ISO day."""
    return dt.date.fromisoformat(text).toordinal() - support.EPOCH


def test_an_issue_takes_its_shape_from_the_declaration(tmp_path: Path):
    """Name, revision and first day are enough for a table that is declared."""
    put(tmp_path, "limits", DECLARED)
    put(tmp_path, "a-limits-2026", ISSUE, ROWS)
    loaded = table_files.load(tmp_path)
    found = loaded.tables.find("limits")
    assert found is not None
    assert found.reader("days")("p1", day("2026-03-01")) == 45
    assert (found.title, found.key, len(found.periods)) == ("Limits", ("payer",), 1)
    period = found.periods[0]
    assert (period.extends, period.title, period.source, period.licence) == (
        True, "Limits of 2026", "tests", "Apache-2.0",
    )  # fmt: skip
    assert period.revision == f"2026+{period.sha256[:12]}"
    assert len(period.sha256) == 64


def test_a_table_may_be_declared_only(tmp_path: Path):
    """Without data it is there, and has no issue."""
    put(tmp_path, "limits", DECLARED)
    found = table_files.load(tmp_path).tables.find("limits")
    assert found is not None
    assert found.periods == ()


def test_a_folder_of_no_tables_is_none(tmp_path: Path):
    """A tenant may have packs and no tables."""
    assert table_files.load(tmp_path).tables.names() == []


def test_a_declaration_from_below_counts(tmp_path: Path):
    """What is laid over other tables agrees with their shapes."""
    put(tmp_path / "below", "limits", DECLARED)
    below = table_files.load(tmp_path / "below").shapes
    put(tmp_path / "own", "mine", ISSUE, ROWS)
    found = table_files.load(tmp_path / "own", below).tables.find("limits")
    assert found is not None
    assert found.reader("days")("P1", day("2026-03-01")) == 45
    put(tmp_path / "own", "again", DECLARED)
    assert problems(tmp_path / "own", below) == [("code-sets/again/table.yaml: data", "table.declared")]


def test_rows_may_be_yaml(tmp_path: Path):
    """A short table is a list that a person writes."""
    put(tmp_path, "limits", {**DECLARED, **ISSUE, "data": "rows.yaml"})
    (tmp_path / "code-sets/limits/rows.yaml").write_text(
        "- {payer: P1, days: 45}\n- {payer: '*', days: 60}\n"
    )
    found = table_files.load(tmp_path).tables.find("limits")
    assert found is not None
    assert [found.reader("days")(key, day("2026-03-01")) for key in ("P1", "*", "P2")] == [45, 60, None]


@pytest.mark.parametrize(
    ("first", "second", "fits"),
    [
        (("2026-01-01", "2026-06-30"), ("2026-07-01", None), True),
        (("2026-01-01", None), ("2026-07-01", None), True),
        (("2026-01-01", "2026-07-01"), ("2026-07-01", None), False),
        (("2026-01-01", None), ("2026-01-01", None), False),
        (("2026-01-01", "2026-12-31"), ("2026-03-01", "2026-03-31"), False),
    ],
)
def test_two_issues_claim_no_day_both(
    tmp_path: Path, first: tuple[str, str | None], second: tuple[str, str | None], *, fits: bool
):
    """Only an open issue is ended by a later one; two that say their days must agree."""
    for name, (start, end) in (("one", first), ("two", second)):
        days = {"from": dt.date.fromisoformat(start), "to": end and dt.date.fromisoformat(end)}
        put(tmp_path, name, {**DECLARED, **ISSUE, **days}, ROWS)
    if fits:
        table_files.load(tmp_path)
    else:
        assert problems(tmp_path) == [("code-sets/two/table.yaml: from", "table.overlap")]


def test_everything_wrong_in_all_tables_is_told_at_once(tmp_path: Path):
    """One reading names every file that must be mended."""
    put(tmp_path, "a", DECLARED)
    put(tmp_path, "b", DECLARED)
    put(tmp_path, "c", {**ISSUE, "revision": None, "from": None}, ROWS)
    put(tmp_path, "d", {**ISSUE, "to": dt.date(2025, 1, 1)}, ROWS)
    put(tmp_path, "e", {**ISSUE, "key": ["code"]}, ROWS)
    put(tmp_path, "f", {**ISSUE, "from": dt.date(2027, 1, 1)})
    put(tmp_path, "g", {**ISSUE, "from": dt.date(2028, 1, 1)}, "payer,days\nP1,x\nP2,y\n")
    put(tmp_path, "h", {**ISSUE, "colour": "red"}, ROWS)
    (tmp_path / "code-sets/i").mkdir()
    (tmp_path / "code-sets/i/table.yaml").write_text("name: [")
    (tmp_path / "code-sets/j").mkdir()
    (tmp_path / "code-sets/j/table.yaml").write_text("just a text")
    assert problems(tmp_path) == [
        ("code-sets/h/table.yaml", "document.invalid"),
        ("code-sets/i/table.yaml", "file.invalid"),
        ("code-sets/j/table.yaml", "document.invalid"),
        ("code-sets/b/table.yaml: data", "table.declared"),
        ("code-sets/c/table.yaml: revision", "table.invalid"),
        ("code-sets/c/table.yaml: from", "table.invalid"),
        ("code-sets/d/table.yaml: to", "table.invalid"),
        ("code-sets/e/table.yaml: key", "table.invalid"),
        ("code-sets/e/rows.csv: line 1", "table.file"),
        ("f/rows.csv", "file.invalid"),
        ("code-sets/g/rows.csv: line 2, column `days`", "table.row"),
        ("code-sets/g/rows.csv: line 3, column `days`", "table.row"),
    ]


def test_a_file_of_another_kind_ends_early(tmp_path: Path):
    """After fifty problems the rest of the file is not told."""
    put(tmp_path, "limits", {**DECLARED, **ISSUE}, "payer,days\n" + "P,x\n" * 1_000)
    found = problems(tmp_path)
    assert len(found) == 51
    assert found[-1] == ("code-sets/limits/rows.csv", "table.file")


def test_a_broken_text_is_told_with_its_line(tmp_path: Path):
    """A file saved in a national encoding names the first line that is not UTF-8."""
    put(tmp_path, "limits", {**DECLARED, **ISSUE})
    (tmp_path / "code-sets/limits/rows.csv").write_bytes("payer,days\nشركة,45\n".encode("cp1256"))
    assert problems(tmp_path) == [("code-sets/limits/rows.csv: line 2", "table.file")]


def test_each_committed_table_says_what_it_is():
    """Every table has a title, a source and a licence, and those rules rely on are declared."""
    _, known = support.committed()
    assert {
        "icd-10-cm", "hcpcs", "icd-10-am", "sbs", "gtin", "sfda", "diagnosis-edits", "service-edits",
        "frequency", "visits", "filing-limits", "documents", "tariff", "preauthorization-required",
        "preauthorizations", "mue", "ptp", "place-of-service",
    } <= set(known.names())  # fmt: skip
    for table in known.every():
        assert table.title
        for period in table.periods:
            assert all((period.title, period.source, period.licence, period.sha256)), table.name
