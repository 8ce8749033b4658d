"""Questions of history as arguments of the schema's functions `past_of` and `recall`, and rows as answers."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from storage.domain import ids, records, traces
from storage.outbound import arrays, postgres

DUPLICATES_MOST = 5  # hits told per line: one is enough for a rule, a few for a person
DAY_MS = 86_400_000
AGGREGATE_MS = 90 * DAY_MS
PATIENT = b""  # among the parties of a question
UNKNOWN = records.PastAnswer([], 0)  # of most keys
NOTHING = records.Aggregate()
LAST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff"  # later than any claim: nothing is left out

type Keyed = Mapping[int, list[Any]]  # rows of `recall` by the place of a question's key


class Asked:
    """A batch of questions, and their providers and parties: each once for each end of its past."""

    def __init__(self, questions: Sequence[records.Question], now_ms: int) -> None:
        self.questions, self._now_ms = questions, now_ms
        self._now_since = max(0, now_ms - AGGREGATE_MS)
        self._providers: dict[tuple[str, str, int, int], int] = {}
        self._parties: dict[tuple[str, str, str], int] = {}
        self._spans: list[tuple[int, int, int]] = []  # of each party: since, first and last day asked about
        self.providers = [self._provider(asked) for asked in questions]
        self.parties = [self._parties_of(asked) for asked in questions]

    def _provider(self, asked: records.Question) -> int:
        """Return the number of a question's provider, -1 for none."""
        if not asked.provider_id:
            return -1
        last = ids.ms_of(asked.before) if asked.before else self._now_ms + DAY_MS
        key = (asked.tenant, asked.provider_id, self._since(asked) // DAY_MS, last // DAY_MS)
        return self._providers.setdefault(key, len(self._providers))

    def _parties_of(self, asked: records.Question) -> dict[bytes, int]:
        """Return the numbers of a question's parties."""
        found = {}
        if asked.patient_key:
            found[PATIENT] = self._number(asked, asked.patient_key)
        for one in asked.past:
            if one.party and one.party not in found:
                found[one.party] = self._number(asked, traces.other(one.party))
        for one in asked.past:
            number = None if one.party is None else found.get(one.party)
            if number is not None:
                since, first, last = self._spans[number]
                self._spans[number] = since, min(first, one.from_day), max(last, one.to_day)
        return found

    def _number(self, asked: records.Question, party: str) -> int:
        number = self._parties.setdefault((asked.tenant, party, asked.before), len(self._parties))
        if number == len(self._spans):
            self._spans.append((self._since(asked), records.DAY_MAX, -records.DAY_MAX))
        return number

    def _since(self, asked: records.Question) -> int:
        """Return the instant that a question's aggregates begin with, in ms."""
        return max(0, ids.ms_of(asked.before) - AGGREGATE_MS) if asked.before else self._now_since

    def arguments(self) -> list[Any]:
        """Return the arguments of `past_of` in its order."""
        names = [traces.name(tenant, party) for tenant, party, _ in self._parties]
        floors = {since: ids.floor(since) for since in {span[0] for span in self._spans}}
        return [
            postgres.tenants_setting(sorted({asked.tenant for asked in self.questions})),
            arrays.quoted([tenant for tenant, _, _, _ in self._providers]),
            arrays.quoted([provider for _, provider, _, _ in self._providers]),
            arrays.numbers([since for _, _, since, _ in self._providers]),
            arrays.numbers([last for _, _, _, last in self._providers]),
            arrays.quoted([tenant for tenant, _, _ in self._parties]),
            arrays.plain(names),
            arrays.plain([floors[since] for since, _, _ in self._spans]),
            arrays.plain([before or LAST_ID for _, _, before in self._parties]),
            arrays.numbers([first for _, first, _ in self._spans]),
            arrays.numbers([last for _, _, last in self._spans]),
            records.PARTY_MOST,
        ]


def arguments(questions: Sequence[records.Question], *, older: bool) -> list[Any] | None:
    """Return the arguments of `recall` in its order, None with nothing to ask; questions count from 1.

    It is asked about keys without a party; where there are rows of callers that know no parties (`older`),
    about service keys too, and about keys of other parties than the patient.
    """
    numbered = list(enumerate(questions, start=1))
    keyed = [
        (number, index, key)
        for number, asked in numbered
        if older and asked.use == "claim"
        for index, key in enumerate(asked.service_keys)
        if key
    ]
    past = [
        (number, index, one)
        for number, asked in numbered
        for index, one in enumerate(asked.past)
        if one.party is None or (older if one.party else not asked.patient_key)
    ]
    if not keyed and not past:
        return None
    tenants = [asked.tenant for asked in questions]
    return [
        postgres.tenants_setting(sorted(set(tenants))),
        tenants,
        [asked.claim_id for asked in questions],
        [asked.provider_id for asked in questions],
        [""] * len(questions),
        [asked.before or LAST_ID for asked in questions],
        *([0] * len(questions) for _ in range(2)),
        *([row[0] for row in keyed], [row[1] for row in keyed], [row[2] for row in keyed]),
        DUPLICATES_MOST,
        *([row[0] for row in past], [row[1] for row in past], [row[2].key for row in past]),
        *([row[2].from_day for row in past], [row[2].to_day for row in past]),
        [min(row[2].most, records.PAST_MOST) for row in past],
        records.SCAN_MOST,
    ]


def answers(batch: Asked, found: Any, rows: Sequence[Any]) -> list[records.Answer]:
    """Return one answer per question out of the row of `past_of` and the rows of `recall`."""
    columns = (found["claims"] or (), found["denied"] or (), found["net_minor"] or ())
    providers = list(map(records.Aggregate, *columns))
    columns = (found["party_claims"] or (), found["party_denied"] or (), found["party_net_minor"] or ())
    known = [number - 1 for number in found["parties"] or ()]
    sums = dict(zip(known, map(records.Aggregate, *columns), strict=True))
    told_of = zip(known, found["party_left"] or (), strict=True)
    left = {place: told for place, told in told_of if told}
    duplicates: dict[int, list[records.Duplicate]] = defaultdict(list)
    keyed: dict[int, dict[int, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        if row["kind"] == 1:
            duplicates[row["item"] - 1].append(
                records.Duplicate(row["place"], str(row["id"]), row["claim_id"], row["line"])
            )
        elif row["kind"] == 4:  # noqa: PLR2004 - the function's kinds
            keyed[row["item"] - 1][row["place"]].append(row)
    told = []
    for number, asked in enumerate(batch.questions):
        parties = {party: left[place] for party, place in batch.parties[number].items() if place in left}
        patient, provider = batch.parties[number].get(PATIENT, -1), batch.providers[number]
        told.append(
            records.Answer(
                duplicates.get(number, []),
                NOTHING if provider < 0 else providers[provider],
                sums.get(patient, NOTHING),
                _past(asked, parties, keyed.get(number, {})),
            )
        )
    return told


def _past(asked: records.Question, parties: Mapping[bytes, bytes], keyed: Keyed) -> list[records.PastAnswer]:
    """Return the answers about a question's keys, each out of its party's rows and those of `recall`."""
    known = {
        party: traces.remembered(asked, [one.key for one in asked.past if one.party == party], left)
        for party, left in parties.items()
    }
    if not keyed and not any(known.values()):
        return [UNKNOWN] * len(asked.past)
    told = []
    for index, one in enumerate(asked.past):
        found = [] if one.party is None else known.get(one.party, {}).get(one.key, [])
        answer = traces.answer(one, found) if found else UNKNOWN
        told.append(_joined(one, answer, keyed[index]) if index in keyed else answer)
    return told


def _joined(asked: records.Past, answer: records.PastAnswer, rows: list[Any]) -> records.PastAnswer:
    """Return an answer with the rows of `recall`.

    Each carries the sum, so one comes even where none is wanted.
    """
    lines = [*answer.lines, *map(_line, rows)]
    lines.sort(key=traces.newest, reverse=True)
    del lines[min(asked.most, records.PAST_MOST) :]
    return records.PastAnswer(lines, answer.quantity_e4 + rows[0]["amount"])


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
