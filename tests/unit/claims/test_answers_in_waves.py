"""How answers of one file are parted, which claim they mean, and what a verdict says of lines."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import claims_support as support
from chassis import errors
from chassis import testing as chassis_testing
from claims import ports
from claims.domain import lifecycle
from claims.usecases import adjudicate
from formats import adjudications
from ultrathink.claims.v1 import claims_pb2

BAD = errors.Invalid("adjudication.unreadable", "x")


def said(claim_id: str) -> adjudications.Adjudication:
    """Return an answer to a claim."""
    line = adjudications.Line(sequence=1, outcome="denied")
    return adjudications.Adjudication(
        claim_id=claim_id, outcome="rejected", decided_at="2026-08-20", lines=[line]
    )


@given(names=st.lists(st.sampled_from("abc!"), max_size=20))
def test_no_wave_meets_a_claim_twice(names: list[str]) -> None:
    """Every answer that was read is in one wave, and those about one claim follow each other as they came."""
    answers: list[adjudicate.Said] = [BAD if name == "!" else said(name) for name in names]
    waves = list(adjudicate._waves(answers))
    for wave in waves:
        assert len({names[place] for place in wave}) == len(wave)
        assert wave == sorted(wave)
    placed = [place for wave in waves for place in wave]
    assert sorted(placed) == [place for place, name in enumerate(names) if name != "!"]
    for name in "abc":
        mine = [place for place in placed if names[place] == name]
        assert mine == sorted(mine)


@pytest.mark.parametrize(
    ("named", "meant"),
    [
        ({}, True),
        ({"provider": "P-1"}, True),
        ({"provider": "P-2"}, False),
        ({"payer": "PAYER-1"}, True),
        ({"payer": "PAYER-2"}, False),
        ({"id": "01890000-0000-7000-8000-000000000001"}, True),
        ({"id": "01890000-0000-7000-8000-000000000002"}, False),
        ({"provider": "P-1", "payer": "PAYER-2"}, False),
    ],
)
def test_what_an_answer_names_must_fit(named: dict[str, str], meant: bool) -> None:  # noqa: FBT001 - by table
    """What it does not name it does not ask."""
    wanted: dict[str, str | None] = {"id": None, "provider": None, "payer": None}
    assert adjudicate._is_meant(_found(), wanted | named) is meant


def test_a_party_that_is_not_known_is_no_obstacle() -> None:
    """A claim without a payer may be the one a payer speaks of."""
    unknown = msgspec.structs.replace(_found(), payer="")
    assert adjudicate._is_meant(unknown, {"id": None, "provider": None, "payer": "PAYER-9"})


@pytest.mark.parametrize(("verdict", "outcome"), [("accept", "approved"), ("reject", "denied")])
async def test_a_reviewers_verdict_is_a_word_on_every_line(verdict: str, outcome: str) -> None:
    """A person judges the claim as a whole; what they said joins by line as the payer's word does."""
    async with support.world() as made:
        made.scorer.chance = lambda _: 0.9
        lines = [support.LINE | {"sequence": number} for number in (1, 2)]
        (result,) = await support.submit(made, support.batch([support.body(1, lines=lines, total=300.0)]))
        wire = claims_pb2.VERDICT_ACCEPT if verdict == "accept" else claims_pb2.VERDICT_REJECT
        request: Any = claims_pb2.DecideRequest(
            context=support.wire(roles=["reviewer"]), id=result.claim_id, verdict=wire, revision=1
        )
        async with support.desk(made) as stub:
            await stub.Decide(request)
        entry = made.store._entries["demo", result.claim_id]
        assert [(line.sequence, line.outcome) for line in entry.said["reviewer"].lines] == [
            (1, outcome), (2, outcome),
        ]  # fmt: skip
        (found,) = await made.store.find(chassis_testing.context(), ["CLM-000001"])
        assert found.said is None


def _found() -> ports.Found:
    stored = ports.Stored(
        tenant="demo", id="01890000-0000-7000-8000-000000000001", revision=1, claim=b"", decision=b"",
        status=lifecycle.begin("accept"), received_at=datetime(2026, 8, 1, tzinfo=UTC),
    )  # fmt: skip
    return ports.Found(stored=stored, claim_id="C-1", use="claim", provider="P-1", payer="PAYER-1")
