"""What a claim leaves for later claims of its patient, and what these find in it.

All of it is one row of a patient, in a form of its own: whoever asks gets the rows of a patient and looks for
keys in them here. So a claim adds one entry to one index, however many lines it has, and a patient of whom
nothing is known costs one probe.
"""

import functools
import hashlib
import struct
from collections import defaultdict
from collections.abc import Iterator, Sequence

import msgspec

from storage.domain import ids, records

DENIED, GONE = 2, 4  # of a row's state: denied; refused before it left, or cancelled
_HEAD = struct.Struct(">HHH")  # bytes of the claim's own id, of its provider's and of its payer's
_ENTRY = struct.Struct(">12s12sqiI")  # key, mark, quantity, day, line
_ROW = struct.Struct(">16shI")  # id, state, bytes that are told
_MARKED = 1 << 31  # in the line's number: a mark is there
_NO_MARK = bytes(records.KEY_BYTES)
_NAME_DIGITS = 32


class Trace(msgspec.Struct, gc=False):
    """What an item leaves for one party, with the days of its keys."""

    item: int
    party: str  # its name
    told: bytes
    first_day: int
    last_day: int

    def add(self, entry: bytes, day: int) -> None:
        """Add what is left under one more key."""
        self.told += entry
        self.first_day, self.last_day = min(self.first_day, day), max(self.last_day, day)


@functools.lru_cache(maxsize=8_192)  # a claim in flight is asked about and recorded under the same names
def name(tenant: str, party: str) -> str:
    """Return what stands for a party: a UUID's digits, half of a SHA-256; in the schema party_of."""
    return hashlib.sha256(f"{tenant}\x1f{party}".encode()).hexdigest()[:_NAME_DIGITS]


def other(party: bytes) -> str:
    """Return the text that names a party that is no patient; no patient key holds a control character."""
    return f"\x1e{party.hex()}"


def left(submission: records.Submission) -> tuple[list[Trace | None], list[Trace]]:
    """Return what each item leaves for its patient, None for nothing, and what for other parties."""
    claims, history = submission.claims, submission.history
    entries: list[list[bytes]] = [[] for _ in submission.items]
    days: list[list[int]] = [[] for _ in submission.items]
    others: dict[tuple[int, bytes], Trace] = {}
    heads = list(map(_head, claims.claim_id, claims.provider_id, claims.payer_id))
    tenants = [item.tenant for item in submission.items]
    for item, line, key, day, quantity, mark, party in zip(*msgspec.structs.astuple(history), strict=True):
        entry = _ENTRY.pack(key, mark or _NO_MARK, quantity, day, line | _MARKED if mark else line)
        if not party:
            entries[item].append(entry)
            days[item].append(day)
        elif (item, party) in others:
            others[item, party].add(entry, day)
        else:
            named = name(tenants[item], other(party))
            others[item, party] = Trace(item, named, heads[item] + entry, day, day)
    told = map(b"".join, zip(heads, map(b"".join, entries), strict=True))
    asking = zip(claims.patient_key, claims.use, told, days, strict=True)
    own = [
        Trace(place, name(tenants[place], patient), text, *_span(found))
        if patient and (use == "claim" or found)
        else None
        for place, (patient, use, text, found) in enumerate(asking)
    ]
    return own, list(others.values())


def _span(days: list[int]) -> tuple[int, int]:
    return (min(days), max(days)) if days else (records.NO_INT, records.NO_INT)


def without_party(submission: records.Submission) -> records.History:
    """Return the rows that are found under their keys alone: their caller knows no parties, or no patient."""
    history, patients = submission.history, submission.claims.patient_key
    rows = [
        row
        for row, (item, party) in enumerate(zip(history.item, history.party, strict=True))
        if party is None or not (party or patients[item])
    ]
    return history.pick(rows) if rows else _NO_HISTORY


_NO_HISTORY = records.History.empty()


def _head(claim_id: str, provider: str, payer: str) -> bytes:
    whole = f"{claim_id}{provider}{payer}"
    if whole.isascii():  # as many bytes as characters
        return _HEAD.pack(len(claim_id), len(provider), len(payer)) + whole.encode()
    sizes = (len(text.encode()) for text in (claim_id, provider, payer))
    return _HEAD.pack(*sizes) + whole.encode()


def remembered(
    asked: records.Question, wanted: Sequence[bytes], left: bytes
) -> dict[bytes, list[tuple[records.PastLine, bool]]]:
    """Return by key what claims that stand left for a party under it, each with whether it was denied.

    `left` are the party's rows as the schema tells them: id, state, size and what is told, each. Only keys
    are there that something is known of; the asking claim's own rows are not.
    """
    found: dict[bytes, list[tuple[records.PastLine, bool]]] = defaultdict(list)
    start = 0 if _any(wanted, left) else len(left)
    while start < len(left):
        identifier, state, size = _ROW.unpack_from(left, start)
        start += _ROW.size
        told = left[start : start + size]
        start += size
        if not state & GONE and _any(wanted, told):
            for key, line in _lines(asked, identifier, told, wanted):
                found[key].append((line, bool(state & DENIED)))
    return found


def _any(wanted: Sequence[bytes], told: bytes) -> bool:
    return any([key in told for key in wanted])  # noqa: C419 - a list of few is quicker


def _lines(
    asked: records.Question, identifier: bytes, told: bytes, wanted: Sequence[bytes]
) -> Iterator[tuple[bytes, records.PastLine]]:
    """Yield what one claim left under keys that are wanted; nothing where it is the asking claim itself."""
    start = _HEAD.size
    texts = []
    for size in _HEAD.unpack_from(told):
        texts.append(told[start : start + size].decode())
        start += size
    claim_id, provider, payer = texts
    if (claim_id, provider) == (asked.claim_id, asked.provider_id):
        return
    named = ids.text(identifier)
    for key, mark, quantity, day, line in _ENTRY.iter_unpack(told[start:]):
        if key in wanted:
            kept = mark if line & _MARKED else b""
            number = line & ~_MARKED
            yield key, records.PastLine(named, claim_id, number, day, quantity, kept, provider, payer)


def answer(asked: records.Past, found: Sequence[tuple[records.PastLine, bool]]) -> records.PastAnswer:
    """Return the newest rows of the range that was asked about, and the sum over all that were not denied."""
    inside = [pair for pair in found if asked.from_day <= pair[0].day <= asked.to_day]
    inside.sort(key=lambda pair: newest(pair[0]), reverse=True)
    del inside[records.SCAN_MOST :]
    return records.PastAnswer(
        lines=[line for line, _ in inside[: min(asked.most, records.PAST_MOST)]],
        quantity_e4=sum(
            line.quantity_e4 for line, denied in inside if not denied and line.quantity_e4 != records.NO_INT
        ),
    )


def newest(line: records.PastLine) -> tuple[int, str, int]:
    """Return what rows are ordered by."""
    return line.day, line.id, line.line
