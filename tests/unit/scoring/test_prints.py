"""Prints of what was scored: the same for the same rows in any batch, another for anything that changed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scoring_support as support
from scoring.domain import columns, prints

PRINT = "13a7db9d83002983"  # of the ordinary claim under the ordinary history
CLAIMS = [
    support.claim(), support.costly(), support.claim({}, {"code": "X9"}), support.claim({"net": 1}),
    support.claim(use="preauthorization"), support.claim(provider={"id": "new"}),
]  # fmt: skip


@given(cut=st.integers(1, 5), order=st.permutations(range(6)))
@settings(max_examples=20, deadline=None)
def test_a_claim_has_the_same_print_in_any_company(cut: int, order: list[int]):
    """Batches have dictionaries of their own; a print knows words, not numbers of words."""
    whole = prints.of(support.batch(*(CLAIMS[number] for number in order)))
    parts = [
        prints.of(support.batch(*(CLAIMS[number] for number in chosen)))
        for chosen in (order[:cut], order[cut:])
        if chosen
    ]
    assert whole == [one for part in parts for one in part]
    assert len(set(whole)) == len(CLAIMS)


@pytest.mark.parametrize("name", columns.CLAIM_NUMBERS)
def test_every_number_of_a_claim_counts(name: str):
    """A change of any number that features are made of is another print; missing is not nought."""
    told = support.batch(support.claim())
    seen = set()
    for value in (np.nan, 0.0, 17.0):
        changed = told._replace(claims={**told.claims, name: np.array([value])})
        seen.update(prints.of(changed))
    assert len(seen) == 3


@pytest.mark.parametrize("name", columns.LINE_CODES)
def test_every_word_of_a_line_counts(name: str):
    """Another word in any column of codes is another print."""
    told = support.batch(support.claim())
    named = told._replace(dictionary=[*told.dictionary, "another"])
    changed = named._replace(lines={**told.lines, name: np.array([len(told.dictionary)], dtype=np.uint32)})
    assert prints.of(changed) != prints.of(told) == prints.of(named)


def test_lines_cannot_wander_from_one_claim_to_the_next():
    """The same lines shared out otherwise are other claims."""
    two = support.batch(support.claim({}, {}), support.claim())
    shared = two._replace(offsets=np.array([0, 1, 3]))
    assert prints.of(shared)[0] != prints.of(two)[0]


def test_another_row_schema_is_another_print():
    """Columns of another meaning never look alike."""
    told = support.batch(support.claim())
    assert prints.of(told._replace(schema_hash="other")) != prints.of(told)


def test_a_print_is_what_it_was():
    """The print of a fixed claim is fixed: stored ones must stay comparable over releases."""
    assert [prints.text(one) for one in prints.of(support.batch(support.claim()))] == [PRINT]


def test_every_score_carries_the_print_of_its_rows():
    """Scored or outside the range: the answer says what it was given for."""
    claims = [support.claim(), support.claim(currency="EUR"), support.costly()]
    found = support.scored(*claims)
    assert [one.print for one in found] == prints.of(support.batch(*claims))
    assert found[1].state == "out_of_range"


def test_a_print_is_told_as_sixteen_digits():
    """Signed as the contract carries it, plain hexadecimal as people read it."""
    assert prints.text(-1) == "f" * 16
    assert prints.text(255) == "00000000000000ff"
    assert prints.text(-(2**62)) == "c" + "0" * 15
