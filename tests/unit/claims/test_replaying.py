"""Recorded claims judged again: the same packs say the same, other packs say what they change."""

import asyncio
import datetime as dt
import shutil
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

import rules_support as support
from chassis import errors
from claims.domain import decisions, documents, replaying, verdicts
from claims.domain.rules import engine, examples
from claims.outbound import replays
from formats import canonical

DAY = dt.date(2026, 8, 2)
STATUS = decisions.Status(wire="queued", business="submitted", review="none")
RISK = decisions.Risk(state="scored", probability=0.1)


def _engine(*rules: Any, **head: Any) -> engine.Engine:
    return engine.Engine([support.pack(*rules, **head)], support.KNOWN)


def _recorded(
    judge: engine.Engine, partial: dict[str, Any], *, risk: decisions.Risk = RISK, **changes: Any
) -> replaying.Recorded:
    """Return a claim decided by an engine as the service does it."""
    claim, _ = examples.build(partial)
    said = judge.evaluate(claim, as_of=DAY), judge.evaluate_past(claim, as_of=DAY, past=None)
    findings = [finding for outcome in said for finding in outcome.findings]
    decision = decisions.Decision(
        claim_id=claim.claim_id or "", content_hash="", use=claim.use, type=claim.type,
        regime=claim.regime or "base", status=STATUS,
        verdict=verdicts.decide(findings, risk, review_threshold=0.5),
        thresholds=decisions.Thresholds(review=0.5), as_of=DAY.isoformat(), findings=findings,
        not_checked=[entry for outcome in said for entry in outcome.not_checked], risk=risk,
        amounts=decisions.Amounts(), received_at="", decided_at="",
    )  # fmt: skip
    changed = msgspec.structs.replace(decision, **changes)
    return replaying.Recorded("id-1", canonical.encode(claim), documents.encode(changed))


def _replayed(
    recorded: replaying.Recorded, judge: engine.Engine, as_of: dt.date | None = None
) -> replaying.Judged:
    return replaying.replay([recorded], judge, as_of)


NEGATIVE = {"lines": [{"net": -1}, {"net": None}]}


@pytest.mark.parametrize("partial", [{}, NEGATIVE, {"regime": "nphies"}])
@pytest.mark.parametrize("risk", [RISK, decisions.Risk(state="not_scored", reason="away")])
def test_the_same_packs_on_the_same_day_say_the_same(partial: dict[str, Any], risk: decisions.Risk) -> None:
    """Findings, undecided rules and verdict, with or without a score."""
    judge = _engine(support.rule(), support.rule(id="R-2", violation="duplicates_exact > 0"))
    found = _replayed(_recorded(judge, partial, risk=risk), judge)
    assert found.unreadable == []
    assert not found.found[0].any()


def test_another_rule_turns_the_verdict() -> None:
    """What appears, what vanishes, and both verdicts."""
    recorded = _recorded(_engine(support.rule()), {"lines": [{"net": -1}]})
    (found,) = _replayed(recorded, _engine(support.rule(id="R-9", severity="warning"))).found
    assert (found.before, found.after) == ("reject", "accept")
    assert found.appeared == [("R-9", "lines[0].net")]
    assert found.vanished == [("R-1", "lines[0].net")]


def test_another_day_selects_other_rules() -> None:
    """A rule that begins later speaks as of its day only; without a day each claim keeps its own."""
    judge = _engine(support.rule(valid={"from": dt.date(2027, 1, 1)}))
    recorded = _recorded(judge, {"lines": [{"net": -1}]})
    assert not _replayed(recorded, judge).found[0].any()
    assert _replayed(recorded, judge, dt.date(2027, 1, 1)).found[0].after == "reject"


def test_what_earlier_claims_said_stays_as_recorded() -> None:
    """Rules about history are not asked again; one that is gone from the packs is told as gone."""
    judge = _engine(support.rule(id="R-2", violation="duplicates_exact > 0"))
    claim, _ = examples.build({})
    said = judge.evaluate_past(claim, as_of=DAY, past=[support.history(exact=1)])
    recorded = _recorded(judge, {}, findings=said.findings, not_checked=[])
    assert not _replayed(recorded, judge).found[0].any()
    (found,) = _replayed(recorded, _engine(support.rule())).found
    assert found.vanished == [("R-2", said.findings[0].path)]


def test_a_persons_decision_and_a_late_score_stay_out() -> None:
    """The stored verdict of a reviewer is no difference that rules make."""
    judge = _engine(support.rule())
    assert not _replayed(_recorded(judge, {}, verdict="reject"), judge).found[0].any()


def test_a_claim_without_regime_is_judged_by_the_tenants() -> None:
    """The default that decided then decides again."""
    judge = _engine(support.rule(applies={"scope": "line", "regime": ["nphies"]}))
    recorded = _recorded(judge, {"lines": [{"net": -1}]}, regime="nphies")
    assert _replayed(recorded, judge).found[0].appeared == [("R-1", "lines[0].net")]


def test_what_cannot_be_read_is_named_and_stops_nothing() -> None:
    """A damaged claim among sound ones."""
    judge = _engine(support.rule())
    sound = _recorded(judge, {})
    found = replaying.replay([replaying.Recorded("broken", b"{", sound.decision), sound], judge, None)
    assert (found.unreadable, len(found.found)) == (["broken"], 1)


@pytest.fixture
def packs(tmp_path: Path) -> Path:
    """Our packs, copied, without the models beside them."""
    return Path(shutil.copytree(support.PACKS, tmp_path / "packs", ignore=shutil.ignore_patterns("models")))


async def _report(packs: Path, parts: Sequence[Sequence[replaying.Recorded]], workers: int) -> dict[str, Any]:
    async def given() -> AsyncIterator[Sequence[replaying.Recorded]]:
        for part in parts:
            yield part

    plan = replays.Plan(directory=str(packs))
    *_, last = [told async for told in replays.replay(given(), plan, workers=workers)]
    return {**last.report.document(), "last": last.last, "walked": last.claims}


@pytest.mark.parametrize("workers", [1, 2])
async def test_parts_are_judged_beside_each_other_and_summed_in_order(packs: Path, workers: int) -> None:
    """One process or several: the same report, and the last claim is the last of the last part."""
    judge = replays.load(replays.Plan(directory=str(packs)))
    recorded = _recorded(judge, {"lines": [{"net": 999}]})
    named = [msgspec.structs.replace(recorded, id=f"id-{number}") for number in range(6)]
    broken = replaying.Recorded("id-9", b"", b"")
    told = await _report(packs, [named[:3], named[3:], [broken]], workers)
    assert (told["claims"], told["changed"], told["unreadable"]) == (6, 0, 1)
    assert (told["last"], told["walked"], told["refused"]) == ("id-9", 7, ["id-9"])


async def test_leaving_early_leaves_nobody_working(packs: Path) -> None:
    """Ctrl-C closes the walk: what is done is kept, what has not begun is dropped."""
    judge = replays.load(replays.Plan(directory=str(packs)))
    recorded = _recorded(judge, {})

    async def endless() -> AsyncIterator[Sequence[replaying.Recorded]]:
        while True:
            yield [recorded]
            await asyncio.sleep(0)

    walk = replays.replay(endless(), replays.Plan(directory=str(packs)), workers=1)
    first = await anext(walk)
    await walk.aclose()  # type: ignore[attr-defined]  # a generator
    assert first.claims == 1


def test_a_plan_says_what_it_judges_by(packs: Path) -> None:
    """Packs with their revisions and the rules that keep what was recorded."""
    told = replays.about(replays.Plan(directory=str(packs), tenant="demo", as_of=DAY))
    assert (told["tenant"], told["as_of"]) == ("demo", "2026-08-02")
    assert "base" in str(told["packs"])
    with pytest.raises(errors.Fault):
        replays.about(replays.Plan(directory=str(packs / "nowhere")))
