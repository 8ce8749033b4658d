"""Forms, check digits and joined texts, as a rule writes them."""

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rule_language_support as language
from claims.domain.rules import runtime

MARKS = string.digits + string.ascii_letters + "-_ .|*"


@pytest.mark.parametrize(
    ("code", "form", "fits"),
    [
        ("12345-67-89", "#####-##-##", True), ("12345-67-8", "#####-##-##", False),
        ("207Q00000X", "###?00000X", True), ("207q00000x", "###?00000X", False),
        ("A1", "@#", True), ("é1", "@#", False), ("١٢", "##", False), ("", "#", False),
        ("a.c", "a.c", True), ("abc", "a.c", False),
    ],
)  # fmt: skip
def test_a_form_is_fitted_mark_by_mark(code: str, form: str, fits: bool) -> None:  # noqa: FBT001 - a table
    """A digit, a letter, either, or the mark itself; nothing more and nothing less."""
    assert language.holds(
        f"has_form(code, '{form}')", {"lines": [{"code": code or None, "description": "x"}]}
    ) is (fits if code else None)


@given(st.text(MARKS, max_size=12), st.text(MARKS + "#@?", min_size=1, max_size=12))
def test_a_form_agrees_with_a_second_telling(text: str, form: str) -> None:
    """The matcher and a mark-by-mark comparison say the same."""
    kinds = {"#": string.digits, "@": string.ascii_letters, "?": string.digits + string.ascii_letters}
    told = len(text) == len(form) and all(
        mark in kinds.get(wanted, wanted) for mark, wanted in zip(text, form, strict=True)
    )
    assert (runtime.form(form)(text) is not None) is told


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("has_form(code)", "takes a text and a form"), ("has_form(net, '#')", "text is needed here"),
        ("has_form(code, code)", "form is a constant text"), ("has_form(code, '')", "1 to 64 marks"),
        (f"has_form(code, '{'#' * 65}')", "1 to 64 marks"), ("npi_valid(net)", "text is needed here"),
        ("npi_valid(code, code)", "takes 1 values"), ("net || code = 'x'", "text is needed here"),
    ],
)  # fmt: skip
def test_a_form_that_makes_no_sense_is_refused(text: str, said: str) -> None:
    """Each refusal says what is wanted."""
    assert said in language.refusal(text).message


@pytest.mark.parametrize(
    ("number", "valid"),
    [("1234567893", True), ("1234567890", False), ("123456789", False), ("12345678930", False),
     ("123456789X", False), ("١٢٣٤٥٦٧٨٩٣", False)],
)  # fmt: skip
def test_an_npi_is_checked_by_its_last_digit(number: str, valid: bool) -> None:  # noqa: FBT001 - a table
    """1234567893 is the example of the standard."""
    claim = {"provider": {"id": number}}
    assert language.holds("npi_valid(provider_id)", claim, scope="claim") is valid


@given(st.integers(0, 10**9 - 1))
def test_just_one_last_digit_makes_an_npi(first: int) -> None:
    """Of ten numbers that share nine digits, one is valid."""
    assert sum(runtime.npi_valid(f"{first:09d}{last}") for last in range(10)) == 1


@given(st.integers(0, 10**9 - 1), st.integers(0, 9), st.integers(1, 9))
def test_one_wrong_digit_is_always_seen(first: int, place: int, shift: int) -> None:
    """The formula sees every single digit that was mistyped."""
    number = next(text for last in range(10) if runtime.npi_valid(text := f"{first:09d}{last}"))
    wrong = str((int(number[place]) + shift) % 10)
    assert not runtime.npi_valid(number[:place] + wrong + number[place + 1 :])


def test_texts_are_joined_and_missing_ones_leave_nothing_known() -> None:
    """`||` makes the keys of tables; NULL in any part is NULL."""
    claim = {"lines": [{"code": "A", "system": "sbs"}]}
    assert language.holds("system || '|' || code = 'sbs|A'", claim) is True
    assert language.holds("system || '|' || code = 'sbs|A'", {"lines": [{"system": None}]}) is None


def test_forms_cannot_blow_up() -> None:
    """Whatever a form says, it is a regular expression of fixed length."""
    assert re.fullmatch(r"[^*+{]*", "".join(runtime._FORM_MARKS.values()))
