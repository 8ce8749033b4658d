"""A tree written as text says the same again, in one spelling."""

import pytest

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
