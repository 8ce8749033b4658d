"""What the rule language refuses, in which words, and at which place."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rule_language_support as support
from claims.domain.rules import checking, parsing, tables, tree

KNOWN = tables.Tables([support.tariff()])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "The text is empty."),
        ("  ", "The text is empty."),
        ("net >", "not a complete SQL expression"),
        ("net > 1; net > 2", "not exactly one expression"),
        ("'open", "ends inside a quotation or comment"),
        ("/* hidden", "ends inside a quotation or comment"),
        ("SELECT TRUE", "`select` is not part of the language"),
        ("(SELECT 1) = 1", "`subquery` is not part of the language"),
        ("EXISTS (SELECT 1)", "`exists` is not part of the language"),
        ("DROP TABLE claims", "`drop` is not part of the language"),
        ("code ILIKE 'a'", "`ilike` is not part of the language"),
        ("net % 2 = 1", "`mod` is not part of the language"),
        ("$1 = 1", "`parameter` is not part of the language"),
        ("COUNT(*) FILTER (WHERE lines.net > 1) OVER () > 1", "`window` is not part of the language"),
        ("COUNT(lines.code ORDER BY lines.code) > 1", "`order` is not part of the language"),
        ("TRIM(LEADING 'a' FROM code) = 'b'", "`trim` with `position` is not part of the language"),
        ("a.b.net = 1", "`column` with `db` is not part of the language"),
        ("pg_sleep(1) = 1", "There is no function `pg_sleep`."),
        ("__import__('os') = 'a'", "There is no function `__import__`."),
        ("current_timestamp = service_date", "is not part of the language"),
        ("interval '1 day' = 1", "`interval` is not part of the language"),
    ],
)
def test_what_is_not_one_condition_is_refused(text: str, message: str) -> None:
    """Empty, broken, several or foreign texts are each refused in words that say which."""
    found = support.refusal(text, known=KNOWN)
    assert message in found.message
    assert found.remedy.endswith(".")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("net", "The text gives a money, not true or false."),
        ("NULL", "The text gives a null, not true or false."),
        ("net = quantity", "A money and a number do not mix."),
        ("net = 'x'", "A money and a text do not mix."),
        ("service_date > '2026-01-01'", "A date and a text do not mix."),
        ("package > TRUE", "A boolean has no order."),
        ("package BETWEEN TRUE AND FALSE", "A boolean has no order."),
        ("modifiers < modifiers", "A list of text has no order."),
        ("net BETWEEN 'a' AND 'b'", "A money and a text do not mix."),
        ("NOT code", "A text is not a condition."),
        ("net AND TRUE", "A money is not a condition."),
        ("CASE WHEN net THEN TRUE END", "A money is not a condition."),
        ("-code = 'a'", "A text cannot be negated."),
        ("code + 1 > 1", "A text cannot be calculated with."),
        ("net * net > 1", "Money times money has no meaning."),
        ("2 / net > 1", "A number divided by money has no meaning."),
        ("service_date + service_date = service_date", "From a day one may subtract a day"),
        ("service_date * 2 = service_date", "From a day one may subtract a day"),
        ("service_date + 1.5 = service_date", "From a day one may subtract a day"),
        ("1 - service_date = service_date", "From a day one may subtract a day"),
        ("net = ANY(modifiers)", "ANY takes a list of the same kind."),
        ("net > ANY(modifiers)", "Only `= ANY(list)` is in the language."),
    ],
)
def test_kinds_that_do_not_fit_are_refused(text: str, message: str) -> None:
    """Money, numbers, texts, days and lists meet only where that has a meaning."""
    assert message in support.refusal(text).message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("missing = 1", "There is no column `missing` here."),
        ("claim.net > 1", "There is no column `net` here."),
        ("\"Code\" = 'a'", "There is no column `Code` here."),
        ("nobody.net > 1", "There are no rows `nobody`."),
        ("lines.net > 1", "`lines.net` stands outside an aggregate."),
        ("SUM(lines.net) > 1 AND lines.net > 2", "`lines.net` stands outside an aggregate."),
        ("SUM(lines.missing) > 1", "There is no column `missing` here."),
        ("SUM(lines.quantity + diagnosis.sequence) > 1", "An aggregate reads one kind of row."),
        ("SUM(SUM(lines.net)) > 1", "An aggregate inside an aggregate."),
        ("SUM(net) > 1", "The aggregate names no rows."),
        ("COUNT(*) > 1", "The aggregate names no rows."),
        ("SUM(DISTINCT lines.net) > 1", "DISTINCT belongs to COUNT only."),
        ("SUM(lines.code) > 1", "SUM of a text has no meaning."),
        ("MIN(lines.package)", "MIN of a boolean has no meaning."),
        ("COUNT(lines.modifiers) > 1", "COUNT of a list has no meaning."),
        ("ARRAY_AGG(lines.net) = ARRAY['a']", "A list of money is not in the language."),
        ("SUM(*) FILTER (WHERE lines.net > 1) > 1", "Only COUNT takes a star."),
        ("COUNT(*) FILTER (WHERE lines.net) > 1", "A money is not a condition."),
        ("ROUND(net) FILTER (WHERE lines.net > 1) > 1", "FILTER belongs to an aggregate."),
    ],
)
def test_names_and_aggregates_are_checked(text: str, message: str) -> None:
    """Columns are looked up in their scope, and an aggregate reads one kind of row, once."""
    assert message in support.refusal(text).message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("net IS TRUE", "Only IS NULL and IS NOT NULL are in the language."),
        ("code IN (SELECT 1)", "IN takes a list of constants."),
        ("code IN ('a', NULL)", "IN takes constants, none of them NULL."),
        ("code IN (system)", "IN takes constants, none of them NULL."),
        ("modifiers IN ('a')", "IN takes single values."),
        ("code LIKE system", "LIKE takes a text and a constant pattern."),
        ("net LIKE 'a'", "LIKE takes a text and a constant pattern."),
        ("code LIKE 7", "A pattern is text with % and _, without backslash."),
        ("code LIKE 'a\\%'", "A pattern is text with % and _, without backslash."),
        ("code LIKE 'a' ESCAPE 'x'", "`escape` is not part of the language."),
        ("CASE code WHEN 'a' THEN TRUE END", "CASE x WHEN … is not in the language."),
        ("CAST(net AS TEXT) = 'a'", "Casts are not in the language."),
        ("net::int = 1", "Casts are not in the language."),
        ("service_date = DATE '2026-02-30'", "This is not a day."),
        ("net = 1e3", "This number is not written as digits."),
        ("net = 0x1F", "is not part of the language."),
        ("age_years(service_date) > 1", "`age_years` takes 2 values."),
        ("age_years(net, service_date) > 1", "A date is needed here, not a money."),
        ("cardinality(code) > 1", "is needed here, not a text."),
        ("UPPER(net) = 'a'", "A text is needed here, not a money."),
        ("ABS(code) > 1", "is needed here, not a text."),
        ("ROUND(code) > 1", "is needed here, not a text."),
        ("ROUND(net, quantity) > 1", "ROUND takes a constant of 0 to 6 decimals."),
        ("ROUND(net, 7) > 1", "ROUND takes a constant of 0 to 6 decimals."),
        ("ROUND(net, -1) > 1", "ROUND takes a constant of 0 to 6 decimals."),
        ("NULLIF(code, 1) = 'a'", "A text is needed here"),
        ("modifiers && ARRAY[1]", "A list is made of text constants."),
        ("modifiers && ARRAY[]", "A list is made of text constants."),
        ("modifiers @> code", "A list of text is needed here, not a text."),
        ("LENGTH(code, 2) > 1", "`length` with `encoding` is not part of the language."),
    ],
)
def test_operators_and_functions_take_only_their_own(text: str, message: str) -> None:
    """Each operator and function says what it takes; nothing it is given is ignored."""
    assert message in support.refusal(text).message


@pytest.mark.parametrize(
    ("text", "message", "remedy"),
    [
        ("in_codeset(code, 'tariff')", "`in_codeset` takes three values.", "in_codeset(code,"),
        ("in_codeset(code, 'gone', service_date)", "There is no table `gone`.", "Tables: tariff."),
        ("in_codeset(code, system, service_date)", "The table's name is a constant text.", "icd-10-cm"),
        ("in_codeset(net, 'tariff', service_date)", "A text is needed here, not a money.", "docs/"),
        ("in_codeset(code, 'tariff', net)", "A date is needed here, not a money.", "docs/"),
        ("lookup('tariff.cost', code, service_date) > 1", "has no column `cost`.", "price, kind, open."),
        ("lookup('tariff', code, service_date) > 1", "has no column ``.", "price, kind, open."),
    ],
)
def test_tables_are_checked_before_a_claim_is_seen(text: str, message: str, remedy: str) -> None:
    """A table, its columns and the values it is asked with are checked, and the remedy lists them."""
    found = support.refusal(text, known=KNOWN)
    assert message in found.message
    assert remedy in found.remedy


def test_without_tables_the_remedy_says_so() -> None:
    """An installation that loaded no table is told that, not given an empty list."""
    assert "none is loaded" in support.refusal("in_codeset(code, 'x', service_date)").remedy


@pytest.mark.parametrize(
    "text",
    [
        "COALESCE(SUM(lines.sequence / 2), 0) > 1",
        (
            "COALESCE(MAX(NULLIF(lines.sequence, 1))"
            " FILTER (WHERE NULLIF(lines.sequence, 1) IS NOT NULL), 0) > 1"
        ),
    ],
)
def test_a_decided_aggregate_may_have_a_default(text: str) -> None:
    """A constant divisor is never zero, and a filter may say that the value is there."""
    assert checking.condition(text, "line", KNOWN).kind is tree.Kind.BOOL


@pytest.mark.parametrize(
    "text",
    [
        "SUM(lines.net) IS NULL",
        "COALESCE(SUM(lines.net), 0) > 1",
        "CASE WHEN SUM(lines.net) > 1 THEN TRUE ELSE FALSE END",
        "net IS DISTINCT FROM SUM(lines.net)",
        "net IS NOT DISTINCT FROM MAX(lines.net)",
        "COALESCE(COUNT(NULLIF(lines.sequence, 1)), 0) > 1",
        "COALESCE(SUM(lookup('tariff.price', COALESCE(lines.code, ''), CURRENT_DATE)), 0) > 1",
        "COALESCE(SUM(lines.sequence / sequence), 0) > 1",
    ],
)
def test_an_undecided_aggregate_cannot_be_swallowed(text: str) -> None:
    """Where a NULL would become an answer, an aggregate over what may be missing in one row is refused."""
    found = support.refusal(text, known=KNOWN)
    assert "where its NULL is swallowed" in found.message
    assert "FILTER (WHERE … IS NOT NULL)" in found.remedy


@pytest.mark.parametrize(
    "text",
    [
        "SUM(COALESCE(lines.net, 0)) IS NULL",
        "COALESCE(SUM(lines.net) FILTER (WHERE lines.net IS NOT NULL), 0) > 1",
        "COALESCE(SUM(lines.net) FILTER (WHERE lines.net > 0 AND lines.code = 'a'), 0) > 1",
        "COALESCE(MAX(lines.code) FILTER (WHERE lines.code LIKE 'a%'), 'b') = 'a'",
        "COALESCE(MAX(lines.code) FILTER (WHERE lines.code IN ('a', 'c')), 'b') = 'a'",
        "COALESCE(MIN(lines.net) FILTER (WHERE lines.net BETWEEN 1 AND 5), 9) = 1",
        "COALESCE(MIN(lines.sequence), 0) = 1",
    ],
)
def test_a_closed_aggregate_may_meet_coalesce(text: str) -> None:
    """COALESCE inside, a column never missing, or a FILTER that holds only where it is there, close it."""
    assert checking.condition(text, "line", tables.Tables()).kind is tree.Kind.BOOL


def test_nesting_and_length_are_bounded() -> None:
    """Deep parentheses, piled prefixes and long texts are refused before a recursive parser sees them."""
    deep = "(" * (parsing.MAX_DEPTH + 1) + "TRUE" + ")" * (parsing.MAX_DEPTH + 1)
    assert "nests deeper" in support.refusal(deep).message
    assert "nests deeper" in support.refusal("NOT " * (parsing.MAX_PREFIXES + 1) + "package").message
    assert "longer than 4096 bytes" in support.refusal("code = '" + "ا" * 2_048 + "'").message
    chain = "net = " + "+".join(["1"] * (2 * parsing.MAX_DEPTH))
    assert "nests too deeply" in support.refusal(chain).message


def test_a_long_chain_of_conditions_is_flat() -> None:
    """A hundred ANDs are one junction: only real nesting counts as depth."""
    node = checking.condition(" AND ".join(["net > 1"] * 100), "line", tables.Tables())
    assert isinstance(node, tree.Junction)
    assert len(node.parts) == 100


def test_the_place_is_the_word_that_is_wrong() -> None:
    """Line and column point into the author's text, also on a later line."""
    found = support.refusal("net > 1\n  AND missing = 7")
    assert (found.line, found.column) == (2, 7)
    assert (support.refusal("net > 1 AND").line, support.refusal("net > 1 AND").column >= 9) == (1, True)


@settings(deadline=None)
@given(st.text(st.sampled_from("net code()'\"*,.;-+/<>=%_[]$:|&@ANDORTIS1\n\\"), max_size=60))
def test_any_text_is_a_condition_or_a_refusal(text: str) -> None:
    """For any text: a boolean tree or a TextError with a place; never another exception."""
    told: tree.Node | parsing.TextError
    try:
        told = checking.condition(text, "line", KNOWN)
    except parsing.TextError as found:
        told = found
    if isinstance(told, parsing.TextError):
        assert "" not in {told.message, told.remedy}
        assert min(told.line, told.column) >= 1
    else:
        assert told.kind is tree.Kind.BOOL
