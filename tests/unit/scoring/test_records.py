"""Rows that come as records are those that come as columns, and every malformed record is refused by name."""

import struct

import numpy as np
import pytest

import scoring_support as support
from chassis import errors
from formats import rows as row_schema
from scoring.domain import records, rows
from scoring.inbound import converters
from ultrathink.scoring.v1 import scoring_pb2

FEW = [support.claim(), support.costly()]
MANY = FEW * records.FEW
CLAIM_SIZE, LINE_SIZE = records.CLAIM.packed.size, records.LINE.packed.size


def _refused(message: scoring_pb2.Rows) -> errors.Invalid:
    with pytest.raises(errors.Invalid) as caught:
        converters.to_rows(message)
    return caught.value


def _changed(content: bytes, layout: records.Layout, column: str, value: float) -> bytes:
    """Return records with one value of the last one changed."""
    kinds = records.CLAIM_KINDS if layout is records.CLAIM else records.LINE_KINDS
    found = [list(one) for one in layout.packed.iter_unpack(content)]
    found[-1][[*kinds].index(column)] = value
    return b"".join(layout.packed.pack(*one) for one in found)


def test_the_layout_is_the_senders():
    """Names, kinds and order of the row schema, its hash and where a value lies agree on both ends."""
    assert [*records.CLAIM_KINDS.items()] == [*row_schema.CLAIM_COLUMNS.items()]
    assert [*records.LINE_KINDS.items()] == [*row_schema.LINE_COLUMNS.items()]
    assert records.SCHEMA_HASH == row_schema.SCHEMA_HASH
    for ours, theirs in (
        (records.CLAIM, row_schema.CLAIM_COLUMNS), (records.LINE, row_schema.LINE_COLUMNS),
    ):  # fmt: skip
        assert ours.packed.format == row_schema.record(theirs).format


@pytest.mark.parametrize("claims", [FEW, MANY], ids=["few", "many"])
def test_records_are_read_as_columns_are(claims: list[object]):
    """Every column that is read holds the same values, whichever way it came."""
    packed = converters.to_rows(support.packed(claims))  # type: ignore[arg-type]
    plain = support.batch(*claims)  # type: ignore[arg-type]
    assert packed.few == (claims is FEW)
    assert not plain.few
    assert (packed.offsets.tolist(), packed.dictionary) == (plain.offsets.tolist(), plain.dictionary)
    for ours, theirs in ((packed.claims, plain.claims), (packed.lines, plain.lines)):
        assert [*ours] == [*theirs]
        for name, column in theirs.items():
            np.testing.assert_array_equal(ours[name], column)


def test_batches_of_records_are_joined_like_columns():
    """Calls in flight at once become one batch: codes point into the joined dictionary."""
    parts = [[support.claim({}, {"code": "X9"})], [support.costly()], [support.claim()]]
    packed = rows.joined([converters.to_rows(support.packed(one)) for one in parts])
    plain = rows.joined([support.batch(*one) for one in parts])
    assert packed.offsets.tolist() == plain.offsets.tolist()
    for ours, theirs in ((packed.claims, plain.claims), (packed.lines, plain.lines)):
        for name, column in theirs.items():
            np.testing.assert_array_equal(ours[name], column)


@pytest.mark.parametrize("claims", [FEW, MANY], ids=["few", "many"])
@pytest.mark.parametrize(
    ("field", "size", "named"),
    [("claim_records", CLAIM_SIZE, "claim_records"), ("line_records", LINE_SIZE, "line_records")],
)
@pytest.mark.parametrize("change", [-1, 1, None])
def test_records_of_another_length_are_refused(
    claims: list[object], field: str, size: int, named: str, change: int | None
):
    """A byte more or less, or a record less: the field is named, and what it should hold."""
    message = support.packed(claims)  # type: ignore[arg-type]
    content = getattr(message, field)
    setattr(message, field, content[:-size] if change is None else (content + b"\0")[: len(content) + change])
    fault = _refused(message)
    assert fault.reason == "rows.records"
    assert named in fault.message
    assert f"of {size} bytes" in fault.message


def test_records_without_the_other_level_are_refused():
    """Claims without their lines, lines without their claims."""
    for field in ("claim_records", "line_records"):
        assert _refused(support.packed(FEW, **{field: b""})).reason == "rows.records"


def test_records_beside_columns_are_refused():
    """Whoever sends both may mean either."""
    message = support.packed(FEW)
    message.claim_columns.extend(support.wire(FEW).claim_columns)
    assert _refused(message).reason == "rows.records"


@pytest.mark.parametrize("schema", ["", "0" * 64])
def test_records_of_another_schema_are_refused_with_the_remedy(schema: str):
    """A record has no names: only the schema says what lies where."""
    fault = _refused(support.packed(FEW, schema_hash=schema))
    assert fault.reason == "rows.schema_mismatch"
    assert "columns by name" in fault.message


@pytest.mark.parametrize("claims", [FEW, MANY], ids=["few", "many"])
@pytest.mark.parametrize(
    ("field", "layout", "column"),
    [
        ("claim_records", records.CLAIM, "payer"),
        ("line_records", records.LINE, "diagnosis_group"),
    ],
)
def test_a_code_beyond_the_dictionary_names_its_column(
    claims: list[object], field: str, layout: records.Layout, column: str
):
    """A code must name a word, in few records as in many."""
    message = support.packed(claims)  # type: ignore[arg-type]
    setattr(message, field, _changed(getattr(message, field), layout, column, len(message.dictionary)))
    fault = _refused(message)
    assert fault.reason == "rows.dictionary"
    assert column in fault.message


@pytest.mark.parametrize("claims", [FEW, MANY], ids=["few", "many"])
def test_an_infinite_value_is_told_of_its_item_and_column(claims: list[object]):
    """The claim with it is refused by name later; the others are scored."""
    message = support.packed(claims)  # type: ignore[arg-type]
    message.line_records = _changed(message.line_records, records.LINE, "net_share", float("inf"))
    found = converters.to_rows(message)
    assert found.infinite == ((len(claims) - 1, "net_share"),)
    assert not found.few


def test_codes_that_this_room_does_not_read_may_be_anything_in_many_records():
    """Columns that are skipped are skipped in records too; in few they lead to the longer way."""
    for claims in (FEW, MANY):
        message = support.packed(claims)
        message.claim_records = _changed(message.claim_records, records.CLAIM, "priority", 2**32 - 1)
        assert converters.to_rows(message).items == len(claims)


def test_a_record_of_a_claim_is_as_long_as_the_contract_says():
    """Each value at a multiple of its size, the whole a multiple of eight bytes."""
    assert struct.calcsize("<17I4x20q") == CLAIM_SIZE
    assert struct.calcsize("<8I2d4qd12q") == LINE_SIZE
