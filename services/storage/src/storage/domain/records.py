"""The shapes of a batch: columns as they come, and a batch ready to be written in one transaction."""

from collections.abc import Sequence
from typing import Self

import msgspec

from chassis import errors
from storage.domain import answers

NO_INT = -(2**63)  # the contract's missing integer; an empty string and NaN are the other two
DAY_MAX = 2**31 - 1  # days and sequences are kept in 32 bits
KEY_BYTES = 12  # of a history key and of a mark: two of a tenant meet by chance once in 10^28
QUANTITY_MAX = 10**14  # ten thousandths; SCAN_MOST of them still fit 64 bits
PAST_MOST = 32  # rows told of one key: a rule needs to know that there are some, a person wants to see a few
SCAN_MOST = 1_000  # rows of one key that are looked at: a service taken daily for two years, with room
PARTY_MOST = 1_000  # newest claims of a patient that are looked at: two a day while keys are kept


TEXTS = frozenset(
    {
        *(
            "claim_id",
            "claim_id_system",
            "use",
            "type",
            "regime",
            "provider_id",
            "provider_branch",
            "payer_id",
        ),
        *(
            "patient_key",
            "currency",
            "verdict",
            "wire_status",
            "business_status",
            "review_status",
            "score_state",
        ),
        *("model_revision", "code", "system", "service_key", "rule", "severity", "path"),
    }
)  # the columns that hold texts; the others hold numbers


# Columns of claims that came with a later contract: all NULL from a sender that does not know them.
LATER = (
    "feature_hash", "provider_claims", "provider_denied", "provider_net_minor",
    "patient_claims", "patient_denied", "patient_net_minor",
)  # fmt: skip
COUNTS = ("provider_claims", "provider_denied", "patient_claims", "patient_denied")  # kept in 32 bits


class Columns(msgspec.Struct, gc=False):
    """Lists of equal length under the contract's names."""

    @classmethod
    def empty(cls) -> Self:
        """Return columns without rows."""
        return cls(*([] for _ in cls.__struct_fields__))

    def extend(self, other: Self) -> None:
        """Append another's rows."""
        for name in self.__struct_fields__:
            getattr(self, name).extend(getattr(other, name))

    def pick(self, rows: Sequence[int]) -> Self:
        """Return the rows at these places."""
        return type(self)(*([column[row] for row in rows] for column in msgspec.structs.astuple(self)))

    def lengths(self) -> set[int]:
        """Return the different lengths found; one when the columns fit together."""
        return {*map(len, msgspec.structs.astuple(self))}


class Claims(Columns, gc=False):
    """One row per item. Money in minor units, days since 1970-01-01."""

    claim_id: list[str]
    claim_id_system: list[str]
    use: list[str]
    type: list[str]
    regime: list[str]
    provider_id: list[str]
    provider_branch: list[str]
    payer_id: list[str]
    patient_key: list[str]
    currency: list[str]
    submitted_minor: list[int]
    payer_share_minor: list[int]
    service_from_day: list[int]
    service_to_day: list[int]
    verdict: list[str]
    wire_status: list[str]
    business_status: list[str]
    review_status: list[str]
    score_state: list[str]
    probability: list[float]
    at_risk_minor: list[int]
    model_revision: list[str]
    feature_hash: list[int]
    provider_claims: list[int]
    provider_denied: list[int]
    provider_net_minor: list[int]
    patient_claims: list[int]
    patient_denied: list[int]
    patient_net_minor: list[int]


class Lines(Columns, gc=False):
    """One row per line of a claim; `item` is the place of its claim in the batch."""

    item: list[int]
    sequence: list[int]
    code: list[str]
    system: list[str]
    service_day: list[int]
    quantity_e4: list[int]
    net_minor: list[int]
    patient_share_minor: list[int]
    probability: list[float]
    at_risk_minor: list[int]
    service_key: list[str]


class Findings(Columns, gc=False):
    """One row per finding; line 0 means the claim as a whole."""

    item: list[int]
    rule: list[str]
    severity: list[str]
    line: list[int]
    path: list[str]


class History(Columns, gc=False):
    """What later claims may ask of this one: rows under keys whose meaning is the caller's own."""

    item: list[int]
    line: list[int]
    key: list[bytes]
    day: list[int]
    quantity_e4: list[int]
    mark: list[bytes]
    party: list[bytes | None]  # b"" is the claim's patient; None comes from a caller that knows no parties


class Item(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One claim to record: who asks, its identity, and the documents storage keeps but does not read."""

    item_id: str
    tenant: str
    subject: str
    key: bytes  # 16 bytes: the digest of the idempotency key or of the claim's own identity
    content_hash: bytes
    claim_json: bytes
    decision_json: bytes
    received_body: bytes = b""
    received_media_type: str = ""
    deadline: float  # monotonic seconds

    @property
    def size(self) -> int:
        """Bytes of its documents."""
        return len(self.claim_json) + len(self.decision_json) + len(self.received_body)


class Submission(msgspec.Struct, frozen=True, gc=False):
    """A batch as a caller sends it: items and their columns."""

    items: list[Item]
    claims: Claims
    lines: Lines
    findings: Findings
    history: History = msgspec.field(default_factory=History.empty)

    def pick(self, rows: Sequence[int]) -> "Submission":
        """Return the submission of these items alone.

        Their lines, findings and history rows point at their new places.
        """
        place = {row: index for index, row in enumerate(rows)}
        return Submission(
            [self.items[row] for row in rows],
            self.claims.pick(rows),
            _follow(self.lines, place),
            _follow(self.findings, place),
            _follow(self.history, place),
        )


def _follow[C: (Lines, Findings, History)](columns: C, place: dict[int, int]) -> C:
    followed = columns.pick([row for row, item in enumerate(columns.item) if item in place])
    followed.item[:] = [place[item] for item in followed.item]
    return followed


def join(submissions: Sequence[Submission]) -> Submission:
    """Return several submissions as one, in order."""
    if len(submissions) == 1:
        return submissions[0]
    joined = Submission([], Claims.empty(), Lines.empty(), Findings.empty())
    for submission in submissions:
        offset = len(joined.items)
        joined.items.extend(submission.items)
        joined.claims.extend(submission.claims)
        _append(joined.lines, submission.lines, offset)
        _append(joined.findings, submission.findings, offset)
        _append(joined.history, submission.history, offset)
    return joined


def _append[C: (Lines, Findings, History)](target: C, source: C, offset: int) -> None:
    start = len(target.item)
    target.extend(source)
    target.item[start:] = [item + offset for item in source.item]


class Place(msgspec.Struct, frozen=True, gc=False):
    """Where a claim's documents lie: in a body of the batch, or in the object store when they are large."""

    body: str | None
    object: bytes | None
    start: int
    claim_size: int
    decision_size: int
    received_size: int
    media_type: str


class Body(msgspec.Struct, frozen=True, gc=False):
    """Documents of several claims of one tenant, compressed and stored together."""

    id: str
    tenant: str
    parts: list[bytes]


class Batch(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A submission with everything its transaction writes. Entries' sequence and hash are set in it."""

    chain: str
    ids: list[str]
    at_ms: list[int]
    submission: Submission
    document_hashes: list[bytes]
    entries: list[bytes]  # canonical audit entries, one per item
    places: list[Place]
    bodies: list[Body]
    seconds: float | None = None  # that somebody waits for it; None has no end

    def pick(self, rows: Sequence[int]) -> "Batch":
        """Return the batch of these items alone, with the bodies they lie in."""
        places = [self.places[row] for row in rows]
        used = {place.body for place in places}
        return Batch(
            chain=self.chain,
            ids=[self.ids[row] for row in rows],
            at_ms=[self.at_ms[row] for row in rows],
            submission=self.submission.pick(rows),
            document_hashes=[self.document_hashes[row] for row in rows],
            entries=[self.entries[row] for row in rows],
            places=places,
            bodies=[body for body in self.bodies if body.id in used],
            seconds=self.seconds,
        )


def firsts(items: Sequence[Item]) -> tuple[list[int], dict[int, int]]:
    """Return the places of items whose key comes for the first time, and of each repeat with its first."""
    seen: dict[tuple[str, bytes], int] = {}
    repeats = {}
    for place, item in enumerate(items):
        first = seen.setdefault((item.tenant, item.key), place)
        if first != place:
            repeats[place] = first
    return list(seen.values()), repeats


class Earlier(msgspec.Struct, frozen=True):
    """What an idempotency key already stands for."""

    id: str
    content_hash: bytes


class Recorded(msgspec.Struct, frozen=True):
    """The answer for one item: its id, and the first decision when it was recorded before."""

    id: str
    recorded_at_ms: int
    replayed: bool = False
    decision_json: bytes = b""


type Outcome = Recorded | errors.Fault


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One new decision on a recorded claim; empty statuses keep what is there.

    `inputs` are what a late score was given for, in the order of LATER; none keep what is there.
    """

    tenant: str
    subject: str
    id: str
    expected_revision: int
    event: str
    decision_json: bytes = b""
    verdict: str = ""
    wire_status: str = ""
    business_status: str = ""
    review_status: str = ""
    score_state: str = ""
    probability: float = float("nan")
    at_risk_minor: int = NO_INT
    model_revision: str = ""
    note: str = ""
    inputs: tuple[int, ...] = ()
    outcomes: answers.Outcomes | None = None


class Past(msgspec.Struct, frozen=True):
    """A question about the rows of one key with a day from `from_day` to `to_day`; `most` rows are wanted.

    It is sought among the rows of its party, b"" for the patient; among all where that is None.
    """

    key: bytes
    from_day: int
    to_day: int
    most: int
    party: bytes | None = None


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What rules and features ask of history for one claim; it ends before the id `before`, "" is now."""

    tenant: str
    claim_id: str
    use: str
    provider_id: str
    patient_key: str
    service_keys: list[str] = []
    before: str = ""
    past: list[Past] = []


class Duplicate(msgspec.Struct, frozen=True):
    """A recorded line with the same service key in another claim; `index` is the key's place."""

    index: int
    id: str
    claim_id: str
    line: int


class Aggregate(msgspec.Struct, frozen=True):
    """Claims (use claim only) of the last 90 days, those denied by payer or reviewer, and their money."""

    claims: int = 0
    denied: int = 0
    net_minor: int = 0


class PastLine(msgspec.Struct, frozen=True):
    """One recorded row; absent texts are empty, an absent quantity is NO_INT."""

    id: str
    claim_id: str
    line: int
    day: int
    quantity_e4: int
    mark: bytes
    provider_id: str
    payer_id: str


class PastAnswer(msgspec.Struct, frozen=True):
    """Rows of a key, newest day first, and the quantity of all rows in range that were not denied.

    Rows count while their claim stands: not refused before it left, nor cancelled. Beyond SCAN_MOST rows
    the quantity is at least this.
    """

    lines: list[PastLine]
    quantity_e4: int


class Answer(msgspec.Struct, frozen=True):
    """What history knows about one question; `past` answers the question's own, in order."""

    duplicates: list[Duplicate]
    provider: Aggregate
    patient: Aggregate
    past: list[PastAnswer] = []
