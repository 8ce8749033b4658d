"""Texts that random ones seldom hit, in both forms: strange kinds, lists, tables, hand-overs, constants."""

from typing import Any

import pytest

import columnar_support as columnar
import rules_support as support
from claims.domain.rules import checking, examples, explaining
from claims.domain.rules.columnar import batches, forms, plans, steps, vectors

CLAIMS = [
    examples.build(partial)[0]
    for partial in (
        {"lines": [{"code": "A.1", "modifiers": ["59"], "package": True}, {"net": None, "package": False}]},
        {},
        {"lines": [{"code": None, "text": "x", "description": "x", "net": 5}] * 3, "diagnoses": []},
        {"patient": {"birth_date": None}, "created": None, "currency": "KWD", "lines": [{"net": 1.234}]},
    )
]


@pytest.mark.parametrize(
    "text",
    [
        "COUNT(CASE WHEN lines.sequence > 1 THEN 1 END)",
        "COUNT(*) FILTER (WHERE lines.modifiers = CASE WHEN net > 0 THEN modifiers END)",
        "COUNT(*) FILTER (WHERE lines.package = package)",
        "COUNT(*) FILTER (WHERE lines.net IS NOT DISTINCT FROM net * 1.0)",
        "COUNT(*) FILTER (WHERE lines.net = net + 0.00 AND lines.tax + 1 > 0)",
        "COUNT(*) FILTER (WHERE diagnosis.sequence = ANY(diagnosis_sequences))",
        "SUM(diagnosis.sequence * sequence)",
        "SUM(lines.sequence * sequence) FILTER (WHERE lines.code IS NOT DISTINCT FROM code)",
        "ARRAY_AGG(lines.sequence) FILTER (WHERE lines.code = code) = diagnosis_sequences",
        "ARRAY_AGG(lines.code) FILTER (WHERE lines.code IS NOT NULL) && modifiers",
        "CASE WHEN net > 0 THEN modifiers ELSE ARRAY['59'] END = modifiers",
        "CASE WHEN net > 0 THEN modifiers END IS NULL",
        "CASE WHEN NULL THEN 1 WHEN net > 0 THEN 2.50 END",
        "COALESCE(NULL, net, NULL)",
        "NULLIF(net, NULL)",
        "NULLIF(code, 'A.1')",
        "NULLIF(package, TRUE)",
        "package <> FALSE",
        "package IS DISTINCT FROM maternity",
        "NULL AND net > 0",
        "net = NULL",
        "net BETWEEN NULL AND 50",
        "code BETWEEN 'A' AND 'B'",
        "code < 'X' || code",
        "code IN ('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'A.1')",
        "net IN (100, 1.234, 99999999999999999)",
        "quantity IN (1)",
        "service_date IN (DATE '2026-08-01')",
        "in_codeset(code, 'letters', service_date)",
        "lookup('letters.billable', UPPER(code), service_date + sequence)",
        "in_codeset('C', 'letters', DATE '2026-02-01')",
        "npi_valid(code) OR npi_valid('1234567893')",
        "LENGTH(TRIM(' ' || code)) + CARDINALITY(modifiers)",
        "has_form(code, '@.#')",
        "age_years(patient_birth_date, COALESCE(created, CURRENT_DATE))",
        "days_between(patient_birth_date, service_date) - 1",
        "ROUND(net)",
        "ROUND(net, 1)",
        "ROUND(quantity * 1.2346)",
        "ROUND(-2.5)",
        "ABS(0 - net)",
        "net / 0",
        "net / quantity / 7",
        "AVG(lines.sequence)",
        "MIN(lines.service_date) - 3",
        "SUM(details.net)",
        "COUNT(*) FILTER (WHERE lines.code = 'A.1') + COUNT(*) FILTER (WHERE 'X-100' = lines.code)",
        "COUNT(*) FILTER (WHERE diagnosis.code = 'absent')",
        "COUNT(*) FILTER (WHERE details.sequence = sequence)",
        "SUM(details.net) FILTER (WHERE details.line_sequence = sequence AND details.net IS NOT NULL)",
        "100",
        "'x'",
        "TRUE",
        "CURRENT_DATE",
    ],
)
def test_both_forms_give_one_value(text: str):
    """The value in every row of several claims is the same, and of the same kind."""
    one, many = columnar.scalars(text, CLAIMS), columnar.columns(text, CLAIMS)
    assert [list(map(columnar.plain, rows)) for rows in many] == [
        list(map(columnar.plain, rows)) for rows in one
    ]


@pytest.mark.parametrize(
    "text",
    [
        "age_years(patient_birth_date - 999999, CURRENT_DATE) > 1",
        "age_years(patient_birth_date - 99999999999999999999, CURRENT_DATE) > 1",
        "NULLIF(sequence, service_date) = 1",
        "NULLIF(net, 'a') = 1",
        f"net > 1{'0' * 500}.5",
        f"net > 0.{'0' * 500}1",
        f"net * {'9' * 100} * {'9' * 100} > 1",
        "SUM(lines.net * 9999999999999999) > 1",
        f"net IN (100, 1{'0' * 200})",
        "tax * 0.0000000000000000000000000000001 = 0",
    ],
)
def test_what_one_form_cannot_hold_the_other_says(text: str):
    """Days out of the calendar, endless constants, odd kinds: a batch is answered as its claims are."""
    document = support.rule(violation=text, message={"en": "x", "ar": "x"})
    rules = support.pack(document).rules
    cases = [explaining.Case(claim, columnar.days(CLAIMS)[0], "Asia/Riyadh") for claim in CLAIMS]
    one = forms.Forms(rules, support.KNOWN, batches.Gatherers(), many=99).hits(cases)
    many = forms.Forms(rules, support.KNOWN, batches.Gatherers(), many=1).hits(cases)
    assert not any(isinstance(said, Exception) for said in (*one, *many))
    assert [support.hits(said) for said in many if isinstance(said, list)] == [
        support.hits(said) for said in one if isinstance(said, list)
    ]


@pytest.mark.parametrize("scope", ["detail", "procedure"])
@pytest.mark.parametrize(
    "text",
    [
        "in_codeset(code, 'letters', COALESCE(encounter_end, created, CURRENT_DATE))",
        "in_codeset(patient_id, 'letters', CURRENT_DATE) OR code || claim_id = 'x'",
        "NULLIF(sequence, CARDINALITY(condition_codes)) > 1",
        "NULLIF(code, claim_id)",
        "NULLIF(total, sequence)",
        "CASE WHEN code LIKE 'A%' THEN total ELSE 0 END * 2 + sequence * total",
        "COUNT(*) FILTER (WHERE lines.code = code)",
        "COUNT(DISTINCT lines.code) FILTER (WHERE lines.sequence <= sequence AND lines.code IS NOT NULL)",
        "code IN ('a', 'b') AND sequence BETWEEN 1 AND COUNT(*) FILTER (WHERE lines.sequence > 0)",
        "claim_id < code",
        "age_years(patient_birth_date, CURRENT_DATE + sequence)",
        "total / sequence",
        "ROUND(total * sequence)",
        "MIN(lines.code) FILTER (WHERE lines.code IS NOT NULL) = code",
        "sequence IN (1, 2)",
    ],
)
def test_no_row_at_all_is_nothing_to_say(text: str, scope: str):
    """Over claims without a single row of a scope there is no value; beside one that has some, theirs."""
    bare = CLAIMS[1:3]
    empty: list[list[Any]] = [[], []]
    assert columnar.scalars(text, bare, scope=scope) == empty
    assert columnar.columns(text, bare, scope=scope) == empty
    rows = {"lines": [{"details": [{"code": "A"}]}], "procedures": [{"sequence": 3, "code": "B"}]}
    mixed = [*bare, examples.build(rows)[0]]
    one, many = columnar.scalars(text, mixed, scope=scope), columnar.columns(text, mixed, scope=scope)
    assert [list(map(columnar.plain, found)) for found in many] == [
        list(map(columnar.plain, found)) for found in one
    ]


def test_a_column_of_earlier_claims_has_no_columnar_form():
    """History is told line by line, after the batch was judged."""
    with pytest.raises(plans.NoFormError):
        columnar.columns("duplicates_exact > 0", CLAIMS)


def test_equal_parts_of_rules_are_one_step():
    """However many rules name it, a column is gathered once and a product calculated once."""
    plan = steps.Plan(support.KNOWN)
    writer = plans.Writer(plan, plans.Frame("lines"))
    texts = ("quantity * unit_price > 1", "quantity * unit_price > 2", "quantity * unit_price > 1 OR package")
    for text in texts:
        writer.slot(checking.condition(text, "line", support.KNOWN), plans.Level.ROW)
    assert len(plan.steps) == 10  # the batch; two columns, product; 1, 2; two comparisons; package; OR


def test_a_step_that_hands_over_does_so_each_time():
    """Every rule above a step that cannot be exact learns of it."""
    plan = steps.Plan(support.KNOWN)
    slot = plans.Writer(plan, plans.Frame("lines")).slot(
        checking.value(f"net * {'9' * 30}", "line", support.KNOWN), plans.Level.ROW
    )
    batch = batches.Batch(CLAIMS, columnar.days(CLAIMS), "UTC", batches.Gatherers())
    run = steps.Run(batch, plan)
    for _ in range(2):
        with pytest.raises(vectors.HandedOverError):
            run.get(plan.order(slot))


def test_a_thousand_equal_lines_are_not_a_million_pairs():
    """Keyed aggregates cost their rows; a filter that compares all rows with all is handed over."""
    lines: list[dict[str, Any]] = [{"code": f"C{at % 3}"} for at in range(900)]
    claims = [examples.build({"lines": lines})[0]] * 3
    keyed = columnar.columns("COUNT(*) FILTER (WHERE lines.code = code)", claims)
    assert keyed == [[300] * 900] * 3
    with pytest.raises(vectors.HandedOverError):
        columnar.columns("COUNT(*) FILTER (WHERE lines.net <= net)", claims)
