"""One spelling for training and serving: each input says its own, nothing says the answer."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import completion_support as support
from scoring.domain import completion
from scoring.domain import completion_tokens as tokens

CATEGORY = tokens.coarse(None)
EVERY = tuple(tokens.KINDS)
CODES = st.text(alphabet="ABEGJZ0123456789.-", min_size=1, max_size=12)
SYSTEMS = st.sampled_from(["hcpcs", "sbs", "icd-10-am", "icd-9-cm", "local", ""])


def _code(place: int, code: str, system: str = support.CM, **more: bool) -> completion.Code:
    return completion.Code(place, system, code, **more)


def _words(facts: completion.Facts, *inputs: str, coarse: tokens.Coarse = CATEGORY) -> list[str]:
    return [token.word for token in tokens.spell(facts, inputs or EVERY, coarse)]


def test_a_service_is_told_by_its_system_and_code_and_by_its_beginning():
    """Codes of two systems are two services, even if they look the same."""
    facts = support.facts("G0108")
    assert _words(facts, "services") == ["S:hcpcs|G0108", "S3:hcpcs|G01"]
    other = facts._replace(lines=(facts.lines[0]._replace(system="sbs"),))
    assert not set(_words(other, "services")) & set(_words(facts, "services"))


@pytest.mark.parametrize("system", sorted(completion.UNSHARED))
def test_codes_that_mean_something_else_in_each_house_are_not_heard(system: str):
    """A local code, or one of no stated system, teaches and tells nothing."""
    facts = support.facts("X1")
    assert _words(facts._replace(lines=(facts.lines[0]._replace(system=system),)), "services") == []


def test_a_line_without_a_code_says_nothing():
    """What has no code has no token."""
    assert _words(support.facts(""), "services") == []


def test_procedures_are_told_by_code_beginnings_group_and_the_first_apart():
    """The group is the one the bundle has; a code it does not have is in none."""
    groups = tokens.coarse({"3606": "45"})
    facts = completion.Facts(procedures=(_code(0, "36.06"), _code(1, "9604")))
    assert _words(facts, "procedures", coarse=groups) == [
        "P:3606", "P3:360", "P2:36", "PC:45", "P1:3606", "P:9604", "P3:960", "P2:96",
    ]  # fmt: skip


def test_other_diagnoses_are_compared_without_dots_and_case():
    """E11.9, e11.9 and E119 are one code; its category is the coarser token."""
    for written in ("E11.9", "e11.9", "E119"):
        facts = completion.Facts(diagnoses=(_code(1, written),))
        assert _words(facts, "others") == ["D:E119", "DC:E11", "D2:E119"]


def test_the_admitting_diagnosis_is_an_input_of_its_own():
    """It is not among the other diagnoses, and they are not in its place."""
    facts = completion.Facts(diagnoses=(_code(0, "R07.9", admitting=True), _code(1, "I10")))
    assert _words(facts, "admitting") == ["A:R079", "AC:R07"]
    assert _words(facts, "others") == ["D:I10", "DC:I10", "D2:I10"]


def test_the_second_diagnosis_is_the_first_of_the_others():
    """An admitting diagnosis before it does not take its place."""
    first, second = _code(1, "I10"), _code(2, "E78.5")
    facts = completion.Facts(diagnoses=(_code(0, "R07.9", admitting=True), first, second))
    assert [word for word in _words(facts, "others") if word.startswith("D2:")] == ["D2:I10"]


def test_a_drg_is_one_token():
    """And a claim without one has none."""
    assert _words(completion.Facts(drg="247"), "drg") == ["G:247"]
    assert _words(completion.Facts(), "drg") == []


def test_the_setting_is_who_where_and_for_whom():
    """Each circumstance is one token of one kind; those not said have none."""
    facts = support.facts(specialty="cardiac", encounter_class="AMB", age=12.0)
    assert _words(facts, "setting") == [
        "C:type=professional", "C:subtype=op", "C:provider=hospital", "C:specialty=cardiac",
        "C:encounter=AMB", "C:sex=female", "C:age=1",
    ]  # fmt: skip
    assert _words(completion.Facts(), "setting") == []


@pytest.mark.parametrize(
    ("age", "band"), [(0, "0"), (1, "1"), (12, "1"), (13, "2"), (17, "2"), (18, "3"), (39, "3"), (40, "4"),
                      (64, "4"), (65, "5"), (90, "5")],
)  # fmt: skip
def test_ages_are_told_in_bands(age: float, band: str):
    """A band begins at its age; an age itself is never a token."""
    assert f"C:age={band}" in _words(support.facts(age=float(age)), "setting")


def test_an_unknown_age_has_no_band():
    """Missing is not young."""
    assert not [word for word in _words(support.facts(age=math.nan), "setting") if "age" in word]


def test_every_token_says_where_it_stands():
    """So that evidence can point at the very field of the claim."""
    facts = completion.Facts(
        drg="1", sex="male", specialty="eye",
        diagnoses=(_code(3, "I10"), _code(0, "R07", admitting=True)),
        procedures=(_code(2, "3606"),),
        lines=(support.line("G0403", 4),),
    )  # fmt: skip
    paths = {token.input: token.path for token in tokens.spell(facts, EVERY, CATEGORY)}
    assert paths | {"setting": ""} == {
        "procedures": "procedures[2].code", "admitting": "diagnoses[0].code", "drg": "institutional.drg",
        "others": "diagnoses[3].code", "services": "lines[4].code", "setting": "",
    }  # fmt: skip
    settings = {token.path for token in tokens.spell(facts, ["setting"], CATEGORY)}
    assert settings == {"patient.sex", "care_team"}


def test_amounts_and_parties_are_no_tokens():
    """Who asked whom, what for and when changes no word: the diagnosis does not hang on it."""
    one = support.facts("G0108")
    two = one._replace(
        provider="PR-9", payer="PAYER-9", plan="gold", day=1.0, currency="USD", regime="nphies",
        lines=(one.lines[0]._replace(quantity=9.0, factor=0.5),),
    )  # fmt: skip
    assert _words(one) == _words(two)


@given(st.lists(st.tuples(SYSTEMS, CODES), max_size=6), st.lists(st.tuples(SYSTEMS, CODES), max_size=4))
def test_an_input_speaks_in_its_own_kinds(lines: list[tuple[str, str]], others: list[tuple[str, str]]):
    """No token of one input could be taken for one of another, whatever is coded."""
    facts = completion.Facts(
        lines=tuple(completion.Line(place, *one) for place, one in enumerate(lines)),
        diagnoses=tuple(completion.Code(place, *one) for place, one in enumerate(others)),
        procedures=tuple(completion.Code(place, *one) for place, one in enumerate(others)),
    )
    kinds = {name: {word.partition(":")[0] for word in _words(facts, name)} for name in EVERY}
    seen: set[str] = set()
    for found in kinds.values():
        assert not found & seen
        seen |= found


@given(st.lists(st.lists(st.sampled_from(["a", "b", "c", "x"]), max_size=8), max_size=12))
def test_encoding_says_once_which_known_words_a_row_has(rows: list[list[str]]):
    """Unknown words and repetitions change nothing, and rows keep their order."""
    index = {"a": 0, "b": 1, "c": 2}
    found = tokens.encode(rows, index)
    assert len(found) == len(rows)
    for number, row in enumerate(rows):
        places = found.places[found.offsets[number] : found.offsets[number + 1]].tolist()
        assert places == sorted({index[word] for word in row if word in index})


def test_no_rows_are_no_rows():
    """An empty batch has an offset and nothing else."""
    found = tokens.encode([], {})
    assert (len(found), found.places.tolist(), found.offsets.tolist()) == (0, [], [0])


@pytest.mark.parametrize(
    ("groups", "code", "group"),
    [(None, "E119", "E11"), (None, "", ""), ({"E119": "49"}, "E119", "49"), ({"E119": "49"}, "I10", "")],
)
def test_groups_are_of_the_bundles_map_or_the_category(groups: dict[str, str] | None, code: str, group: str):
    """A bundle without a map groups by the beginning of the code."""
    assert tokens.coarse(groups)(code) == group


@given(CODES)
def test_dotless_forgets_dots_and_case_only(code: str):
    """And is the same when done twice."""
    told = tokens.dotless(code)
    assert told == code.replace(".", "").upper() == tokens.dotless(told)


def _reference(facts: completion.Facts, inputs: Sequence[str]) -> set[str]:
    """Return the words of codes alone, spelled a second time in the plainest way."""
    found: set[str] = set()
    if "services" in inputs:
        found |= {
            f"S:{one.system}|{one.code}"
            for one in facts.lines
            if one.code and one.system not in completion.UNSHARED
        }
    if "others" in inputs:
        found |= {f"D:{one.code.replace('.', '').upper()}" for one in facts.diagnoses if not one.admitting}
    return found


@given(st.lists(st.tuples(SYSTEMS, CODES), max_size=6), st.sets(st.sampled_from(["services", "others"])))
def test_codes_themselves_are_all_there(lines: list[tuple[str, str]], inputs: set[str]):
    """The kinds that stand for codes hold each code of their input, and no other."""
    facts = completion.Facts(
        lines=tuple(completion.Line(place, *one) for place, one in enumerate(lines)),
        diagnoses=tuple(completion.Code(place, *one) for place, one in enumerate(lines)),
    )
    exact = {word for word in _words(facts, *sorted(inputs)) if word[:2] in ("S:", "D:")} if inputs else set()
    assert exact == _reference(facts, sorted(inputs))
    assert np.all([":" in word for word in exact])
