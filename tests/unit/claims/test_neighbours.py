"""Claims of one batch are each other's past, as if they had come one after the other."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import claims_support as support
from chassis import errors
from claims.domain import decisions, histories, neighbours, past
from formats import model

# Claims that differ in what the past is compared by; small choices, so that they meet often.
CLAIMS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries({
    "claim_id": st.sampled_from(["A", "B", "C", "D"]),
    "provider": st.sampled_from([{"id": "1"}, {"id": "2"}]),
    "frequency_code": st.sampled_from(["1", "1", "7"]),
    "lines": st.lists(
        st.fixed_dictionaries({
            "code": st.sampled_from(["G0103", "G0104"]),
            "service_date": st.sampled_from(["2026-08-01", "2026-07-31"]),
            "modifiers": st.sampled_from([[], [], ["GT"], ["59"]]),
            "quantity": st.integers(1, 3),
            "preauth_ref": st.sampled_from([None, "A-1"]),
        }),
        min_size=1,
        max_size=2,
    ),
})  # fmt: skip


def body(told: dict[str, Any]) -> bytes:
    """Return a claim of the one patient."""
    lines = [support.LINE | {"sequence": place} | line for place, line in enumerate(told["lines"], start=1)]
    return support.body(1, **(told | {"lines": lines}))


async def heard(*batches: list[bytes]) -> list[list[past.LineHistory] | None]:
    """Return the history that rules heard of each claim, of batches sent one after the other."""
    async with support.world() as made:
        made.rules.windows = support.looking()
        for bodies in batches:
            await support.submit(made, support.batch(bodies))
        return [None if one is None else list(one) for one in made.rules.histories]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        CLAIMS, min_size=1, max_size=4, unique_by=lambda told: (told["claim_id"], told["provider"]["id"])
    )
)
async def test_a_batch_is_judged_like_its_claims_one_by_one(told: list[dict[str, Any]]) -> None:
    """Bulk and live hear the same history, whatever the claims have in common."""
    bodies = [body(one) for one in told]
    assert await heard(bodies) == await heard(*[[one] for one in bodies])


def left(*keys: bytes) -> list[histories.Left]:
    """Return what a claim leaves under these keys."""
    return [histories.Left(line, key, 1, None, b"") for line, key in enumerate(keys, start=1)]


def test_claims_are_strangers_until_two_of_them_share_a_key() -> None:
    """A key twice within one claim, no claims and one claim are nobody's past."""
    assert neighbours.strangers([])
    assert neighbours.strangers([left(b"a", b"a")])
    assert neighbours.strangers([left(b"a", b"a"), left(), left(b"b")])
    assert not neighbours.strangers([left(b"a"), left(b"b"), left(b"c", b"a")])


async def test_the_second_of_two_equal_services_is_the_duplicate() -> None:
    """The first one of a file has nothing before it; the decision of the second names the first."""
    async with support.world() as made:
        first, second = await support.submit(
            made, support.batch([support.body(1, claim_id="ONE"), support.body(1, claim_id="TWO")])
        )
    assert "duplicates" not in support.document(first)
    assert [one["claim_id"] for one in support.document(second)["duplicates"]] == ["ONE"]


async def test_a_claim_sent_twice_in_a_batch_is_not_its_own_duplicate() -> None:
    """The same number of the same provider is the same claim."""
    async with support.world() as made:
        results = await support.submit(made, support.batch([support.body(1), support.body(1)]))
    assert all("duplicates" not in support.document(result) for result in results)


@pytest.mark.parametrize(("severity", "seen"), [("error", 0), ("warning", 1)])
async def test_a_claim_that_rules_refuse_leaves_nothing(severity: decisions.Severity, seen: int) -> None:
    """What is never sent asked nobody for anything, in the batch as in the record."""

    def judge(claim: model.Claim) -> list[decisions.Finding]:
        return [support.finding(severity)] if claim.claim_id == "ONE" else []

    async with support.world() as made:
        made.rules.judge = judge
        bodies = [support.body(1, claim_id="ONE"), support.body(1, claim_id="TWO")]
        await support.submit(made, support.batch(bodies))
        _, second = made.rules.histories
        assert second is not None
        assert second[0].exact == seen
        await support.submit(made, support.batch([support.body(1, claim_id="THREE")]))
        last = made.rules.histories[-1]
        assert last is not None
        assert last[0].exact == 1 + seen


async def test_neighbours_of_other_tenants_are_strangers() -> None:
    """A batch may hold claims of several tenants, and none sees another's."""
    async with support.world() as made:
        made.tenants.known["other"] = type(made.tenants.known["demo"])(name="other")
        request = support.batch([support.body(1, claim_id="ONE"), support.body(1, claim_id="TWO")])
        request.items[1].context.tenant = "other"
        await support.submit(made, request)
        assert [one[0].exact for one in made.rules.histories if one] == [0, 0]


async def test_without_history_neighbours_do_not_stand_in_for_it() -> None:
    """When storage does not answer, what a batch knows of itself is no history."""
    async with support.world() as made:

        async def away(*_: Any, **__: Any) -> Any:
            raise errors.Unavailable("stream.broken", "x")

        made.store.lookup = away  # type: ignore[method-assign]
        bodies = [support.body(1, claim_id="ONE"), support.body(1, claim_id="TWO")]
        await support.submit(made, support.batch(bodies))
        assert made.rules.histories == [None, None]
