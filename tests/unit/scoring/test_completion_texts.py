"""Every sentence a biller reads is there in both languages, whole, and holds what it is given."""

import inspect
import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.domain import (
    completion,
    completion_pricing,
    completion_routing,
    completion_suggesting,
    completion_texts,
)
from scoring.domain import completion_tokens as tokens

ARABIC = re.compile("[\u0600-\u06ff]")
LATIN_WORD = re.compile(r"[A-Za-z]{4,}")


def _fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("reason", sorted(completion_texts.REFUSALS))
def test_a_refusal_is_told_in_both_languages(reason: str):
    """Arabic in Arabic letters, English without, and nothing left to be filled in."""
    found = completion_texts.refusal(reason, found="17", known="23")
    assert found.reason == reason
    for text in (found.message, found.remedy):
        assert ARABIC.search(text.ar)
        assert not ARABIC.search(text.en)
        assert not LATIN_WORD.search(text.ar)
        assert "{" not in text.en + text.ar
        assert text.en.endswith(".")
        assert text.ar.endswith(".")


@pytest.mark.parametrize("reason", sorted(completion_texts.REFUSALS))
def test_both_languages_say_the_same_numbers(reason: str):
    """What one sentence is given, its twin is given too; remedies are the same for everybody."""
    message, remedy = completion_texts.REFUSALS[reason]
    assert _fields(message.en) == _fields(message.ar) <= {"found", "known"}
    assert _fields(remedy.en) == _fields(remedy.ar) == set()


def test_every_reason_that_is_given_has_its_words():
    """No rule of the room refuses with a reason that has no text, and no text is without a use."""
    modules = (completion_routing, completion_suggesting, completion_pricing)
    used = {
        reason
        for module in modules
        for reason in re.findall(r'"(completion\.\w+)"', inspect.getsource(module))
    }
    assert used == set(completion_texts.REFUSALS)


@pytest.mark.parametrize(
    ("names", "text"),
    [([], "–"), (["", ""], "–"), (["b", "a", "b"], "a, b"), ([f"c{n}" for n in range(9)],
      "c0, c1, c2, c3, c4, c5, c6, c7 …")],
)  # fmt: skip
def test_names_are_listed_for_a_sentence(names: list[str], text: str):
    """Sorted, once each, and not more than a sentence holds."""
    assert completion_texts.listed(names) == text


def test_evidence_says_share_and_usual_share():
    """So that a person sees whether a code says more than chance."""
    told = completion_texts.spoke(
        completion.Label("Service G0108", "الخدمة G0108"), 1_200, 300, "E11.9", 0.02
    )
    assert told.en == (
        "Service G0108: in 1,200 claims learned from, 300 of them (25.0%) with E11.9; "
        "of all claims 2.0% have it."
    )
    for part in ("1,200", "300", "25.0%", "E11.9", "2.0%"):
        assert part in told.ar


def test_evidence_of_no_case_is_still_a_sentence():
    """Nothing is divided by nothing."""
    told = completion_texts.spoke(completion.Label("DRG 1", "المجموعة 1"), 0, 0, "E11.9", 0.0)
    assert "(0.0%)" in told.en


@given(st.integers(1, 10**6), st.text(alphabet="0123456789.", min_size=1, max_size=9))
def test_what_was_billed_names_the_lines_and_the_amount(cases: int, amount: str):
    """In both languages, with the service's code."""
    for what in (completion_texts.SERVICE, completion_texts.BY_PROVIDER, completion_texts.TO_PAYER):
        told = completion_texts.billed(what, "G0108", cases, amount)
        for text in told:
            assert f"{cases:,}" in text
            assert amount in text
            assert "G0108" in text


@pytest.mark.parametrize("name", sorted(completion_texts.SETTINGS))
def test_circumstances_are_told_by_name(name: str):
    """Each in both languages; a value without words of its own is shown as it is."""
    told = completion_texts.setting(f"{name}={'3' if name == 'age' else 'zz9'}")
    assert told.en.startswith(completion_texts.SETTINGS[name].en)
    assert told.ar.startswith(completion_texts.SETTINGS[name].ar)
    assert told.en.endswith("18–39" if name == "age" else "zz9")


@pytest.mark.parametrize("value", sorted(completion_texts.VALUES))
def test_known_values_have_words(value: str):
    """Arabic in Arabic letters, English in Latin ones."""
    told = completion_texts.VALUES[value]
    assert ARABIC.search(told.ar)
    assert not LATIN_WORD.search(told.ar)
    assert not ARABIC.search(told.en)


def test_every_age_band_has_words():
    """One more than there are edges."""
    assert len(completion_texts.AGES) == len(tokens.AGES) + 1


def test_every_input_has_words():
    """Codes by their kind, circumstances by their name."""
    assert set(completion_texts.INPUTS) | {"setting"} == set(tokens.KINDS)
    assert set(completion_suggesting.CODES) == set(completion_texts.INPUTS)
