# ruff: noqa: S608 - the SQL under test is made here, of our own constants
"""The same text on the same rows gives what DuckDB gives: random expressions, random rows with NULLs."""

import datetime as dt
import functools
from decimal import Decimal
from typing import Any, NamedTuple

import duckdb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import columnar_support as columnar
import rules_support as support
from claims.domain.rules import checking, examples, tree
from formats import model


class Texts(NamedTuple):
    """An expression as a rule writes it, and as DuckDB is asked; they differ where the dialects do."""

    ours: str
    duck: str


COLUMNS = {
    "sequence": "INTEGER", "net": "DECIMAL(12,2)", "tax": "DECIMAL(12,2)", "unit_price": "DECIMAL(12,2)",
    "quantity": "DECIMAL(8,4)", "factor": "DECIMAL(8,4)", "service_date": "DATE", "service_end": "DATE",
    "code": "VARCHAR", "system": "VARCHAR", "package": "BOOLEAN", "maternity": "BOOLEAN",
    "modifiers": "VARCHAR[]",
}  # fmt: skip
FEW_CENTS = st.decimals(-3, 3, places=2).map(lambda found: found + Decimal(0))  # no negative zero
TENTHS = st.decimals(-2, 2, places=4).map(lambda found: found + Decimal(0))
DAYS = st.dates(dt.date(2026, 7, 28), dt.date(2026, 8, 3))
CODES = st.sampled_from(["A1", "a1", "B2", "A", "", "x%y", "_"])


def _maybe(found: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), found)


ROWS = st.lists(
    st.fixed_dictionaries({
        "net": _maybe(FEW_CENTS), "tax": _maybe(FEW_CENTS), "unit_price": _maybe(FEW_CENTS),
        "quantity": _maybe(TENTHS), "factor": _maybe(TENTHS), "service_date": _maybe(DAYS),
        "service_end": _maybe(DAYS), "code": _maybe(CODES), "system": _maybe(CODES),
        "package": _maybe(st.booleans()), "maternity": _maybe(st.booleans()),
        "modifiers": st.lists(st.sampled_from(["59", "RT", "76"]), max_size=2),
    }),
    min_size=1, max_size=4,
)  # fmt: skip


def _leaf(*names: str) -> st.SearchStrategy[Texts]:
    return st.sampled_from(names).map(lambda name: Texts(name, f"r.{name}"))


def _plain(found: st.SearchStrategy[str]) -> st.SearchStrategy[Texts]:
    return found.map(lambda text: Texts(text, text))


def _join(pattern: str, *parts: st.SearchStrategy[Texts], duck: str = "") -> st.SearchStrategy[Texts]:
    def texts(found: tuple[Texts, ...]) -> Texts:
        ours = pattern.format(*(part.ours for part in found))
        return Texts(ours, (duck or pattern).format(*(part.duck for part in found)))

    return st.tuples(*parts).map(texts)


def _ops(
    left: st.SearchStrategy[Texts], right: st.SearchStrategy[Texts], *ops: str
) -> st.SearchStrategy[Texts]:
    return st.one_of([_join(f"({{0}} {op} {{1}})", left, right) for op in ops])


CENTS = _plain(FEW_CENTS.map(lambda found: f"({found:f})"))
MONEY_LEAF = _leaf("net", "tax", "unit_price")
NUMBER_LEAF = st.one_of(_leaf("quantity", "factor"), _plain(TENTHS.map(lambda found: f"({found:f})")))


@functools.cache
def money(depth: int) -> st.SearchStrategy[Texts]:
    """Expressions in the unit of money."""
    if depth == 0:
        return MONEY_LEAF
    inner = st.deferred(lambda: money(depth - 1))
    product = "ROUND({0} * {1} * {2})"
    divided = "ROUND({0} / {1}, 4)", "ROUND(CAST({0} / {1} AS DECIMAL(28,10)), 4)"
    return st.one_of(
        MONEY_LEAF,
        _ops(inner, st.one_of(inner, CENTS), "+", "-"),
        _join("ROUND({0} * {1}, 2)", MONEY_LEAF, NUMBER_LEAF),
        _join(product, MONEY_LEAF, NUMBER_LEAF, NUMBER_LEAF, duck=product.replace(")", ", 2)")),
        _join(divided[0], MONEY_LEAF, _plain(st.sampled_from(["2", "4", "5", "8", "-3"])), duck=divided[1]),
        _join("COALESCE({0}, {1}, {2})", inner, inner, CENTS),
        _join("ABS({0})", inner),
        _join("(- {0})", inner),
        _join("NULLIF({0}, {1})", inner, inner),
        _join("CASE WHEN {0} THEN {1} WHEN {2} THEN {3} ELSE {4} END",
              boolean(depth - 1), inner, boolean(depth - 1), inner, inner),
        _join("CASE WHEN {0} THEN {1} END", boolean(depth - 1), inner),
        _aggregate("SUM", "net", depth), _aggregate("MIN", "tax", depth),
        _aggregate("MAX", "unit_price", depth), _mean(depth),
    )  # fmt: skip


def _aggregate(function: str, column: str, depth: int, *, each: str = "") -> st.SearchStrategy[Texts]:
    """An aggregate over lines that lack nothing, beside a condition on sibling and row."""

    def texts(found: tuple[str, str]) -> Texts:
        ours, duck = found
        where = f"WHERE lines.{column} IS NOT NULL AND {{}}"
        return Texts(
            f"{function}({each}lines.{column}) FILTER ({where.format(ours)})",
            f"(SELECT {function}({each}lines.{column}) FILTER ({where.format(duck)}) FROM t AS lines)",
        )

    return _sibling_condition(depth).map(texts)


def _mean(depth: int) -> st.SearchStrategy[Texts]:
    """A mean over lines that have a net; DuckDB's own AVG is a DOUBLE, so its sum is divided instead."""

    def texts(found: tuple[str, str]) -> Texts:
        ours, duck = (f"FILTER (WHERE lines.net IS NOT NULL AND {text})" for text in found)
        quotient = f"SUM(lines.net) {duck} / NULLIF(COUNT(*) {duck}, 0)"
        return Texts(
            f"ROUND(AVG(lines.net) {ours}, 4)",
            f"(SELECT ROUND(CAST({quotient} AS DECIMAL(28,10)), 4) FROM t AS lines)",
        )

    return _sibling_condition(depth).map(texts)


def _sibling_condition(depth: int) -> st.SearchStrategy[tuple[str, str]]:
    pairs = st.sampled_from([
        "lines.code = {}code", "lines.system IS NOT DISTINCT FROM {}system", "{}code = lines.code",
        "lines.service_date = {}service_date", "lines.modifiers = {}modifiers", "lines.net > {}net",
        "lines.package", "NOT (lines.maternity OR lines.tax > 0)", "lines.quantity IS NULL", "{}package",
        "lines.sequence < {}sequence",
    ])  # fmt: skip
    parts = st.lists(pairs, min_size=1, max_size=max(1, depth))
    return parts.map(" AND ".join).map(lambda text: (text.replace("{}", ""), text.replace("{}", "r.")))


@functools.cache
def integer(depth: int) -> st.SearchStrategy[Texts]:
    """Whole numbers: days, lengths, counts."""
    leaf = st.one_of(_leaf("sequence"), _plain(st.integers(-3, 3).map(lambda found: f"({found})")))
    if depth == 0:
        return leaf
    count = _sibling_condition(depth).map(lambda found: Texts(
        f"COUNT(*) FILTER (WHERE lines.sequence > 0 AND {found[0]})",
        f"(SELECT COUNT(*) FILTER (WHERE lines.sequence > 0 AND {found[1]}) FROM t AS lines)",
    ))  # fmt: skip
    return st.one_of(
        leaf, count, _aggregate("COUNT", "tax", depth), _aggregate("MAX", "sequence", depth),
        _aggregate("COUNT", "code", depth, each="DISTINCT "),
        _aggregate("COUNT", "net", depth, each="DISTINCT "),
        _join("LENGTH({0})", text(depth - 1)),
        _join("CARDINALITY({0})", _leaf("modifiers"), duck="LEN({0})"),
        _join("({0} - {1})", day(depth - 1), day(depth - 1)),
        _join("days_between({0}, {1})", day(depth - 1), day(depth - 1), duck="date_diff('day', {0}, {1})"),
        _ops(integer(depth - 1), integer(depth - 1), "+", "-", "*"),
    )  # fmt: skip


@functools.cache
def day(depth: int) -> st.SearchStrategy[Texts]:
    """Days."""
    today = st.just(Texts("CURRENT_DATE", f"DATE '{support.AS_OF}'"))
    leaf = st.one_of(
        _leaf("service_date", "service_end"), today, _plain(DAYS.map(lambda found: f"DATE '{found}'"))
    )
    if depth == 0:
        return leaf
    return st.one_of(
        leaf,
        _join("COALESCE({0}, {1})", day(depth - 1), day(depth - 1)),
        _join("({0} + {1})", day(depth - 1), _plain(st.integers(0, 3).map(str))),
        _join("({0} - {1})", day(depth - 1), _plain(st.integers(0, 3).map(str))),
    )


@functools.cache
def text(depth: int) -> st.SearchStrategy[Texts]:
    """Texts."""
    leaf = st.one_of(_leaf("code", "system"), _plain(CODES.map(lambda found: f"'{found}'")))
    if depth == 0:
        return leaf
    inner = text(depth - 1)
    case = _join("CASE WHEN {0} THEN {1} ELSE {2} END", boolean(depth - 1), inner, inner)
    return st.one_of(
        leaf,
        case,
        _join("UPPER({0})", inner),
        _join("LOWER({0})", inner),
        _join("COALESCE({0}, {1})", inner, inner),
        _join("({0} || {1})", leaf, leaf),
        _aggregate("MIN", "code", depth), _aggregate("MAX", "system", depth),
    )  # fmt: skip


@functools.cache
def boolean(depth: int) -> st.SearchStrategy[Texts]:
    """Conditions."""
    leaf = st.one_of(_leaf("package", "maternity"), _plain(st.sampled_from(["TRUE", "FALSE", "NULL"])))
    if depth == 0:
        return leaf
    inner = st.deferred(lambda: boolean(depth - 1))
    compares = ["=", "<>", "<", "<=", ">", ">=", "IS DISTINCT FROM", "IS NOT DISTINCT FROM"]
    cash, number, date, word = money(depth - 1), integer(depth - 1), day(depth - 1), text(depth - 1)
    pattern = _plain(st.sampled_from(["'A%'", "'%1'", "'_1'", "'%'", "''", "'x%%'", "'%A%1%'"]))
    return st.one_of(
        leaf,
        _ops(cash, st.one_of(cash, CENTS), *compares), _ops(number, number, *compares),
        _ops(date, date, *compares), _ops(word, word, *compares),
        _ops(inner, inner, "AND", "OR"), _join("({0} AND {1} AND {2})", inner, inner, inner),
        _join("({0} OR {1} OR {2})", inner, inner, inner), _join("(NOT {0})", inner),
        _join("({0} IS NULL)", st.one_of(cash, number, date, word, inner)),
        _join("({0} IS NOT NULL)", st.one_of(cash, number, date, word, inner)),
        _join("({0} BETWEEN {1} AND {2})", cash, cash, cash),
        _join("({0} NOT BETWEEN {1} AND {2})", date, date, date),
        _join("({0} IN (0.01, 1, 2.50))", cash), _join("({0} NOT IN ('A1', 'B2', ''))", word),
        _join("({0} LIKE {1})", word, pattern), _join("({0} NOT LIKE {1})", word, pattern),
        _join("('59' = ANY(modifiers))", duck="list_contains(r.modifiers, '59')"),
        _join("(modifiers && ARRAY['59', '76'])", duck="list_has_any(r.modifiers, ['59', '76'])"),
        _join("(modifiers <@ ARRAY['59', '76'])", duck="list_has_all(['59', '76'], r.modifiers)"),
        _join("COALESCE({0}, {1})", inner, inner),
        _join("has_form({0}, '@#')", word, duck="regexp_full_match({0}, '[A-Za-z][0-9]')"),
        _join("({0} IN (1, 2, 3))", number), _join("({0} IN (TRUE))", inner),
    )  # fmt: skip


@functools.cache
def _connection() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(":memory:", config={"threads": 1})


def _duck(expression: str, rows: list[dict[str, Any]]) -> list[Any]:
    connection = _connection()
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE t ("
        + ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
        + ")"
    )
    for at, row in enumerate(rows, start=1):
        values = [at, *(row[name] for name in COLUMNS if name != "sequence")]
        connection.execute("INSERT INTO t VALUES (" + ", ".join("?" * len(values)) + ")", values)
    found = connection.execute(f"SELECT {expression} FROM t AS r ORDER BY r.sequence").fetchall()
    return [row[0] for row in found]


def _claim(rows: list[dict[str, Any]]) -> model.Claim:
    lines = [
        {name: str(value) if isinstance(value, Decimal | dt.date) else value for name, value in row.items()}
        | {"description": "x"}
        for row in rows
    ]
    return examples.build({"lines": lines})[0]


def _shown(expression: str, found: list[list[Any]]) -> list[list[Any]]:
    if checking.value(expression, "line", support.KNOWN).kind is not tree.Kind.DATE:
        return found
    return [
        [None if day is None else dt.date.fromordinal(day + support.EPOCH) for day in rows] for rows in found
    ]


def _same(ours: Any, duck: Any) -> bool:
    if isinstance(duck, dt.datetime):
        duck = duck.date()
    if ours is None or duck is None:
        return ours is duck
    if isinstance(duck, bool) or isinstance(ours, bool):
        return ours is duck
    return bool(ours == duck)


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(
    st.one_of(boolean(3), boolean(2), money(2), integer(2), day(2), text(2)),
    st.lists(ROWS, min_size=1, max_size=3),
)
def test_rules_and_duckdb_agree(texts: Texts, batch: list[list[dict[str, Any]]]):
    """Every expression gives DuckDB's answer in every row, unknown included, in both forms."""
    claims = [_claim(rows) for rows in batch]
    scalar = _shown(texts.ours, columnar.scalars(texts.ours, claims))
    many = _shown(texts.ours, columnar.columns(texts.ours, claims))
    for rows, one, other in zip(batch, scalar, many, strict=True):
        duck = _duck(texts.duck, rows)
        assert all(_same(left, right) for left, right in zip(one, duck, strict=True)), (texts.ours, one, duck)
        assert all(_same(left, right) for left, right in zip(other, duck, strict=True)), (
            texts.ours,
            other,
            duck,
        )
