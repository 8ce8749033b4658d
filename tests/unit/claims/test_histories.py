"""What history says of a claim that is part of it already."""

import msgspec
import pytest

import claims_support as support
from claims.domain import decisions, documents, histories
from ultrathink.claims.v1 import claims_pb2

KNOWN = histories.Known(provider_claims=5, provider_denied=2, patient_claims=1)


async def decided(
    use: str = "claim", business: str = "draft", review: str = "none", verdict: str = "accept"
) -> decisions.Decision:
    """Return the decision of a claim in this state."""
    async with support.world() as made:
        (result,) = await support.submit(made, support.batch([support.body()]))
    decision = documents.decode(result.rendered.body)
    status = msgspec.structs.replace(decision.status, business=business, review=review)
    return msgspec.structs.replace(decision, use=use, status=status, verdict=verdict)


@pytest.mark.parametrize(
    ("state", "counts"),
    [
        ({}, (4, 2, 1)),  # the patient's claims are counted before this one, the provider's by the day
        ({"business": "rejected"}, (4, 1, 1)),
        ({"review": "decided", "verdict": "reject"}, (4, 1, 1)),
        ({"verdict": "reject"}, (4, 2, 1)),  # a rule's reject is no denial
        ({"use": "preauthorization"}, (5, 2, 1)),  # never counted, so nothing to leave out
    ],
)
async def test_a_claim_is_left_out_of_its_own_history(
    state: dict[str, str], counts: tuple[int, int, int]
) -> None:
    """An explanation and a late score see what a submission saw: everything but the claim itself."""
    told = histories.without(KNOWN, await decided(**state))
    assert (told.provider_claims, told.provider_denied, told.patient_claims) == counts


async def test_nothing_is_counted_below_nought() -> None:
    """A claim older than the window is counted nowhere any more."""
    told = histories.without(histories.Known(), await decided())
    assert (told.provider_claims, told.provider_denied, told.patient_claims) == (0, 0, 0)


async def test_an_explanation_asks_the_model_what_the_submission_asked() -> None:
    """Both score the claim beside the same history."""
    async with support.world() as made:
        (result,) = await support.submit(made, support.batch([support.body()]))
        async with support.desk(made) as stub:
            await stub.Explain(claims_pb2.ExplainRequest(context=support.wire(), id=result.claim_id))
        first, second = made.scorer.asked
        assert first.known is not None
        assert msgspec.structs.replace(first.known, past=[]) == second.known
