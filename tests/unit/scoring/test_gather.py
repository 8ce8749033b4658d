"""Calls that are in flight together are answered as one batch, and each as if it were alone."""

import asyncio
from collections.abc import Iterator, Sequence
from concurrent import futures

import pytest

import scoring_support as support
from chassis import errors
from chassis import testing as chassis_testing
from formats import model
from scoring import ports
from scoring.domain import arms, rows, scores
from scoring.outbound import arm_files
from scoring.usecases import answer, crew, gather, score, shadow

MODEL = support.bundle().model
OTHER = MODEL._replace(revision="other")
CALLS = [
    (support.claim(), support.costly()), (support.claim(currency="EUR"),),
    (support.claim({}, {"quantity": 3}), support.claim()), (support.costly(),),
]  # fmt: skip


MET = [key for key in range(200) if arms.chosen([key], 50)[0]]  # claims that meet the canary
STABLE = [key for key in range(200) if not arms.chosen([key], 50)[0]]


class Counting:
    """An estimator that counts how many lines it was asked about each time."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def lines(self, matrix: ports.Matrix) -> ports.Doubles:
        """Count, then ask the twin."""
        self.asked.append(len(matrix))
        return support.twin().lines(matrix)

    def claims(self, matrix: ports.Matrix) -> ports.Doubles:
        """Ask the twin."""
        return support.twin().claims(matrix)

    def reasons(self, matrix: ports.Matrix) -> ports.Doubles:
        """Ask the twin."""
        return support.twin().reasons(matrix)


class Room:
    """A stable arm and a canary for half of the claims, behind the gathering."""

    def __init__(self, worker: futures.ThreadPoolExecutor) -> None:
        self.clock, self.estimator = chassis_testing.ManualClock(), Counting()
        named = {
            arms.STABLE: crew.Candidate(MODEL, self.estimator, self.clock),
            arms.CANARY: crew.Candidate(OTHER, support.twin(), self.clock),
        }
        self.crew = crew.Crew(
            named,
            {},
            seating=lambda arm, one: crew.Seat(
                arm,
                one,
                score.Score(
                    one.model, one.estimator, worker=worker, clock=self.clock, inline_rows=rows.MAX_LINES
                ),
            ),
            store=arm_files.NoArmStore(),
            percent=50,
        )
        answering = answer.Answer(self.crew, shadow.Shadow(worker), self.clock, canary_seconds=30)
        self.gather = gather.Gather(answering, self.crew, self.clock)

    async def call(
        self,
        *claims: model.Claim,
        keys: Sequence[int] | None = None,
        deadline: float = 60.0,
        schema: str = MODEL.row_schema_hash,
        depth: scores.Depth = "flagged",
    ) -> answer.Answered:
        """Ask about claims in one call."""
        batch = support.batch(*claims)._replace(schema_hash=schema)
        made = support.keys(len(claims)) if keys is None else lambda: keys
        return await self.gather(support.deadlines(len(claims), deadline), batch, keys=made, depth=depth)


@pytest.fixture
def room() -> Iterator[Room]:
    """A room whose thread ends with the test."""
    with futures.ThreadPoolExecutor(1) as worker:
        yield Room(worker)


def _told(served: Sequence[answer.Served]) -> list[tuple[object, ...]]:
    """What answers say, comparable."""
    answers = [(one.arm, one.model.revision, one.answer) for one in served]
    return [
        (arm, revision, told.state, round(told.probability, 9), told.print, len(told.line_probabilities),
         [reason.row for reason in told.line_reasons])
        for arm, revision, told in answers
        if isinstance(told, scores.ClaimScore)
    ]  # fmt: skip


async def test_calls_in_flight_together_meet_the_model_once(room: Room) -> None:
    """Four calls are one batch of the stable arm; each hears what it hears alone, by the same arms."""
    keys = [[STABLE[0], MET[0]], [STABLE[1]], [MET[1], STABLE[2]], [MET[2]]]
    asked = list(zip(CALLS, keys, strict=True))
    together = await asyncio.gather(*(room.call(*claims, keys=own) for claims, own in asked))
    assert len(room.estimator.asked) == 1
    for (claims, own), served in zip(asked, together, strict=True):
        assert len(served) == len(claims)
        assert _told(served) == _told(await room.call(*claims, keys=own))
    assert {one.arm for served in together for one in served} == {"stable", "canary"}


async def test_a_bad_call_spoils_no_other(room: Room) -> None:
    """Rows of another schema, none at all, and a claim of infinite lines are refused where they came from."""
    good, *bad = await asyncio.gather(
        room.call(support.costly()),
        room.call(support.claim(), schema="old"),
        room.call(),
        return_exceptions=True,
    )
    assert isinstance(good, answer.Answered)
    assert _told(good) == _told(await room.call(support.costly()))
    assert [one.reason for one in bad if isinstance(one, errors.Invalid)] == [
        "rows.schema_mismatch", "rows.empty",
    ]  # fmt: skip


async def test_an_item_that_is_late_is_refused_in_company(room: Room) -> None:
    """A call without time left has its own refusal; the others are scored."""
    late, good = await asyncio.gather(room.call(support.claim(), deadline=0.0), room.call(support.costly()))
    assert [one.answer.reason for one in late] == ["deadline.exceeded"]
    assert [one.answer.state for one in good if isinstance(one.answer, scores.ClaimScore)] == ["scored"]


async def test_who_asks_for_probabilities_alone_shares_no_batch_with_others(room: Room) -> None:
    """Two calls of each kind are two batches; those with reasons have them, the others have none."""
    depths: list[scores.Depth] = ["flagged", "probabilities", "flagged", "probabilities"]
    asked = (room.call(support.costly(), keys=STABLE[:1], depth=depth) for depth in depths)
    told = [one.answer for served in await asyncio.gather(*asked) for one in served]
    assert room.estimator.asked == [4, 4]
    assert [bool(one.line_reasons) for one in told if isinstance(one, scores.ClaimScore)] == [
        depth == "flagged" for depth in depths
    ]


async def test_a_large_call_goes_alone(room: Room) -> None:
    """A call that fills a batch by itself gains nothing by company."""
    many = [support.claim(*[{}] * 64)] * 4
    large, small = await asyncio.gather(
        room.call(*many, keys=STABLE[:4]), room.call(support.claim(), keys=STABLE[:1])
    )
    assert sorted(room.estimator.asked) == [1, gather.GATHERED_ROWS]
    assert (len(large), len(small)) == (4, 1)


async def test_when_the_service_leaves_calls_in_flight_are_answered(room: Room) -> None:
    """Closing waits for what was asked, and refuses what comes after."""
    asked = asyncio.create_task(room.call(support.costly()))
    await asyncio.sleep(0)
    await room.gather.aclose()
    assert len(await asked) == 1
    with pytest.raises(errors.Unavailable):
        await room.call(support.claim())
