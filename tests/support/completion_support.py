"""What tests of completion share: a small made-up world, models grown of it, claims with open places."""

import atexit
import functools
import json
import math
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import scoring_support
from chassis import testing as chassis_testing
from formats import canonical, model
from payersim.usecases import simulate
from scoring.domain import completion, completion_models, forests
from scoring.domain import completion_amounts as amounts
from scoring.domain import completion_diagnoses as diagnoses
from scoring.domain import completion_tokens as tokens
from training import claims_amounts, claims_diagnoses, diagnosis_models

ROOT = Path(__file__).parents[2]
DEMO = {task: ROOT / "packs" / "models" / f"{task}-completion-demo" for task in ("diagnosis", "amount")}
INPUTS = {"codes": ("services", "procedures", "others", "setting"), "services": ("services", "setting")}
CM, AM = "icd-10-cm", "icd-10-am"
# A service of the made-up world: the diagnoses it is for, most frequent first, and its price.
SERVICES: dict[str, tuple[tuple[str, ...], float]] = {
    "G0108": (("E11.9", "E11.65", "E78.5"), 180.0),
    "G0403": (("I10", "I25.10"), 220.0),
    "J7613": (("J45.909",), 3.5),
    "V2020": (("H52.13", "H26.9"), 260.0),
}
PROVIDERS = {"PR-1": 1.0, "PR-2": 1.2, "PR-3": 0.9}  # and how much above the list price they ask
CLAIMS = 1_200
SEED = 5


def facts(*codes: str, **changes: Any) -> completion.Facts:
    """Return a claim of ordinary kind with lines of these HCPCS codes."""
    lines = tuple(completion.Line(place, "hcpcs", code, 1.0, 1.0) for place, code in enumerate(codes))
    usual: dict[str, Any] = {
        "type": "professional", "subtype": "op", "regime": "base", "currency": "SAR", "provider": "PR-1",
        "provider_type": "hospital", "payer": "PAYER-1", "sex": "female", "age": 40.0, "day": 20_000.0,
        "lines": lines,
    }  # fmt: skip
    return completion.Facts(**usual | changes)


def line(code: str = "G0108", place: int = 0, **changes: Any) -> completion.Line:
    """Return a line of ordinary kind."""
    return completion.Line(place, "hcpcs", code, 1.0, 1.0)._replace(**changes)


@functools.cache
def world() -> tuple[tuple[completion.Facts, str, str], ...]:
    """Return claims with the system and code of their principal diagnosis."""
    rng = np.random.default_rng(SEED)
    found = []
    for _ in range(CLAIMS):
        service = str(rng.choice(list(SERVICES)))
        wanted = SERVICES[service][0]
        chances = np.array([0.7, 0.2, 0.1][: len(wanted)])
        code = str(rng.choice(wanted, p=chances / chances.sum()))
        american = rng.random() < 0.5
        regime, system = ("base", CM) if american else ("nphies", AM)
        other = "I10" if rng.random() < 0.3 else ""
        stated = (completion.Code(1, system, other),) if other else ()
        sex = str(rng.choice(["male", "female"]))
        found.append((facts(service, regime=regime, diagnoses=stated, sex=sex), system, code))
    return tuple(found)


@functools.cache
def lessons(name: str) -> diagnosis_models.Lessons:
    """Return the world's claims as one model hears them."""
    told = world()
    classes = tuple(sorted({f"{system}|{code}" for _, system, code in told}))
    systems = np.array([one.partition("|")[0] for one in classes])
    categories = [one.partition("|")[2].replace(".", "")[:3] for one in classes]
    numbers = {category: number for number, category in enumerate(sorted(set(categories)))}
    coarse = tokens.coarse(None)
    return diagnosis_models.Lessons(
        INPUTS[name],
        [[token.word for token in tokens.spell(one, INPUTS[name], coarse)] for one, _, _ in told],
        np.array([classes.index(f"{system}|{code}") for _, system, code in told]),
        np.arange(len(told)) // 2,
        classes,
        np.array([numbers[category] for category in categories]),
        np.array([system for _, system, _ in told])[:, None] == systems[None, :],
    )


@functools.cache
def grown(name: str = "codes") -> diagnoses.Model:
    """Return a model of the world."""
    return diagnosis_models.grow(lessons(name), SEED)


def knows(**changes: Any) -> completion.Knows:
    """Return what a model of the world knows."""
    return completion.Knows(
        frozenset({"hcpcs", CM, AM}), (AM, CM), frozenset({"SAR"}), {"base": CM, "nphies": AM}
    )._replace(**changes)


def origin(task: str = "diagnosis-completion", **changes: Any) -> completion.Origin:
    """Return where a model comes from."""
    known = knows(**changes.pop("knows", {}))
    made = completion.Origin(task, task[0] * 64, task, True, known, "a made-up world")
    return made._replace(**changes)


@functools.cache
def diagnosing() -> completion_models.Diagnoses:
    """Return a served bundle of both models."""
    known = origin()
    return completion_models.Diagnoses(
        known,
        "code",
        tokens.coarse(None),
        tuple(completion_models.hearing(grown(name), "code", known.knows.answers) for name in INPUTS),
        {"E11": completion.Label("Type 2 diabetes", "السكري من النوع الثاني")},
    )


@functools.cache
def billed() -> tuple[tuple[amounts.Asked, ...], np.ndarray[Any, np.dtype[np.float64]]]:
    """Return lines of the world and the logarithm of what each was billed at per unit."""
    rng = np.random.default_rng(SEED)
    asked, units = [], []
    for _ in range(CLAIMS):
        code = str(rng.choice(list(SERVICES)))
        provider = str(rng.choice(list(PROVIDERS)))
        day = float(rng.integers(19_500, 20_230))
        told = facts(code, provider=provider, day=day)
        asked.append(amounts.Asked(told, told.lines[0]._replace(quantity=float(rng.integers(1, 5)))))
        price = SERVICES[code][1] * PROVIDERS[provider] * math.exp(0.04 * (day - 20_000) / amounts.YEAR)
        units.append(math.log(price) + rng.normal(0, 0.02))
    return tuple(asked), np.array(units)


@functools.cache
def priced() -> amounts.Model:
    """Return a model of the world's prices whose trees answer the usual amount of the provider."""
    asked, units = billed()
    bands = tuple(amounts.Band(-0.04, 0.05, 0.95, 500) for _ in range(amounts.band_count()))
    return amounts.Model(amounts.learn(asked, units), echo("usual:provider"), bands, 0.8, 0.1)


def echo(column: str) -> forests.Forest:
    """Return a forest that answers one column of the amounts' matrix, in steps of a hundredth."""
    place = amounts.names().index(column)
    edges = np.arange(0.0, 8.0, 0.01)
    feature: list[int] = []
    threshold: list[float] = []
    left: list[int] = []
    right: list[int] = []
    value: list[float] = []

    def add(low: int, high: int) -> int:
        number = len(feature)
        feature.append(-1)
        for whole in (left, right):
            whole.append(0)
        for broken in (threshold, value):
            broken.append(0.0)
        if low == high:
            value[number] = float(edges[low])
            return number
        middle = (low + high) // 2
        feature[number], threshold[number] = place, float(edges[middle] + 0.005)
        left[number], right[number] = add(low, middle), add(middle + 1, high)
        return number

    add(0, len(edges) - 1)
    count = len(feature)
    return forests.Forest(
        np.array(feature, dtype=np.int32), np.array(threshold, dtype=np.float32),
        np.array(left, dtype=np.int32), np.array(right, dtype=np.int32), np.zeros(count, dtype=np.bool_),
        np.array(value), np.ones(count), np.array([0], dtype=np.int32), np.array([0], dtype=np.int32),
        np.zeros(1),
    )  # fmt: skip


def pricing(**changes: Any) -> completion_models.Amounts:
    """Return a served bundle of prices; `changes` are of what it knows."""
    known = {"answers": (), "regimes": {"base": "", "nphies": ""}} | changes
    return completion_models.Amounts(origin("amount-completion", knows=known), priced())


def body(*lines: dict[str, Any], **changes: Any) -> bytes:
    """Return a claim as JSON that states no diagnosis and, in its lines, neither net nor price."""
    told = {
        name: value for name, value in scoring_support.CLAIM.items() if name not in {"diagnoses", "total"}
    }
    bare = {"code": "G0108", "system": "hcpcs", "service_date": "2025-03-02", "quantity": 2}
    told["lines"] = [bare | {"sequence": number} | one for number, one in enumerate(lines or ({},), 1)]
    return json.dumps({name: value for name, value in (told | changes).items() if value is not None}).encode()


def claim(*lines: dict[str, Any], **changes: Any) -> model.Claim:
    """Return that claim, decoded."""
    return canonical.decode(body(*lines, **changes))


def context(**options: Any) -> Any:
    """Return the context of a biller's call with some seconds left."""
    return chassis_testing.context(**options)


@functools.cache
def data() -> Path:
    """Return a folder with claims of the simulated world."""
    folder = _folder()
    simulate.simulate(4_000, 3, folder)
    return folder


@functools.cache
def trained(task: str) -> tuple[Path, dict[str, Any]]:
    """Return a bundle trained on it, and its figures."""
    folder = _folder() / f"{task}-completion"
    training: Any = {"diagnosis": claims_diagnoses, "amount": claims_amounts}[task]
    return folder, training.train(data(), 3, folder)


def copied(source: Path, target: Path) -> Path:
    """Return a copy of a bundle that a test may spoil."""
    shutil.copytree(source, target)
    return target


def _folder() -> Path:
    """Return a folder that is gone when the process ends."""
    folder = Path(tempfile.mkdtemp(prefix="completion-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
