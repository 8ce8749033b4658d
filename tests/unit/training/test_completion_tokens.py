"""Codes become tokens, tokens columns; groups come from the public map; nothing unseen gets a column."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from training import completion_claims as claims
from training import completion_tokens as tokens

CODES = st.sampled_from(["", "41071", "486", "4280", "V5866", "9604", "junk"])


def _frame(**columns: list[str]) -> pd.DataFrame:
    count = len(next(iter(columns.values())))
    return pd.DataFrame({name: columns.get(name, [""] * count) for name in claims.COLUMNS})


def test_known_codes_have_their_group():
    """Myocardial infarction, pneumonia and heart failure are CCS 100, 122 and 108; junk has no group."""
    assert tokens.groups(["41071", "486", "4280", "junk", ""]).tolist() == ["100", "122", "108", "", ""]


def test_an_input_speaks_only_of_its_own_columns():
    """Procedures alone never hear the DRG, the admitting diagnosis or other diagnoses."""
    frame = _frame(**{claims.PROCEDURES[0]: ["3606"], claims.DRG: ["247"], claims.ADMITTING: ["486"],
        claims.OTHERS[0]: ["4019"]})  # fmt: skip
    assert set(tokens.spell(frame, ["procedures"])[1]) == {"P:3606", "P3:360", "P2:36", "P1:3606"}
    every = set(tokens.spell(frame, list(tokens.CODE_KINDS))[1])
    assert every >= {"G:247", "A:486", "AC:122", "D:4019", "D2:4019"}


def test_the_principal_diagnosis_is_never_a_token():
    """Changing the answer changes no token: it cannot leak into the question."""
    rest = {claims.DRG: ["247"], claims.PROCEDURES[0]: ["3606"]}
    one, two = (_frame(**{claims.PRINCIPAL: [code]}, **rest) for code in ("41071", "486"))
    inputs = list(tokens.CODE_KINDS)
    assert tokens.spell(one, inputs)[1].tolist() == tokens.spell(two, inputs)[1].tolist()


def test_rare_tokens_are_not_learned():
    """A code seen twice has no column; one seen three times has."""
    spelled = tokens.spell(_frame(**{claims.DRG: ["1", "1", "2", "2", "2"]}), ["drg"])
    assert tokens.learn(spelled) == ["G:2"]


@given(st.lists(st.tuples(CODES, CODES), min_size=1, max_size=30))
def test_the_matrix_says_which_known_tokens_a_row_has(rows: list[tuple[str, str]]):
    """Each cell is one where the row has the token, whatever the rows; unknown tokens change nothing."""
    frame = _frame(**{claims.OTHERS[0]: [one for one, _ in rows], claims.OTHERS[1]: [two for _, two in rows]})
    spelled = tokens.spell(frame, ["others"])
    index = {"D:486": 0, "D:4280": 1}
    found = tokens.encode(spelled, index, len(rows)).toarray()
    wanted = [[float(code in row) for code in ("486", "4280")] for row in rows]
    assert np.array_equal(found, np.array(wanted))
