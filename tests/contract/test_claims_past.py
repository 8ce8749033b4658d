"""What claims learns of earlier claims: the same from its twin, from storage's twin and from PostgreSQL."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

import claims_rooms as support
import claims_support
from claims import ports
from claims.domain import decisions, documents, histories, past

LINE = claims_support.LINE


def claim(name: str, *lines: dict[str, Any], **options: Any) -> ports.Submission:
    """Return a decided claim of the one patient, of the one provider unless another is given."""
    made = [LINE | {"sequence": place} | line for place, line in enumerate(lines or ({},), start=1)]
    return support.submission(1, claim_id=name, lines=made, looking=claims_support.looking(), **options)


async def told(
    rooms: support.Rooms, item: ports.Submission, before: str = ""
) -> tuple[list[past.LineHistory], list[decisions.Duplicate]]:
    """Return the history of each line of a claim, and its duplicates."""
    (known,) = await support.look_up(rooms, item, before=before)
    question = histories.ask(item.claim, item.identity, before=before)
    found = histories.of_lines(item.claim, question, known)
    assert found is not None
    return found, histories.duplicates(item.claim, question, known)


async def test_an_unseen_patient_has_no_past(rooms: support.Rooms) -> None:
    """Everything asked about is answered with nothing, not with unknown."""
    await support.record(rooms, support.submission(7))
    (known,) = await support.look_up(rooms, claim("NEW"))
    assert known.patient_claims == 0
    ((line,), duplicates) = await told(rooms, claim("NEW", {"preauth_ref": "A-1"}))
    assert line == past.NOTHING
    assert duplicates == []


async def test_the_same_service_is_found_in_another_claim(rooms: support.Rooms) -> None:
    """The duplicate names claim, line, strength and what it rests on; no claim is its own duplicate."""
    await support.record(rooms, claim("FIRST", {"code": "X1"}, {}))
    ((line,), duplicates) = await told(rooms, claim("SECOND"))
    assert (line.exact, line.likely, line.possible) == (1, 0, 0)
    assert [(one.claim_id, one.line, one.kind) for one in duplicates] == [("FIRST", 1, "exact")]
    assert duplicates[0].matched_on == histories.MATCHED["exact"]
    ((own, _), none) = await told(rooms, claim("FIRST", {}, {"code": "X1"}))
    assert (own.exact, own.visits, own.claimed_quantity, none) == (0, 0, Decimal(0), [])


@pytest.mark.parametrize(
    ("later", "strengths"),
    [
        ({}, (1, 0, 0)),
        ({"quantity": 3, "net": 9.0}, (1, 0, 0)),
        ({"service_date": "2026-08-01T10:00:00+03:00"}, (0, 1, 0)),
        ({"modifiers": ["GT"]}, (0, 1, 0)),
        ({"tooth": "12"}, (0, 1, 0)),
        ({"service_date": "2026-08-02"}, (0, 0, 0)),
        ({"code": "G0104"}, (0, 0, 0)),
        ({"modifiers": ["59"]}, (0, 0, 0)),
        ({"modifiers": ["XS"]}, (0, 0, 0)),
        ({"modifiers": ["GT", "RT"]}, (0, 0, 0)),
    ],
)
async def test_a_duplicate_is_as_sure_as_what_agrees(
    rooms: support.Rooms, later: dict[str, Any], strengths: tuple[int, int, int]
) -> None:
    """Every particular: exact. The day and the code: likely. A modifier that means a repeat: none."""
    await support.record(rooms, claim("FIRST"))
    ((line,), duplicates) = await told(rooms, claim("SECOND", later))
    assert (line.exact, line.likely, line.possible) == strengths
    assert len(duplicates) == sum(strengths)


async def test_another_provider_makes_it_possible_only(rooms: support.Rooms) -> None:
    """The same patient, day and code at another provider; modifiers do not matter, a repeat still does."""
    await support.record(rooms, claim("FIRST", provider={"id": "2"}))
    ((line,), (duplicate,)) = await told(rooms, claim("SECOND", {"modifiers": ["GT"]}))
    assert (line.exact, line.likely, line.possible) == (0, 0, 1)
    assert duplicate.matched_on == ["patient", "service_date", "code"]
    ((repeat,), _) = await told(rooms, claim("THIRD", {"modifiers": ["76"]}))
    assert repeat.possible == 0


async def test_two_teeth_are_two_services(rooms: support.Rooms) -> None:
    """Sites that are both told and differ make no duplicate, whatever else agrees."""
    await support.record(rooms, claim("FIRST", {"tooth": "11"}))
    ((line,), _) = await told(rooms, claim("SECOND", {"tooth": "12", "modifiers": ["GT"]}))
    assert (line.exact, line.likely, line.possible) == (0, 0, 0)
    ((same,), _) = await told(rooms, claim("THIRD", {"tooth": "11", "modifiers": ["GT"]}))
    assert same.likely == 1


@pytest.mark.parametrize(
    "exempt",
    [
        {"use": "preauthorization"},
        {"use": "predetermination"},
        {"newborn": True},
        {"frequency_code": "3"},
        {"frequency_code": "7"},
        {"related": [{"claim_id": "x", "relationship": "extend"}]},
        {"related": [{"claim_id": "x", "relationship": "appealing"}]},
        {"insurance": [{"sequence": 1, "focal": True, "coverage": {"payer": "2"}}]},
    ],
)
@pytest.mark.parametrize("recorded", ["special", "plain"])
async def test_what_is_no_duplicate_is_none_on_either_side(
    rooms: support.Rooms, exempt: dict[str, Any], recorded: str
) -> None:
    """Another use or payer, a course billed in parts, restated, extended, appealed claims, and newborns."""
    special, plain = claim("SPECIAL", **exempt), claim("PLAIN")
    first, second = (special, plain) if recorded == "special" else (plain, special)
    await support.record(rooms, first)
    ((line,), duplicates) = await told(rooms, second)
    assert (line.exact, line.likely, line.possible, duplicates) == (0, 0, 0, [])


async def test_earlier_visits_are_counted_by_the_claim(rooms: support.Rooms) -> None:
    """Within the days, at the same provider, on the same day too; two lines of a claim are one visit."""
    await support.record(
        rooms,
        claim("OLD", {"service_date": "2026-07-17"}),
        claim("BACK", {"service_date": "2026-07-18"}, {"service_date": "2026-07-18"}),
        claim("SAME"),
        claim("LATER", {"service_date": "2026-08-02"}),
        claim("ELSEWHERE", provider={"id": "2"}),
        claim("NO-VISIT", {"code": "G0104"}),
    )
    ((line,), _) = await told(rooms, claim("NEW"))
    assert line.visits == 2


async def test_quantities_add_up_over_the_days(rooms: support.Rooms) -> None:
    """The window ends with the day of service; repeats on purpose and other providers count as well."""
    await support.record(
        rooms,
        claim("OUT", {"service_date": "2026-07-02", "quantity": 100}),
        claim("IN", {"service_date": "2026-07-03", "quantity": 2}),
        claim("AGAIN", {"quantity": 1.5, "modifiers": ["76"]}),
        claim("ELSEWHERE", {"quantity": 4}, provider={"id": "2"}),
        claim("LATER", {"service_date": "2026-08-02", "quantity": 100}),
        claim("NONE", {"quantity": None}),
        claim("REPLACED", {"quantity": 50}, frequency_code="7"),
    )
    ((line,), _) = await told(rooms, claim("NEW"))
    assert line.claimed_quantity == Decimal("7.5")


async def test_what_was_used_of_an_approval_is_known(rooms: support.Rooms) -> None:
    """Per code, whatever the day; the reference may stand at the line or once for the claim."""
    whole = [
        {"sequence": 1, "focal": True, "coverage": {"payer": "7001571327"}, "preauth_refs": ["A-1"]},
    ]
    await support.record(
        rooms,
        claim("FIRST", {"preauth_ref": "A-1", "quantity": 2, "service_date": "2024-01-05"}),
        claim("SECOND", {"quantity": 3}, insurance=whole),
        claim("OTHER", {"preauth_ref": "A-2", "quantity": 50}),
        claim("CODE", {"code": "G0104", "quantity": 50}, insurance=whole),
    )
    ((line, free), _) = await told(rooms, claim("NEW", {"preauth_ref": "A-1"}, {}))
    assert (line.authorized_used, free.authorized_used) == (Decimal(5), None)


async def test_nothing_is_counted_of_a_claim_that_does_not_stand(rooms: support.Rooms) -> None:
    """A claim of ours that was rejected asked nobody for anything."""
    item = claim("GONE")
    status = decisions.Status(wire="refused", business="draft", review="none")
    decision = msgspec.structs.replace(item.decision, status=status, verdict="reject")
    await support.record(rooms, msgspec.structs.replace(item, decision=decision))
    ((line,), duplicates) = await told(rooms, claim("NEW"))
    assert (line.exact, line.visits, line.claimed_quantity, duplicates) == (0, 0, Decimal(0), [])


async def test_a_denied_claim_is_a_duplicate_but_used_nothing(rooms: support.Rooms) -> None:
    """The payer has seen it, so it would call the next one a duplicate; its quantity is free again."""
    item = claim("DENIED", {"preauth_ref": "A-1"})
    (made,) = await support.record(rooms, item)
    status = decisions.Status(wire="acknowledged", business="rejected", review="none")
    await rooms.store.append(
        ports.Change(
            context=support.context(),
            id=made.id,
            revision=1,
            event="payer.rejected",
            verdict="accept",
            status=status,
            risk=item.decision.risk,
            document=documents.amend(item.document, revision=2, status=status),
        )
    )
    ((line,), _) = await told(rooms, claim("NEW", {"preauth_ref": "A-1"}))
    assert (line.exact, line.visits, line.claimed_quantity, line.authorized_used) == (
        1,
        1,
        Decimal(0),
        Decimal(0),
    )


async def test_a_recorded_claim_is_asked_about_as_it_was_then(rooms: support.Rooms) -> None:
    """Before its own id, what came later is unknown: the answer is that of its own submission."""
    items = [claim(name, {"preauth_ref": "A-1"}) for name in ("ONE", "TWO", "THREE")]
    made, then = [], []
    for item in items:
        then.append(await told(rooms, item))
        made += await support.record(rooms, item)
    assert [line.exact for (line,), _ in then] == [0, 1, 2]
    again = [await told(rooms, item, before=one.id) for item, one in zip(items, made, strict=True)]
    assert again == then
    (known,) = await support.look_up(rooms, items[1], before=made[1].id)
    assert known.patient_claims == 1


async def test_many_duplicates_are_told_up_to_a_few(rooms: support.Rooms) -> None:
    """A rule needs to know that there are some; the sum covers them all."""
    await support.record(rooms, *[claim(f"C-{number}") for number in range(12)])
    ((line,), duplicates) = await told(rooms, claim("NEW"))
    assert line.exact == len(duplicates) == histories.ROWS
    assert line.claimed_quantity == 12


async def test_history_does_not_cross_tenants(rooms: support.Rooms) -> None:
    """What one tenant recorded another does not learn, of the same patient and approval either."""
    await support.record(rooms, claim("FIRST", {"preauth_ref": "A-1"}))
    item = claim("SECOND", {"preauth_ref": "A-1"}, tenant="other")
    (known,) = await support.look_up(rooms, item)
    assert (known.provider_claims, known.patient_claims, known.matches) == (0, 0, [])
    ((line,), duplicates) = await told(rooms, item)
    assert (line, duplicates) == (past.NOTHING, [])


async def test_counts_alone_may_be_asked_for(rooms: support.Rooms) -> None:
    """The model needs no line: counts come without any key."""
    await support.record(rooms, claim("FIRST"))
    item = claim("SECOND")
    question = histories.ask_counts(item.claim, item.identity)
    deadline = item.context.deadline
    (known,) = await rooms.store.lookup([(item.context, question)], deadline=deadline)
    assert (known.patient_claims, known.past) == (1, [])
    assert known.provider_claims >= 1
