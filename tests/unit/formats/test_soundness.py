"""The quick check and the slow walk: they must never disagree."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import formats_support
from formats import canonical, model, money, shapes, soundness, violations

NUMBERS = [
    None, Decimal(0), Decimal("1.5"), Decimal("1.23"), Decimal("1.234"), Decimal("0.00001"), Decimal("NaN"),
    Decimal("sNaN"), Decimal("Infinity"), Decimal(-2), Decimal("1E+20"), Decimal(99999999999),
    Decimal("1E-7"), Decimal("12345678901234.5"),
]  # fmt: skip
DATES = [None, "2026-05-10", "2026-02-30", "2026-05", "2026-05-10T10:00:00Z", "2026-05-10T10:00", "x", ""]
SEQUENCES = [1, 2, 0, -1, 2**31 - 1, 2**31]

numbers = st.sampled_from(NUMBERS)
dates = st.sampled_from(DATES)
sequences = st.sampled_from(SEQUENCES)


def agree(claim: model.Claim) -> None:
    """Assert that both checks say the same of a claim."""
    plain = msgspec.to_builtins(claim, builtin_types=(Decimal,))
    found = violations.collect(plain)
    assert soundness.is_sound(claim) == (not found), found


@st.composite
def odd_lines(draw: st.DrawFn) -> model.Line:
    """Return lines whose values may be wrong in any of the ways a reader cannot see by type."""
    return model.Line(
        sequence=draw(sequences),
        code=draw(st.sampled_from([None, "", "X"])),
        description=draw(st.sampled_from([None, "", "d"])),
        revenue_code=draw(st.sampled_from([None, "0450"])),
        net=draw(numbers),
        quantity=draw(numbers),
        factor=draw(numbers),
        service_date=draw(dates),
        diagnosis_sequences=draw(st.lists(sequences, max_size=2)),
        ndc=model.NationalDrugCode(code="n", quantity=draw(numbers)),
        prior_payer=[model.PriorPayerLine(paid=draw(numbers), date=draw(dates))],
        details=[model.LineDetail(sequence=draw(sequences), tax=draw(numbers))],
    )


@settings(max_examples=300)
@given(
    st.one_of(
        st.decimals(allow_nan=True, allow_infinity=True),
        st.decimals(-(10**16), 10**16, places=3),
        st.builds(Decimal, st.integers(-(10**17), 10**17)).map(lambda whole: whole.scaleb(-2)),
        st.builds(
            lambda sign, exponent: Decimal((sign, (0,), exponent)), st.integers(0, 1), st.integers(-40, 40)
        ),
    ),
    st.sampled_from(["SAR", "KWD", "JPY", None]),
)
def test_an_amount_is_sound_where_money_finds_no_problem(amount: Decimal, currency: str | None):
    """At the bounds, beyond them, of any length and with any exponent: one answer of two ways to look."""
    bare = [model.Line(sequence=1, code="X")]
    claim = formats_support.sample_claim(currency=currency, total=amount, lines=bare)
    sound = not amount.is_snan() and money.problem(amount, money.minor_digits(currency)) is None
    assert soundness.is_sound(claim) == sound
    agree(claim)


@settings(max_examples=300)
@given(st.lists(odd_lines(), max_size=3), st.sampled_from(["SAR", "KWD", "JPY", None]))
def test_both_checks_agree_on_odd_lines(lines: list[model.Line], currency: str | None):
    """A line is sound exactly when the walk finds nothing."""
    agree(formats_support.sample_claim(lines=lines, currency=currency, total=None))


@settings(max_examples=300)
@given(st.data())
def test_both_checks_agree_on_odd_heads(data: st.DataObject):
    """The head, its parties, its evidence and its insurances are judged alike by both."""
    draw = data.draw
    agree(
        formats_support.sample_claim(
            type=draw(st.sampled_from(["oral", ""])),
            claim_id=draw(st.sampled_from([None, "", "x" * 256, "x" * 257])),
            created=draw(dates),
            total=draw(numbers),
            patient=model.Patient(birth_date=draw(dates), deceased_date=draw(dates)),
            insurance=[
                model.Insurance(
                    sequence=draw(sequences),
                    coverage=model.Coverage(start=draw(dates)),
                    adjudicated=model.Adjudicated(
                        paid=draw(numbers), adjustments=[model.Adjustment(amount=draw(numbers))]
                    ),
                )
                for _ in range(draw(st.integers(0, 2)))
            ],
            supporting_info=[
                model.SupportingInfo(
                    sequence=draw(sequences),
                    value_string=draw(st.sampled_from([None, "a"])),
                    value_boolean=draw(st.sampled_from([None, False])),
                    value_quantity=model.MeasuredQuantity(value=draw(numbers) or Decimal(1)),
                )
            ],
            attachments=[model.Attachment(size=draw(st.sampled_from([None, 0, 5, -1, 2**31])))],
            institutional=model.Institutional(
                admission_datetime=draw(dates),
                value_codes=[model.ValueCode(code="A", amount=draw(numbers))],
                occurrence_codes=[model.OccurrenceCode(code="A", date=draw(dates))],
            ),
            extra=[model.Extra(path="p", value=draw(st.sampled_from([1, [[[]]], _deep(32), _deep(33)])))],
        )
    )


def _deep(levels: int) -> Any:
    value: Any = {}
    for _ in range(levels - 1):
        value = {"a": value}
    return value


def test_too_many_lines_are_unsound_to_both():
    """The bound on lines is known to both checks."""
    line = model.Line(sequence=1, code="x")
    agree(formats_support.sample_claim(lines=[line] * 1000))
    agree(formats_support.sample_claim(lines=[line] * 1001))


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        (model.SupportingInfo(sequence=1), True),
        (model.SupportingInfo(sequence=1, value_string="a"), True),
        (model.SupportingInfo(sequence=1, value_boolean=False), True),
        (model.SupportingInfo(sequence=1, value_boolean=False, value_string="a"), False),
        (model.SupportingInfo(sequence=1, value_reference="r", value_attachment=model.Attachment()), False),
    ],
)
def test_supporting_information_has_at_most_one_value(info: model.SupportingInfo, expected: Any):
    """False is a value, None is none."""
    assert soundness.one_value(info) is expected


@pytest.mark.parametrize(
    ("value", "depth", "expected"),
    [
        (1, 0, True), ("x", 0, True), ([], 0, False), ([], 1, True), ([[]], 1, False), ([[]], 2, True),
        ({"a": [1]}, 2, True), ({"a": [{}]}, 2, False), ([1, {"a": 1}], 2, True),
    ],
)  # fmt: skip
def test_depth_counts_lists_and_objects(value: Any, depth: int, expected: Any):
    """Scalars have no depth."""
    assert soundness.shallow(value, depth) is expected


def test_the_shapes_know_every_kind_of_the_model():
    """Money, quantity, dates, sequences and structs are told apart by the model's own annotations."""
    line = {field.wire: field for field in shapes.of(model.Line).fields}
    assert (line["net"].kind, line["quantity"].kind, line["service_date"].kind) == (
        "money",
        "quantity",
        "when",
    )
    assert (line["sequence"].kind, line["sequence"].required, line["sequence"].nullable) == (
        "integer",
        True,
        False,
    )
    assert (line["diagnosis_sequences"].kind, line["diagnosis_sequences"].many) == ("integer", True)
    assert line["details"].shape is shapes.of(model.LineDetail)
    encounter = {field.name: field.wire for field in shapes.of(model.Encounter).fields}
    assert encounter["class_"] == "class"
    use = next(field for field in shapes.of(model.Claim).fields if field.name == "use")
    assert use.choices == ("claim", "preauthorization", "predetermination")


def test_a_refusal_always_says_something():
    """Even where the walk finds nothing, the refusal names the document."""
    plain = msgspec.to_builtins(formats_support.sample_claim())
    fault = violations.refusal(plain)
    assert [(violation.path, violation.code) for violation in fault.violations] == [("$", "field.type")]


def test_the_count_of_problems_is_in_the_message():
    """A person reads how many there are."""
    assert "1 problem." in violations.refusal([]).message
    assert "6 problems." in violations.refusal({}).message


@given(formats_support.claims())
def test_every_claim_of_the_strategy_is_sound(claim: model.Claim):
    """The strategy others build on makes readable claims only."""
    assert soundness.is_sound(claim)
    assert canonical.validate(claim) is claim
    agree(claim)
