"""Stable and canary side by side: who answers what, and that trouble of one is not trouble of the other."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from typing import Any

import numpy as np
import pytest

import scoring_support as support
from chassis import errors, metrics
from chassis import testing as chassis_testing
from scoring import ports
from scoring.domain import arms, calibration, models, scores
from scoring.outbound import arm_files
from scoring.usecases import answer, crew, explain, promote, roll_back, score, shadow

MODEL = support.bundle().model
MOVED = MODEL._replace(
    revision="moved",
    claim_calibration=calibration.Table(np.array([0.0]), np.array([0.25])),
)
CLAIMS = (support.claim(), support.costly(), support.claim({}, {"quantity": 2}))


class Spoiled:
    """An estimator whose answers a test spoils."""

    def __init__(self, spoil: Callable[[ports.Doubles], ports.Doubles]) -> None:
        self.spoil = spoil
        self.asked = 0

    def lines(self, matrix: ports.Matrix) -> ports.Doubles:
        """Return spoiled margins."""
        self.asked += 1
        return self.spoil(support.twin().lines(matrix))

    def claims(self, matrix: ports.Matrix) -> ports.Doubles:
        """Return spoiled margins."""
        return self.spoil(support.twin().claims(matrix))

    def reasons(self, matrix: ports.Matrix) -> ports.Doubles:
        """Return the twin's."""
        return support.twin().reasons(matrix)


def _raise(_: ports.Doubles) -> ports.Doubles:
    message = "planted"
    raise RuntimeError(message)


class Room:
    """Arms over in-memory models, with a clock that obeys."""

    def __init__(self, *, percent: float = 0.0, canary_seconds: float = 5.0, **candidates: Any) -> None:
        self.clock = chassis_testing.ManualClock()
        self.workers = {arm: futures.ThreadPoolExecutor(1) for arm in ("stable", "canary", "shadow")}
        named = {"stable": crew.Candidate(MODEL, support.twin(), self.clock)} | {
            arm: crew.Candidate(model, estimator, self.clock)
            for arm, (model, estimator) in candidates.items()
        }
        self.crew = crew.Crew(named, {}, seating=self._seat, store=arm_files.NoArmStore(), percent=percent)
        self.shadow = shadow.Shadow(self.workers["shadow"])
        self.answer = answer.Answer(self.crew, self.shadow, self.clock, canary_seconds=canary_seconds)

    def _seat(self, arm: str, candidate: crew.Candidate) -> crew.Seat:
        inline = 32 if arm == "stable" else -1
        scoring = score.Score(
            candidate.model,
            candidate.estimator,
            worker=self.workers[arm],
            clock=self.clock,
            inline_rows=inline,
        )
        return crew.Seat(arm, candidate, scoring)

    async def ask(
        self, *, keys: answer.Keys | None = None, deadline: float = 60.0, **options: Any
    ) -> answer.Answered:
        """Answer the three claims; tenant and item choose where no keys are given."""
        count = len(CLAIMS)
        deadlines, keys = support.deadlines(count, deadline), keys or support.keys(count)
        return await self.answer(deadlines, support.batch(*CLAIMS), keys=keys, **options)

    def states(self) -> dict[str, str]:
        """Each arm's state."""
        return {standing.arm: standing.state for standing in self.crew.standings()}

    def close(self) -> None:
        """End the threads."""
        for worker in self.workers.values():
            worker.shutdown()


@pytest.fixture
def room() -> Iterator[Callable[..., Room]]:
    """Make rooms; their threads end with the test."""
    made: list[Room] = []

    def make(**options: Any) -> Room:
        made.append(Room(**options))
        return made[-1]

    yield make
    for one in made:
        one.close()


def _probabilities(served: Sequence[answer.Served]) -> list[float]:
    assert all(isinstance(one.answer, scores.ClaimScore) for one in served)
    return [one.answer.probability for one in served if isinstance(one.answer, scores.ClaimScore)]


EXPECTED = [found.probability for found in support.scored(*CLAIMS)]


async def test_a_lone_stable_arm_answers_everything(room: Callable[..., Room]):
    """Without candidates every answer says stable, and with which model."""
    served = await room().ask()
    assert [(one.arm, one.model.revision) for one in served] == [("stable", MODEL.revision)] * 3
    assert _probabilities(served) == pytest.approx(EXPECTED)


async def test_claims_meet_the_arm_of_their_key(room: Callable[..., Room]):
    """At half the share, each claim is answered by the arm its key chooses, in the order asked."""
    keys = [3, 5, 8]
    chosen = arms.chosen(keys, 50).tolist()
    assert {True, False} == set(chosen)
    served = await room(percent=50, canary=(MOVED, support.twin())).ask(keys=lambda: keys)
    assert [one.arm == "canary" for one in served] == chosen
    for one, met, stable in zip(served, chosen, EXPECTED, strict=True):
        assert one.model.revision == ("moved" if met else MODEL.revision)
        assert _probabilities([one])[0] == pytest.approx(0.25 if met else stable)


async def test_the_same_claim_is_explained_by_the_arm_that_scores_it(room: Callable[..., Room]):
    """Whoever asks why hears the model that answered."""
    whole = room(percent=50, canary=(MOVED, support.twin()))
    keys = [3, 5, 8]
    scored = await whole.ask(keys=lambda: keys)
    explaining = explain.Explain(whole.answer)
    explained = await explaining(support.deadlines(3), support.batch(*CLAIMS), keys=lambda: keys)
    assert [one.arm for one in explained] == [one.arm for one in scored]


async def test_a_canary_with_no_share_waits(room: Callable[..., Room]):
    """0 percent is loaded and off."""
    whole = room(canary=(MOVED, support.twin()))
    assert {one.arm for one in await whole.ask()} == {"stable"}
    assert whole.states() == {"stable": "serving", "canary": "off"}


async def test_without_keys_tenant_and_item_choose(room: Callable[..., Room]):
    """A sender that makes no keys gets the same arms for the same items each time."""
    whole = room(percent=50, canary=(MOVED, support.twin()))
    first, second = await whole.ask(), await whole.ask()
    assert [one.arm for one in first] == [one.arm for one in second]
    expected = [arms.of_identity("demo", str(item)) for item in range(3)]
    assert [one.arm == "canary" for one in first] == arms.chosen(expected, 50).tolist()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_raise, "arm.raised"),
        (lambda margins: np.full_like(margins, np.nan), "arm.nonsense"),
        (lambda margins: margins[:0], "arm.raised"),
    ],
)
async def test_a_failing_canary_is_isolated_and_the_stable_arm_answers(
    room: Callable[..., Room], spoil: Callable[[ports.Doubles], ports.Doubles], reason: str
):
    """Every claim is answered, as the stable arm does; the canary is left alone, then tried again."""
    broken = Spoiled(spoil)
    whole = room(percent=100, canary=(MODEL._replace(revision="bad"), broken))
    served = await whole.ask()
    assert {one.arm for one in served} == {"stable"}
    assert _probabilities(served) == pytest.approx(EXPECTED)
    assert whole.states() == {"stable": "serving", "canary": "isolated"}
    assert whole.crew.standings()[1].reason == reason
    await whole.ask()
    assert broken.asked == 1
    whole.clock.advance(crew.ISOLATION_SECONDS)
    broken.spoil = lambda margins: margins
    again = await whole.ask(deadline=crew.ISOLATION_SECONDS + 60)
    assert {one.arm for one in again} == {"canary"}
    assert whole.states()["canary"] == "serving"


async def test_trouble_is_counted_by_arm(room: Callable[..., Room]):
    """The metric says how many claims each arm scored and failed to score."""

    def counted(arm: str, outcome: str) -> float:
        labels = {"arm": arm, "outcome": outcome}
        return metrics.registry().get_sample_value("ultrathink_arm_claims_total", labels) or 0.0

    failed, scored = counted("canary", "failed"), counted("stable", "scored")
    await room(percent=100, canary=(MOVED, Spoiled(_raise))).ask()
    assert counted("canary", "failed") - failed == counted("stable", "scored") - scored == 3


async def test_a_slow_canary_is_not_waited_for(room: Callable[..., Room]):
    """A canary that hangs costs its bound once; its claims are answered by the stable arm."""
    release = threading.Event()

    def hang(margins: ports.Doubles) -> ports.Doubles:
        release.wait(30)
        return margins

    whole = room(percent=100, canary_seconds=0.02, canary=(MOVED, Spoiled(hang)))
    try:
        served = await whole.ask()
        again = await whole.ask()
    finally:
        release.set()
    assert _probabilities(served) == _probabilities(again) == pytest.approx(EXPECTED)
    assert whole.crew.standings()[1].reason == "arm.slow"
    assert whole.crew.lineup.canary is not None
    assert whole.crew.lineup.canary.candidate.failed == 3


async def test_a_callers_haste_is_not_the_canarys_fault(room: Callable[..., Room]):
    """An item without time is refused as ever, and nobody is isolated for it."""
    whole = room(percent=100, canary=(MOVED, support.twin()))
    served = await whole.ask(deadline=0.0)
    assert [one.answer.reason for one in served] == ["deadline.exceeded"] * 3
    assert whole.states()["canary"] == "serving"


async def test_bad_input_is_refused_before_any_arm_and_isolates_none(room: Callable[..., Room]):
    """A wrong schema hash or an empty batch is the sender's error, not the canary's."""
    whole = room(percent=100, canary=(MOVED, support.twin()))
    batch = support.batch(*CLAIMS)
    for bad, contexts, reason in (
        (batch._replace(schema_hash="old"), 3, "rows.schema_mismatch"),
        (batch, 2, "rows.contexts_mismatch"),
        (support.batch(), 0, "rows.empty"),
    ):
        with pytest.raises(errors.Invalid) as refused:
            await whole.answer(support.deadlines(contexts), bad, keys=support.keys(contexts))
        assert refused.value.reason == reason
    assert whole.states() == {"stable": "serving", "canary": "serving"}
    assert {one.arm for one in await whole.ask()} == {"canary"}


async def test_an_infinite_value_is_refused_by_the_arm_it_meets(room: Callable[..., Room]):
    """The item's number follows it into the canary's part of the batch."""
    whole = room(percent=50, canary=(MOVED, support.twin()))
    batch = support.batch(*CLAIMS)._replace(infinite=((2, "quantity"),))
    served = await whole.answer(support.deadlines(3), batch, keys=lambda: [3, 5, 8])
    assert [isinstance(one.answer, errors.Invalid) for one in served] == [False, False, True]


async def test_promotion_and_roll_back_change_who_answers(room: Callable[..., Room]):
    """Promoted, the canary's model answers all as stable; rolled back, the earlier one does and it rests."""
    whole = room(percent=10, canary=(MOVED, support.twin()))
    await promote.promote(whole.crew, "canary", "moved")
    assert {(one.arm, one.model.revision) for one in await whole.ask()} == {("stable", "moved")}
    assert whole.states() == {"stable": "serving"}
    await roll_back.roll_back(whole.crew)
    served = await whole.ask()
    assert {(one.arm, one.model.revision) for one in served} == {("stable", MODEL.revision)}
    assert whole.states() == {"stable": "serving", "canary": "off"}


async def test_one_call_takes_a_bad_canary_out(room: Callable[..., Room]):
    """A roll back without a promotion stops the canary's share at once."""
    whole = room(percent=100, canary=(MOVED, support.twin()))
    await roll_back.roll_back(whole.crew)
    assert {one.arm for one in await whole.ask()} == {"stable"}


@pytest.mark.parametrize(
    ("arm", "revision", "fault", "reason"),
    [
        ("stable", "", errors.Invalid, "arms.unknown"),
        ("shadow", "", errors.NotFound, "arms.empty"),
        ("canary", "other", errors.Conflict, "arms.other_revision"),
    ],
)
async def test_a_promotion_that_means_something_else_is_refused(
    room: Callable[..., Room], arm: str, revision: str, fault: type[errors.Fault], reason: str
):
    """What is promoted must be there and be what the caller means; nothing changes otherwise."""
    whole = room(percent=10, canary=(MOVED, support.twin()))
    before = whole.crew.lineup
    with pytest.raises(fault) as refused:
        await promote.promote(whole.crew, arm, revision)
    assert refused.value.reason == reason
    assert whole.crew.lineup is before


async def test_an_isolated_canary_is_not_promoted(room: Callable[..., Room]):
    """What fails on trial does not become what everybody gets."""
    whole = room(percent=100, canary=(MOVED, Spoiled(_raise)))
    await whole.ask()
    with pytest.raises(errors.Conflict) as refused:
        await promote.promote(whole.crew, "canary")
    assert refused.value.reason == "arms.isolated"


class FullDisk(arm_files.NoArmStore):
    """A store that cannot keep anything."""

    def save(self, state: arms.State) -> None:
        """Refuse."""
        raise errors.Unavailable("arms.state", f"no room for {state.stable}")


async def test_a_decision_that_cannot_be_kept_changes_nothing():
    """Nobody is told of a promotion that a restart would undo."""
    clock = chassis_testing.ManualClock()
    named = {
        arm: crew.Candidate(model, support.twin(), clock)
        for arm, model in (("stable", MODEL), ("canary", MOVED))
    }
    with futures.ThreadPoolExecutor(1) as worker:

        def seat(arm: str, candidate: crew.Candidate) -> crew.Seat:
            scoring = score.Score(candidate.model, candidate.estimator, worker=worker, clock=clock)
            return crew.Seat(arm, candidate, scoring)

        whole = crew.Crew(named, {}, seating=seat, store=FullDisk(), percent=10)
        with pytest.raises(errors.Unavailable):
            await promote.promote(whole, "canary")
    assert whole.lineup.stable.candidate.model.revision == MODEL.revision


def test_models_are_told_apart_by_revision():
    """The moved model is another one than the repository's."""
    assert isinstance(MOVED, models.Model)
    assert MOVED.revision != MODEL.revision
