"""Columns of a batch: joining copies, and what was joined can be picked apart again."""

from hypothesis import given
from hypothesis import strategies as st

from chassis import clock as clocks
from storage.domain import records
from storage.inbound import converters
from storage_support import Batch

SHAPES = st.lists(st.integers(0, 4), min_size=1, max_size=6)


def submission(prefix: str, lines: list[int]) -> records.Submission:
    """Return claims named by prefix and place, each with its number of lines named after it."""
    batch = Batch()
    for place, count in enumerate(lines):
        keys = tuple(f"{prefix}{place}/{number}" for number in range(count))
        batch.add(f"{prefix}{place}", lines=count, service_keys=keys)
    return converters.submission(batch.request, clocks.SystemClock())


def told(found: records.Submission) -> list[tuple[str, list[str], int]]:
    """Return what belongs to each item: its claim, its lines' keys, its number of findings."""
    return [
        (
            found.claims.claim_id[place],
            [
                key
                for key, item in zip(found.lines.service_key, found.lines.item, strict=True)
                if item == place
            ],
            found.findings.item.count(place),
        )
        for place in range(len(found.items))
    ]


@given(st.lists(SHAPES, min_size=2, max_size=4))
def test_joining_leaves_its_parts_alone(shapes: list[list[int]]) -> None:
    """A part may still be needed when its group is refused, so it is copied and never moved."""
    parts = [submission(f"S{number}-", lines) for number, lines in enumerate(shapes)]
    before = [told(part) for part in parts]
    records.join(parts)
    assert [told(part) for part in parts] == before


@given(st.lists(SHAPES, min_size=2, max_size=3))
def test_what_was_joined_can_be_picked_apart(shapes: list[list[int]]) -> None:
    """Halving a refused group gives back the very submissions it was made of."""
    parts = [submission(f"S{number}-", lines) for number, lines in enumerate(shapes)]
    joined, start = records.join(parts), 0
    for part in parts:
        end = start + len(part.items)
        assert told(joined.pick(range(start, end))) == told(part)
        start = end


def test_an_item_is_as_large_as_its_documents() -> None:
    """The size that bounds a transaction counts all three documents."""
    item = submission("A", [1]).items[0]
    assert item.size == len(item.claim_json) + len(item.decision_json) + len(item.received_body)
