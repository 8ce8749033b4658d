"""Batches: joined, split and judged without losing track of whose line is whose."""

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

import storage_support as support
from chassis import errors
from chassis import testing as chassis_testing
from storage.domain import admission, records, views
from storage.inbound import converters

DEMO = {"demo": views.Tenant(tenant="demo", display_name="Demonstration")}


def submission(*claims: tuple[str, int]) -> records.Submission:
    """Return a submission of claims with so many lines each; a line's code names its claim."""
    batch = support.Batch()
    for claim_id, lines in claims:
        batch.add(claim_id, lines=lines)
    found = converters.submission(batch.request, chassis_testing.ManualClock())
    for place, item in enumerate(found.lines.item):
        found.lines.code[place] = found.claims.claim_id[item]
    return found


def check(found: records.Submission) -> None:
    """Check that every line and finding still belongs to the claim it came with."""
    admission.check_shape(found)
    for item, code in zip(found.lines.item, found.lines.code, strict=True):
        assert found.claims.claim_id[item] == code


SHAPES = st.lists(st.integers(0, 4), min_size=1, max_size=8)


@given(SHAPES, st.data())
def test_picked_items_take_their_lines_along(shape: list[int], data: st.DataObject):
    """Any choice of items, in any order, keeps its own columns, lines and findings."""
    whole = submission(*((f"C-{number}", lines) for number, lines in enumerate(shape)))
    rows = data.draw(st.lists(st.sampled_from(range(len(shape))), unique=True))
    part = whole.pick(rows)
    check(part)
    assert part.claims.claim_id == [f"C-{row}" for row in rows]
    assert len(part.lines.item) == sum(shape[row] for row in rows)


@given(st.lists(SHAPES, min_size=1, max_size=4))
def test_joined_submissions_keep_their_lines_apart(shapes: list[list[int]]):
    """Submissions one behind the other are one submission; none of them is changed by it."""
    parts = [
        submission(*((f"C-{part}-{number}", lines) for number, lines in enumerate(shape)))
        for part, shape in enumerate(shapes)
    ]
    joined = records.join(parts)
    check(joined)
    assert len(joined.items) == sum(map(len, shapes))
    for part in parts:
        check(part)


def test_a_good_submission_has_no_fault():
    """Ordinary claims pass, with or without lines."""
    assert admission.judge(submission(("A", 0), ("B", 3)), DEMO, 0.0) == [None, None]


@pytest.mark.parametrize("character", ["\0", "\x1e", "\x1f", "\n", "\x7f"])
def test_no_control_character_is_admitted(character: str):
    """Control characters part columns on their way to the database, so no value may hold one."""
    for name in sorted(records.TEXTS & set(records.Claims.__struct_fields__)):
        bad = submission(("A", 1), ("B", 1))
        getattr(bad.claims, name)[1] += character
        first, second = admission.judge(bad, DEMO, 0.0)
        assert first is None
        assert isinstance(second, errors.Invalid)


def test_every_text_column_is_known_as_one():
    """The list of text columns agrees with the types of the columns."""
    for columns in (records.Claims, records.Lines, records.Findings):
        texts = {name for name, kind in columns.__annotations__.items() if "str" in str(kind)}
        assert texts == records.TEXTS & set(columns.__struct_fields__)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda found: found.claims.service_to_day.__setitem__(0, 2**31), "column.unstorable"),
        (lambda found: found.lines.sequence.__setitem__(0, 2**31), "column.unstorable"),
        (lambda found: found.findings.line.__setitem__(0, 2**32 - 1), "column.unstorable"),
        (lambda found: found.findings.path.__setitem__(0, "x" * 600), "column.unstorable"),
    ],
)
def test_numbers_and_texts_beyond_their_column_are_refused(
    change: Callable[[records.Submission], object], reason: str
):
    """What the narrow columns cannot hold is refused before the database sees it."""
    found = submission(("A", 1))
    change(found)
    [fault] = admission.judge(found, DEMO, 0.0)
    assert fault is not None
    assert fault.reason == reason


def test_an_inactive_tenant_records_nothing():
    """A tenant that was switched off is denied like an unknown one, by another reason."""
    idle = {"demo": views.Tenant(tenant="demo", display_name="Gone", active=False)}
    [fault] = admission.judge(submission(("A", 1)), idle, 0.0)
    assert isinstance(fault, errors.Denied)
    assert fault.reason == "tenant.inactive"


def test_documents_beyond_the_bound_are_refused():
    """A claim whose documents no message could bring back is refused."""
    found = submission(("A", 1))
    large = records.Item(**{
        **{name: getattr(found.items[0], name) for name in records.Item.__struct_fields__},
        "received_body": bytes(admission.DOCUMENT_MAX),
    })  # fmt: skip
    [fault] = admission.judge(
        records.Submission([large], found.claims, found.lines, found.findings), DEMO, 0.0
    )
    assert fault is not None
    assert fault.reason == "document.too_large"


def test_keys_of_different_kinds_never_meet():
    """A chosen key and a natural key of the same text are two keys of sixteen bytes."""
    batch = support.Batch().add("A", key="P1|claim|B").add("B")
    first, second = converters.submission(batch.request, chassis_testing.ManualClock()).items
    assert len(first.key) == len(second.key) == 16
    assert first.key != second.key


def test_missing_numbers_cross_the_wire_as_the_contract_says():
    """What has no value comes out as the smallest integer, NaN or an empty text."""
    row = views.ClaimRow(
        id="01900000-0000-7000-8000-000000000000", claim_id="A", use="claim", type="t", provider_id=None,
        payer_id=None, currency=None, submitted_minor=None, verdict="accept", wire_status="w",
        business_status="b", review_status="r", score_state=None, probability=None, at_risk_minor=None,
        revision=1,
    )  # fmt: skip
    message = converters.claim_row(row)
    assert (message.submitted_minor, message.at_risk_minor) == (records.NO_INT, records.NO_INT)
    assert math.isnan(message.probability)
    assert (message.provider_id, message.score_state) == ("", "")
