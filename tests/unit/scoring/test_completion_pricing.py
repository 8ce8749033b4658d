"""An amount is told in its currency's decimals with a range that held, or refused with a reason."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import completion_support as support
from scoring.domain import completion, completion_models
from scoring.domain import completion_amounts as amounts
from scoring.domain import completion_pricing as pricing

DAY = 20_000.0


def _model(**changes: Any) -> completion_models.Amounts:
    bundle = support.pricing()
    return bundle._replace(model=bundle.model._replace(**changes))


def _banded(**changes: Any) -> completion_models.Amounts:
    """Return the bundle with every band changed so."""
    model = support.priced()
    return _model(bands=tuple(band._replace(**changes) for band in model.bands))


def _told(
    *lines: completion.Line, bundle: completion_models.Amounts | None = None, **changes: Any
) -> list[completion.Suggestion | completion.Refusal]:
    facts = support.facts(**{"day": DAY, "lines": lines} | changes)
    return pricing.suggest(bundle or support.pricing(), facts, lines)


def _suggested(
    line: completion.Line, bundle: completion_models.Amounts | None = None, **changes: Any
) -> completion.Suggestion:
    (found,) = _told(line, bundle=bundle, **changes)
    assert isinstance(found, completion.Suggestion), found
    return found


def _refused(
    line: completion.Line, bundle: completion_models.Amounts | None = None, **changes: Any
) -> completion.Refusal:
    (found,) = _told(line, bundle=bundle, **changes)
    assert isinstance(found, completion.Refusal), found
    return found


@pytest.mark.parametrize("code", sorted(support.SERVICES))
@pytest.mark.parametrize("provider", sorted(support.PROVIDERS))
def test_an_amount_is_what_this_provider_usually_asks(code: str, provider: str):
    """Within the world's noise and the pull of the service's mean."""
    found = _suggested(support.line(code), provider=provider)
    price = support.SERVICES[code][1] * support.PROVIDERS[provider]
    assert found.first.amount_minor == pytest.approx(100 * price, rel=0.08)
    assert found.first.value == f"{(found.first.amount_minor or 0) / 100:.2f}"
    assert found.first.currency == "SAR"


@given(st.integers(1, 8))
def test_an_amount_grows_with_the_quantity(quantity: int):
    """Twice as many units cost twice as much, to the smallest coin."""
    one, many = _suggested(support.line()), _suggested(support.line(quantity=float(quantity)))
    assert many.first.amount_minor == pytest.approx(quantity * (one.first.amount_minor or 0), abs=quantity)


@pytest.mark.parametrize(("digits", "written"), [(0, "180"), (2, "180.00"), (3, "180.000"), (4, "180.0000")])
def test_amounts_have_the_decimals_of_their_currency(digits: int, written: str):
    """A yen has none, a dinar three."""
    found = _suggested(support.line(), digits=digits)
    assert len(found.first.value) == len(written)
    assert float(found.first.value) == pytest.approx(180, rel=0.08)
    assert found.first.amount_minor == round(float(found.first.value) * 10**digits)


def test_the_range_is_that_of_the_lines_band():
    """Low and high are as far off as later lines of such support were; their share stands beside."""
    found = _suggested(support.line()).first
    assert found.low == pytest.approx((found.amount_minor or 0) * math.exp(-0.04), abs=2)
    assert found.high == pytest.approx((found.amount_minor or 0) * math.exp(0.05), abs=2)
    assert (found.share, found.tolerance, found.confidence) == (0.8, 0.1, 0.95)


def test_evidence_names_what_was_usual():
    """For the service, and for this provider and payer as far as they have billed it, in both languages."""
    found = _suggested(support.line())
    assert [one.path for one in found.evidence] == ["lines[0].code", "provider.id", "insurance"]
    for one in found.evidence:
        assert f"{one.cases:,}" in one.text.en
        assert "SAR" in one.text.en
        assert "G0108" in one.text.ar
    assert found.similar == found.evidence[0].cases
    assert found.cases == support.CLAIMS


def test_an_unknown_provider_is_no_evidence():
    """A house that never billed the service says nothing of its price."""
    found = _suggested(support.line(), provider="PR-9", payer="PAYER-9")
    assert [one.path for one in found.evidence] == ["lines[0].code"]


def test_the_evidence_of_a_line_points_at_that_line():
    """Lines are told apart by their place in the claim."""
    one, two = _told(support.line(), support.line("G0403", place=7))
    assert isinstance(one, completion.Suggestion)
    assert isinstance(two, completion.Suggestion)
    assert one.evidence[0].path == "lines[0].code"
    assert two.evidence[0].path == "lines[7].code"


@pytest.mark.parametrize("quantity", [math.nan, 0.0, -3.0])
def test_without_a_quantity_nothing_is_told(quantity: float):
    """It is not taken for one."""
    assert _refused(support.line(quantity=quantity)).reason == "completion.no_quantity"


def test_a_service_never_seen_is_refused_by_name():
    """There is no price to conclude from."""
    found = _refused(support.line("Q9999"))
    assert found.reason == "completion.unseen_codes"
    assert "Q9999" in found.message.en


def test_the_same_code_in_another_currency_was_never_seen():
    """Riyals are not turned into dollars."""
    assert _refused(support.line(), currency="USD").reason == "completion.unseen_codes"


def test_a_service_seen_a_few_times_is_refused_with_the_number():
    """Fewer than ten lines are no habit."""
    usual = support.priced().usual
    key = amounts.key(amounts.Asked(support.facts("G0108"), support.line()), "code")
    few = usual.means["code"]._replace(cases=usual.means["code"].cases | {key: 9})
    bundle = _model(usual=usual._replace(means=usual.means | {"code": few}))
    found = _refused(support.line(), bundle)
    assert found.reason == "completion.few_cases"
    assert "9" in found.message.en
    assert str(pricing.LEAST_CASES) in found.message.ar


def test_a_band_that_few_later_lines_judged_is_refused():
    """How far off such amounts are is not known, so no confidence is made up."""
    found = _refused(support.line(), _banded(lines=pricing.LEAST_JUDGED - 1))
    assert found.reason == "completion.few_cases"
    assert isinstance(
        _told(support.line(), bundle=_banded(lines=pricing.LEAST_JUDGED))[0], completion.Suggestion
    )


@pytest.mark.parametrize(("quantity", "told"), [(8.0, True), (8.1, False), (5_000.0, False)])
def test_a_bulk_beyond_twice_the_largest_seen_is_refused(quantity: float, told: bool):  # noqa: FBT001 - a case
    """Four units were the most; a price per unit need not hold for a thousand."""
    (found,) = _told(support.line(quantity=quantity))
    assert isinstance(found, completion.Suggestion) is told
    if isinstance(found, completion.Refusal):
        assert found.reason == "completion.unusual_quantity"
        assert "4" in found.message.en


@pytest.mark.parametrize(("high", "told"), [(math.log(1.99), True), (math.log(2.01), False)])
def test_a_range_too_wide_is_refused_with_its_ends(high: float, told: bool):  # noqa: FBT001 - a case
    """When the top is more than twice the bottom, a single amount would mislead."""
    (found,) = _told(support.line(), bundle=_banded(low=0.0, high=high))
    assert isinstance(found, completion.Suggestion) is told
    if isinstance(found, completion.Refusal):
        assert found.reason == "completion.range_wide"
        assert "–" in found.message.en


def test_an_amount_beyond_all_is_refused():
    """Nothing overflows, whatever the trees say."""
    forest = support.priced().forest
    absurd = forest._replace(value=np.full_like(forest.value, 800.0))
    assert _refused(support.line(), _model(forest=absurd)).reason == "completion.range_wide"


def test_each_line_is_answered_on_its_own():
    """A refused line keeps no other from its answer, and the order is that of the question."""
    lines = (
        support.line(),
        support.line("Q9999", 1),
        support.line("G0403", 2),
        support.line(place=3, quantity=0),
    )
    found = _told(*lines)
    assert [isinstance(one, completion.Suggestion) for one in found] == [True, False, True, False]
    assert found[2] == _told(lines[2], lines=lines)[0]


def test_no_lines_are_no_answers():
    """And the trees are not asked."""
    assert _told() == []


@given(st.floats(allow_nan=True, allow_infinity=False))
def test_whatever_the_quantity_there_is_an_answer_or_a_reason(quantity: float):
    """Never an exception, never an amount of nothing."""
    (found,) = _told(support.line(quantity=quantity))
    if isinstance(found, completion.Suggestion):
        assert found.first.amount_minor is not None
        assert 0 <= found.first.low <= found.first.amount_minor <= found.first.high
    else:
        assert found.reason.startswith("completion.")


@pytest.mark.parametrize("days", [-4_000.0, 4_000.0, math.nan])
def test_a_day_far_away_is_answered_within_reason(days: float):
    """The trend is carried on for a year after the training, and back as far as it takes."""
    found = _suggested(support.line(), day=DAY + days)
    assert 100 < float(found.first.value) < 260
