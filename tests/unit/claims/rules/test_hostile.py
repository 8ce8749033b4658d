"""Whatever a text says, it is read or refused in words; nothing beyond the named helpers is reached."""

import decimal
import sys
import types
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rules_support as support
from claims.domain.rules import checking, engine, examples, parsing, programs, runtime

WORDS = st.sampled_from([
    "net", "tax", "code", "lines.net", "lines.code", "diagnosis.type", "modifiers", "sequence",
    "claim.type", "__class__", "__import__", "eval", "x", "s", "claim", "hits", "k1", "(", ")", "[", "]",
    ",", ".", "'", '"', ";", "--", "/*", "*/", "=", "<>", "<", ">", "+", "-", "*", "/", "%", "||", "&&",
    "<@", "@>", "::", ":", "$1", "?", "AND", "OR", "NOT", "IN", "LIKE", "BETWEEN", "IS", "NULL", "TRUE",
    "CASE", "WHEN", "THEN", "ELSE", "END", "COUNT", "SUM", "FILTER", "WHERE", "DISTINCT", "OVER", "SELECT",
    "FROM", "DATE", "'2026-01-01'", "'A1'", "1", "0", "1e999", "9999999999999999999999999999999999999999",
    "0.0001", "ROUND", "COALESCE", "ARRAY", "ANY", "CAST", "AS", "INTERVAL", "lambda", "in_codeset",
    "lookup", "age_years", "CURRENT_DATE", "\\", "\n", "\u202e", "\x00", "\xe9", "\U0001fa7a",
])  # fmt: skip


def _tried(text: str) -> None:
    """Check a text; where it is a condition, compile and run it."""
    try:
        node = checking.condition(text, "line", support.KNOWN)
    except parsing.TextError:
        return
    claim, as_of = examples.build({"lines": [{}, {"tax": None, "code": None, "description": "x"}]})
    explain = programs.explain("line", [node], support.KNOWN)
    with decimal.localcontext(runtime.EXACT):
        try:
            found = explain(claim, as_of.toordinal() - support.EPOCH, "Asia/Riyadh", (0, 1))
        except ArithmeticError:
            return
    assert all(row[0] in {True, False, None} for row in found)


@settings(max_examples=400, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str):
    """Random text never ends in anything but a value or a TextError."""
    _tried(text)


@settings(max_examples=600, deadline=None)
@given(st.lists(WORDS, max_size=14).map(" ".join))
def test_any_sequence_of_words_is_read_or_refused(text: str):
    """Neither does text made of the language's own words."""
    _tried(text)


@pytest.mark.parametrize(
    "text",
    [
        "code = 'x'' or __import__(''os'').system(''true'')'",
        "code = '\"); import os; os.abort() #'",
        "code = '{claim}'",
        "code LIKE '%(?{x})%'",
        'code = \'\n"""\'',
        "code IN ('\\', '''', '\"')",
    ],
)
def test_constants_never_become_code(text: str):
    """Quotes, braces and escapes inside a constant stay characters."""
    assert support.value(text) is False


def test_generated_code_reaches_no_builtin():
    """A generated function holds no constant of the rule, and names only helpers, constants and fields."""
    text = "code = 'secret text' AND net <> 12345.67 AND SUM(lines.net) FILTER (WHERE lines.code = code) > 1"
    node = checking.condition(text, "line", support.KNOWN)
    function: Any = programs.explain("line", [node], support.KNOWN)
    names, constants = _inside(function.__code__)
    assert not any("secret" in str(found) or "12345" in str(found) for found in constants)
    fields = {"net", "code", "append", "items", "get", "lines"}
    assert {name for name in names if name not in fields and name not in runtime.NAMESPACE} <= {
        "k1",
        "k2",
        "k3",
        "len",
    }
    assert set(function.__globals__["__builtins__"]) == {
        "len", "abs", "enumerate", "any", "tuple", "min", "max", "ArithmeticError",
    }  # fmt: skip


def _inside(code: types.CodeType) -> tuple[set[str], list[object]]:
    """All names and constants of a function and of the functions inside it."""
    names, constants = set(code.co_names), list(code.co_consts)
    for inner in [found for found in constants if isinstance(found, types.CodeType)]:
        more, others = _inside(inner)
        names |= more
        constants += others
    return names, constants


def test_a_pattern_cannot_explode():
    """A pattern of many wildcards over a long text is answered at once."""
    text = "code LIKE '" + "%a" * 40 + "b'"
    assert support.value(text, {"lines": [{"code": "a" * 20_000}]}) is False


def test_a_product_beyond_the_exact_range_is_undecided():
    """A product with more digits than are kept exactly is not decided, and no wrong amount is shown."""
    large = " * ".join(["9999999999999999999.9999"] * 8)
    outcome = support.judge({}, support.rule(violation=f"{large} > 0 AND net > 0"))
    assert [entry.reason for entry in outcome.not_checked] == ["not decidable: the calculation has no result"]
    assert outcome.findings == []


def test_a_risky_aggregate_is_undecided_alone():
    """An aggregate that overflows leaves its own rule undecided and the others decided."""
    large = " * ".join(["9999999999999999999.9999"] * 8)
    outcome = support.judge(
        {},
        support.rule(id="R-1", applies={"scope": "claim"}, violation=f"SUM(lines.quantity * {large}) > 1",
                     message={"en": "x", "ar": "x"}),
        support.rule(id="R-2", violation="net > 0"),
    )  # fmt: skip
    assert [entry.rule for entry in outcome.not_checked] == ["R-1"]
    assert [finding.rule for finding in outcome.findings] == ["R-2"]


@pytest.mark.parametrize(
    "name", ["{net.__class__}", "{0}", "{net!r}", "{net:>99999999}", "{}", "{{net}}", "{Net}"]
)
def test_messages_reach_no_attribute(name: str):
    """A placeholder is a bare column name; anything else is plain text and stays as written."""
    outcome = support.judge({"lines": [{"net": -1}]}, support.rule(message={"en": name, "ar": name}))
    shown = outcome.findings[0].message.en
    assert shown == name.replace("{net}", "-1.00")


def _steps(part: dict[str, Any]) -> int:
    """Return how many lines of Python an evaluation runs: a cost that no busy machine changes."""
    claim, as_of = examples.build(part)
    packs, known = support.committed()
    judge = engine.Engine(packs, known)
    judge.evaluate(examples.build({})[0], as_of=as_of)  # compile
    steps = 0

    def count(frame: types.FrameType, event: str, argument: object) -> Any:
        nonlocal steps
        del frame, argument
        steps += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        judge.evaluate(claim, as_of=as_of)
    finally:
        sys.settrace(before)
    return steps


@pytest.mark.parametrize("row", [{"lines": [{}]}, {"diagnoses": [{}]}, {"lines": [{"sequence": 1}]}])
def test_equal_rows_do_not_cost_their_square(row: dict[str, list[dict[str, Any]]]):
    """Eight times the rows of one key cost about eight times the work, not sixty-four times."""
    few = _steps({name: rows * 100 for name, rows in row.items()})
    many = _steps({name: rows * 800 for name, rows in row.items()})
    assert many < 16 * few
