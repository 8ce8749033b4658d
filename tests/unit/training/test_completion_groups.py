"""Groups of diagnoses come from the public map; DE-SynPUF claims become facts without their answer."""

import pandas as pd

from scoring.domain import completion_tokens as tokens
from training import completion_claims as claims
from training import completion_groups


def _claims(**columns: list[str]) -> claims.Claims:
    count = len(next(iter(columns.values())))
    frame = pd.DataFrame({name: columns.get(name, [""] * count) for name in claims.COLUMNS})
    return claims.Claims(frame, pd.factorize(frame[claims.PATIENT])[0], "")


def _words(source: claims.Claims, *inputs: str) -> list[set[str]]:
    coarse = tokens.coarse(completion_groups.mapping())
    return [{token.word for token in tokens.spell(one, inputs, coarse)} for one in claims.facts(source)]


def test_known_codes_have_their_group():
    """Myocardial infarction, pneumonia and heart failure are CCS 100, 122 and 108; junk has no group."""
    found = completion_groups.groups(["41071", "486", "4280", "junk", ""])
    assert found.tolist() == ["100", "122", "108", "", ""]


def test_groups_have_their_names():
    """A person is told what a number stands for."""
    names = completion_groups.names()
    assert names["1"] == "Tuberculosis"
    assert set(completion_groups.mapping().values()) <= names.keys()


def test_an_input_speaks_only_of_its_own_columns():
    """Procedures alone never hear the DRG, the admitting diagnosis or other diagnoses."""
    source = _claims(**{claims.PROCEDURES[0]: ["3606"], claims.DRG: ["247"], claims.ADMITTING: ["486"],
        claims.OTHERS[0]: ["4019"]})  # fmt: skip
    assert _words(source, "procedures") == [{"P:3606", "P3:360", "P2:36", "P1:3606"}]
    (every,) = _words(source, "procedures", "admitting", "drg", "others")
    assert every >= {"G:247", "A:486", "AC:122", "D:4019", "D2:4019"}


def test_the_principal_diagnosis_is_never_a_token():
    """Changing the answer changes no token: it cannot leak into the question."""
    rest = {claims.DRG: ["247"], claims.PROCEDURES[0]: ["3606"]}
    one, two = (claims.facts(_claims(**{claims.PRINCIPAL: [code]}, **rest)) for code in ("41071", "486"))
    assert one == two
