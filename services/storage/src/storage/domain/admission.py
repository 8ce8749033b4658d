"""Judges the items of a submission before anything is written, so that a bad one fails alone."""

import functools
import itertools
import operator
import re
from collections.abc import Callable, Mapping

import msgspec

from chassis import errors
from storage.domain import answers, records, views

HASH_BYTES = 32
TEXT_MAX = (
    512  # characters of a column: longer than any code, id or path of the field, bounded for the indexes
)
CLAIM_ID_MAX = 255
SUBJECT_MAX = 255
DOCUMENT_MAX = 12 * 1024 * 1024  # one claim's documents; a message of 16 MiB holds no more
LINES_MAX = 1_000  # as the claim model allows
REQUIRED = ("claim_id", "use", "type", "verdict", "wire_status", "business_status", "review_status")
SOURCES, OUTCOMES = frozenset({"payer", "reviewer"}), frozenset({"approved", "partial", "denied"})
REASON_MAX = 64  # characters of a reason's code
AT_MAX = 253_402_300_800_000  # the year 10000
ITEMS_MAX = 20_000  # of one submission

_TEXTS = {
    kind: operator.attrgetter(*[name for name in kind.__struct_fields__ if name in records.TEXTS])
    for kind in (records.Claims, records.Lines, records.Findings)
}
_REQUIRED = operator.attrgetter(*REQUIRED)
_DAYS = operator.attrgetter("service_from_day", "service_to_day", *records.COUNTS)
_CONTROL = re.compile(
    r"[\x00-\x1f\x7f]"
)  # no code, name or path has one; two of them part columns on their way

DAY_MAX = records.DAY_MAX

type Known = Mapping[str, views.Tenant]


def check_shape(submission: records.Submission) -> None:
    """Raise Invalid `batch.columns` unless columns have a row per item and rows point at items."""
    count = len(submission.items)
    fits = submission.claims.lengths() == {count} and count <= ITEMS_MAX
    for columns in (submission.lines, submission.findings, submission.history):
        fits = fits and len(columns.lengths()) == 1
        fits = fits and max(columns.item, default=-1) < count
    if not fits:
        raise errors.Invalid("batch.columns", "The columns of the batch do not fit its items.")


def judge(submission: records.Submission, known: Known, now: float) -> list[errors.Fault | None]:
    """Return for each item its fault, or None when it may be recorded; `now` in monotonic seconds."""
    judged = [_item_fault(item, known, now) for item in submission.items]
    if not _sound(submission):
        _judge_columns(submission, judged)
    return judged


def _sound(submission: records.Submission) -> bool:
    """Return whether all columns can be stored, looked at together: nearly always they can."""
    claims, lines, findings, history = (
        submission.claims, submission.lines, submission.findings, submission.history,
    )  # fmt: skip
    texts = [*itertools.chain(*_TEXTS[records.Claims](claims), *_TEXTS[records.Lines](lines),
        *_TEXTS[records.Findings](findings))]  # fmt: skip
    days = {*itertools.chain(*_DAYS(claims), lines.service_day)} - {records.NO_INT}
    days.update(history.day, (0,))
    numbers = (*lines.sequence, *findings.line, *history.line)
    return (
        all(map(all, _REQUIRED(claims)))
        and (not texts or (max(map(len, texts)) <= CLAIM_ID_MAX and _clean("".join(texts))))
        and -DAY_MAX <= min(days) <= max(days) <= DAY_MAX
        and max(numbers, default=0) <= DAY_MAX
        and {*map(len, history.key)} <= {records.KEY_BYTES}
        and {*map(len, history.mark)} <= {0, records.KEY_BYTES}
        and not any(map(_bad_party, {*history.party}))
        and not any(map(_bad_quantity, history.quantity_e4))
    )


def _judge_columns(submission: records.Submission, judged: list[errors.Fault | None]) -> None:
    """Give a fault to each item with a value that cannot be stored."""
    _judge_texts(submission.claims, range(len(judged)), judged)
    for column in REQUIRED:
        _mark(judged, getattr(submission.claims, column), range(len(judged)), lambda text: not text, column)
    for column in ("service_from_day", "service_to_day"):
        _mark(judged, getattr(submission.claims, column), range(len(judged)), _bad_day, column)
    for column in records.COUNTS:
        _mark(judged, getattr(submission.claims, column), range(len(judged)), _bad_day, column)
    for columns in (submission.lines, submission.findings):
        _judge_texts(columns, columns.item, judged)
    _mark(judged, submission.lines.service_day, submission.lines.item, _bad_day, "service_day")
    _mark(judged, submission.lines.sequence, submission.lines.item, _too_large, "sequence")
    _mark(judged, submission.findings.line, submission.findings.item, _too_large, "line")
    _judge_history(submission.history, judged)


def fits(outcomes: answers.Outcomes) -> bool:
    """Return whether outcomes are of one source, one entry for each of their lines, and can be stored."""
    columns = (outcomes.outcome, outcomes.nphies, outcomes.carc, outcomes.allowed_minor, outcomes.paid_minor)
    sound = outcomes.source in SOURCES and 0 < outcomes.at_ms < AT_MAX
    sound = sound and 0 < len(set(outcomes.line)) == len(outcomes.line) <= LINES_MAX
    sound = sound and all(len(column) == len(outcomes.line) for column in columns)
    sound = sound and set(outcomes.outcome) <= OUTCOMES and all(0 < line <= DAY_MAX for line in outcomes.line)
    return sound and all(_storable(text, REASON_MAX) for text in (*outcomes.nphies, *outcomes.carc))


def _judge_history(history: records.History, judged: list[errors.Fault | None]) -> None:
    _mark(judged, history.line, history.item, _too_large, "history.line")
    _mark(judged, history.key, history.item, lambda key: len(key) != records.KEY_BYTES, "history.key")
    _mark(judged, history.day, history.item, lambda day: not -DAY_MAX <= day <= DAY_MAX, "history.day")
    _mark(judged, history.quantity_e4, history.item, _bad_quantity, "history.quantity_e4")
    _mark(judged, history.mark, history.item, lambda m: len(m) not in {0, records.KEY_BYTES}, "history.mark")
    _mark(judged, history.party, history.item, _bad_party, "history.party")


def _item_fault(item: records.Item, known: Known, now: float) -> errors.Fault | None:
    tenant = known.get(item.tenant)
    fault: errors.Fault | None = None
    if tenant is None:
        fault = errors.Denied("tenant.unknown", "There is no such tenant.")
    elif not tenant.active:
        fault = errors.Denied("tenant.inactive", "The tenant is not active.")
    elif item.deadline <= now:
        fault = errors.Unavailable("deadline.exceeded", "No time was left for this item.")
    elif len(item.content_hash) != HASH_BYTES:
        fault = errors.Invalid("content_hash.length", "A content hash has 32 bytes.")
    elif not item.key:
        fault = errors.Invalid("key.missing", "An item needs an idempotency key or a natural key.")
    elif not item.claim_json or not item.decision_json:
        fault = errors.Invalid("document.missing", "An item needs its claim and its decision.")
    elif item.size > DOCUMENT_MAX:
        fault = errors.Invalid("document.too_large", "The documents of the item are too large.")
    elif not _storable(item.subject, SUBJECT_MAX) or not _storable(item.received_media_type, SUBJECT_MAX):
        fault = errors.Invalid(
            "text.unstorable", "A text of the item is too long or holds a control character."
        )
    return fault


def is_claim_id(text: str) -> bool:
    """Return whether a text may be a sender's id of a claim."""
    return bool(text) and _storable(text, CLAIM_ID_MAX)


def _storable(text: str, longest: int = TEXT_MAX) -> bool:
    return len(text) <= longest and _clean(text)


def _clean(text: str) -> bool:
    """Whether a text holds no control character; what is printable, nearly everything, holds none."""
    return text.isprintable() or not _CONTROL.search(text)


def _bad_quantity(quantity: int) -> bool:
    return quantity != records.NO_INT and abs(quantity) > records.QUANTITY_MAX


def _bad_party(party: bytes | None) -> bool:
    return party is not None and len(party) not in {0, records.KEY_BYTES}


def _too_large(number: int) -> bool:
    return number > DAY_MAX


def _bad_day(day: int) -> bool:
    return day != records.NO_INT and not -DAY_MAX <= day <= DAY_MAX


def _judge_texts(
    columns: records.Columns, items: list[int] | range, judged: list[errors.Fault | None]
) -> None:
    """Mark items with a text that cannot be stored."""
    for name, column in zip(columns.__struct_fields__, msgspec.structs.astuple(columns), strict=True):
        if not column or name not in records.TEXTS:
            continue
        longest = CLAIM_ID_MAX if name == "claim_id" else TEXT_MAX
        if max(map(len, column)) > longest or _CONTROL.search("".join(column)):
            _mark(judged, column, items, functools.partial(_unstorable, longest), name)


def _unstorable(longest: int, text: str) -> bool:
    return not _storable(text, longest)


def _mark[V](
    judged: list[errors.Fault | None],
    column: list[V],
    items: list[int] | range,
    bad: Callable[[V], bool],
    name: str,
) -> None:
    if not any(map(bad, set(column))):  # values come again and again, bad ones hardly ever
        return
    for value, item in zip(column, items, strict=True):
        if bad(value) and judged[item] is None:
            judged[item] = errors.Invalid(
                "column.unstorable", f"The column {name} holds what cannot be stored."
            )
