"""A person's packs on the bench: theirs beside ours, laid over our tables, with every tool over them."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

import rules_support as support
from chassis import errors
from claims.outbound import workbench

NOW = dt.datetime(2026, 8, 2, 12, tzinfo=dt.UTC)
DAY = NOW.date()
TABLE = {
    "name": "colours", "title": "Colours", "source": "tests", "licence": "ours", "revision": "1",
    "from": dt.date(2026, 1, 1), "columns": {"warm": "boolean"}, "data": "rows.csv",
}  # fmt: skip


def _pack(folder: Path, *rules: Any, name: str = "mine", **head: Any) -> Path:
    place = folder / name
    (place / "rules").mkdir(parents=True)
    whole = {**support.HEAD, "id": name, **head}
    (place / "pack.yaml").write_text(yaml.safe_dump(whole, allow_unicode=True))
    (place / "rules" / "a.yaml").write_text(yaml.safe_dump(list(rules), allow_unicode=True))
    return place


def _table(folder: Path, rows: str = "code,warm\nRED,1\n") -> Path:
    place = folder / "code-sets" / "colours"
    place.mkdir(parents=True)
    (place / "table.yaml").write_text(yaml.safe_dump(TABLE))
    (place / "rows.csv").write_text(rows)
    return folder


def _claims(folder: Path, *nets: float) -> Path:
    file = folder / "claims.ndjson"
    bodies = [
        {
            "claim_id": f"C-{number}", "type": "professional", "use": "claim", "currency": "SAR",
            "provider": {"id": "P"}, "patient": {"id": "X"}, "insurance": [{"sequence": 1}],
            "lines": [{"sequence": 1, "code": "RED", "service_date": "2026-08-01", "net": net}], "total": net,
        }
        for number, net in enumerate(nets)
    ]  # fmt: skip
    file.write_text("".join(json.dumps(body) + "\n" for body in bodies))
    return file


def _quiet(_done: int, _total: int) -> None:
    """Nobody watches."""


WARM = support.rule(violation="lookup('colours.warm', code, service_date)", message=support.PLAIN)


@pytest.mark.parametrize("where", ["beside", "elsewhere"])
def test_a_rule_may_name_a_table_that_lies_beside_or_is_brought(tmp_path: Path, where: str) -> None:
    """The tables of the folder around a pack, and those of a folder that is named."""
    pack = _pack(tmp_path / "packs", WARM)
    tables = _table(tmp_path / ("packs" if where == "beside" else "tables"))
    bench = workbench.Workbench(support.PACKS, [pack], [] if where == "beside" else [tables])
    assert bench.lint(DAY) == []
    told = bench.explain("R-1", [_claims(tmp_path, 5)], as_of=DAY, now=NOW)
    assert told["claims"][0]["rows"][0]["said"] == "fires"
    assert told["tables"][0]["issues"][0]["from"] == "2026-01-01"


def test_a_table_that_nobody_brought_is_named(tmp_path: Path) -> None:
    """With what it might have been."""
    (found,) = workbench.Workbench(support.PACKS, [_pack(tmp_path, WARM)]).lint(DAY)
    assert (found["level"], found["field"]) == ("error", "violation")
    assert "There is no table `colours`." in found["message"]


def test_a_broken_table_is_told_beside_the_packs(tmp_path: Path) -> None:
    """Its file, its line, and no rule is run meanwhile."""
    bench = workbench.Workbench(
        support.PACKS, [_pack(tmp_path, support.rule())], [_table(tmp_path / "t", "code,warm\nRED,maybe\n")]
    )
    (found,) = bench.lint(DAY)
    assert found["path"].endswith("code-sets/colours/rows.csv") or "rows.csv" in found["file"]
    with pytest.raises(errors.Invalid, match=r"pack\.invalid"):
        bench.trial(_quiet)


def test_no_tool_works_with_half_a_pack(tmp_path: Path) -> None:
    """Every verb but lint refuses a pack that does not load, and says where to look."""
    broken = support.rule(id="B", violation="x")
    bench = workbench.Workbench(support.PACKS, [_pack(tmp_path, support.rule(), broken)])
    file = _claims(tmp_path, 5)
    for verb in (
        lambda: bench.trial(_quiet),
        bench.engine,
        lambda: bench.explain("R-1", [], as_of=DAY, now=NOW),
        lambda: bench.coverage([file], as_of=DAY, now=NOW, progress=_quiet),
        lambda: bench.diff(bench),
    ):
        with pytest.raises(errors.Invalid, match="ultrathink rules lint"):
            verb()


def test_progress_tells_how_far_it_is(tmp_path: Path) -> None:
    """From the first rule to the last; of a corpus nobody knows the total beforehand."""
    seen: list[tuple[int, int]] = []
    other = support.rule(
        id="B", violation="net < -5", examples={"violates": [{"lines": [{"net": -9}]}], "satisfies": [{}]}
    )
    bench = workbench.Workbench(support.PACKS, [_pack(tmp_path, support.rule(), other)])
    assert bench.trial(lambda done, total: seen.append((done, total)))["mistakes"] == []
    assert seen == [(0, 2), (1, 2), (2, 2)]
    seen.clear()
    bench.coverage([_claims(tmp_path, 5, 6)], as_of=DAY, now=NOW, progress=lambda *one: seen.append(one))
    assert seen == [(1, 0), (2, 0)]


def test_two_benches_are_compared_on_claims(tmp_path: Path) -> None:
    """What changes in the rules, and what that makes of claims and their money."""
    old = workbench.Workbench(support.PACKS, [_pack(tmp_path / "a", support.rule(violation="net > 100"))])
    new = workbench.Workbench(support.PACKS, [_pack(tmp_path / "b", support.rule(violation="net > 1000"))])
    assert old.diff(old)["differ"] is False
    (changed,) = old.diff(new)["changed"]
    assert changed["changes"] == [{"field": "violation", "before": "net > 100", "after": "net > 1000"}]
    file = _claims(tmp_path, 50, 500, 5000)
    told = old.compared(new, [file], as_of=DAY, now=NOW, progress=_quiet)
    assert (told["claims"], told["changed"]) == (3, 1)
    assert told["verdicts"] == [
        {"before": "reject", "after": "accept", "claims": 1, "money": {"SAR": "500.00"}}
    ]


def test_a_rule_for_review_turns_a_claim_to_review(tmp_path: Path) -> None:
    """The verdict of rules alone knows three words."""
    none = workbench.Workbench(support.PACKS, [_pack(tmp_path / "a", support.rule(violation="net > 9999"))])
    asks = support.rule(violation="net > 100", severity="warning", review=True)
    look = workbench.Workbench(support.PACKS, [_pack(tmp_path / "b", asks)])
    told = none.compared(look, [_claims(tmp_path, 500)], as_of=None, now=NOW, progress=_quiet)
    assert [(turn["before"], turn["after"]) for turn in told["verdicts"]] == [("accept", "review")]


def test_a_claim_that_cannot_be_read_is_no_claim_to_explain(tmp_path: Path) -> None:
    """Whoever asks about a file hears what is wrong with it."""
    bench = workbench.Workbench(support.PACKS, [_pack(tmp_path, support.rule())])
    file = tmp_path / "claim.json"
    file.write_text('{"claim_id": 5}')
    with pytest.raises(errors.Invalid):
        bench.explain("R-1", [file], as_of=DAY, now=NOW)
    with pytest.raises(errors.Invalid, match="No claim could be read; refused: 1"):
        bench.coverage([file], as_of=DAY, now=NOW, progress=_quiet)


def test_rules_are_listed_with_the_regimes_they_can_speak_in(tmp_path: Path) -> None:
    """A rule's own regimes, within those of its pack."""
    applies = {"scope": "line", "regime": ["nphies", "x12-us"]}
    narrow = support.rule(id="N", applies=applies, violation="net < -1")
    bench = workbench.Workbench(support.PACKS, [_pack(tmp_path, support.rule(), narrow)])
    assert [(rule["id"], rule["regimes"]) for rule in bench.rules()] == [
        ("R-1", ["base", "nphies"]), ("N", ["nphies"]),
    ]  # fmt: skip
    assert [rule["id"] for rule in bench.rules("base")] == ["R-1"]
    assert bench.rules("x12-us") == []
