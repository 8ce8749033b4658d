"""What the twin's ledger remembers of services, found by looking at every claim."""

from collections.abc import Iterator, Sequence

from storage.domain import records
from storage.testing import rows

DUPLICATES_MOST = 5


def duplicates(asked: records.Question, claims: Sequence[rows.Row]) -> list[records.Duplicate]:
    """Return lines of other claims with the same service keys, newest first."""
    if asked.use != "claim":
        return []
    found = []
    for index, key in enumerate(asked.service_keys):
        hits = [
            records.Duplicate(index, row.id, row.text("claim_id"), int(line["sequence"] or 0))
            for row in reversed(claims)
            for line in row.lines
            if key and line["service_key"] == key and row.columns["use"] == "claim" and rows.stands(row)
            if row.columns["claim_id"] != asked.claim_id
        ]
        found += hits[:DUPLICATES_MOST]
    return found


def answer(asked: records.Question, one: records.Past, claims: Sequence[rows.Row]) -> records.PastAnswer:
    """Return the rows of a key, newest day first, and the sum over all of them."""
    newest = sorted(
        _rows(asked, one, claims), key=lambda pair: (pair[1].day, pair[1].id, pair[1].line), reverse=True
    )[: records.SCAN_MOST]
    counted = [line.quantity_e4 for row, line in newest if not rows.denied(row)]
    return records.PastAnswer(
        lines=[line for _, line in newest[: min(one.most, records.PAST_MOST)]],
        quantity_e4=sum(quantity for quantity in counted if quantity != records.NO_INT),
    )


def _rows(
    asked: records.Question, one: records.Past, claims: Sequence[rows.Row]
) -> Iterator[tuple[rows.Row, records.PastLine]]:
    own = (asked.claim_id, asked.provider_id or None)
    for row in claims:
        if not rows.stands(row) or (row.columns["claim_id"], row.columns["provider_id"]) == own:
            continue
        kept = row.history
        for place, key in enumerate(kept.key):
            inside = key == one.key and one.from_day <= kept.day[place] <= one.to_day
            if inside and _is_found(asked, one, row, kept.party[place]):
                yield row, _line(row, place)


def _is_found(asked: records.Question, one: records.Past, row: rows.Row, party: bytes | None) -> bool:
    """Return whether a row was left for the party that is asked about, or by a caller that knows none."""
    patient = row.columns["patient_key"] or ""
    if one.party is None or (one.party == b"" and not asked.patient_key):
        return party is None or (party == b"" and not patient)
    if one.party:
        return party is None or party == one.party
    return not party and patient == asked.patient_key


def _line(row: rows.Row, place: int) -> records.PastLine:
    kept = row.history
    return records.PastLine(
        id=row.id,
        claim_id=row.text("claim_id"),
        line=kept.line[place],
        day=kept.day[place],
        quantity_e4=kept.quantity_e4[place],
        mark=kept.mark[place],
        provider_id=str(row.columns["provider_id"] or ""),
        payer_id=str(row.columns["payer_id"] or ""),
    )
