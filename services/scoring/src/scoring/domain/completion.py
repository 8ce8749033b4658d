"""What completion is about: a claim's facts, what is wanted, what is answered. Data only; knows no model."""

import math
from typing import NamedTuple

DIAGNOSIS, NET = "principal_diagnosis", "line_net"
TASKS = {DIAGNOSIS: "diagnosis-completion", NET: "amount-completion"}
UNSHARED = frozenset({"", "local"})  # systems whose codes mean something else in each house
MAX_WISHES = 1_001  # the principal diagnosis, and the amount of each line a claim may have


class Code(NamedTuple):
    """A coded diagnosis or procedure; `place` is its index in the claim's list."""

    place: int
    system: str
    code: str
    admitting: bool = False


class Line(NamedTuple):
    """A line as far as it may speak for others or for its own amount; NaN where a number is missing."""

    place: int
    system: str
    code: str
    quantity: float = math.nan
    factor: float = math.nan


class Facts(NamedTuple):
    """A claim without its principal diagnosis and its amounts; text is empty and numbers NaN when missing.

    `day` counts from 1970-01-01; `age` is in completed years; `digits` are the decimals of the currency.
    """

    type: str = ""
    subtype: str = ""
    regime: str = ""
    currency: str = ""
    provider: str = ""
    provider_type: str = ""
    payer: str = ""
    plan: str = ""
    specialty: str = ""
    encounter_class: str = ""
    sex: str = ""
    drg: str = ""
    age: float = math.nan
    day: float = math.nan
    diagnoses: tuple[Code, ...] = ()
    procedures: tuple[Code, ...] = ()
    lines: tuple[Line, ...] = ()
    digits: int = 2


def coded(facts: Facts) -> list[Code | Line]:
    """Return all that a claim says in codes."""
    said: list[Code | Line] = [*facts.lines, *facts.procedures, *facts.diagnoses]
    return [one for one in said if one.code]


class Wish(NamedTuple):
    """One open place of the claim; `line` is the index of the line whose amount is wanted."""

    path: str
    kind: str
    line: int = 0


class Label(NamedTuple):
    """One text in both languages."""

    en: str
    ar: str


class Choice(NamedTuple):
    """One answer that could stand at the path: a code, a group of codes, or an amount in minor units.

    `confidence` is calibrated: how often choices of such a score were right; an amount's, how often the truth
    was within `tolerance` of it. `share` of amounts lay between `low` and `high`.
    """

    kind: str
    value: str
    confidence: float
    system: str = ""
    label: Label = Label("", "")
    amount_minor: int | None = None
    currency: str = ""
    low: int = 0
    high: int = 0
    share: float = 0.0
    tolerance: float = 0.0


class Evidence(NamedTuple):
    """What spoke for the first choice: where it stands, in words, and in how many training cases it was.

    `agreeing` of the `cases` had the answer too; `weight` is in log-odds against the other choices.
    """

    path: str
    text: Label
    cases: int
    agreeing: int
    weight: float = 0.0


class Suggestion(NamedTuple):
    """The most likely choice, others, and why; `similar` of the `cases` learned from had this answer.

    `group` is the likeliest group of codes, which may be surer than any one code. `covered` is how often the
    truth is among the first and its alternatives.
    """

    first: Choice
    alternatives: tuple[Choice, ...]
    evidence: tuple[Evidence, ...]
    cases: int
    similar: int
    group: Choice | None = None
    covered: float | None = None


class Refusal(NamedTuple):
    """Why nothing is suggested, and what would help; `reason` is stable."""

    reason: str
    message: Label
    remedy: Label


class Knows(NamedTuple):
    """What a model learned from. It reads codes of some systems and answers in others.

    `regimes` names the system of answers that claims of a regime have, for claims that do not show one.
    """

    reads: frozenset[str]
    answers: tuple[str, ...]
    currencies: frozenset[str]
    regimes: dict[str, str]


class Origin(NamedTuple):
    """Which model speaks; `revision` is the sha256 of its bundle, `data` what it was trained on."""

    name: str
    revision: str
    task: str
    simulated: bool
    knows: Knows
    data: str


class Answer(NamedTuple):
    """What was made of a wish; `revision` names the model that spoke, empty when none could."""

    path: str
    outcome: Suggestion | Refusal
    revision: str = ""
