"""Helpers for tests of the columnar form: an expression over several claims, in both forms."""

import decimal
from collections.abc import Sequence
from typing import Any

import rules_support as support
from claims.domain.rules import checking, programs, runtime, schema
from claims.domain.rules.columnar import batches, plans, steps, words
from formats import model


def columns(
    text: str, claims: Sequence[model.Claim], *, scope: str = "line", today: Sequence[int] | None = None
) -> list[list[Any]]:
    """The values of an expression in the rows of each claim, by the columnar form; unknown is None."""
    rows = schema.SCOPES[scope].rows
    plan = steps.Plan(support.KNOWN)
    writer = plans.Writer(plan, plans.Frame(rows))
    node = checking.value(text, scope, support.KNOWN)
    slot = writer.slot(node, plans.Level.ROW if rows else plans.Level.CLAIM)
    batch = batches.Batch(claims, today or days(claims), "Asia/Riyadh", batches.Gatherers())
    run = steps.Run(batch, plan)
    found = run.get(plan.order(slot))
    held = batch.rows(rows)
    values = words.plain(batch.vocabulary, found, len(held.structs))
    assert not batch.odd.any()
    return [values[first:last] for first, last in zip(held.starts, held.starts[1:], strict=False)]


def scalars(
    text: str, claims: Sequence[model.Claim], *, scope: str = "line", today: Sequence[int] | None = None
) -> list[list[Any]]:
    """The same by the scalar form, claim by claim."""
    node = checking.value(text, scope, support.KNOWN)
    explain = programs.explain(scope, [node], support.KNOWN)
    found: list[list[Any]] = []
    with decimal.localcontext(runtime.EXACT):
        for claim, day in zip(claims, today or days(claims), strict=True):
            rows = range(count(claim, scope))
            found.append([value[0] for value in explain(claim, day, "Asia/Riyadh", rows)])
    return found


def count(claim: model.Claim, scope: str) -> int:
    """The number of a claim's rows of a scope."""
    rows = schema.SCOPES[scope]
    if not rows.rows:
        return 1
    found = eval(rows.items, dict(runtime.NAMESPACE), {"claim": claim})  # noqa: S307 - the schema's own text
    return len(found)


def days(claims: Sequence[model.Claim]) -> list[int]:
    """The as-of day of the examples, for each claim."""
    return [support.AS_OF.toordinal() - support.EPOCH] * len(claims)


def plain(value: object) -> object:
    """A value as both forms compare: lists as tuples, truth apart from numbers."""
    return tuple(value) if isinstance(value, list) else (value, isinstance(value, bool))
