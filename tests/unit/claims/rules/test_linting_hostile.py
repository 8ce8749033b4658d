"""Lint over whatever stands in a file: it tells, it never breaks."""

import datetime as dt
import tempfile
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import rules_support as support
from claims.domain.rules import linting, slips, written
from claims.outbound import pack_sources

DAY = dt.date(2026, 8, 2)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.dates())
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
FIELDS = ("id", "title", "severity", "applies", "when", "violation", "message", "codes", "valid", "examples")
TEXTS = st.text(st.sampled_from("netcod <>=()'\"%,.;|&≥‘٥\n 19ANDOR"), max_size=60)


def _linted(text: bytes) -> list[written.Remark]:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "mine"
        (place / "rules").mkdir(parents=True)
        (place / "pack.yaml").write_text(yaml.safe_dump(dict(support.HEAD), allow_unicode=True))
        (place / "rules" / "a.yaml").write_bytes(text)
        return linting.lint(pack_sources.read(place, support.KNOWN), today=DAY)


def _sound(remarks: list[written.Remark]) -> None:
    for remark in remarks:
        assert remark.level in {"error", "advice"}
        assert remark.line >= 1
        assert remark.column >= 1
        assert 0 <= remark.caret <= len(remark.excerpt) + 1
        assert remark.message


@settings(max_examples=60)
@given(st.binary(max_size=300))
def test_any_bytes_are_told_and_never_break(text: bytes) -> None:
    """A file that is no YAML at all is one remark."""
    _sound(_linted(text))


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=4))
def test_any_value_in_any_field_is_told(changes: dict[str, object]) -> None:
    """A field of another shape than it should have is an error with a place, or harmless."""
    rule = {**support.rule(), **changes}
    _sound(_linted(yaml.safe_dump([rule], allow_unicode=True).encode("utf-8", "surrogatepass")))


@settings(max_examples=150)
@given(TEXTS)
def test_any_text_has_its_caret_inside(text: str) -> None:
    """Wherever a slip stands, the caret is on its line."""
    _sound(_linted(yaml.safe_dump([support.rule(violation=text)], allow_unicode=True).encode()))


@given(TEXTS)
def test_a_slips_column_lies_in_the_text(text: str) -> None:
    """A slip is told at a mark that is there."""
    found = slips.of_text(text)
    assert found is None or 1 <= found.column <= max(1, len(text))


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text", ["then " * 800, "+ " * 2_000, "(" * 2_000, "'" * 4_000, "1," * 2_000, " " * 4_000]
)
def test_slips_are_found_in_no_time(text: str) -> None:
    """No text within the bound makes the search for slips slow."""
    slips.of_text(text)


@pytest.mark.parametrize(
    "text",
    [
        b"- &a [*a]\n", b"- &a {id: X, applies: *a}\n",
        b"- id: X\n  <<: {a: 1}\n", b"- id: !!python/object:os.system {}\n", b"[[[[" * 2_000,
        b"- ? [1, 2]\n  : 3\n", b"null\n", b"", b"- id: 2026-01-31\n", b"\xff\xfe\x00",
    ],
)  # fmt: skip
def test_what_yaml_allows_and_a_pack_does_not_is_told(text: bytes) -> None:
    """Anchors, merges, tags, keys that are no names, towers of brackets: nothing is run, nothing breaks."""
    _sound(_linted(text))
