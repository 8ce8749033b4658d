"""Claims in messages: each below the bound of one, none lost, none alone without need."""

from storage.domain import views
from storage.inbound import converters

ID = "0190a5c4-7b1e-7c3a-9f00-000000000000"


def _claim(size: int) -> views.StoredClaim:
    return views.StoredClaim(
        id=ID, claim_id="C", revision=1, claim_json=b"x" * size, decision_json=b"", wire_status="queued",
        business_status="submitted", review_status="none", content_hash=b"",
    )  # fmt: skip


def test_large_claims_travel_apart() -> None:
    """Portions keep the order; a claim above the bound stands alone."""
    half, whole = converters.PORTION_BYTES // 2, converters.PORTION_BYTES + 1
    sizes = [half, half, 1, whole, 1]
    found = list(converters.portions([_claim(size) for size in sizes]))
    assert [[len(claim.claim_json) for claim in portion] for portion in found] == [
        [half, half], [1], [whole], [1]
    ]  # fmt: skip


def test_nothing_makes_no_portion() -> None:
    """An empty part sends no message."""
    assert list(converters.portions([])) == []
