"""Rows on the wire to rows in the room: every malformed batch is refused by name."""

import numpy as np
import pytest

import scoring_support as support
from chassis import errors
from scoring.domain import columns, rows
from scoring.inbound import converters
from ultrathink.common.v1 import common_pb2
from ultrathink.scoring.v1 import scoring_pb2

MODEL = support.bundle().model


def _refused(message: scoring_pb2.Rows) -> str:
    with pytest.raises(errors.Invalid) as caught:
        converters.to_rows(message)
    return caught.value.reason


def _column(message: scoring_pb2.Rows, name: str) -> common_pb2.Column:
    return next(column for column in (*message.claim_columns, *message.line_columns) if column.name == name)


def test_the_rows_of_the_sender_arrive():
    """Offsets, dictionary and every needed column come through; others are skipped."""
    found = support.batch(support.claim({}, {"quantity": 2}), support.claim())
    assert found.offsets.tolist() == [0, 2, 3]
    assert set(found.claims) == set(columns.CLAIM_KINDS)
    assert set(found.lines) == set(columns.LINE_KINDS)
    assert found.lines["quantity"].tolist() == [1, 2, 1]
    assert [found.dictionary[code] for code in found.lines["code"]] == ["G0108"] * 3
    assert (found.items, found.size) == (2, 3)


def test_a_missing_amount_arrives_as_nan():
    """The sender's smallest int64 is NaN here."""
    found = support.batch(support.claim({"unit_price": None}))
    assert np.isnan(found.lines["unit_price_minor"][0])


@pytest.mark.parametrize("offsets", [[], [1, 2], [0, 2, 1]])
def test_offsets_that_fall_or_start_late_are_refused(offsets: list[int]):
    """Offsets start at 0 and never fall."""
    message = support.wire([support.claim()])
    del message.line_offsets[:]
    message.line_offsets.extend(offsets)
    assert _refused(message) == "rows.offsets"


def test_a_hundred_thousand_rows_are_refused_with_the_remedy():
    """Whole columns of 100,000 lines: the sender hears the bound and to send it in parts."""
    message = support.wire([support.claim()])
    message.line_offsets[1] = 100_000
    for column in message.line_columns:
        kind = column.WhichOneof("values")
        assert kind is not None
        setattr(column, kind, getattr(column, kind) * 100_000)
    with pytest.raises(errors.Invalid, match=r"50,000.*100,000.*parts") as refused:
        converters.to_rows(message)
    assert refused.value.reason == "rows.too_many"


def test_only_tasks_that_are_served_are_known():
    """No task means denial; another one is not found, and its name is not echoed when it is no name."""
    converters.to_task("")
    converters.to_task("denial")
    for name, shown in (("weather", "weather"), ("x" * 500, "of this name"), ("a\nb", "of this name")):
        with pytest.raises(errors.NotFound, match=f"{shown}.*denial") as refused:
            converters.to_task(name)
        assert refused.value.reason == "task.unknown"


def test_too_many_rows_are_refused_before_columns_are_read():
    """A batch is bounded, whatever its columns hold."""
    message = support.wire([support.claim()])
    message.line_offsets[1] = converters.MAX_ROWS + 1
    assert _refused(message) == "rows.too_many"


@pytest.mark.parametrize("dictionary", [[], ["x"]])
def test_entry_zero_of_the_dictionary_must_be_empty(dictionary: list[str]):
    """Code 0 means missing, so entry 0 cannot be a word."""
    message = support.wire([support.claim()])
    del message.dictionary[:]
    message.dictionary.extend(dictionary)
    assert _refused(message) == "rows.dictionary"


def test_a_code_beyond_the_dictionary_is_refused():
    """A code must name an entry."""
    message = support.wire([support.claim()])
    _column(message, "payer").codes = np.array([999], dtype="<u4").tobytes()
    assert _refused(message) == "rows.dictionary"


def test_a_missing_column_is_refused():
    """A column the features need cannot be left out."""
    message = support.wire([support.claim()])
    del message.line_columns[0]
    assert _refused(message) == "rows.missing_column"


@pytest.mark.parametrize("content", [b"", b"\0" * 7, b"\0" * 16])
def test_a_column_of_another_length_is_refused(content: bytes):
    """A column holds exactly one value per row."""
    message = support.wire([support.claim()])
    _column(message, "quantity").f64 = content
    assert _refused(message) == "rows.column"


def test_a_column_of_another_kind_is_refused():
    """Numbers where codes are needed are not silently taken for codes, nor codes for numbers."""
    message = support.wire([support.claim()])
    _column(message, "payer").i64 = np.array([1], dtype="<i8").tobytes()
    assert _refused(message) == "rows.column"
    message = support.wire([support.claim()])
    _column(message, "quantity").codes = np.array([0], dtype="<u4").tobytes()
    assert _refused(message) == "rows.column"


def test_a_column_without_values_is_refused():
    """A name alone is no column."""
    message = support.wire([support.claim()])
    _column(message, "payer").ClearField("values")
    assert _refused(message) == "rows.column"


def test_infinite_values_do_not_crash():
    """An infinite quantity is outside the range, like any other that is too large."""
    message = support.wire([support.claim()])
    _column(message, "quantity").f64 = np.array([np.inf]).tobytes()
    found = converters.to_rows(message)
    assert isinstance(found, rows.Rows)
    assert np.isinf(found.lines["quantity"][0])


def test_a_score_becomes_a_message_with_labels_in_both_languages():
    """Told whole, contributions are named, strongest first, the bias last, and add up to the margin."""
    (answer,) = support.scored(support.costly())
    (message,) = converters.to_claims(["0"], support.served(answer), whole=True)
    assert message.state == scoring_pb2.SCORE_STATE_SCORED
    assert message.item_id == "0"
    assert message.probability == answer.probability
    assert list(message.line_probabilities) == list(answer.line_probabilities)
    *groups, bias = message.contributions
    sizes = [abs(group.log_odds) for group in groups]
    assert sizes == sorted(sizes, reverse=True)
    assert bias.feature == "bias"
    assert all(group.label_en and group.label_ar for group in message.contributions)
    assert answer.contributions is not None
    assert sum(c.log_odds for c in message.contributions) == pytest.approx(answer.contributions.sum())
    guess = message.line_reasons[0].guesses[0]
    assert guess.nphies
    assert guess.carc
    assert guess.label_en
    assert guess.label_ar


def test_a_fault_becomes_an_item_that_is_not_scored():
    """A refused item says kind and reason, and has no probability."""
    fault = errors.Unavailable("deadline.exceeded", "No time was left.")
    (message,) = converters.to_claims(["0"], support.served(fault))
    assert message.state == scoring_pb2.SCORE_STATE_NOT_SCORED
    assert message.error.kind == common_pb2.ERROR_KIND_UNAVAILABLE
    assert message.error.reason == "deadline.exceeded"
    assert message.probability == 0


def test_the_model_is_named_by_its_bundle():
    """Every answer says which revision gave it, and that it is simulated."""
    info = converters.to_info(MODEL)
    assert info.revision == MODEL.revision
    assert len(info.revision) == 64
    assert info.simulated


def test_a_score_tells_the_strongest_reasons_of_those_that_explain_tells():
    """With a score go as many reasons as people read: the first of the whole list, without the bias."""
    (answer,) = support.scored(support.costly())
    (short,) = converters.to_claims(["0"], support.served(answer))
    (whole,) = converters.to_claims(["0"], support.served(answer), whole=True)
    assert len(whole.contributions) > converters.CLAIM_REASONS
    assert list(short.contributions) == list(whole.contributions)[: converters.CLAIM_REASONS]
    lines = zip(short.line_reasons, whole.line_reasons, strict=True)
    for told, all_of_it in lines:
        assert list(told.contributions) == list(all_of_it.contributions)[: converters.LINE_REASONS]
        assert told.guesses == all_of_it.guesses
