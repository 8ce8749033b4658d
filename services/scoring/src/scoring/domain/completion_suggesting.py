"""Suggests a principal diagnosis, or refuses and says why. Pure; which model is asked was decided before."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from scoring.domain import completion, completion_models
from scoring.domain import completion_diagnoses as diagnoses
from scoring.domain import completion_texts as texts
from scoring.domain import completion_tokens as tokens

LEAST_COVERED = (
    0.5  # how often the truth must be among the choices: below, a list misleads more than it helps
)
LEAST_CASES = 10  # training claims with the first choice
LEAST_SHOWN = 0.01  # confidence of an alternative that is worth a line
SHOWN_EVIDENCE = 5
LEAST_SPOKEN = 0.2  # of what spoke loudest: the rest is no reason that a person would name
CODES = ("services", "procedures", "admitting", "others", "drg")  # inputs that are codes, not circumstances

type Doubles = npt.NDArray[np.float64]


class _Heard(NamedTuple):
    """A claim as one model hears it: tokens it knows, their places, and the shares of the answers."""

    served: completion_models.Hearing
    tokens: list[tokens.Token]
    places: npt.NDArray[np.int64]
    likely: npt.NDArray[np.float32]


def suggest(
    bundle: completion_models.Diagnoses, facts: completion.Facts, system: str
) -> completion.Suggestion | completion.Refusal:
    """Return choices of a code system for the principal diagnosis of a claim."""
    served = _listening(bundle, facts)
    heard = _heard(bundle, served, facts, system)
    if not any(token.input in CODES for token in heard.tokens):
        return texts.refusal("completion.unseen_codes", found=texts.listed(_codes(facts)))
    model = served.model
    best = np.argsort(-heard.likely, kind="stable")[: diagnoses.LISTED].tolist()
    covered = float(diagnoses.confidence(model.listed, heard.likely[best].sum(keepdims=True))[0])
    if covered < LEAST_COVERED:
        return texts.refusal("completion.unsure", found=f"{covered:.0%}")
    similar = int(model.frequency[best[0]])
    if similar < LEAST_CASES:
        return texts.refusal("completion.few_cases", found=similar, known=LEAST_CASES)
    choices = _choices(bundle, heard, best)
    return completion.Suggestion(
        first=choices[0],
        alternatives=tuple(one for one in choices[1:] if one.confidence >= LEAST_SHOWN),
        evidence=_evidence(heard, best[0]),
        cases=model.cases,
        similar=similar,
        group=_group(bundle, heard) if bundle.kind == "code" else None,
        covered=covered,
    )


def shares(
    bundle: completion_models.Diagnoses, facts: completion.Facts, system: str
) -> npt.NDArray[np.float32]:
    """Return the shares of all answers of the model that listens to such a claim."""
    return _heard(bundle, _listening(bundle, facts), facts, system).likely


def _listening(bundle: completion_models.Diagnoses, facts: completion.Facts) -> completion_models.Hearing:
    """Return the model that hears least beyond what the claim says: more would guess from silence."""
    said = {token.input for token in tokens.spell(facts, list(tokens.KINDS), bundle.coarse)}
    widest = max(len(said & set(one.model.inputs)) for one in bundle.hearings)
    fitting = (one for one in bundle.hearings if len(said & set(one.model.inputs)) == widest)
    return min(fitting, key=lambda one: len(one.model.inputs))


def _heard(
    bundle: completion_models.Diagnoses,
    served: completion_models.Hearing,
    facts: completion.Facts,
    system: str,
) -> _Heard:
    spelled = tokens.spell(facts, served.model.inputs, bundle.coarse)
    known = [token for token in spelled if token.word in served.places]
    row = tokens.encode([[token.word for token in known]], served.places)
    allowed = completion_models.allowed(served, system)[None, :]
    likely = diagnoses.shares(diagnoses.scores(served.model, row, allowed))[0]
    places = np.array([served.places[token.word] for token in known], dtype=np.int64)
    return _Heard(served, known, places, likely)


def _choices(
    bundle: completion_models.Diagnoses, heard: _Heard, best: Sequence[int]
) -> list[completion.Choice]:
    """Return the choices, most likely first; none is surer than the one before it."""
    model = heard.served.model
    sure = float(diagnoses.confidence(model.trust, heard.likely[best[:1]])[0])
    further = diagnoses.confidence(model.others, heard.likely[list(best[1:])])
    confidences = [sure, *np.minimum(further, sure).tolist()]
    return [
        completion.Choice(
            kind=bundle.kind,
            value=heard.served.codes[answer],
            confidence=confidence,
            system=heard.served.systems[answer],
            label=_label(bundle, heard.served.codes[answer], heard.served.groups[answer]),
        )
        for answer, confidence in zip(best, confidences, strict=True)
        if heard.likely[answer] > 0
    ]


def _group(bundle: completion_models.Diagnoses, heard: _Heard) -> completion.Choice:
    """Return the likeliest group of codes with its summed and calibrated share."""
    served = heard.served
    summed: dict[str, float] = {}
    for group, share in zip(served.groups, heard.likely.tolist(), strict=True):
        summed[group] = summed.get(group, 0.0) + share
    group = max(sorted(summed), key=lambda name: summed[name])
    confidence = diagnoses.confidence(served.model.groups, np.array([summed[group]]))
    best = max(
        (number for number, name in enumerate(served.groups) if name == group),
        key=lambda number: heard.likely[number],
    )
    return completion.Choice(
        "group", group, float(confidence[0]), served.systems[best], _label(bundle, group, group)
    )


def _label(bundle: completion_models.Diagnoses, code: str, group: str) -> completion.Label:
    return bundle.labels.get(code) or bundle.labels.get(group) or completion.Label("", "")


def _evidence(heard: _Heard, answer: int) -> tuple[completion.Evidence, ...]:
    """Return what spoke for an answer, strongest first: one entry per place of the claim."""
    model, shown = heard.served.model, heard.served.codes[answer]
    weights = diagnoses.spoken(model, heard.places, heard.likely, answer)
    summed: dict[tuple[str, str], float] = {}
    first: dict[tuple[str, str], int] = {}
    for number, token in enumerate(heard.tokens):
        one = (token.input, token.path)
        first.setdefault(one, number)  # the most exact kind of a place comes first
        summed[one] = summed.get(one, 0.0) + float(weights[number])
    top = max(summed.values(), default=0.0)
    strongest = sorted(
        (one for one in summed if summed[one] > 0 and summed[one] >= LEAST_SPOKEN * top),
        key=lambda one: (-summed[one], one),
    )
    usual = int(model.frequency[answer]) / model.cases
    found = []
    for one in strongest[:SHOWN_EVIDENCE]:
        token, place = heard.tokens[first[one]], int(heard.places[first[one]])
        cases, agreeing = diagnoses.seen(model, place, answer)
        text = texts.spoke(_what(token), cases, agreeing, shown, usual)
        found.append(completion.Evidence(token.path, text, cases, agreeing, summed[one]))
    return tuple(found)


def _what(token: tokens.Token) -> completion.Label:
    """Return a token in words: the code, the group of codes, or the circumstance."""
    kind, _, value = token.word.partition(":")
    if token.input == "setting":
        return texts.setting(value)
    code = value.rpartition("|")[2]
    name = texts.INPUTS[token.input]
    if f"{kind}:" == tokens.KINDS[token.input] or kind in ("P1", "D2"):
        return completion.Label(f"{name.en} {code}", f"{name.ar} {code}")
    return completion.Label(f"{name.en} {code}…", f"{name.ar} {code}…")


def _codes(facts: completion.Facts) -> list[str]:
    return [one.code for one in completion.coded(facts)]
