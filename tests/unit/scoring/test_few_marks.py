"""A few lines and claims are met in one pass as each model meets its own rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scoring_support as support
from scoring.domain import columns, explaining, features, few_marks, forests, ranges, schemas
from scoring.outbound import bundles

MODEL = support.bundle().model
SAMPLE = bundles.sample(support.BUNDLE)
WIDTHS = (len(columns.LINE_MODEL), len(columns.CLAIM_MODEL))


def _found(seed: int, lines: int, claims: int) -> features.Matrices:
    """Return rows of the bundle's sample, some of their values missing or absurd."""
    rng = np.random.default_rng(seed)

    def some(name: str, count: int) -> features.Matrix:
        rows = SAMPLE[name][rng.integers(0, len(SAMPLE[name]), size=count)].copy()
        strange = rng.random(rows.shape) < 0.01
        rows[strange] = rng.choice([np.nan, -0.0, np.inf, -np.inf, 1e30], size=int(strange.sum()))
        return rows

    known = np.ones((claims, len(columns.MEANING)), dtype=np.bool_)
    return features.Matrices(some("lines", lines), some("claims", claims), known)


def _met(tables: few_marks.Tables, found: features.Matrices) -> few_marks.Met:
    values = np.concatenate([found.lines, found.claims], axis=None)
    return tables.meet(values, (len(found.lines), len(found.claims)))


def _agree(
    tables: few_marks.Tables, explainers: list[explaining.Explainer], found: features.Matrices
) -> None:
    met = _met(tables, found)
    for ours, explainer, matrix in zip(met[:2], explainers, found[:2], strict=True):
        np.testing.assert_array_equal(ours, explaining.seen(explainer, matrix))


@given(seed=st.integers(0, 10_000), lines=st.integers(0, 6), claims=st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_few_rows_stand_where_each_model_puts_them(seed: int, lines: int, claims: int):
    """Whatever they hold, and however many: patterns are those of the explainers, ranges are kept."""
    found = _found(seed, lines, claims)
    _agree(MODEL.few, [MODEL.line_explainer, MODEL.claim_explainer], found)
    bounds = MODEL.features.joined.line_bounds, MODEL.features.joined.claim_bounds
    inside = all(ranges.inside(*one).all() for one in zip(bounds, found[:2], strict=True))
    assert _met(MODEL.few, found).inside == inside


@given(seed=st.integers(0, 10_000), trees=st.tuples(st.integers(1, 9), st.integers(1, 9)))
@settings(max_examples=25, deadline=None)
def test_models_of_any_two_sizes_are_met_together(seed: int, trees: tuple[int, int]):
    """Whichever has more units or more groups of features, the other's rows are none the worse."""
    rng = np.random.default_rng(seed)
    grown = [
        support.random_forest(rng, trees=count, depth=3, features=width)
        for count, width in zip(trees, WIDTHS, strict=True)
    ]
    _random(rng, grown)


@pytest.mark.parametrize("place", [0, 1])
def test_a_forest_that_never_splits_is_met_too(place: int):
    """Of a forest of single leaves nothing is looked up, and the other model's rows are where they belong."""
    rng = np.random.default_rng(4)
    grown = [support.random_forest(rng, trees=5, depth=3, features=width) for width in WIDTHS]
    grown[place] = support.random_forest(rng, trees=2, depth=0, features=WIDTHS[place])
    _random(rng, grown)


def _random(rng: np.random.Generator, grown: list[forests.Forest]) -> None:
    explainers = [
        explaining.build(forest, np.zeros(width, dtype=np.int32))
        for forest, width in zip(grown, WIDTHS, strict=True)
    ]
    lines, claims = (support.random_rows(rng, *size) for size in zip((3, 2), WIDTHS, strict=True))
    joined: schemas.Tables = MODEL.features.joined
    known = np.ones((2, len(columns.MEANING)), dtype=np.bool_)
    of_lines, of_claims = explainers
    tables = few_marks.Tables(of_lines, of_claims, joined)
    _agree(tables, explainers, features.Matrices(lines, claims, known))
