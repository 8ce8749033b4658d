"""What expressions give over days, texts, lists, tables and sibling rows."""

from decimal import Decimal
from typing import Any

import pytest

import rules_support as support

LINES: dict[str, Any] = {
    "lines": [
        {"code": "A1", "net": 10, "tax": 1, "modifiers": ["59", "RT"]},
        {"code": "A1", "net": 20, "tax": None, "service_date": None},
        {"code": "B2", "net": 30.5, "tax": 3, "details": [{"net": 1}, {"net": 2, "details": [{"net": 9}]}]},
    ]
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("service_date = DATE '2026-08-01'", True),
        ("CURRENT_DATE - service_date", 1),
        ("service_date + 1 = CURRENT_DATE", True),
        ("CURRENT_DATE - 1 = service_date", True),
        ("days_between(service_date, CURRENT_DATE)", 1),
        ("days_between(CURRENT_DATE, service_date)", -1),
        ("age_years(patient_birth_date, service_date)", 42),
        ("age_years(DATE '1984-08-02', service_date)", 41),
        ("age_years(DATE '1984-08-01', service_date)", 42),
        ("age_years(DATE '2020-02-29', DATE '2021-02-28')", 0),
        ("age_years(DATE '2020-02-29', DATE '2021-03-01')", 1),
        ("service_date BETWEEN DATE '2026-08-01' AND DATE '2026-08-01'", True),
    ],
)
def test_dates_are_days(text: str, expected: object):
    """Days subtract to days, and ages are completed years."""
    assert support.value(text) == expected


def test_an_instant_is_a_day_in_the_zone():
    """22:30 UTC is the next day in Riyadh."""
    assert support.value("created = DATE '2026-08-02'", {"created": "2026-08-01T22:30:00Z"}) is True
    assert support.value("created = DATE '2026-08-01'", {"created": "2026-08-01T20:30:00Z"}) is True


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("code = 'A1'", True),
        ("code BETWEEN 'A0' AND 'A9'", True),
        ("LOWER(code) = 'a1'", True),
        ("UPPER(code) IN ('A1', 'B2')", True),
        ("LENGTH(code)", 2),
        ("TRIM(code) = code", True),
        ("code LIKE 'A_'", True),
        ("code LIKE '%1'", True),
        ("code LIKE 'A'", False),
        ("code LIKE '%'", True),
        ("code NOT LIKE 'B%'", True),
        ("code LIKE '_'", False),
        ("'59' = ANY(modifiers)", True),
        ("'76' = ANY(modifiers)", False),
        ("modifiers && ARRAY['76', 'RT']", True),
        ("modifiers && ARRAY['76']", False),
        ("modifiers <@ ARRAY['RT', '59', '76']", True),
        ("modifiers @> ARRAY['RT']", True),
        ("modifiers = ARRAY['59', 'RT']", True),
        ("modifiers <> ARRAY['RT', '59']", True),
        ("CARDINALITY(modifiers)", 2),
        ("in_codeset(code, 'letters', service_date)", True),
        ("in_codeset('z', 'letters', service_date)", False),
        ("in_codeset('a.1', 'letters', service_date)", True),
        ("in_codeset(code, 'letters', DATE '2025-12-31')", None),
        ("lookup('letters.billable', 'c', service_date)", False),
        ("lookup('letters.billable', 'z', service_date)", None),
        ("lookup('letters.billable', 'c', DATE '2027-01-01')", None),
        ("in_codeset(tooth, 'letters', service_date)", None),
    ],
)
def test_texts_lists_and_tables(text: str, expected: object):
    """Texts compare by code point, lists as wholes, tables inside their window only."""
    assert support.value(text, LINES) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SUM(lines.net)", Decimal("60.5")),
        ("SUM(lines.tax)", None),
        ("SUM(COALESCE(lines.tax, 0))", 4),
        ("SUM(lines.tax) FILTER (WHERE lines.tax IS NOT NULL)", 4),
        ("SUM(lines.tax) FILTER (WHERE lines.tax > 1)", 3),
        ("SUM(lines.net) FILTER (WHERE lines.net > 100)", None),
        ("COALESCE(SUM(lines.net) FILTER (WHERE lines.net > 100), 0)", 0),
        ("COUNT(lines.sequence)", 3),
        ("COUNT(lines.tax)", None),
        ("COUNT(lines.tax) FILTER (WHERE lines.tax IS NOT NULL)", 2),
        ("COUNT(*) FILTER (WHERE lines.tax > 0)", 2),
        ("COUNT(DISTINCT lines.code)", 2),
        ("COUNT(DISTINCT lines.tax)", None),
        ("COUNT(DISTINCT lines.sequence)", 3),
        ("MIN(lines.net)", 10),
        ("MAX(lines.net)", Decimal("30.5")),
        ("MAX(lines.tax)", None),
        ("AVG(lines.sequence)", 2),
        ("AVG(lines.tax)", None),
        ("MIN(lines.code)", "A1"),
        ("CARDINALITY(ARRAY_AGG(lines.code))", 3),
        ("SUM(details.net)", 12),
        ("SUM(details.net) FILTER (WHERE details.level = 1)", 3),
        ("COUNT(insurance.sequence) + COUNT(diagnosis.sequence)", 2),
        ("COUNT(*) FILTER (WHERE insurance.focal)", 1),
        ("SUM(lines.net * lines.quantity)", Decimal("60.5")),
    ],
)
def test_aggregates_over_siblings(text: str, expected: object):
    """An aggregate over a value that one row lacks is unknown, unless the text closes the gap."""
    assert support.value(text, LINES, scope="claim") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("COUNT(*) FILTER (WHERE lines.code = code)", [2, 2, 1]),
        ("COUNT(*) FILTER (WHERE code = lines.code AND lines.net > 15)", [1, 1, 1]),
        ("COUNT(*) FILTER (WHERE lines.code = code AND lines.net > net)", [1, 0, 0]),
        ("COUNT(*) FILTER (WHERE lines.net > net)", [2, 1, 0]),
        ("COUNT(*) FILTER (WHERE lines.service_date = service_date)", [2, 0, 2]),
        ("COUNT(*) FILTER (WHERE lines.service_date IS NOT DISTINCT FROM service_date)", [2, 1, 2]),
        ("COUNT(*) FILTER (WHERE lines.modifiers = modifiers)", [1, 2, 2]),
        ("MIN(lines.sequence) FILTER (WHERE lines.code = code)", [1, 1, 3]),
        (
            "MAX(lines.net) FILTER (WHERE lines.service_date = service_date)",
            [Decimal("30.5"), None, Decimal("30.5")],
        ),
        ("SUM(lines.tax) FILTER (WHERE lines.code = code)", [None, None, 3]),
        ("SUM(lines.net + net) FILTER (WHERE lines.code = code)", [50, 70, 61]),
        ("SUM(details.net) FILTER (WHERE details.line_sequence = sequence)", [None, None, 12]),
        ("COUNT(DISTINCT lines.net) FILTER (WHERE lines.code = code)", [2, 2, 1]),
        ("COUNT(*) FILTER (WHERE lines.code = code) + COUNT(*) FILTER (WHERE lines.code = code)", [4, 4, 2]),
        ("COUNT(*) FILTER (WHERE lines.code = code AND ROUND(lines.net, 0) > 15)", [1, 1, 1]),
    ],
)
def test_aggregates_that_depend_on_the_row(text: str, expected: list[object]):
    """Plain names inside an aggregate are the row's; grouping siblings changes no answer."""
    assert support.values(text, LINES, rows=(0, 1, 2)) == expected
