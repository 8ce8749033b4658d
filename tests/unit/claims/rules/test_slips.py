"""Slips of people who write rules, each answered with what to write instead."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rule_language_support as language
from claims.domain.rules import documents, parsing, slips

TEXTS = [
    ("code = ‘A’", "straight one"),
    ("net > ١٠", "digits as 0 to 9"),
    ("net ≥ 1", "Write >=."),
    ("net ≤ 1", "Write <=."),
    ("net => 1", "Write >=."),
    ("net =< 1", "Write <=."),
    ("modifiers contains '59'", "'59' = ANY(modifiers)"),
    ("code starts with 'A'", "LIKE 'E11%'"),
    ("net is empty or", "IS NULL"),
    ("net between 1 to 3", "BETWEEN 1 AND 3"),
    ("code like A%", "LIKE 'E11%'"),
    ("net > 1,5", "no separators"),
    ("net > 1.000,00", "no separators"),
    ("CASE WHEN net > 1 THEN tax", "END"),
    ("use = 'claim'", "\"use\" = 'claim'"),
    ("net > 1 and", "compared after it"),
    ("(net > 1", "Close it."),
    ("net > 1)", "Take it out."),
    ("code = 'it's'", "'it''s'"),
    ('code = "A"', "single ones: 'A'"),
    ("code = A1", "'A1'"),
    ("nett > 1", "Did you mean net?"),
    ("gender = 'male'", "Did you mean patient_sex?"),
    ("service_date > TODAY", "CURRENT_DATE"),
    ("service_date > now()", "CURRENT_DATE"),
    ("net > 1 && tax > 1", "AND between conditions"),
    ("net <> 1 | tax > 1", "OR between conditions"),
    ("if(net > 1, true, false)", "CASE WHEN"),
    ("code ilike 'a'", "LOWER"),
    ("code ~ 'a'", "has_form"),
    ("net > 100 SAR", "no unit"),
    ("date(service_date) > created", "days already"),
    ("code IN 'A'", "IN ('a', 'b')"),
    ("'59' IN modifiers", "= ANY(modifiers)"),
    ("modifiers = '59'", "= ANY(modifiers)"),
    ("service_date > '2026-01-01'", "DATE '2026-01-31'"),
    ("code = 5", "quotation marks: '5'"),
    ("quantity = '1'", "without quotation marks"),
    ("net = '1'", "without quotation marks"),
    ("package = 'yes'", "= TRUE"),
    ("net > tax > 1", "two values at a time"),
    ("quantity > net", "amount with an amount"),
    ("COUNT(diagnoses.code) > 1", "Did you mean diagnosis?"),
    ("COUNT(line.code) > 1", "Did you mean lines?"),
    ("contains(code, 'x')", "LIKE '%x%'"),
    ("mean(lines.net) > 1", "Write SUM"),
    ("age_years(claim.patient_birth_date) > 18", "age_years(patient_birth_date, service_date)"),
    ("age_year(service_date, created) > 1", "Did you mean age_years?"),
    ("EXISTS (SELECT 1)", "FILTER"),
]


@pytest.mark.parametrize(("text", "remedy"), TEXTS)
def test_a_slip_is_told_with_what_to_write(text: str, remedy: str) -> None:
    """Whoever knows no SQL still finds the way from the message."""
    found = language.refusal(text)
    assert remedy in found.remedy, (found.message, found.remedy)


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [("net > 1\n AND net ≥ 2", 2, 10), ("net => 1", 1, 5), ("code = 'a, b' AND net > 1,5", 1, 25)],
)
def test_the_place_of_a_slip_is_where_it_stands(text: str, line: int, column: int) -> None:
    """The caret points at the mark itself, also in a later line, and texts in quotation marks never count."""
    found = language.refusal(text)
    assert (found.line, found.column) == (line, column)


@pytest.mark.parametrize("text", ["code = '≥'", "net > 1", "code LIKE 'a,5%'"])
def test_what_stands_in_quotation_marks_is_no_slip(text: str) -> None:
    """A code may hold any mark."""
    assert slips.of_text(text) is None


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("Object contains unknown field `titel`", "Did you mean title?"),
        ("Object contains unknown field `zzzzzz`", "Take it out."),
        ("Object missing required field `source`", "Add `source:`"),
        ("Invalid enum value 'eror'", "Did you mean error?"),
        ("Expected `str`, got `int`", 'quotation marks: "16"'),
        ("Expected `array`, got `str`", "[claim]"),
        ("Expected `object`, got `str`", "both languages"),
        ("Something else", ""),
    ],
)
def test_a_field_of_the_wrong_shape_is_answered(said: str, remedy: str) -> None:
    """The commonest slips of YAML have their answer, others keep the reader's words."""
    assert remedy in slips.of_document(said)
    assert bool(slips.of_document(said)) == bool(remedy)


@pytest.mark.parametrize(
    ("problem", "line", "message"),
    [
        ("anything", "\t- id: x", "tab"),
        ("mapping values are not allowed in this context", "  a: b: c", "quotation marks"),
        ("did not find expected ',' or '}'", "  {en: x", "brace"),
        ("never heard of", "x", "not YAML from here on"),
    ],
)
def test_what_keeps_a_file_from_being_yaml_is_told(problem: str, line: str, message: str) -> None:
    """The reader's own words are for programmers."""
    assert message in slips.of_yaml(problem, line).message


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("severity", ["error", "info", "warning"]), ("applies.regime[0]", ["base", "nphies", "x12-us"]),
        ("applies.use[2]", ["claim", "preauthorization", "predetermination"]), ("title.en", []),
        ("nothing.such[1]", []), ("", []),
    ],
)  # fmt: skip
def test_a_word_from_a_list_is_answered_with_the_list(place: str, words: list[str]) -> None:
    """Whoever writes another word than those allowed is told which are."""
    assert documents.choices(documents.Rule, place) == words
    if words:
        assert slips.of_document("Invalid enum value 'qqq'", words) == f"Write {' or '.join(words)}."


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), st.integers(1, 6), st.integers(1, 40))
def test_a_caret_stands_under_the_text_or_behind_its_end(text: str, line: int, column: int) -> None:
    """Whatever the place, the shown line is one of the text's, and the caret is within it or just behind."""
    shown, caret = parsing.pointed(text, line, column)
    assert shown in (text.splitlines() or [""])
    assert caret.endswith("^")
    assert len(caret) <= len(shown) + 1
    assert set(caret[:-1]) <= {" ", "\t"}


def test_a_caret_follows_tabs() -> None:
    """An editor that shows tabs wide shows the caret in the right place."""
    assert parsing.pointed("a\n\tnett > 1", 2, 2) == ("\tnett > 1", "\t^")
