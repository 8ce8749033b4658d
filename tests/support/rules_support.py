"""Helpers for tests of the rule engine: expressions over rows, one-rule packs, the committed packs."""

import decimal
import functools
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from claims.domain import past
from claims.domain.rules import checking, engine, examples, packs, programs, runtime, tables
from claims.outbound import pack_files

PACKS = Path(__file__).parents[2] / "packs"
AS_OF = date(2026, 8, 2)
EPOCH = date(1970, 1, 1).toordinal()
HEAD: Mapping[str, Any] = {
    "id": "sample", "version": "1", "title": {"en": "Sample", "ar": "عينة"}, "regimes": ["base", "nphies"],
    "licence": "Apache-2.0", "source": "tests",
}  # fmt: skip

PLAIN: Mapping[str, str] = {"en": "Wrong.", "ar": "خطأ."}  # a message that names no column


def table(
    name: str = "letters", *, first: str = "2026-01-01", last: str | None = "2026-12-31"
) -> tables.Table:
    """A small table: A1 and B2 may be billed, C may not."""
    return tables.Table(
        name=name,
        fields={"billable": "boolean"},
        dotless=True,
        periods=(
            tables.Period(
                first=date.fromisoformat(first),
                last=None if last is None else date.fromisoformat(last),
                revision="1",
                rows={"A1": (True,), "B2": (True,), "C": (False,)},
            ),
        ),
    )


KNOWN = tables.Tables([table()])


def values(
    text: str, partial: Mapping[str, Any], *, scope: str = "line", rows: Sequence[int] = (0,)
) -> list[Any]:
    """The value of an expression in rows of an example claim; unknown is None."""
    claim, as_of = examples.build(partial)
    node = checking.value(text, scope, KNOWN)
    explain = programs.explain(scope, [node], KNOWN)
    with decimal.localcontext(runtime.EXACT):
        return [found[0] for found in explain(claim, as_of.toordinal() - EPOCH, "Asia/Riyadh", rows)]


def value(text: str, partial: Mapping[str, Any] | None = None, *, scope: str = "line") -> Any:
    """The value of an expression in the first row."""
    return values(text, partial or {}, scope=scope)[0]


def rule(**changes: Any) -> dict[str, Any]:
    """A rule document with changed fields; None removes one."""
    document: dict[str, Any] = {
        "id": "R-1", "title": {"en": "Title", "ar": "عنوان"}, "severity": "error",
        "applies": {"scope": "line"}, "violation": "net < 0",
        "message": {"en": "Net is {net}.", "ar": "الصافي {net}."}, "source": "tests",
        "examples": {"violates": [{"lines": [{"net": -1}]}], "satisfies": [{}]},
    }  # fmt: skip
    document.update(changes)
    return {name: found for name, found in document.items() if found is not None}


def pack(*rules: Any, known: tables.Tables = KNOWN, **head: Any) -> packs.Pack:
    """A pack of rule documents."""
    return packs.assemble(
        ("p/pack.yaml", {**HEAD, **head}), [("p/rules.yaml", list(rules))], known, sha256="ab" * 32
    )


def history(**known: Any) -> past.LineHistory:
    """What earlier claims say about a line: nothing, but for these counts."""
    return msgspec.structs.replace(past.NOTHING, **known)


def hits(found: Sequence[programs.Hit]) -> list[tuple[int, int, bool | None]]:
    """Hits in order, TRUE or None: without what leaves a rule open."""
    return sorted((at, row, True if said is True else None) for at, row, said in found)


def judge(partial: Mapping[str, Any], *rules: Any, **head: Any) -> engine.Outcome:
    """What a pack of these rules says about an example claim."""
    claim, as_of = examples.build(partial)
    return engine.Engine([pack(*rules, **head)], KNOWN).evaluate(claim, as_of=as_of)


@functools.cache
def judging(*packs: str, many: int | None = None) -> engine.Engine:
    """The engine of the repository's packs, or of those named: a kind of claim is compiled once a process."""
    found, known = committed()
    chosen = [pack for pack in found if not packs or pack.id in packs]
    return engine.Engine(chosen, known, many=many)


@functools.cache
def committed() -> tuple[list[packs.Pack], tables.Tables]:
    """The packs of the repository."""
    return pack_files.load(PACKS)
