"""A few lines are read value by value: whatever they hold, to the last bit the numbers of blocks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import formats_support
import scoring_support as support
from formats import model
from formats import rows as row_schema
from scoring.domain import columns, features, few, prints, records, rows, scores
from scoring.inbound import converters
from scoring.outbound import onnx
from scoring.usecases import score
from ultrathink.scoring.v1 import scoring_pb2

SCHEMA = support.bundle().model.features
WORDS = ["", "PAYER-03", "G0108", "male", "claim", "SAR", "E11", "new", "AMB", "metabolic", "G0101"]

whole = st.one_of(
    st.integers(-5, 400),
    st.sampled_from([records.MISSING_INT, 0, -1, 1, -20]),
    st.integers(-(2**63), 2**63 - 1),
)
decimal = st.one_of(
    st.floats(allow_nan=True, allow_infinity=False, width=64),
    st.sampled_from([0.0, -0.0, 1.0, 1e-300, 1.7e308, np.nan]),
)


def _record(draw: st.DrawFn, kinds: dict[str, str]) -> tuple[float, ...]:
    values = {"codes": st.integers(0, len(WORDS) - 1), "i64": whole, "f64": decimal}
    return tuple(draw(values[kind]) for kind in kinds.values())


@st.composite
def few_rows(draw: st.DrawFn) -> scoring_pb2.Rows:
    """Return any few records that a sender may send, claims without lines among them."""
    sizes = draw(
        st.lists(st.integers(0, 3), min_size=1, max_size=3).filter(lambda one: sum(one) <= records.FEW)
    )
    return scoring_pb2.Rows(
        schema_hash=records.SCHEMA_HASH,
        line_offsets=np.cumsum([0, *sizes]).tolist(),
        dictionary=WORDS,
        claim_records=b"".join(records.CLAIM.packed.pack(*_record(draw, records.CLAIM_KINDS)) for _ in sizes),
        line_records=b"".join(
            records.LINE.packed.pack(*_record(draw, records.LINE_KINDS)) for _ in range(sum(sizes))
        ),
    )


def _blocks(batch: rows.Rows) -> rows.Rows:
    """Return the same rows as blocks."""
    return batch._replace(claims=dict(batch.claims), lines=dict(batch.lines))


def _agree(batch: rows.Rows) -> None:
    assert batch.few
    assert not _blocks(batch).few
    for ours, theirs in zip(
        few.values(SCHEMA, batch).matrices(), features.matrices(SCHEMA, _blocks(batch)), strict=True
    ):
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)
    assert prints.of(batch) == prints.of(_blocks(batch))


@given(wire=few_rows())
@settings(max_examples=200, deadline=None)
def test_any_few_records_have_the_numbers_and_prints_of_blocks(wire: scoring_pb2.Rows):
    """Missing, absurd, negative, unseen: value by value and by blocks nothing differs."""
    _agree(converters.to_rows(wire))


@given(claims=st.lists(formats_support.claims(), min_size=1, max_size=3))
@settings(max_examples=60, deadline=None)
def test_any_few_claims_have_the_numbers_and_prints_of_blocks(claims: list[model.Claim]):
    """The same for claims as the claims room sends them."""
    batch = converters.to_rows(row_schema.pack(claims, [row_schema.History(30, 5, 1)] * len(claims)))
    if batch.size <= records.FEW:
        _agree(batch)


@pytest.mark.parametrize("seen", [records.MISSING_INT, -30, -20, -1, 0, 1, 199, 200, 201, 10**12])
def test_any_history_has_the_numbers_of_blocks(seen: int):
    """Counts that nobody has, too: a history of minus twenty claims divides by nought."""
    for denied in (seen, 0, -3, 3, records.MISSING_INT):
        _agree(
            converters.to_rows(row_schema.pack([support.claim()], [row_schema.History(seen, denied, seen)]))
        )


@pytest.mark.parametrize("depth", ["probabilities", "flagged", "all"])
def test_few_claims_are_scored_as_among_many(depth: scores.Depth):
    """The whole judgement, reasons included, is that of the same claim in blocks."""
    for claim in (support.claim(), support.costly(), support.claim(use="preauthorization")):
        batch = converters.to_rows(support.packed([claim]))
        ours, theirs = (
            score.judge(support.bundle().model, support.twin(), one, depth=depth)
            for one in (batch, _blocks(batch))
        )
        assert ours.outside == theirs.outside
        assert ours.prints == theirs.prints
        np.testing.assert_allclose(ours.probability, theirs.probability, atol=1e-12)
        np.testing.assert_allclose(ours.lines, theirs.lines, atol=1e-12)
        np.testing.assert_array_equal(ours.flagged_lines.shares, theirs.flagged_lines.shares)
        np.testing.assert_array_equal(ours.flagged_claims.shares, theirs.flagged_claims.shares)
        np.testing.assert_array_equal(ours.flagged_lines.chances, theirs.flagged_lines.chances)


def test_few_claims_have_the_probabilities_that_onnxruntime_gives():
    """Alone a claim is scored by tables, among many by onnxruntime: the same to a millionth."""
    estimator = onnx.OnnxEstimator(support.bundle().onnx)
    for claim in (
        support.claim(),
        support.costly(),
        support.claim({}, {"code": "X9"}),
        support.claim({"net": 1}),
    ):
        batch = converters.to_rows(support.packed([claim]))
        ours, theirs = (
            score.judge(support.bundle().model, estimator, one, depth="all")
            for one in (batch, _blocks(batch))
        )
        np.testing.assert_allclose(ours.probability, theirs.probability, atol=1e-6)
        np.testing.assert_allclose(ours.lines, theirs.lines, atol=1e-6)
        np.testing.assert_array_equal(ours.flagged_lines.shares, theirs.flagged_lines.shares)
        np.testing.assert_array_equal(ours.flagged_lines.classes, theirs.flagged_lines.classes)


def test_a_claim_without_lines_has_nothing_to_sum_up():
    """Its own features are known, those of its lines are missing."""
    wire = support.packed([support.claim()])
    del wire.line_offsets[:]
    wire.line_offsets.extend([0, 0])
    found = few.values(SCHEMA, converters.to_rows(scoring_pb2.Rows(
        schema_hash=wire.schema_hash, line_offsets=[0, 0], dictionary=wire.dictionary,
        claim_records=wire.claim_records,
    ))).matrices()  # fmt: skip
    assert found.lines.shape == (0, len(columns.LINE_MODEL))
    assert np.isnan(found.claims[0, len(columns.OWN_CLAIM) :]).all()
