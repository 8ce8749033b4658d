"""A served completion bundle, ready to answer with, and the texts of its labels. Knows no file."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from scoring.domain import completion, completion_amounts, completion_diagnoses
from scoring.domain import completion_tokens as tokens

SEPARATOR = "|"  # between the system of an answer and its code

type Mask = npt.NDArray[np.bool_]


class Hearing(NamedTuple):
    """One model of a bundle, the places of its vocabulary, and its answers by system, code and group."""

    model: completion_diagnoses.Model
    places: dict[str, int]
    systems: tuple[str, ...]
    codes: tuple[str, ...]
    groups: tuple[str, ...]


class Diagnoses(NamedTuple):
    """Models that suggest a diagnosis, the one that hears most first.

    `kind` says what an answer is: a code that may stand in a claim, or a group of codes to choose from.
    `coarse` groups diagnoses; `labels` are texts of groups and codes, where there are some.
    """

    origin: completion.Origin
    kind: str
    coarse: tokens.Coarse
    hearings: tuple[Hearing, ...]
    labels: dict[str, completion.Label]


class Amounts(NamedTuple):
    """A model that expects amounts of lines."""

    origin: completion.Origin
    model: completion_amounts.Model


type Served = Diagnoses | Amounts


def hearing(model: completion_diagnoses.Model, kind: str, answers: tuple[str, ...]) -> Hearing:
    """Return a model as it is served; answers without a system of their own are of the first one."""
    pairs = [answer.rpartition(SEPARATOR) for answer in model.classes]
    codes = tuple(code for _, _, code in pairs)
    by_category = tokens.coarse(None)
    return Hearing(
        model,
        {word: place for place, word in enumerate(model.vocabulary)},
        tuple(system or answers[0] for system, _, _ in pairs),
        codes,
        tuple(by_category(tokens.dotless(code)) if kind == "code" else code for code in codes),
    )


def allowed(served: Hearing, system: str) -> Mask:
    """Return which answers are of the wanted system."""
    return np.array([one == system for one in served.systems])
