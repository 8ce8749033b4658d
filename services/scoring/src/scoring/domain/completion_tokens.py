"""What a claim says, as tokens: the one spelling, for training and for serving. Knows no file.

A token is a kind and a value (`P:4516`). Each input has one kind that names its codes themselves; the other
kinds are coarser: beginnings of codes, and groups of diagnoses as the bundle has them. The principal
diagnosis and amounts are not among the facts, so no token can tell them.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from scoring.domain import completion

VERSION = 1  # a change of what a token means needs a new one: it changes every bundle's features hash
KINDS = {
    "procedures": "P:", "admitting": "A:", "drg": "G:", "others": "D:", "services": "S:", "setting": "C:",
}  # fmt: skip
CATEGORY_LENGTH = 3  # of an ICD category
AGES = (1, 13, 18, 40, 65)  # completed years at which a band begins

type Coarse = Callable[[str], str]
type Ints = npt.NDArray[np.int64]


class Token(NamedTuple):
    """One word of an input, and where in the claim it stands; empty for what is no single place."""

    word: str
    input: str
    path: str


class Encoded(NamedTuple):
    """Rows as places in a vocabulary: row i has `places[offsets[i] : offsets[i + 1]]`, each once."""

    places: Ints
    offsets: Ints

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.offsets) - 1


def coarse(groups: Mapping[str, str] | None) -> Coarse:
    """Return how diagnoses are grouped: by a map, empty for a code it does not have, or by category."""
    if groups is None:
        return lambda code: code[:CATEGORY_LENGTH]
    return lambda code: groups.get(code, "")


def dotless(code: str) -> str:
    """Return a diagnosis or procedure code as it is compared: without dots, upper case."""
    return code.replace(".", "").upper()


def spell(facts: completion.Facts, inputs: Sequence[str], grouping: Coarse) -> list[Token]:
    """Return the tokens of these inputs (keys of KINDS); what the claim does not say has none."""
    found: list[Token] = []
    for name in inputs:
        found += [Token(word, name, path) for word, path in _SPELLERS[name](facts, grouping)]
    return found


def encode(rows: Iterable[Iterable[str]], index: Mapping[str, int]) -> Encoded:
    """Return the rows' known words as places; a word said twice is one statement."""
    places: list[int] = []
    offsets = [0]
    for words in rows:
        places += sorted({index[word] for word in words if word in index})
        offsets.append(len(places))
    return Encoded(np.array(places, dtype=np.int64), np.array(offsets, dtype=np.int64))


def _procedures(facts: completion.Facts, grouping: Coarse) -> Iterator[tuple[str, str]]:
    for number, one in enumerate(facts.procedures):
        code, path = dotless(one.code), f"procedures[{one.place}].code"
        yield f"P:{code}", path
        yield f"P3:{code[:3]}", path
        yield f"P2:{code[:2]}", path
        if group := grouping(code):
            yield f"PC:{group}", path
        if number == 0:
            yield f"P1:{code}", path


def _admitting(facts: completion.Facts, grouping: Coarse) -> Iterator[tuple[str, str]]:
    for one in facts.diagnoses:
        if one.admitting:
            yield from _diagnosis(one, "A", grouping)


def _drg(facts: completion.Facts, _: Coarse) -> Iterator[tuple[str, str]]:
    if facts.drg:
        yield f"G:{facts.drg}", "institutional.drg"


def _others(facts: completion.Facts, grouping: Coarse) -> Iterator[tuple[str, str]]:
    others = [one for one in facts.diagnoses if not one.admitting]
    for one in others:
        yield from _diagnosis(one, "D", grouping)
    for one in others[:1]:
        yield f"D2:{dotless(one.code)}", f"diagnoses[{one.place}].code"


def _diagnosis(one: completion.Code, kind: str, grouping: Coarse) -> Iterator[tuple[str, str]]:
    code, path = dotless(one.code), f"diagnoses[{one.place}].code"
    yield f"{kind}:{code}", path
    if group := grouping(code):
        yield f"{kind}C:{group}", path


def _services(facts: completion.Facts, _: Coarse) -> Iterator[tuple[str, str]]:
    for line in facts.lines:
        if line.code and line.system not in completion.UNSHARED:
            path = f"lines[{line.place}].code"
            yield f"S:{line.system}|{line.code}", path
            yield f"S3:{line.system}|{line.code[:3]}", path


def _setting(facts: completion.Facts, _: Coarse) -> Iterator[tuple[str, str]]:
    band = "" if math.isnan(facts.age) else str(int(np.digitize(facts.age, AGES)))
    for name, value, path in (
        ("type", facts.type, "type"),
        ("subtype", facts.subtype, "subtype"),
        ("provider", facts.provider_type, "provider.type"),
        ("specialty", facts.specialty, "care_team"),
        ("encounter", facts.encounter_class, "encounter.class"),
        ("sex", facts.sex, "patient.sex"),
        ("age", band, "patient.birth_date"),
    ):
        if value:
            yield f"C:{name}={value}", path


_SPELLERS: dict[str, Callable[[completion.Facts, Coarse], Iterator[tuple[str, str]]]] = {
    "procedures": _procedures, "admitting": _admitting, "drg": _drg, "others": _others,
    "services": _services, "setting": _setting,
}  # fmt: skip
