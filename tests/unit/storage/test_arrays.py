"""Columns as the texts of arrays: PostgreSQL reads from them what was put in."""

import re

from hypothesis import given
from hypothesis import strategies as st

from storage.outbound import arrays

_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)


@given(st.lists(st.text(alphabet=st.sampled_from('ab"\\,{} \n\x1fع'))))
def test_quoted_texts_are_read_as_they_were(texts: list[str]):
    """Between quotes a backslash makes the next character one of the text, whatever it is."""
    told = arrays.quoted(texts)
    parts = _QUOTED.findall(told)
    assert told == "{" + ",".join(f'"{part}"' for part in parts) + "}"
    assert [re.sub(r"\\(.)", r"\1", part, flags=re.DOTALL) for part in parts] == texts


def test_numbers_and_names_need_no_quotes():
    """Integers, floating point numbers and NULL stand as they are."""
    assert arrays.numbers([1, -(2**63)]) == "{1, -9223372036854775808}"
    assert arrays.numbers([0.25, float("nan")]) == "{0.25, nan}"
    assert arrays.plain(["a-b", "NULL"]) == "{a-b,NULL}"
    assert (arrays.numbers([]), arrays.plain([]), arrays.quoted([])) == ("{}", "{}", "{}")
