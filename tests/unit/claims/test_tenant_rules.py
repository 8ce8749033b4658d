"""Claims of several tenants in one batch: each judged by common rules and its own tenant's, no other's."""

from pathlib import Path
from typing import Any

import pytest
import yaml

import claims_support as support
import rules_support
from chassis import testing as chassis_testing
from claims.domain import tenants
from claims.domain.rules import engines
from claims.outbound import pack_files
from claims.usecases import assess
from ultrathink.claims.v1 import claims_pb2

PRICE = rules_support.rule(
    id="PRICE", violation="unit_price > lookup('tariff.price', code, service_date)",
    applies={"scope": "line"}, path="unit_price", message={"en": "Too dear.", "ar": "أعلى من السعر."},
)  # fmt: skip
OWN = rules_support.rule(id="OWN", violation="net > 0")
TARIFF: dict[str, Any] = {
    "name": "tariff", "title": "Prices", "source": "tests", "licence": "Apache-2.0",
    "columns": {"price": "money"}, "required": ["price"],
}  # fmt: skip


def write(file: Path, content: object) -> None:
    """Write a text, or a document as YAML."""
    file.parent.mkdir(parents=True, exist_ok=True)
    text = content if isinstance(content, str) else yaml.safe_dump(content, allow_unicode=True)
    file.write_text(text, encoding="utf-8")


@pytest.fixture
def rules(tmp_path: Path) -> engines.Engines:
    """Two tenants with prices of their own, one of them with a rule of its own."""
    write(tmp_path / "sample/pack.yaml", dict(rules_support.HEAD))
    write(tmp_path / "sample/rules/a.yaml", [PRICE])
    write(tmp_path / "code-sets/tariff/table.yaml", TARIFF)
    for tenant, price in (("cheap", "100"), ("dear", "200")):
        home = tmp_path / "tenants" / tenant
        issue = {**TARIFF, "revision": "1", "from": "2026-01-01", "data": "rows.csv"}
        write(home / "code-sets/prices/table.yaml", issue)
        write(home / "code-sets/prices/rows.csv", f"code,price\nG0103,{price}\n")
    write(tmp_path / "tenants/dear/own/pack.yaml", {**rules_support.HEAD, "id": "own"})
    write(tmp_path / "tenants/dear/own/rules/a.yaml", [OWN])
    library = pack_files.library(tmp_path)
    return engines.Engines(library.common, library.tenants)


@pytest.mark.parametrize("each", [1, assess.RULES_BULK], ids=["one by one", "in columns"])
async def test_each_claim_is_judged_by_its_own_tenants_tables(rules: engines.Engines, each: int) -> None:
    """Few claims or many: a neighbour in the batch changes nothing."""
    names = ("cheap", "dear", "plain")
    async with support.world(chassis_testing.ManualClock(), rules=rules) as made:
        for name in names:
            made.tenants.known[name] = tenants.Tenant(name=name)
        items = [
            support.item(support.body(number * 3 + at), tenant=name, item_id=f"{name}-{number}")
            for number in range(each)
            for at, name in enumerate(names)
        ]
        results = await support.submit(made, claims_pb2.SubmitRequest(batch_id=1, items=items))
    told = [support.document(result) for result in results]
    for at, name in enumerate(names):
        mine = told[at::3]
        wanted = {"cheap": {"PRICE"}, "dear": {"OWN"}, "plain": set()}[name]
        assert {frozenset(one["rule"] for one in decision["findings"]) for decision in mine} == {
            frozenset(wanted)
        }
        asked = {frozenset(entry["name"] for entry in decision.get("code_sets", [])) for decision in mine}
        assert asked == {frozenset() if name == "plain" else frozenset({"tariff"})}
        unchecked = {frozenset(one["rule"] for one in decision["not_checked"]) for decision in mine}
        assert unchecked == {frozenset({"PRICE"}) if name == "plain" else frozenset()}
