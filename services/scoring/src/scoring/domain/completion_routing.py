"""Which of the served models a wish is put to: one that knows the claim's regime, systems and currency."""

from collections.abc import Sequence
from typing import NamedTuple

from scoring.domain import completion, completion_models
from scoring.domain import completion_texts as texts


class Route(NamedTuple):
    """A model for a diagnosis, and the code system that the answer is wanted in."""

    bundle: completion_models.Diagnoses
    system: str


def diagnosis(
    served: Sequence[completion_models.Served], facts: completion.Facts
) -> Route | completion.Refusal:
    """Return the model that reads most of the claim's codes and answers in its system of diagnoses."""
    known = [one for one in served if isinstance(one, completion_models.Diagnoses)]
    if not known:
        return texts.refusal("completion.no_model")
    coded = completion.coded(facts)
    if not coded and not facts.drg:
        return texts.refusal("completion.no_codes")
    fitting = [one for one in known if facts.regime in one.origin.knows.regimes]
    if not fitting:
        return texts.refusal("completion.unknown_regime", known=_regimes(known))
    routes = [
        (sum(one.system in bundle.origin.knows.reads for one in coded), Route(bundle, system))
        for bundle in fitting
        if (system := _wanted(bundle, facts))
    ]
    best = max(routes, key=lambda route: route[0], default=None)  # of equals the one named first in settings
    if best is None or (coded and not best[0]):
        found = texts.listed(one.system or "?" for one in coded)
        return texts.refusal("completion.unknown_system", found=found, known=_systems(fitting))
    return best[1]


def amount(
    served: Sequence[completion_models.Served], facts: completion.Facts, line: completion.Line
) -> completion_models.Amounts | completion.Refusal:
    """Return the first model that knows the claim's regime and currency and the line's code system."""
    known = [one for one in served if isinstance(one, completion_models.Amounts)]
    if not known:
        return texts.refusal("completion.no_model")
    if not line.code:
        return texts.refusal("completion.no_code")
    fitting = [one for one in known if facts.regime in one.origin.knows.regimes]
    if not fitting:
        return texts.refusal("completion.unknown_regime", known=_regimes(known))
    paying = [one for one in fitting if facts.currency in one.origin.knows.currencies]
    if not paying:
        listed = texts.listed(name for one in fitting for name in one.origin.knows.currencies)
        return texts.refusal("completion.unknown_currency", found=facts.currency or "?", known=listed)
    reading = next((one for one in paying if line.system in one.origin.knows.reads), None)
    if reading is None:
        return texts.refusal("completion.unknown_system", found=line.system or "?", known=_systems(paying))
    return reading


def _wanted(bundle: completion_models.Diagnoses, facts: completion.Facts) -> str:
    """Return the system an answer is wanted in: that of the claim's other diagnoses, else its regime's usual.

    Empty when the claim's diagnoses are of a system in which a model of codes does not answer.
    """
    knows = bundle.origin.knows
    stated = [one.system for one in facts.diagnoses]
    if bundle.kind == "group" or not stated:
        return knows.regimes[facts.regime]
    return next((system for system in stated if system in knows.answers), "")


def _regimes(served: Sequence[completion_models.Served]) -> str:
    return texts.listed(name for one in served for name in one.origin.knows.regimes)


def _systems(served: Sequence[completion_models.Served]) -> str:
    return texts.listed(
        name for one in served for name in (*one.origin.knows.reads, *one.origin.knows.answers)
    )
