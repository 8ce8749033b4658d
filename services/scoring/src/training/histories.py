"""A folder of claims and adjudications as rows with outcomes, each with the history known by then.

Two more files are read where they are there, for judging a model and never for learning: `truth.ndjson`, what
the simulator knew and no payer would say, and `findings.ndjson`, what `ultrathink check --format json` found.
"""

import hashlib
import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from chassis import errors
from formats import canonical, days, model
from formats import rows as schema
from scoring.domain import rows
from training import batches

CHUNK = 2_000  # claims decoded at once: bounds memory, large enough for columns
APPROVED = "approved"
COUNTED = frozenset({"error", "warning"})  # severities that count as findings
LINE_PATH = re.compile(r"lines\[(\d+)\]")

type Progress = Callable[[int], None]


class LineAnswer(msgspec.Struct, frozen=True):
    """What the payer said of one line."""

    sequence: int
    outcome: str
    nphies: str = ""
    carc: str = ""


class Answer(msgspec.Struct, frozen=True):
    """What the payer said of one claim, and on which day."""

    claim_id: str
    outcome: str
    lines: list[LineAnswer]
    decided_at: str


class LineTruth(msgspec.Struct, frozen=True):
    """What the simulator knew of one line: how likely it was to be denied, and which family denied it."""

    probability: float
    family: str = ""


class ClaimTruth(msgspec.Struct, frozen=True):
    """What the simulator knew of one claim."""

    claim_id: str
    probability: float
    lines: list[LineTruth]


class Finding(msgspec.Struct, frozen=True):
    """Where a scrub rule fired, and how grave it is."""

    path: str
    severity: str


class Checked(msgspec.Struct, frozen=True):
    """What scrubbing said of one claim; the rest of the decision is not read."""

    claim_id: str
    findings: list[Finding]


class Truth(NamedTuple):
    """What only the simulator knows: true probabilities per claim and line, denying family per line."""

    claims: npt.NDArray[np.float64]
    lines: npt.NDArray[np.float64]
    family: npt.NDArray[np.str_]


class Findings(NamedTuple):
    """How many errors and warnings scrubbing found, per claim and per line; NaN where it was not asked."""

    claims: npt.NDArray[np.float64]
    lines: npt.NDArray[np.float64]


class History(NamedTuple):
    """Claims in order of creation with their outcomes. A line or claim counts as denied in whole or in part.

    Per claim: `created` (days since 1970), `provider` and `patient` (hash buckets 0–99 of their ids, for
    splits), `claim_denied`; per line: `line_denied`, `reason` (nphies code, carc). `truth` and `findings` are
    for evaluation only.
    """

    rows: rows.Rows
    created: npt.NDArray[np.int64]
    provider: npt.NDArray[np.int64]
    patient: npt.NDArray[np.int64]
    claim_denied: npt.NDArray[np.bool_]
    line_denied: npt.NDArray[np.bool_]
    reason: list[tuple[str, str]]
    fingerprint: str
    truth: Truth | None = None
    findings: Findings | None = None
    simulated: bool = True  # the outcomes are a simulated payer's, as far as anyone has said
    origin: str = ""  # how the data came about, where that is known

    @property
    def item_of_row(self) -> npt.NDArray[np.intp]:
        """The claim each line belongs to."""
        return np.repeat(np.arange(self.rows.items), np.diff(self.rows.offsets))


def read(data: Path, progress: Progress | None = None) -> History:
    """Return the history in a folder with claims.ndjson and adjudications.ndjson, paired line by line.

    Raises NotFound `data.missing` and Invalid `data.unpaired` when an answer is not about its claim.
    """
    decoder = msgspec.json.Decoder(Answer)
    answers = [decoder.decode(line) for line in _lines(data / "adjudications.ndjson")]
    known = _Known()
    parts, people, done = [], [], 0
    for chunk in itertools.batched(_lines(data / "claims.ndjson"), CHUNK):
        claims = [canonical.decode(line) for line in chunk]
        earlier = [known.next(claim, answer) for claim, answer in zip(claims, answers[done:], strict=False)]
        if len(earlier) != len(claims):
            raise errors.Invalid("data.unpaired", "There are more claims than adjudications.")
        parts.append(schema.build(claims, earlier))
        people += [_person(claim) for claim in claims]
        done += len(claims)
        if progress:
            progress(done)
    found = _history(batches.merge(parts), people, answers, _fingerprint(data))
    names = [answer.claim_id for answer in answers]
    return found._replace(truth=_truth(data, found, names), findings=_findings(data, found, names))


def _truth(data: Path, history: History, names: list[str]) -> Truth | None:
    """Return the simulator's secrets in the order of the claims, None where there is no file of them."""
    if not (data / "truth.ndjson").exists():
        return None
    decoder = msgspec.json.Decoder(ClaimTruth)
    told = [decoder.decode(line) for line in _lines(data / "truth.ndjson")]
    lines = [line for one in told for line in one.lines]
    if [one.claim_id for one in told] != names or len(lines) != history.rows.size:
        raise errors.Invalid("data.unpaired", "truth.ndjson is not about these claims, line by line.")
    return Truth(
        claims=np.array([one.probability for one in told]),
        lines=np.array([line.probability for line in lines]),
        family=np.array([line.family for line in lines], dtype=np.str_),
    )


def _findings(data: Path, history: History, names: list[str]) -> Findings | None:
    """Return the counts of errors and warnings; a finding about no line counts for each of them."""
    if not (data / "findings.ndjson").exists():
        return None
    decoder = msgspec.json.Decoder(Checked)
    place = {name: item for item, name in enumerate(names)}
    claims, lines = np.full(history.rows.items, np.nan), np.full(history.rows.size, np.nan)
    for line in _lines(data / "findings.ndjson"):
        checked = decoder.decode(line)
        item = place.get(checked.claim_id)
        if item is None:
            continue
        start, end = history.rows.offsets[item : item + 2].tolist()
        claims[item], lines[start:end] = 0, 0
        for finding in checked.findings:
            if finding.severity not in COUNTED:
                continue
            claims[item] += 1
            about = LINE_PATH.match(finding.path)
            lines[slice(start, end) if about is None else start + int(about[1])] += 1
    return Findings(claims, lines)


def _history(
    merged: rows.Rows, people: list[tuple[int, int, int]], answers: list[Answer], fingerprint: str
) -> History:
    """Return rows and answers side by side."""
    lines = [line for answer in answers for line in answer.lines]
    if len(lines) != merged.size:
        raise errors.Invalid("data.unpaired", "The adjudications do not have one answer per line.")
    created, provider, patient = np.array(people, dtype=np.int64).reshape(-1, 3).T
    return History(
        rows=merged,
        created=created,
        provider=provider,
        patient=patient,
        claim_denied=np.array([answer.outcome != APPROVED for answer in answers], dtype=np.bool_),
        line_denied=np.array([line.outcome != APPROVED for line in lines], dtype=np.bool_),
        reason=[(line.nphies, line.carc) for line in lines],
        fingerprint=fingerprint,
    )


class _Known:
    """Counts what was known of the parties when each claim was created, in the order of the file."""

    def __init__(self) -> None:
        self._claims: Counter[str] = Counter()
        self._patients: Counter[str] = Counter()
        self._denied: Counter[str] = Counter()
        self._pending: list[tuple[int, str]] = []

    def next(self, claim: model.Claim, answer: Answer) -> schema.History:
        """Return the history before this claim, then count it; a denial is known from the day after it."""
        if answer.claim_id != claim.claim_id:
            raise errors.Invalid("data.unpaired", "Claims and adjudications are not in the same order.")
        created = created_day(claim)
        self._learn(created)
        provider, patient = claim.provider.id or "", claim.patient.id or ""
        found = schema.History(self._claims[provider], self._denied[provider], self._patients[patient])
        self._claims[provider] += 1
        self._patients[patient] += 1
        if answer.outcome != APPROVED:
            self._pending.append(
                (days.day_number(answer.decided_at, schema.DEFAULT_ZONE) or created, provider)
            )
        return found

    def _learn(self, today: int) -> None:
        """Count the denials decided before today."""
        waiting = []
        for decided, provider in self._pending:
            if decided < today:
                self._denied[provider] += 1
            else:
                waiting.append((decided, provider))
        self._pending = waiting


def _person(claim: model.Claim) -> tuple[int, int, int]:
    """Return the day of creation and the hash buckets of provider and patient; no identity is kept."""
    return created_day(claim), bucket(claim.provider.id or ""), bucket(claim.patient.id or "")


def created_day(claim: model.Claim) -> int:
    """Return the day a claim was created, in days since 1970; 0 where it does not say."""
    return days.day_number(claim.created, schema.DEFAULT_ZONE) or 0


def bucket(identity: str) -> int:
    """Return a stable number 0–99 for an identity, so that splits do not depend on file or seed."""
    return int.from_bytes(hashlib.sha256(identity.encode()).digest()[:4]) % 100


def _lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file."""
    try:
        with path.open("rb") as file:
            yield from file
    except FileNotFoundError as error:
        raise errors.NotFound("data.missing", f"{path.name} is not in the data folder.") from error


def _fingerprint(data: Path) -> str:
    """Return sha256 over both files: which data a bundle was made of."""
    digest = hashlib.sha256()
    for name in ("claims.ndjson", "adjudications.ndjson"):
        with (data / name).open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
