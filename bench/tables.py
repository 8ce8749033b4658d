"""python bench/tables.py: what a look-up costs, one by one and in columns, and what loading a table costs."""

import argparse
import gc
import random
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from datetime import date
from pathlib import Path

import keeping
import numpy as np
from rich import box, console, table

from claims.domain.rules import tables
from claims.domain.rules.columnar import look_ups, vectors, vocabularies
from claims.outbound import table_files

HERE = Path(__file__).parent
PACKS = HERE.parent / "packs"
SEED = 12
FIRST = date(2026, 4, 1).toordinal() - tables.EPOCH
DAYS = 180
SHAPES = ((5_000, 400), (100_000, 2_000))  # rows of a batch, distinct keys among them
SECONDS = 0.1  # of processor time for one figure of one round, at least
SCREEN = console.Console(width=130)
# name of the table, columns beside the code, rows, one line of its file by number
MADE: dict[str, tuple[str, int, Callable[[int], str]]] = {
    "icd-10-am": ("", 20_000, lambda n: f"{chr(65 + n % 26)}{n // 26:02}.{n % 7}{n}"),
    "gtin": ("", 100_000, lambda n: f"{6_280_000_000_000 + n:014}"),
    "tariff": ("price", 50_000, lambda n: f"{n:05}-00-10,{100 + n % 900}.50"),
    "tariff by half-year": ("price,from,to", 100_000, lambda n: _half(n)),  # noqa: PLW0108 - it stands below
}


def main() -> None:
    """Parse options, measure in turns, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds; the table shows medians")
    options = parser.parse_args()
    raw: dict[str, dict[str, list[float]]] = {}
    with tempfile.TemporaryDirectory(prefix="ultrathink-bench-") as folder:
        loaders = {"icd-10-cm": _committed} | {
            name: _loader(Path(folder) / str(at), name) for at, name in enumerate(MADE)
        }
        found = {name: load() for name, load in loaders.items()}
        for number in range(options.rounds):
            SCREEN.print(f"round {number + 1}")
            for name, load in loaders.items():
                figures = raw.setdefault(name, {})
                for what, value in (measured(found[name]) | loading(load)).items():
                    figures.setdefault(what, []).append(value)
    sizes = {name: one.periods[0].size for name, one in found.items()}
    _keep(raw, sizes)
    _show(raw, sizes)


def measured(one: tables.Table) -> dict[str, float]:
    """Return nanoseconds per look-up: membership and a column, one by one and in columns."""
    keys = [*one.periods[0].rows, *one.periods[0].spans]
    field = next(iter(one.fields), "")
    contains, read = one.membership(), one.reader(field) if field else None
    columns = look_ups.Columns(one)
    figures = {}
    for rows, distinct in SHAPES:
        draw = random.Random(SEED)  # noqa: S311 - a bench, not a secret
        some = draw.sample(keys, min(distinct, len(keys)))
        asked = [(draw.choice(some), FIRST + draw.randrange(DAYS)) for _ in range(rows)]
        vocabulary = vocabularies.Vocabulary()
        coded = vocabulary.coded([key for key, _ in asked], rows)
        days = vectors.Numbers(np.array([day for _, day in asked], np.int64))
        figures[f"in|{rows}|one"] = _timed(lambda: [contains(*pair) for pair in asked], rows)  # noqa: B023 - called here
        figures[f"in|{rows}|columns"] = _timed(lambda: columns.contains(vocabulary, coded, days), rows)  # noqa: B023
        if read is not None:
            figures[f"of|{rows}|one"] = _timed(lambda: [read(*pair) for pair in asked], rows)  # noqa: B023
            figures[f"of|{rows}|columns"] = _timed(lambda: columns.read(vocabulary, field, coded, days), rows)  # noqa: B023
    return figures


def loading(load: Callable[[], tables.Table]) -> dict[str, float]:
    """Return seconds of a load, and the megabytes that stay and that were needed at most."""
    start = time.process_time()
    load()
    seconds = time.process_time() - start
    gc.collect()
    tracemalloc.start()
    kept = load()
    size, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept.periods
    return {"load s": seconds, "kept MB": size / 1e6, "peak MB": peak / 1e6}


def _timed(step: Callable[[], object], rows: int) -> float:
    """Return nanoseconds of processor time per row."""
    step()
    spent, turns = 0.0, 0
    while spent < SECONDS:
        start = time.process_time()
        step()
        spent, turns = spent + time.process_time() - start, turns + 1
    return spent / turns / rows * 1e9


def _committed() -> tables.Table:
    """Return the ICD-10-CM list."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / table_files.FOLDER).mkdir()
        (Path(folder) / table_files.FOLDER / "icd").symlink_to(PACKS / "code-sets/icd-10-cm-2026-04")
        return table_files.load(Path(folder)).tables.every()[0]


def _loader(root: Path, name: str) -> Callable[[], tables.Table]:
    columns, rows, line = MADE[name]
    place = root / table_files.FOLDER / "made"
    place.mkdir(parents=True)
    kinds = "{price: money}" if columns else "{}"
    (place / "table.yaml").write_text(
        f"name: {name.partition(' ')[0]}\ntitle: made\nsource: made\nlicence: made\n"
        "revision: '1'\nfrom: 2026-01-01\n"
        f"dotless: {'true' if name.startswith('icd') else 'false'}\ncolumns: {kinds}\ndata: rows.csv\n"
    )
    head = "code" + (f",{columns}" if columns else "")
    (place / "rows.csv").write_text(head + "\n" + "\n".join(line(number) for number in range(rows)) + "\n")
    return lambda: table_files.load(root).tables.every()[0]


def _half(number: int) -> str:
    code, later = divmod(number, 2)
    window = "2026-07-01," if later else ",2026-06-30"
    return f"{code:05}-00-10,{100 + number % 900}.50,{window}"


def _keep(raw: dict[str, dict[str, list[float]]], sizes: dict[str, int]) -> None:
    keeping.keep("tables", rows=sizes, figures=raw)


def _show(raw: dict[str, dict[str, list[float]]], sizes: dict[str, int]) -> None:
    heads = [f"{what} {rows:,}" for rows, _ in SHAPES for what in ("in", "of")]
    shown = table.Table("table", "rows", *heads, "load s", "kept MB", "peak MB", box=box.SIMPLE)
    for name, figures in raw.items():
        middle = {what: statistics.median(values) for what, values in figures.items()}
        cells = [
            f"{middle[f'{what}|{rows}|one']:.0f} / {middle[f'{what}|{rows}|columns']:.0f}"
            if f"{what}|{rows}|one" in middle else ""
            for rows, _ in SHAPES for what in ("in", "of")
        ]  # fmt: skip
        rest = [f"{middle[what]:.2f}" for what in ("load s", "kept MB", "peak MB")]
        shown.add_row(name, f"{sizes[name]:,}", *cells, *rest)
    SCREEN.print("ns per look-up, one by one / in columns; `in` is in_codeset, `of` a column; medians")
    SCREEN.print(shown)


if __name__ == "__main__":
    main()
