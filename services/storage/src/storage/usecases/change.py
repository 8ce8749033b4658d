"""Append a decision and its status change to a recorded claim."""

import hashlib
import re
from collections.abc import Sequence

from chassis import clock as clocks
from chassis import errors
from storage import ports
from storage.domain import admission, chains, queries, records
from storage.usecases import know_tenants

EVENT = re.compile(r"[a-z][a-z_]*(\.[a-z][a-z_]*)+")
EACH_MOST = 500  # changes of one call
NOTE_MAX = 10_000  # characters of a person's words


async def change(
    asked: records.Change,
    *,
    ledger: ports.Ledger,
    tenants: know_tenants.Tenants,
    bell: ports.Bell,
    clock: clocks.Clock,
    chain: str,
) -> int:
    """Return the new revision.

    Raises Denied `tenant.unknown`, Invalid `id.invalid` or `change.invalid`, NotFound `claim.unknown`,
    Conflict `revision.stale`.
    """
    await tenants.active(asked.tenant)
    _judge(asked)
    entry = chains.Entry(
        tenant=asked.tenant,
        chain=chain,
        event=asked.event,
        subject=asked.subject,
        id=queries.identifier_of(asked.id),
        revision=asked.expected_revision + 1,
        at_ms=int(clock.now().timestamp() * 1000),
        document_hash=hashlib.sha256(asked.decision_json).digest() if asked.decision_json else b"",
    )
    revision = await ledger.change(asked, entry)
    bell.ring()
    return revision


async def change_each(
    asked: Sequence[records.Change],
    *,
    ledger: ports.Ledger,
    tenants: know_tenants.Tenants,
    bell: ports.Bell,
    clock: clocks.Clock,
    chain: str,
) -> list[int | errors.Fault]:
    """Return the new revision of each, or the fault that it ended in.

    One after the other: the chain's head is one row. Raises Invalid `change.too_many`.
    """
    if len(asked) > EACH_MOST:
        raise errors.Invalid("change.too_many", f"At most {EACH_MOST} changes at once.")
    made: list[int | errors.Fault] = []
    for one in asked:
        try:
            revision = await change(one, ledger=ledger, tenants=tenants, bell=bell, clock=clock, chain=chain)
        except errors.Fault as fault:
            made.append(fault)
        else:
            made.append(revision)
    return made


def _judge(asked: records.Change) -> None:
    statuses = (
        asked.verdict,
        asked.wire_status,
        asked.business_status,
        asked.review_status,
        asked.score_state,
    )
    texts = (*statuses, asked.model_revision, asked.subject, asked.note)
    fits = len(asked.event) <= admission.SUBJECT_MAX and EVENT.fullmatch(asked.event) is not None
    fits = (
        fits and 0 < asked.expected_revision < admission.DAY_MAX and not any("\0" in text for text in texts)
    )
    fits = fits and len(asked.note) <= NOTE_MAX and len(asked.decision_json) <= admission.DOCUMENT_MAX
    fits = fits and (asked.outcomes is None or admission.fits(asked.outcomes))
    fits = fits and not any(_too_many(asked, name) for name in records.COUNTS)
    if not fits or any(len(text) > admission.SUBJECT_MAX for text in texts[:-1]):
        raise errors.Invalid("change.invalid", "A field of the change is missing, too long or malformed.")


def _too_many(asked: records.Change, name: str) -> bool:
    count = asked.inputs[records.LATER.index(name)] if asked.inputs else 0
    return count != records.NO_INT and abs(count) > records.DAY_MAX
