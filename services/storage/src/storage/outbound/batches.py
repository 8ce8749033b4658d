"""A batch as the arguments of the schema's function `record_claims`: few and long, as is told beside it.

Encoding every value by itself, and binding every column, cost more on both sides than writing the rows.
"""

import itertools
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from storage.domain import chains, records, traces
from storage.outbound import arrays

ROW, VALUE = "\x1e", "\x1f"  # no admitted text holds a control character, see admission
NO_MARK = bytes(records.KEY_BYTES)

RECORD = """
SELECT * FROM record_claims($1::text::text[], $2, $3::text::bigint[], $4, $5::text::uuid[], $6,
  $7::text::bigint[], $8::text::double precision[], $9, $10::text::bigint[],
  $11::text::double precision[], $12, $13, $14::text::bigint[], $15, $16::text::bigint[], $17,
  $18::text::uuid[], $19::text::integer[], $20, $21::text::uuid[], $22,
  $23::text::integer[], $24::text::uuid[], $25)
"""
ALONE = RECORD.replace("$20,", "ARRAY[$20::bytea],").replace("$22,", "ARRAY[$22::bytea],")
APART = {"item", "probability", "key", "mark"}  # columns that travel in a form of their own

type Heads = Mapping[str, tuple[int, bytes]]  # by tenant: sequence and hash of a chain's last entry
type Get = Callable[[records.Columns], tuple[list[Any], ...]]


def _getter(kind: type[records.Columns], *, texts: bool) -> Get:
    names = (name for name in kind.__struct_fields__ if name not in APART)
    return operator.attrgetter(*[name for name in names if (name in records.TEXTS) == texts])


_CLAIM_NUMBERS, _CLAIM_TEXTS = _getter(records.Claims, texts=False), _getter(records.Claims, texts=True)
_LINE_NUMBERS, _LINE_TEXTS = _getter(records.Lines, texts=False), _getter(records.Lines, texts=True)
_FINDING_TEXTS = _getter(records.Findings, texts=True)
_PLACE = operator.attrgetter("start", "claim_size", "decision_size", "received_size")


def statement(batch: records.Batch) -> str:
    """Return what writes a batch; what a lone claim has one of goes out as it is, not as a list."""
    return ALONE if len(batch.ids) == len(batch.bodies) == 1 else RECORD


def arguments(
    batch: records.Batch, contents: Mapping[str, bytes], heads: Heads
) -> tuple[list[Any], dict[str, tuple[int, bytes]]]:
    """Return the arguments of `statement` in its order, and the heads behind the batch's entries."""
    submission = batch.submission
    claims, lines, findings = submission.claims, submission.lines, submission.findings
    history, (own, others) = traces.without_party(submission), traces.left(submission)
    numbers = {name: number for number, name in enumerate(heads, start=1)}
    tenants = [numbers[item.tenant] for item in submission.items]
    sequences, prints, after = _chained(batch, heads)
    bodies = [contents[body.id] for body in batch.bodies]
    told = [None if trace is None else trace.told for trace in own]
    alone = statement(batch) is ALONE
    return [
        arrays.quoted(list(heads)),
        batch.chain,
        arrays.numbers([*[head[0] for head in heads.values()], *[after[name][0] for name in heads]]),
        b"".join([heads[name][1] + after[name][1] for name in heads]),
        arrays.plain(batch.ids),
        prints,
        arrays.numbers([*tenants, *_places(batch), *sequences, *itertools.chain(*_CLAIM_NUMBERS(claims)),
            *_days([trace or _NOTHING for trace in own])]),
        arrays.numbers(claims.probability),
        _texts((*_own(batch), *_CLAIM_TEXTS(claims))),
        arrays.numbers([*_owners(lines.item), *itertools.chain(*_LINE_NUMBERS(lines))]),
        arrays.numbers(lines.probability),
        _texts(_LINE_TEXTS(lines)),
        any(lines.service_key),
        arrays.numbers([*_owners(findings.item), *findings.line]),
        _texts(_FINDING_TEXTS(findings)),
        arrays.numbers([*_owners(history.item), *history.line, *history.day, *history.quantity_e4,
            *[1 if mark else 0 for mark in history.mark]]),
        b"".join([key + (mark or NO_MARK) for key, mark in zip(history.key, history.mark, strict=True)]),
        arrays.plain([body.id for body in batch.bodies]),
        arrays.numbers([numbers[body.tenant] for body in batch.bodies]),
        bodies[0] if alone else bodies,
        arrays.plain(["NULL" if trace is None else trace.party for trace in own]),
        told[0] if alone else told,
        arrays.numbers([*[trace.item + 1 for trace in others], *_days(others)]),
        arrays.plain([trace.party for trace in others]),
        [trace.told for trace in others],
    ], after  # fmt: skip


_NOTHING = traces.Trace(0, "NULL", b"", records.NO_INT, records.NO_INT)


def _days(left: Sequence[traces.Trace]) -> Iterable[int]:
    return [*[trace.first_day for trace in left], *[trace.last_day for trace in left]]


def _chained(batch: records.Batch, heads: Heads) -> tuple[list[int], bytes, dict[str, tuple[int, bytes]]]:
    """Return each entry's sequence, the prints of all items, and the heads behind them."""
    after = dict(heads)
    sequences: list[int] = []
    prints: list[bytes] = []
    for item, entry, document in zip(
        batch.submission.items, batch.entries, batch.document_hashes, strict=True
    ):
        last, previous = after[item.tenant]
        made = chains.link_hash(previous, last + 1, entry)
        after[item.tenant] = (last + 1, made)
        sequences.append(last + 1)
        prints += (item.key, item.content_hash, document, previous, made)
    return sequences, b"".join(prints), after


def _places(batch: records.Batch) -> Iterable[int]:
    """Return instants and places of documents, column after column; a body is named by its number."""
    bodies = {body.id: number for number, body in enumerate(batch.bodies, start=1)}
    return itertools.chain(
        batch.at_ms,
        [bodies[place.body] if place.body else 0 for place in batch.places],
        *zip(*map(_PLACE, batch.places), strict=True),
    )


def _own(batch: records.Batch) -> tuple[list[str], list[str], list[str]]:
    return (
        [item.subject for item in batch.submission.items],
        [place.media_type for place in batch.places],
        ["" if place.object is None else place.object.hex() for place in batch.places],
    )


def _owners(items: Sequence[int]) -> list[int]:
    """Return the places of items as the schema counts them, from 1."""
    return [item + 1 for item in items]


def _texts(columns: Sequence[list[str]]) -> str:
    return ROW.join(map(VALUE.join, zip(*columns, strict=True)))
