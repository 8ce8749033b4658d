"""Many claims at once: judged in turns, each by its tenant's rules, each with its own answer."""

from typing import Any

import claims_support as support
import rules_support
from claims.domain import decisions, tenants
from claims.domain.rules import engine
from claims.usecases import assess
from ultrathink.claims.v1 import claims_pb2

MANY = assess.RULES_BULK + 172


def _bodies(count: int) -> list[bytes]:
    return [support.body(number) for number in range(1, count + 1)]


async def test_a_few_claims_are_judged_one_by_one() -> None:
    """Below the number from which it is worth it, no batch is made."""
    async with support.world() as made:
        await support.submit(made, support.batch(_bodies(assess.RULES_BULK - 1)))
        assert made.rules.batches == []
        assert len(made.rules.asked) == assess.RULES_BULK - 1


async def test_many_claims_are_judged_in_turns() -> None:
    """Answers come in turns and in any order; each goes to its claim, and other work has its turn between."""
    async with support.world() as made:
        made.rules.judge = lambda claim: [support.finding()] if claim.claim_id == "CLM-000258" else []
        results = await support.submit(made, support.batch(_bodies(MANY)))
        assert made.rules.batches == [MANY // 2, MANY // 2]
        refused = [at for at, one in enumerate(results) if one.verdict == claims_pb2.VERDICT_REJECT]
        assert refused == [257]


async def test_a_defect_met_by_one_of_many_fails_that_claim_alone() -> None:
    """One claim on which the rules break is told as ours; all others are decided."""
    async with support.world() as made:

        def judge(claim: Any) -> list[decisions.Finding]:
            if claim.claim_id == "CLM-000007":
                raise ZeroDivisionError
            return []

        made.rules.judge = judge
        results = await support.submit(made, support.batch(_bodies(assess.RULES_BULK)))
        failed = {at: one.error.reason for at, one in enumerate(results) if one.error.reason}
        assert failed == {6: "rules.failed"}


async def test_every_tenant_has_its_own_rules_in_bulk_too() -> None:
    """The rules asked are those of the tenant that sent the claims."""
    async with support.world() as made:
        made.tenants.known["other"] = tenants.Tenant(name="other")
        await support.submit(made, support.batch(_bodies(assess.RULES_BULK), tenant="other"))
        assert sum(made.rules.batches) == assess.RULES_BULK
        assert set(made.rules.tenants) == {"other"}


async def test_a_claim_in_bulk_is_decided_as_it_is_live() -> None:
    """The committed packs, in columns for many and one by one for a few, give one decision of a claim."""
    nets = [None, 100, -1, 99.99, 1e6]
    count = assess.RULES_BULK + 12
    bodies = [
        support.body(number, total=nets[number % 5], currency=["SAR", "KWD"][number % 2])
        for number in range(1, count + 1)
    ]
    sure = engine.Engine(*rules_support.committed(), many=1)
    async with support.world() as made:

        def of(tenant: str) -> Any:
            del tenant
            return sure

        made.rules.of = of  # type: ignore[method-assign]  # the real engine
        bulk = [_told(one) for one in await support.submit(made, support.batch(bodies, dry_run=True))]
        live = [
            _told((await support.submit(made, support.batch([sent], dry_run=True)))[0])
            for sent in bodies[:15]
        ]
    assert bulk[:15] == live
    assert {verdict for verdict, _, _ in bulk} > {"reject"}


def _told(result: Any) -> tuple[str, Any, Any]:
    decision = support.document(result)
    return decision["verdict"], decision.get("findings"), decision.get("not_checked")
