"""Injected anomalies: each kind changes what it says and leaves the claim's sums right."""

import itertools
from decimal import Decimal

import numpy as np
import pytest

import training_support as support
from formats import canonical, model
from training import anomaly_injections

pytestmark = pytest.mark.xdist_group("training")  # one worker simulates, once

KINDS = sorted(anomaly_injections.KINDS)


def _claims() -> list[model.Claim]:
    with (support.data() / "claims.ndjson").open("rb") as file:
        return [canonical.decode(line) for line in itertools.islice(file, 400)]


def _changed(kind: str) -> list[tuple[model.Claim, model.Claim]]:
    """Return claims before and after."""
    claims, rng = _claims(), np.random.default_rng(1)
    inject = anomaly_injections.KINDS[kind]
    pairs = [(claim, inject(rng, claim, claims)) for claim in claims[:60]]
    return [(before, after) for before, after in pairs if after is not None]


@pytest.mark.parametrize("kind", KINDS)
def test_sums_stay_right(kind: str):
    """The total is that of the lines, whose sequences are unique: nothing else gives the change away."""
    for _, after in _changed(kind):
        assert after.total == sum(line.net or Decimal(0) for line in after.lines)
        assert len({line.sequence for line in after.lines}) == len(after.lines)


@pytest.mark.parametrize("kind", KINDS)
def test_many_claims_can_be_changed(kind: str):
    """A kind that fits hardly any claim could not be judged by."""
    assert len(_changed(kind)) >= 10


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_draw_changes_the_same(kind: str):
    """Figures can be printed again: nothing but the generator decides."""
    assert [after for _, after in _changed(kind)] == [after for _, after in _changed(kind)]


def _differing(before: model.Claim, after: model.Claim) -> list[tuple[model.Line, model.Line]]:
    return [(one, two) for one, two in zip(before.lines, after.lines, strict=True) if one != two]


def test_an_upcoded_price_is_one_price():
    """One line costs a multiple; its units are those of before and the patient's share follows."""
    for before, after in _changed("upcoded price"):
        ((line, dearer),) = _differing(before, after)
        assert dearer.quantity == line.quantity
        times = (dearer.unit_price or Decimal(0)) / (line.unit_price or Decimal(1))
        assert Decimal("1.3") < times < Decimal("3.1")


def test_an_inflated_quantity_is_one_quantity():
    """One line has at least two more units at its old price."""
    for before, after in _changed("inflated quantity"):
        ((line, more),) = _differing(before, after)
        assert more.unit_price == line.unit_price
        assert (more.quantity or Decimal(0)) >= (line.quantity or Decimal(0)) + 2


def test_a_foreign_code_is_billed_by_no_colleague():
    """The new code appears on no claim of that type of provider."""
    claims = _claims()
    for before, after in _changed("code of another provider type"):
        ((_, moved),) = _differing(before, after)
        colleagues = [one for one in claims if one.provider.type == before.provider.type]
        assert moved.code not in {line.code for one in colleagues for line in one.lines}


def test_many_lines_are_many():
    """Six lines or more are added, no code twice."""
    for before, after in _changed("many lines"):
        assert len(after.lines) >= len(before.lines) + 6
        added = after.lines[len(before.lines) :]
        assert len({line.code for line in added}) == len(added)


def test_an_odd_combination_keeps_the_services():
    """Other diagnoses, which no claim with the same services has; lines point to the first."""
    for before, after in _changed("odd combination"):
        assert [line.code for line in after.lines] == [line.code for line in before.lines]
        assert not {one.code for one in before.diagnoses} & {one.code for one in after.diagnoses}


def test_a_claim_without_prices_cannot_be_upcoded():
    """Where nothing can be multiplied the claim is left alone."""
    claim = _claims()[0]
    bare = canonical.decode(
        canonical.encode(claim).replace(b'"unit_price"', b'"factor"').replace(b'"factor":1,', b"")
    )
    rng = np.random.default_rng(0)
    assert anomaly_injections.upcoded_price(rng, bare, [claim]) is None
    assert anomaly_injections.inflated_quantity(rng, bare, [claim]) is None


def test_without_strangers_nothing_is_exchanged():
    """Codes and diagnoses are taken from other claims: the claim's own offer none."""
    claim = _claims()[0]
    rng = np.random.default_rng(0)
    assert anomaly_injections.foreign_code(rng, claim, [claim]) is None
    assert anomaly_injections.odd_combination(rng, claim, [claim]) is None
    assert anomaly_injections.many_lines(rng, claim, [claim]) is None
