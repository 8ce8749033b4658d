"""Folders laid over the common ones: a tenant's tables and packs judge its claims and nobody else's."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
import yaml

import rules_support as support
from chassis import errors
from claims.domain.rules import engine, engines, examples
from claims.outbound import pack_files

TARIFF: dict[str, Any] = {
    "name": "tariff", "title": "Prices", "source": "tests", "licence": "Apache-2.0",
    "key": ["payer", "code"], "columns": {"price": "money"}, "required": ["price"],
}  # fmt: skip
ISSUE = {
    "name": "tariff", "title": "Prices of one tenant", "source": "tests", "licence": "Apache-2.0",
    "revision": "2026", "from": dt.date(2026, 1, 1), "data": "rows.csv",
}  # fmt: skip
PRICED = support.rule(
    id="R-PRICE", violation="net > lookup('tariff.price', 'P1' || '|' || code, service_date)",
)  # fmt: skip
CLAIM = {"lines": [{"code": "A", "service_date": "2026-08-01", "net": 6}]}


def write(file: Path, content: object) -> None:
    """Write a text, or a document as YAML."""
    file.parent.mkdir(parents=True, exist_ok=True)
    text = (
        content if isinstance(content, str) else yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
    )
    file.write_text(text, encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a pack whose rule asks for a price, and a table of prices that is declared only."""
    write(tmp_path / "sample/pack.yaml", dict(support.HEAD))
    write(tmp_path / "sample/rules/a.yaml", [PRICED])
    write(tmp_path / "code-sets/tariff/table.yaml", TARIFF)
    return tmp_path


def bring(folder: Path, price: str, **changes: Any) -> None:
    """Put a table of one price into a folder."""
    write(folder / "code-sets/prices/table.yaml", {**ISSUE, **changes})
    write(folder / "code-sets/prices/rows.csv", f"payer,code,price\nP1,A,{price}\n")


def rules_of(found: engine.Engine) -> tuple[list[str], list[str]]:
    """The rules that fire on the claim, and those that cannot be decided."""
    claim, _ = examples.build(CLAIM)
    outcome = found.evaluate(claim, as_of=dt.date(2026, 8, 2))
    return [entry.rule for entry in outcome.findings], [entry.rule for entry in outcome.not_checked]


def test_a_tenants_table_is_its_own(folder: Path):
    """One tenant brought prices: its claim is judged by them, another's is not checked."""
    bring(folder / "tenants/rich", "5")
    bring(folder / "tenants/dear", "9")
    library = pack_files.library(folder)
    judges = engines.Engines(library.common, library.tenants)
    assert rules_of(judges.of("rich")) == (["R-PRICE"], [])
    assert rules_of(judges.of("dear")) == ([], [])
    assert rules_of(judges.of("other")) == ([], ["R-PRICE"])
    assert sorted(pack_files.load_tenants(folder)) == ["dear", "rich"]


def test_a_tenants_pack_is_added_to_the_common_ones(folder: Path):
    """A payer's rule that one tenant wrote fires for that tenant, beside the common rules."""
    bring(folder / "tenants/rich", "5")
    write(folder / "tenants/rich/payer/pack.yaml", {**support.HEAD, "id": "payer"})
    write(folder / "tenants/rich/payer/rules/a.yaml", [support.rule(id="MY-1", violation="net > 1")])
    library = pack_files.library(folder)
    judges = engines.Engines(library.common, library.tenants)
    assert rules_of(judges.of("rich"))[0] == ["R-PRICE", "MY-1"]
    assert rules_of(judges.of("other"))[0] == []
    assert [pack.id for pack in judges.of("rich").packs] == ["sample", "payer"]


def test_a_folder_laid_over_serves_everyone(folder: Path, tmp_path_factory: pytest.TempPathFactory):
    """`check --tables` lays folders over the common one, the later over the earlier."""
    first, second = tmp_path_factory.mktemp("first"), tmp_path_factory.mktemp("second")
    bring(first, "5")
    bring(second, "9")
    assert rules_of(engine.Engine(*pack_files.load(folder, [first]))) == (["R-PRICE"], [])
    assert rules_of(engine.Engine(*pack_files.load(folder, [first, second]))) == ([], [])
    with pytest.raises(errors.NotFound, match=r"folder\.not_found"):
        pack_files.load(folder, [folder / "absent"])


def test_what_is_wrong_with_all_tenants_is_told_at_once(folder: Path):
    """Each problem names the tenant's file; none is loaded in part."""
    bring(folder / "tenants/one", "five")
    bring(folder / "tenants/two", "5", columns={"cost": "money"})
    write(folder / "tenants/three/mine/pack.yaml", {**support.HEAD, "id": "mine"})
    write(folder / "tenants/three/mine/rules/a.yaml", [PRICED])
    with pytest.raises(errors.Invalid) as caught:
        pack_files.library(folder)
    assert [(found.path, found.code) for found in caught.value.violations] == [
        ("tenants/one/code-sets/prices/rows.csv: line 2, column `price`", "table.row"),
        ("tenants/three/mine: R-PRICE", "rule.duplicate"),
        ("tenants/two/code-sets/prices/table.yaml: columns", "table.invalid"),
    ]


def test_a_tenants_folder_of_nothing_is_the_common_book(folder: Path):
    """An empty folder changes nothing."""
    (folder / "tenants/empty").mkdir(parents=True)
    library = pack_files.library(folder)
    assert [pack.id for pack in library.tenants["empty"].packs] == ["sample"]
    assert library.tenants["empty"].tables.names() == ["tariff"]


def test_an_engine_alone_is_the_same_for_everyone(folder: Path):
    """Where no tenant differs, no second engine is made."""
    only = engine.Engine(*pack_files.load(folder))
    assert only.of("one") is only
    library = pack_files.library(folder)
    judges = engines.Engines(library.common, library.tenants)
    assert judges.of("one") is judges.of("two")
