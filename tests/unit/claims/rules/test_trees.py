"""The typed tree: what can be missing, what depends on the row, what two kinds give."""

import itertools
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rules_support as support
from claims.domain.rules import checking, correlations, kinds, nulls, tree

K = tree.Kind


def _tree(text: str, scope: str = "line") -> tree.Node:
    return checking.value(text, scope, support.KNOWN)


def _aggregate(text: str) -> tree.Aggregate:
    found = next(part for part in tree.walk(_tree(text)) if isinstance(part, tree.Aggregate))
    assert isinstance(found, tree.Aggregate)
    return found


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("net", ["net"]),
        ("sequence", []),
        ("net + tax > claim.total", ["net", "tax", "total"]),
        ("net IS NULL OR tax > 0", ["tax"]),
        ("net IS NOT DISTINCT FROM tax", []),
        ("COALESCE(net, 0) > tax", ["tax"]),
        ("COALESCE(net, tax) > 0", ["net", "tax"]),
        ("COALESCE(quantity, NULLIF(1.0, 1)) > 0", ["quantity"]),
        ("COALESCE(net, tax, 0)", []),
        ("COALESCE(quantity, 1 / factor)", ["quantity", "factor"]),
        ("CASE WHEN net > 0 THEN tax END", ["net", "tax"]),
        ("net > 0 AND net > 1", ["net"]),
        ("SUM(lines.net)", ["net"]),
        ("SUM(COALESCE(lines.net, 0))", []),
        ("SUM(lines.net) FILTER (WHERE lines.net IS NOT NULL AND lines.tax > 0)", []),
        ("SUM(lines.net) FILTER (WHERE lines.net IN (1, 2))", []),
        ("SUM(lines.net) FILTER (WHERE lines.net BETWEEN 1 AND 2)", []),
        ("MAX(lines.code) FILTER (WHERE lines.code LIKE 'A%')", []),
        ("SUM(lines.net) FILTER (WHERE lines.net > 0 OR lines.tax > 0)", ["net"]),
        ("SUM(lines.net) FILTER (WHERE lines.tax IS NOT NULL)", ["net"]),
        ("SUM(lines.net) FILTER (WHERE lines.net IS NULL)", ["net"]),
        ("SUM(lines.net + tax) FILTER (WHERE lines.net > 0)", ["tax"]),
        ("COUNT(*) FILTER (WHERE lines.net > 0)", []),
        ("COUNT(lines.net)", ["net"]),
        ("COUNT(lines.sequence)", []),
    ],
)
def test_what_can_be_missing_is_known_from_the_text(text: str, missing: list[str]):
    """The columns that can leave a text undecided are those not caught by COALESCE, IS NULL or a FILTER."""
    assert [column.name for column in nulls.sources(_tree(text))] == missing


@pytest.mark.parametrize(
    ("text", "keys", "strict", "alone", "closed"),
    [
        ("COUNT(*) FILTER (WHERE lines.code = code)", ["code"], [True], 0, True),
        ("COUNT(*) FILTER (WHERE code = lines.code AND lines.net > 0)", ["code"], [True], 1, True),
        ("COUNT(*) FILTER (WHERE lines.tooth IS NOT DISTINCT FROM tooth)", ["tooth"], [False], 0, True),
        ("COUNT(*) FILTER (WHERE lines.code = code AND lines.net > net)", ["code"], [True], 0, False),
        ("COUNT(*) FILTER (WHERE lines.net > net)", [], [], 0, False),
        ("COUNT(*) FILTER (WHERE lines.code <> code)", [], [], 0, False),
        ("COUNT(*) FILTER (WHERE lines.code = code OR lines.net = net)", [], [], 0, False),
        ("SUM(lines.net + net) FILTER (WHERE lines.code = code)", ["code"], [True], 0, False),
        ("SUM(lines.net * 2) FILTER (WHERE lines.code = code)", ["code"], [True], 0, False),
        ("COUNT(*) FILTER (WHERE lines.code = code AND lines.net + 1 > 2)", ["code"], [True], 1, False),
        ("MIN(lines.sequence) FILTER (WHERE lines.code = UPPER(code))", ["code"], [True], 0, True),
        (
            "SUM(details.net) FILTER (WHERE details.line_sequence = sequence)",
            ["line_sequence"],
            [True],
            0,
            True,
        ),
    ],
)
def test_dependence_on_the_row_is_seen(
    text: str, keys: list[str], strict: list[bool], alone: int, *, closed: bool
):
    """Equalities become keys; what else reads the row, or may overflow, denies a group its one answer."""
    found = correlations.of(_aggregate(text))
    assert found is not None
    assert [column.name for column, _ in found.keys] == keys
    assert list(found.strict) == strict
    assert len(found.alone) == alone
    assert found.closed is closed


@pytest.mark.parametrize(
    "text",
    [
        "SUM(lines.net)",
        "COUNT(*) FILTER (WHERE lines.code = 'A')",
        "COUNT(*) FILTER (WHERE lines.net > claim.total)",
    ],
)
def test_what_reads_no_row_is_computed_once(text: str):
    """An aggregate without the row's columns has one answer for the whole claim."""
    assert correlations.of(_aggregate(text)) is None


@pytest.mark.parametrize("op", ["+", "-", "*", "/"])
def test_units_of_every_pair_are_decided(op: str):
    """Any two columns give a kind or a refusal in words; sums keep the unit, and nothing is money squared."""
    for left, right in itertools.product(K, K):
        first = tree.Column("row", "a", left, nullable=True)
        second = tree.Column("row", "b", right, nullable=True)
        try:
            found = kinds.arithmetic(op, first, second).kind
        except TypeError:
            continue
        assert found in {*tree.NUMERIC, K.DATE}
        if op in "+-" and K.DATE not in {left, right}:
            assert (found is K.MONEY) is (left is right is K.MONEY)
        if op == "*":
            assert (found is K.MONEY) is ((left is K.MONEY) != (right is K.MONEY))
        if op == "/":
            assert (found is K.MONEY) is (left is K.MONEY and right is not K.MONEY)


def test_constants_take_the_unit_of_what_they_meet():
    """A constant beside money is money; two columns of different units are refused."""
    money, number = (
        tree.Column("row", "a", K.MONEY, nullable=True),
        tree.Column("row", "b", K.NUMBER, nullable=True),
    )
    five = tree.Literal(Decimal(5), K.NUMBER)
    assert kinds.unify(money, five) == (money, tree.Literal(Decimal(5), K.MONEY))
    assert kinds.unify(five, money) == (tree.Literal(Decimal(5), K.MONEY), money)
    null = tree.Literal(None, K.NULL)
    assert kinds.unify(null, money) == (tree.Literal(None, K.MONEY), money)
    with pytest.raises(TypeError, match="do not mix"):
        kinds.unify(money, number)


@given(
    st.lists(st.sampled_from(["net", "tax", "claim.total", "1", "SUM(lines.tax)"]), min_size=1, max_size=6)
)
def test_walking_meets_every_column_once_in_order(parts: list[str]):
    """`columns` lists what a text reads in the order of the text, without repetition."""
    found = [column.name for column in tree.columns(_tree(" + ".join(["net", *parts])))]
    names = [
        part.removeprefix("claim.").removeprefix("SUM(lines.").rstrip(")") for part in parts if part != "1"
    ]
    owners = ["tax@lines" if part.startswith("SUM") else part for part in parts if part != "1"]
    assert found[0] == "net"
    assert len(found) == len({"net", *owners})
    assert set(found) == {"net", *names}
