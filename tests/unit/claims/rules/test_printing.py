"""A tree written as text says the same again, in one spelling."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rules_support as support
from claims.domain.rules import checking, printing, schema

TEXTS = [
    ("line", "net<>ROUND( quantity*unit_price*COALESCE(factor,1) )+COALESCE(tax,0)",
     "net <> ROUND(quantity * unit_price * COALESCE(factor, 1)) + COALESCE(tax, 0)"),
    ("line", "NOT (net > 1 or net < 0) and code is not null",
     "NOT (net > 1 OR net < 0) AND code IS NOT NULL"),
    ("line", "code not in ('a','b''c') OR code not like 'E11%'",
     "code NOT IN ('a', 'b''c') OR code NOT LIKE 'E11%'"),
    ("line", "net - (tax - patient_share) > 1.50", "net - (tax - patient_share) > 1.50"),
    ("line", "service_date between DATE '2026-01-01' and CURRENT_DATE - 1",
     "service_date BETWEEN DATE '2026-01-01' AND CURRENT_DATE - 1"),
    ("line", "CASE WHEN net > 1 THEN tax END is distinct from 1",
     "CASE WHEN net > 1 THEN tax END IS DISTINCT FROM 1"),
    ("line", "modifiers && ARRAY['59'] AND 'x' = ANY(modifiers)",
     "modifiers && ARRAY['59'] AND 'x' = ANY(modifiers)"),
    ("line", "in_codeset(code,'letters',service_date) AND lookup('letters.billable', code, service_date)",
     "in_codeset(code, 'letters', service_date) AND lookup('letters.billable', code, service_date)"),
    ("claim", "SUM(lines.net) filter (where lines.net is not null) <> total",
     "SUM(lines.net) FILTER (WHERE lines.net IS NOT NULL) <> total"),
    ("claim", "COUNT(DISTINCT lines.code) > 1 AND COUNT(*) FILTER (WHERE lines.net > 0) = 0",
     "COUNT(DISTINCT lines.code) > 1 AND COUNT(*) FILTER (WHERE lines.net > 0) = 0"),
    ("diagnosis", "MIN(diagnosis.sequence) FILTER (WHERE diagnosis.code = code) < sequence",
     "MIN(diagnosis.sequence) FILTER (WHERE diagnosis.code = code) < sequence"),
    ("insurance", "payer <> claim.payer", "payer <> claim.payer"),
]  # fmt: skip


@pytest.mark.parametrize(("scope", "written", "expected"), TEXTS)
def test_a_text_is_written_in_one_spelling(scope: str, written: str, expected: str) -> None:
    """White space, case and needless parentheses of the author do not survive."""
    assert printing.text(checking.condition(written, scope, support.KNOWN), scope) == expected


def test_every_committed_rule_reads_back_into_its_own_tree() -> None:
    """What is written from a tree means that tree, for every text of every pack."""
    packs, known = support.committed()
    for pack in packs:
        for rule in pack.rules:
            for node in (rule.when, rule.violation):
                text = printing.text(node, rule.scope)
                assert checking.condition(text, rule.scope, known) == node, (rule.id, text)


@pytest.mark.parametrize("scope", schema.SCOPES)
def test_every_column_reads_back_into_itself(scope: str) -> None:
    """A column named like a word of SQL is quoted, and no other is."""
    for name in {**schema.CLAIM, **schema.SCOPES[scope].fields}:
        column = checking.column(name, scope)
        assert column is not None
        assert checking.value(printing.text(column, scope), scope, support.KNOWN) == column


NUMBERS = st.recursive(
    st.sampled_from(["net", "tax", "patient_share", "COALESCE(tax, 0)", "SUM(lines.net)"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-"), inner).map(" ".join),
        inner.map(lambda one: f"({one})"),
        inner.map(lambda one: f"ROUND({one})"),
        inner.map(lambda one: f"({one}) * quantity"),
        inner.map(lambda one: f"CASE WHEN package THEN {one} ELSE net END"),
    ),
    max_leaves=5,
)
TESTS = st.one_of(
    st.tuples(NUMBERS, st.sampled_from(["=", "<>", "<", "<=", ">", ">="]), st.just("net")).map(" ".join),
    NUMBERS.map(lambda one: f"{one} BETWEEN 1 AND net"),
    st.sampled_from(
        ["package", "code IS NULL", "code IS NOT NULL", "code IN ('a', 'b')", "code NOT LIKE 'a%'",
         "'59' = ANY(modifiers)", "modifiers && ARRAY['a']", "code || system = 'x'", "has_form(code, '##')",
         "code IS DISTINCT FROM system", "service_date < DATE '2026-01-31'",
         "COUNT(*) FILTER (WHERE lines.code = code) > 1"]
    ),
)  # fmt: skip
CONDITIONS = st.recursive(
    TESTS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["AND", "OR"]), inner).map(" ".join),
        inner.map(lambda one: f"NOT ({one})"),
        inner.map(lambda one: f"({one})"),
        inner.map(lambda one: f"({one}) IS NULL" if "SUM" not in one else one),
    ),
    max_leaves=6,
)


@settings(max_examples=300)
@given(CONDITIONS)
def test_any_text_keeps_its_meaning_and_settles_after_one_writing(text: str) -> None:
    """What is written from a tree reads back into that tree, and writing it again changes nothing."""
    node = checking.condition(text, "line", support.KNOWN)
    written = printing.text(node, "line")
    assert checking.condition(written, "line", support.KNOWN) == node, (text, written)
    assert printing.text(checking.condition(written, "line", support.KNOWN), "line") == written
