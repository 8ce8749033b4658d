"""What a claim leaves open, and the document of suggestions for it. Data and plain sums; no model."""

from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_UP, Decimal, DecimalException
from typing import Literal

import msgspec

from claims.domain import decisions
from formats import completions, model, money

type Wanted = Literal["principal_diagnosis", "line_net"]

STATED = "completion.stated_by_claim"


class Open(decisions.Part, frozen=True, kw_only=True):
    """One open place; `line` is the index of the line whose net it is."""

    path: str
    wanted: Wanted
    line: int | None = None


class Label(decisions.Part, frozen=True, kw_only=True):
    """What a code is about, in the languages that the model has a text in."""

    en: str = ""
    ar: str = ""


class Choice(decisions.Part, frozen=True, kw_only=True):
    """One thing that could stand there; see scoring's contract for confidence, range and tolerance."""

    kind: str
    value: str
    confidence: float
    system: str = ""
    currency: str = ""
    label: Label | None = None
    range: dict[str, str | float] | None = None
    tolerance: float | None = None


class Evidence(decisions.Part, frozen=True, kw_only=True):
    """What spoke for the first choice, in words, and in how many training cases it was."""

    path: str = ""
    text: decisions.Bilingual
    cases: int
    agreeing: int
    weight: float | None = None


class Suggestion(decisions.Part, frozen=True, kw_only=True):
    """The most likely choice of an open place, others, and why; `model` is a revision."""

    path: str
    wanted: Wanted
    first: Choice
    alternatives: Sequence[Choice] = ()
    group: Choice | None = None
    covered: float | None = None
    evidence: Sequence[Evidence] = ()
    training_cases: int
    similar_cases: int
    model: str


class Refusal(decisions.Part, frozen=True, kw_only=True):
    """Why nothing is suggested for an open place, and what would help."""

    path: str
    wanted: Wanted
    reason: str
    message: decisions.Bilingual
    remedy: decisions.Bilingual
    model: str = ""


class Knows(msgspec.Struct, frozen=True, kw_only=True):
    """What a model learned from and knows nothing beyond."""

    reads: Sequence[str]
    answers: Sequence[str]
    currencies: Sequence[str]
    regimes: Sequence[str]


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """Which model spoke."""

    name: str
    revision: str
    task: str
    simulated: bool
    data: str
    knows: Knows


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What was made of the open places: one suggestion or refusal for each, and who spoke."""

    answers: Sequence[Suggestion | Refusal]
    models: Sequence[Model]


def places(claim: model.Claim) -> list[Open]:
    """Return what the claim leaves open of that which models suggest, in the order of the claim."""
    found: list[Open] = []
    if completions.principal(claim) is None:
        found.append(Open(path=f"diagnoses[{_vacant(claim)}].code", wanted="principal_diagnosis"))
    found += [
        Open(path=f"lines[{place}].net", wanted="line_net", line=place)
        for place, line in enumerate(claim.lines)
        if line.net is None
    ]
    return found


def stated(claim: model.Claim, place: Open) -> Refusal | None:
    """Return the refusal of an amount that the line itself states by quantity, price, factor and tax."""
    if place.line is None:
        return None
    line = claim.lines[place.line]
    if line.unit_price is None or line.quantity is None:
        return None
    try:
        net = _net(line, money.quantum_of(claim.currency))
    except DecimalException:  # beyond any amount: the model will say what it thinks of such a quantity
        return None
    amount = f"{net} {claim.currency}" if claim.currency else str(net)
    return Refusal(
        path=place.path,
        wanted=place.wanted,
        reason=STATED,
        message=decisions.Bilingual(
            en="The line states its price itself, so nothing is guessed.",
            ar="يذكر البند سعره بنفسه، فلا حاجة إلى تقدير.",
        ),
        remedy=decisions.Bilingual(
            en=f"Net is quantity × unit price × factor, and tax: {amount}.",
            ar=f"الصافي هو الكمية × سعر الوحدة × المعامل مضافا إليه الضريبة: {amount}.",
        ),
    )


def _net(line: model.Line, smallest: Decimal) -> Decimal:
    """Return quantity × unit price × factor, rounded to the currency's smallest amount, and tax."""
    assert line.quantity is not None  # noqa: S101 - asked before
    assert line.unit_price is not None  # noqa: S101
    factor = Decimal(1) if line.factor is None else line.factor
    return (line.quantity * line.unit_price * factor).quantize(smallest, ROUND_HALF_UP) + (
        line.tax or Decimal()
    )


def document(claim: model.Claim, opened: Sequence[Open], told: Told) -> bytes:
    """Return the canonical JSON {claim_id, regime, open, suggestions, refusals, models}."""
    return msgspec.json.encode(
        {
            "claim_id": claim.claim_id,
            "regime": claim.regime,
            "open": [{"path": place.path, "wanted": place.wanted} for place in opened],
            "suggestions": _of(Suggestion, told.answers),
            "refusals": _of(Refusal, told.answers),
            "models": told.models,
        }
    )


def merged(opened: Sequence[Open], known: Iterable[Refusal], told: Told) -> Told:
    """Return answers of two sources in the order of the places."""
    answers = {answer.path: answer for answer in (*known, *told.answers)}
    return Told(answers=[answers[place.path] for place in opened], models=told.models)


def _of[T](kind: type[T], answers: Iterable[object]) -> list[T]:
    return [answer for answer in answers if isinstance(answer, kind)]


def _vacant(claim: model.Claim) -> int:
    """Return the place of the principal diagnosis: an entry that lacks its code, else a new one."""
    for place, diagnosis in enumerate(claim.diagnoses):
        if not diagnosis.code and (not diagnosis.type or "principal" in diagnosis.type):
            return place
    return len(claim.diagnoses)
