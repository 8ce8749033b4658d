"""What storage remembers about a claim's patient, provider and services, in this room's words."""

from collections import Counter

import msgspec

from claims.domain import decisions, identities, past
from formats import model

# Reasons a rule was not checked, when storage did not answer.
UNAVAILABLE = "history.unavailable"
RULE = "UT-DUPLICATE-SERVICE"  # Decided from storage's answer, so no pack can hold it.


class Question(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is asked for one claim; `service_keys` are those of the lines in `lines`, same order."""

    provider_id: str
    payer_id: str
    patient_key: str
    use: str
    claim_id: str
    service_keys: list[str] = []
    lines: list[int] = []


class Match(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A recorded line with the service key at `index` of the question."""

    index: int
    id: str
    claim_id: str
    line: int


class Known(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Counts are of the last 90 days."""

    matches: list[Match] = []
    provider_claims: int = 0
    provider_denied: int = 0
    patient_claims: int = 0


def without(known: Known, decision: decisions.Decision) -> Known:
    """Return what history knows beside a recorded claim of this decision, which it counts like any other.

    A question about a claim that is being submitted never counts it; an explanation and a late score are
    about the same claim, so they must not either.
    """
    if decision.use != "claim":
        return known
    refused = decision.status.review == "decided" and decision.verdict == "reject"
    denied = refused or decision.status.business == "rejected"
    return msgspec.structs.replace(
        known,
        provider_claims=max(0, known.provider_claims - 1),
        provider_denied=max(0, known.provider_denied - denied),
        patient_claims=max(0, known.patient_claims - 1),
    )


def ask(claim: model.Claim, identity: identities.Identity) -> Question:
    """Return the question for a claim; only lines that may have a duplicate carry a key."""
    keys: list[str] = []
    lines: list[int] = []
    if identities.may_be_duplicate(claim):
        for line, key in zip(claim.lines, identity.service_keys, strict=True):
            if key:
                keys.append(key)
                lines.append(line.sequence)
    return Question(
        provider_id=claim.provider.id or "",
        payer_id=identities.focal_payer(claim) or "",
        patient_key=identity.patient_key,
        use=claim.use,
        claim_id=claim.claim_id or "",
        service_keys=keys,
        lines=lines,
    )


def of_lines(claim: model.Claim, question: Question, known: Known | None) -> list[past.LineHistory] | None:
    """Return the history of each line, in order; None where storage did not answer.

    A line that cannot have a duplicate has none.
    """
    if known is None:
        return None
    exact = Counter(
        question.lines[match.index] for match in known.matches if match.index < len(question.lines)
    )
    return [past.LineHistory(exact=exact[line.sequence]) for line in claim.lines]


def duplicates(question: Question, known: Known) -> list[decisions.Duplicate]:
    """Return the recorded lines of other claims that ask for the same service."""
    return [
        decisions.Duplicate(
            claim_id=match.claim_id,
            line=question.lines[match.index],
            kind="service",
            matched_on=["patient", "provider", "payer", "service_date", "code", "modifiers", "site"],
        )
        for match in known.matches
        if match.index < len(question.lines)
    ]


def unchecked(question: Question) -> list[decisions.NotChecked]:
    """Return what could not be decided because storage did not answer."""
    if not question.service_keys:
        return []
    return [decisions.NotChecked(rule=RULE, path="lines", missing=["history"], reason=UNAVAILABLE)]


def findings(found: list[decisions.Duplicate], paths: dict[int, str]) -> list[decisions.Finding]:
    """Return one warning per line that was claimed before; `paths` names the line's place by its sequence."""
    lines = {duplicate.line for duplicate in found if duplicate.line is not None}
    return [_finding(line, paths.get(line, "lines")) for line in sorted(lines)]


def _finding(line: int, path: str) -> decisions.Finding:
    return decisions.Finding(
        rule=RULE,
        severity="warning",
        path=path,
        line=line,
        message=decisions.Bilingual(
            en="The same service for this patient was already claimed in another claim.",
            ar="سبقت المطالبة بهذه الخدمة نفسها لهذا المريض في مطالبة أخرى.",
        ),
        suggestion=decisions.Bilingual(
            en="Remove the line, or state what makes it another service (modifier, site, practitioner).",
            ar="احذف البند، أو بيّن ما يجعله خدمة مختلفة (المعدّل أو الموضع أو الممارس).",
        ),
        codes=decisions.Codes(carc="18"),  # CARC 18: exact duplicate claim/service
        source="X12 CARC 18",
    )
