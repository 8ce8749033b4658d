"""python bench/rules_flat.py: 200 rules over flat rows, ours in both forms beside DuckDB and polars.

Ours starts from decoded claims of one line and ends with the hits of each; the others start from a table that
is already in memory and end with 200 columns of truth. All is processor time, one thread.
"""

import argparse
import decimal
import importlib.util
import itertools
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import keeping
import msgspec
from rich import box, console, table

from claims.domain.rules import checking, examples, packs, programs, runtime, tables
from claims.domain.rules.columnar import batches, judging
from formats import model

HERE = Path(__file__).parent
COUNT, ROWS = 200, (1, 32, 1_000, 10_000)
SECONDS = 0.15  # of processor time for one figure of one round, at least
TODAY = date(2026, 8, 2).toordinal() - date(1970, 1, 1).toordinal()
SCREEN = console.Console(width=130)
# The prototype's figures in ../shared/design/rules.md, µs per batch of 1, 32, 1,000 and 10,000 rows.
DESIGN = {
    "design: Python form": (6, 281, 6_564, 64_082),
    "design: numpy form": (591, 769, 989, 3_491),
    "design: polars.sql_expr": (5_706, 5_148, 8_034, 15_865),
    "design: DuckDB": (86_446, 105_709, 64_705, 144_843),
}
# One text for all engines; {k} and {m} tell the variants apart. No row fires: hits cost what they are many.
TEXTS = (
    "net < -{k}", "tax > {k}000", "quantity * unit_price > {k}000000", "unit_price IS NULL AND net > {k}",
    "code IN ('X{k}', 'Y{k}', 'Z{k}')", "code LIKE 'Z{k}%'", "service_date > DATE '2027-{m}-01'",
    "COALESCE(factor, 1) > {k}00", "(quantity - 1) * unit_price - net > {k}00000",
    "service_end < service_date - {k}", "CASE WHEN code LIKE 'A{k}%' THEN net ELSE tax END > {k}00000",
    "UPPER(system) = 'Q{k}'", "quantity BETWEEN {k}000 AND {k}999", "NOT (net >= -{k})",
    "ABS(net) > {k}0000000", "net + tax < -{k}", "package AND net > {k}00000",
    "patient_share > net + {k}", "code <> system AND code = 'C{k}'", "LENGTH(code) > 4{k}",
)  # fmt: skip
_MONEY, _NUMBER = "DECIMAL(12,2)", "DECIMAL(12,4)"
DUCK = {
    "net": _MONEY, "tax": _MONEY, "unit_price": _MONEY, "patient_share": _MONEY, "quantity": _NUMBER,
    "factor": _NUMBER, "code": "VARCHAR", "system": "VARCHAR", "service_date": "DATE",
    "service_end": "DATE", "package": "BOOLEAN",
}  # fmt: skip

type Judge = Callable[[], object]


def main() -> None:
    """Parse options, measure in turns, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds; the table shows medians")
    options = parser.parse_args()
    texts = [_text(at) for at in range(COUNT)]
    raw: dict[str, list[float]] = {}
    engines = {many: _engines(texts, many) for many in ROWS}
    for number in range(options.rounds):
        SCREEN.print(f"round {number + 1}")
        for many, judges in engines.items():
            for name, judge in judges.items():
                raw.setdefault(f"{name}|{many}", []).append(_measured(judge))
    _keep(raw)
    view = table.Table(
        f"µs per batch, {COUNT} rules", *(f"{many:,} rows" for many in ROWS), box=box.SIMPLE_HEAD
    )
    for name in engines[ROWS[0]]:
        view.add_row(name, *(f"{statistics.median(raw[f'{name}|{many}']):,.0f}" for many in ROWS))
    for name, figures in DESIGN.items():
        view.add_row(name, *(f"{figure:,}" for figure in figures))
    SCREEN.print(view)
    if importlib.util.find_spec("polars") is None:
        SCREEN.print("polars is not installed here: not measured")


def _text(at: int) -> str:
    turn = at // len(TEXTS) + 1
    return TEXTS[at % len(TEXTS)].replace("{k}", str(turn)).replace("{m}", f"{turn:02}")


def _engines(texts: Sequence[str], many: int) -> dict[str, Judge]:
    claims = [_claim(at) for at in range(many)]
    rules = [_rule(text, at) for at, text in enumerate(texts)]
    judge = programs.judge(rules, tables.Tables())
    program = judging.Program(rules, tables.Tables(), batches.Gatherers())

    def scalar() -> list[list[programs.Hit]]:
        with decimal.localcontext(runtime.EXACT):
            return [judge(claim, TODAY, "UTC") for claim in claims]

    def columnar() -> judging.Judged:
        with decimal.localcontext(runtime.EXACT):
            found = program.judge(claims, [TODAY] * len(claims), "UTC")
        assert not found.rules, "a rule was handed over: the figure would not be the columnar form's"
        return found

    judges: dict[str, Judge] = {"scalar": scalar, "columnar": columnar, "DuckDB": _duckdb(texts, claims)}
    if importlib.util.find_spec("polars") is not None:
        judges["polars.sql_expr"] = _polars(texts, claims)
    return judges


def _rule(text: str, at: int) -> packs.Rule:
    document = {
        "id": f"R-{at}", "title": {"en": "x", "ar": "x"}, "severity": "error", "applies": {"scope": "line"},
        "violation": text, "message": {"en": "x", "ar": "x"}, "source": "bench",
        "examples": {"violates": [{}], "satisfies": [{}]},
    }  # fmt: skip
    head = {
        "id": "flat", "version": "1", "title": {"en": "x", "ar": "x"}, "regimes": ["base"],
        "licence": "Apache-2.0", "source": "bench",
    }  # fmt: skip
    checking.condition(text, "line", tables.Tables())  # it raises for what is no condition
    return packs.assemble(("flat", head), [("flat", [document])], tables.Tables(), sha256="00").rules[0]


def _claim(at: int) -> model.Claim:
    claim, _ = examples.build({})
    price = Decimal(at % 997) + Decimal("0.25")
    line = msgspec.structs.replace(
        claim.lines[0], code=f"C-{at % 1_500}", unit_price=price, quantity=Decimal(at % 5 + 1),
        net=price * (at % 5 + 1), tax=None if at % 97 == 0 else Decimal(at % 15), package=at % 3 == 0,
        service_date=(date(2026, 1, 1) + timedelta(at % 200)).isoformat(), service_end="2026-12-31",
    )  # fmt: skip
    return msgspec.structs.replace(claim, lines=[line])


def _rows(claims: Sequence[model.Claim]) -> list[tuple[Any, ...]]:
    return [tuple(getattr(claim.lines[0], name) for name in DUCK) for claim in claims]


def _duckdb(texts: Sequence[str], claims: Sequence[model.Claim]) -> Judge:
    connection = duckdb.connect(":memory:", config={"threads": 1})
    connection.execute(f"CREATE TABLE t ({', '.join(f'{name} {kind}' for name, kind in DUCK.items())})")
    connection.executemany(f"INSERT INTO t VALUES ({', '.join('?' * len(DUCK))})", _rows(claims))  # noqa: S608 - our own names
    query = "SELECT " + ", ".join(f"({text}) AS r{at}" for at, text in enumerate(texts)) + " FROM t"  # noqa: S608
    return lambda: connection.execute(query).fetchnumpy()


def _polars(texts: Sequence[str], claims: Sequence[model.Claim]) -> Judge:
    polars: Any = importlib.import_module("polars")
    numbers = [name for name, kind in DUCK.items() if kind.startswith("DECIMAL")]
    frame = polars.DataFrame(_rows(claims), schema=list(DUCK), orient="row")
    frame = frame.with_columns(
        polars.col(numbers).cast(polars.Float64), polars.col("^service_.*$").str.to_date()
    )
    return lambda: frame.select([polars.sql_expr(text).alias(f"r{at}") for at, text in enumerate(texts)])


def _measured(judge: Judge) -> float:
    """Return processor time of one batch in µs."""
    spent = 0.0
    for done in itertools.count(1):
        began = time.process_time()
        judge()
        spent += time.process_time() - began
        if spent >= SECONDS:
            return spent / done * 1e6
    raise AssertionError("counting does not end")


def _keep(raw: dict[str, list[float]]) -> None:
    SCREEN.print(f"raw rounds in {keeping.keep('rules-flat', rules=COUNT, us_per_batch=raw)}")


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    main()
