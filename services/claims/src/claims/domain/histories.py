"""What storage remembers about a claim's patient, provider and services, in this room's words.

Room: domain. What counts as an earlier claim is decided here and in `identities`: every recorded claim for
money that stands (neither refused before it left nor cancelled; storage knows which), other than the same
claim under its own id. What the payer denied was claimed, but used nothing up. Replacements, voids, appeals
and restatements say again what is there already and are not counted; nor is a newborn, who stands under the
mother's number.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Literal

import msgspec

from claims.domain import decisions, identities, past
from formats import model

ROWS = 8  # Rows wanted of each key: a rule needs to know that there are some, a person to see a few.
EVER = 2**31 - 1  # Day of no calendar: an authorisation is asked about without a window.

type Strength = Literal["exact", "likely", "possible"]

MATCHED: dict[Strength, list[str]] = {
    "exact": [
        "patient", "provider", "payer", "service_date", "code", "modifiers", "site", "practitioner",
    ],
    "likely": ["patient", "provider", "service_date", "code"],
    "possible": ["patient", "service_date", "code"],
}  # fmt: skip


# Of a line without an earlier one, neither a visit nor under an authorisation.
NEW = past.LineHistory(exact=0, likely=0, possible=0)
NEW_IN_WINDOW = msgspec.structs.replace(NEW, claimed_quantity=Decimal(0))


class Key(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A key that is asked about from one day to another, both included; `most` rows are wanted.

    `party` says among whose rows: those of the patient where it is empty, else of an authorisation.
    """

    key: bytes
    from_day: int
    to_day: int
    most: int
    party: bytes = b""


class Question(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is asked for one claim.

    `service_keys` are those of the lines in `lines`, same order; claims recorded before there were traces are
    found by them. `keys` follow from `traces`, line by line (see `_keys`). History ends before the recorded
    claim `before`, "" is now.
    """

    provider_id: str
    payer_id: str
    patient_key: str
    use: str
    claim_id: str
    service_keys: list[str] = []
    lines: list[int] = []
    before: str = ""
    traces: list[identities.Trace | None] = []
    keys: list[Key] = []
    exempt: bool = False  # The claim has no duplicates, whatever is in the record.


class Match(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A recorded line with the service key at `index` of the question."""

    index: int
    id: str
    claim_id: str
    line: int


class Row(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A recorded line under a key that was asked about."""

    id: str
    claim_id: str
    line: int
    day: int
    mark: bytes
    provider_id: str
    payer_id: str


class Told(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The answer about one key: its newest rows, and the quantity of all its rows that were not denied."""

    rows: list[Row] = []
    quantity: Decimal = Decimal(0)


SILENCE = Told()  # the answer about most keys, made once


class Known(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Counts and nets are of the last 90 days; `past` answers the question's keys in order, or not at all."""

    matches: list[Match] = []
    provider_claims: int = 0
    provider_denied: int = 0
    provider_net_minor: int = 0
    patient_claims: int = 0
    patient_denied: int = 0
    patient_net_minor: int = 0
    past: list[Told] = []


class Left(msgspec.Struct, frozen=True, gc=False):
    """A row that a claim leaves in history."""

    line: int
    key: bytes
    day: int
    quantity: Decimal | None
    mark: bytes
    party: bytes = b""  # Empty for the claim's patient; an authorisation may be used by anybody.


def without(known: Known, decision: decisions.Decision, submitted: int = 0) -> Known:
    """Return what history knew before a recorded claim of this decision, asked for as of that claim.

    The provider's claims are counted by the day, so the claim itself is still among them, and the minor units
    `submitted` with it.
    """
    if decision.use != "claim":
        return known
    refused = decision.status.review == "decided" and decision.verdict == "reject"
    denied = refused or decision.status.business == "rejected"
    return msgspec.structs.replace(
        known,
        provider_claims=max(0, known.provider_claims - 1),
        provider_denied=max(0, known.provider_denied - denied),
        provider_net_minor=known.provider_net_minor - submitted,
    )


def ask(claim: model.Claim, identity: identities.Identity, *, before: str = "") -> Question:
    """Return the question for a claim; only lines that may have a duplicate carry a service key."""
    may = identities.may_be_duplicate(claim)
    service_keys: list[str] = []
    lines: list[int] = []
    if may:
        for line, key in zip(claim.lines, identity.service_keys, strict=True):
            if key:
                service_keys.append(key)
                lines.append(line.sequence)
    return Question(
        provider_id=claim.provider.id or "",
        payer_id=identities.focal_payer(claim) or "",
        patient_key=identity.patient_key,
        use=claim.use,
        claim_id=claim.claim_id or "",
        before=before,
        service_keys=service_keys,
        lines=lines,
        traces=identity.traces,
        keys=_keys(identity.traces),
        exempt=not may,
    )


def ask_counts(claim: model.Claim, identity: identities.Identity, *, before: str = "") -> Question:
    """Return the question for a claim whose lines are not asked about: what the model needs."""
    return Question(
        provider_id=claim.provider.id or "",
        payer_id=identities.focal_payer(claim) or "",
        patient_key=identity.patient_key,
        use=claim.use,
        claim_id=claim.claim_id or "",
        before=before,
    )


def leaves(claim: model.Claim, identity: identities.Identity) -> list[Left]:
    """Return the rows that a recorded claim leaves in history."""
    found: list[Left] = []
    for line, trace in zip(claim.lines, identity.traces, strict=True):
        if trace is None:
            continue
        found.append(Left(line.sequence, trace.service, trace.day, line.quantity, trace.mark))
        if trace.visit:
            found.append(Left(line.sequence, trace.visit, trace.day, None, b""))
        if trace.authorization:
            used = trace.authorization
            found.append(Left(line.sequence, used, trace.day, line.quantity, b"", trace.reference))
    return found


def of_lines(claim: model.Claim, question: Question, known: Known | None) -> list[past.LineHistory] | None:
    """Return the history of each line, in order; None where storage did not answer.

    A line that cannot have a duplicate has none. What was not asked, or not answered by a storage that does
    not know how, is unknown.
    """
    if known is None:
        return None
    if not known.matches and _silent(question, known):
        return [_unseen(question, trace) for trace in question.traces]
    answers = _answers(question, known, len(claim.lines))
    if not known.matches:
        return [_history(question, answer, 0) for answer in answers]
    matched = Counter(line for line, _ in _matched(question, known))
    lines = zip(claim.lines, answers, strict=True)
    return [_history(question, answer, matched[line.sequence]) for line, answer in lines]


def duplicates(claim: model.Claim, question: Question, known: Known) -> list[decisions.Duplicate]:
    """Return the recorded lines that ask for the same service, with what makes them so."""
    if not known.matches and not any([told.rows for told in known.past]):  # noqa: C419 - a list of few is quicker
        return []
    found = [_duplicate(line, match.claim_id, "exact") for line, match in _matched(question, known)]
    for line, answer in zip(claim.lines, _answers(question, known, len(claim.lines)), strict=True):
        if answer is not None:
            found += [
                _duplicate(line.sequence, row.claim_id, kind)
                for kind, row in _same(question, answer.trace, answer.service.rows)
            ]
    return found


class _Answer(msgspec.Struct, frozen=True, gc=False):
    """What is known about one line's keys; None where a key was not asked about."""

    trace: identities.Trace
    service: Told
    visit: Told | None
    authorization: Told | None


def _keys(traces: Sequence[identities.Trace | None]) -> list[Key]:
    """Return the keys of the lines, in the order in which `_answers` reads what is told about them."""
    found: list[Key] = []
    for trace in traces:
        if trace is None:
            continue
        day, window = trace.day, trace.window
        first = day + 1 - (window.frequency_days or 1)
        found.append(Key(key=trace.service, from_day=first, to_day=day, most=ROWS))
        if trace.visit:
            first = day - (window.follow_up_days or 0)
            found.append(Key(key=trace.visit, from_day=first, to_day=day, most=ROWS))
        if trace.authorization:
            found.append(
                Key(key=trace.authorization, from_day=-EVER, to_day=EVER, most=0, party=trace.reference)
            )
    return found


def _silent(question: Question, known: Known) -> bool:
    """Tell whether every key of the question was answered by nothing: most patients are new."""
    if not question.keys or len(known.past) != len(question.keys):
        return False
    return not any([told.rows or told.quantity for told in known.past])  # noqa: C419 - see duplicates


def _unseen(question: Question, trace: identities.Trace | None) -> past.LineHistory:
    """Return what `_history` does where nothing was told."""
    if trace is None:
        return _history(question, None, 0)
    windowed = trace.window.frequency_days is not None
    if not (trace.visit or trace.authorization):
        return NEW_IN_WINDOW if windowed else NEW
    return past.LineHistory(
        exact=0,
        likely=0,
        possible=0,
        visits=0 if trace.visit else None,
        claimed_quantity=SILENCE.quantity if windowed else None,
        authorized_used=SILENCE.quantity if trace.authorization else None,
    )


def _answers(question: Question, known: Known, lines: int) -> list[_Answer | None]:
    if len(known.past) != len(question.keys) or not question.keys:
        return [None] * lines
    told = iter(known.past)
    return [None if trace is None else _answer(trace, told) for trace in question.traces]


def _answer(trace: identities.Trace, told: Iterator[Told]) -> _Answer:
    return _Answer(
        trace,
        next(told),
        next(told) if trace.visit else None,
        next(told) if trace.authorization else None,
    )


def _history(question: Question, answer: _Answer | None, matched: int) -> past.LineHistory:
    if answer is None and question.exempt:
        return NEW
    if answer is None:
        return past.LineHistory(exact=matched or None)
    told, visit, used = answer.service, answer.visit, answer.authorization
    if not (told.rows or told.quantity or matched or visit or used):
        return NEW if answer.trace.window.frequency_days is None else NEW_IN_WINDOW
    counted = [kind for kind, _ in _same(question, answer.trace, told.rows)]
    return past.LineHistory(
        exact=counted.count("exact") + matched,
        likely=counted.count("likely"),
        possible=counted.count("possible"),
        visits=None if visit is None else len({row.id for row in visit.rows}),
        claimed_quantity=None if answer.trace.window.frequency_days is None else told.quantity,
        authorized_used=None if used is None else used.quantity,
    )


def _same(question: Question, trace: identities.Trace, rows: Sequence[Row]) -> list[tuple[Strength, Row]]:
    """Return the rows of a trace's service, each with how sure that is; another payer's is none."""
    if not rows or question.exempt or not trace.mark:
        return []
    day, payer, end = trace.day, question.payer_id, identities.MARK_BYTES
    service, site = trace.mark[:end], trace.mark[end:]
    found: list[tuple[Strength, Row]] = []
    for row in rows:
        mark = row.mark
        if row.day != day or not mark or (payer and row.payer_id and row.payer_id != payer):
            continue
        if mark[:end] == service:
            found.append(("exact", row))
        elif _one_site(mark[end:], site):
            kind = _alike(question.provider_id, row.provider_id)
            if kind is not None:
                found.append((kind, row))
    return found


def _one_site(one: bytes, other: bytes) -> bool:
    """Tell whether two sites may be one: two teeth, two sides are two services."""
    return one == other or identities.NO_SITE in {one, other}


def _alike(provider: str, other: str) -> Strength | None:
    if provider == other:
        return "likely"
    return "possible" if provider and other else None


def _matched(question: Question, known: Known) -> Iterator[tuple[int, Match]]:
    for match in known.matches:
        if match.index < len(question.lines):
            yield question.lines[match.index], match


def _duplicate(line: int, claim_id: str, kind: Strength) -> decisions.Duplicate:
    return decisions.Duplicate(claim_id=claim_id, line=line, kind=kind, matched_on=MATCHED[kind])
