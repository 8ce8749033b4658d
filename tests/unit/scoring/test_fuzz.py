"""Nothing that a sender may put into a batch brings anything but a score or a refusal by name."""

import numpy as np
from google.protobuf import message as protobuf
from hypothesis import given, settings
from hypothesis import strategies as st

import scoring_support as support
from chassis import errors
from scoring.domain import columns, rows, scores
from scoring.inbound import converters
from scoring.usecases import score
from ultrathink.scoring.v1 import scoring_pb2

WIRE = support.wire([support.claim({}, {}), support.costly()]).SerializeToString()
MODEL = support.bundle().model
WORDS = ["", "PAYER-03", "G0108", "male", "claim", "SAR", "E11", "new"]

number = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True, width=64),
    st.sampled_from([0.0, -1.0, 1.0, 1e18, np.nan]),
)


@st.composite
def batches(draw: st.DrawFn) -> rows.Rows:
    """Return any batch that the converters could let through."""
    sizes = draw(st.lists(st.integers(0, 4), max_size=5))
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)

    def column(kind: str, count: int) -> rows.Column:
        if kind == "codes":
            codes = st.integers(0, len(WORDS) - 1)
            return np.array(draw(st.lists(codes, min_size=count, max_size=count)), dtype=np.uint32)
        return np.array(draw(st.lists(number, min_size=count, max_size=count)), dtype=np.float64)

    return rows.Rows(
        schema_hash=MODEL.row_schema_hash,
        offsets=offsets,
        dictionary=WORDS,
        claims={name: column(kind, len(sizes)) for name, kind in columns.CLAIM_KINDS.items()},
        lines={name: column(kind, int(offsets[-1])) for name, kind in columns.LINE_KINDS.items()},
    )


@given(place=st.integers(0, len(WIRE) - 1), value=st.integers(0, 255))
@settings(max_examples=300, deadline=None)
def test_a_changed_byte_on_the_wire_never_crashes_the_converter(place: int, value: int):
    """Any byte may be wrong: the message does not parse, is refused as Invalid, or gives whole columns."""
    spoiled = bytearray(WIRE)
    spoiled[place] = value
    try:
        found = converters.to_rows(scoring_pb2.Rows.FromString(bytes(spoiled)))
    except (protobuf.DecodeError, errors.Invalid):
        return
    assert all(len(column) == found.items for column in found.claims.values())
    assert all(len(column) == found.size for column in found.lines.values())


@given(batch=batches())
@settings(max_examples=60, deadline=None)
def test_any_numbers_give_probabilities_or_a_reason(batch: rows.Rows):
    """Infinite, negative, missing, absurd: each claim is scored between 0 and 1 or named as outside."""
    found = score.judge(MODEL, support.twin(), batch, depth="all")
    assert len(found) == batch.items
    for answer, lines in zip(found, np.diff(batch.offsets), strict=True):
        assert isinstance(answer, scores.ClaimScore)
        if answer.state == "scored":
            assert 0 < answer.probability < 1
            assert len(answer.line_probabilities) == lines
            assert all(0 < p < 1 for p in answer.line_probabilities)
            assert all(np.isfinite(reason.contributions).all() for reason in answer.line_reasons)
        else:
            assert answer.state == "out_of_range"
            assert answer.reason.split(":")[0] in {"above", "below", "missing", "unseen"}


@given(batch=batches())
@settings(max_examples=30, deadline=None)
def test_every_answer_can_be_put_into_a_message(batch: rows.Rows):
    """Whatever the answer, the message is built and names its item."""
    found = score.judge(MODEL, support.twin(), batch, depth="all")
    messages = converters.to_claims(map(str, range(batch.items)), support.served(*found))
    assert [message.item_id for message in messages] == [str(item) for item in range(batch.items)]
