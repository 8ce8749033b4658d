"""Questions of history as the arguments of the schema's function `recall`, and its rows as answers."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from storage.domain import ids, records
from storage.outbound import postgres

DUPLICATES_MOST = 5  # hits told per line: one is enough for a rule, a few for a person
DAY_MS = 86_400_000
AGGREGATE_MS = 90 * DAY_MS
UNKNOWN = records.PastAnswer([], 0)  # of most keys
LAST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff"  # later than any claim: nothing is left out


def arguments(questions: Sequence[records.Question], now_ms: int) -> list[Any]:
    """Return the arguments of `recall` in its order; questions count from 1."""
    numbered = [(number, asked) for number, asked in enumerate(questions, start=1)]
    claims = [(number, asked) for number, asked in numbered if asked.use == "claim"]
    keyed = [
        (number, index, key)
        for number, asked in claims
        for index, key in enumerate(asked.service_keys)
        if key
    ]
    past = [(number, index, one) for number, asked in numbered for index, one in enumerate(asked.past)]
    ends = [_end(asked, now_ms) for asked in questions]
    tenants = [asked.tenant for asked in questions]
    return [
        postgres.tenants_setting(sorted(set(tenants))),
        tenants,
        [asked.claim_id for asked in questions],
        [asked.provider_id for asked in questions],
        [asked.patient_key for asked in questions],
        [asked.before or LAST_ID for asked in questions],
        [max(0, end - AGGREGATE_MS) for end in ends],
        [end + (0 if asked.before else DAY_MS) for end, asked in zip(ends, questions, strict=True)],
        *([row[0] for row in keyed], [row[1] for row in keyed], [row[2] for row in keyed]),
        DUPLICATES_MOST,
        *([row[0] for row in past], [row[1] for row in past], [row[2].key for row in past]),
        *([row[2].from_day for row in past], [row[2].to_day for row in past]),
        [min(row[2].most, records.PAST_MOST) for row in past],
        records.SCAN_MOST,
    ]


def answers(questions: Sequence[records.Question], rows: Sequence[Any]) -> list[records.Answer]:
    """Return one answer per question out of the rows of `recall`."""
    duplicates: dict[int, list[records.Duplicate]] = defaultdict(list)
    providers: dict[tuple[str, str, int], records.Aggregate] = {}
    patients: dict[tuple[str, str, str], records.Aggregate] = {}
    past: dict[tuple[int, int], list[Any]] = defaultdict(list)
    for row in rows:
        asked = questions[row["item"] - 1]
        if row["kind"] == 1:
            duplicates[row["item"] - 1].append(
                records.Duplicate(row["place"], str(row["id"]), row["claim_id"], row["line"])
            )
        elif row["kind"] == 2:  # noqa: PLR2004 - the function's kinds
            providers[asked.tenant, asked.provider_id, _end(asked, 0)] = _aggregate(row)
        elif row["kind"] == 3:  # noqa: PLR2004
            patients[asked.tenant, asked.patient_key, asked.before] = _aggregate(row)
        else:
            past[row["item"] - 1, row["place"]].append(row)
    nothing = records.Aggregate()
    return [
        records.Answer(
            duplicates[number],
            providers.get((asked.tenant, asked.provider_id, _end(asked, 0)), nothing),
            patients.get((asked.tenant, asked.patient_key, asked.before), nothing),
            [
                _past(one, past[number, index]) if (number, index) in past else UNKNOWN
                for index, one in enumerate(asked.past)
            ],
        )
        for number, asked in enumerate(questions)
    ]


def _end(asked: records.Question, now_ms: int) -> int:
    return ids.ms_of(asked.before) if asked.before else now_ms


def _aggregate(row: Any) -> records.Aggregate:
    return records.Aggregate(row["claims"], row["denied"], row["amount"])


def _past(asked: records.Past, rows: list[Any]) -> records.PastAnswer:
    """Return the answer of a key with rows; each carries the sum, so one comes even where none is wanted."""
    newest = sorted(rows, key=lambda row: (row["day"], str(row["id"]), row["line"]), reverse=True)
    return records.PastAnswer(
        lines=[_line(row) for row in newest[: asked.most]],
        quantity_e4=rows[0]["amount"],
    )


def _line(row: Any) -> records.PastLine:
    quantity = row["quantity_e4"]
    return records.PastLine(
        id=str(row["id"]),
        claim_id=row["claim_id"],
        line=row["line"],
        day=row["day"],
        quantity_e4=records.NO_INT if quantity is None else quantity,
        mark=row["mark"] or b"",
        provider_id=row["provider_id"] or "",
        payer_id=row["payer_id"] or "",
    )
