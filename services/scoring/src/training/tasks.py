"""The training tasks by name, as the command line offers them: one signature for all."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from chassis import errors
from training import (
    amount_completion,
    anomaly,
    claims_amounts,
    claims_diagnoses,
    completion_history,
    denial,
    diagnosis_completion,
    provider_fraud,
)

type Progress = Callable[[int], None]


class Train(Protocol):
    """Writes a bundle from data and returns its figures; `progress` counts steps done."""

    def __call__(self, data: Path, seed: int, out: Path, progress: Progress | None = None) -> dict[str, Any]:
        """Train."""
        ...


class Evaluate(Protocol):
    """Returns the figures of a bundle on data."""

    def __call__(self, bundle: Path, data: Path) -> dict[str, Any]:
        """Evaluate."""
        ...


class Task(NamedTuple):
    """One task: how to train it, how to judge what was trained."""

    train: Train
    evaluate: Evaluate


def by_format(canonical: Task, public: Task) -> Task:
    """Return the task over claims of either format: canonical ones, or files of CMS DE-SynPUF."""

    def train(data: Path, seed: int, out: Path, progress: Progress | None = None) -> dict[str, Any]:
        chosen = canonical if completion_history.found(data) else public
        return chosen.train(data, seed, out, progress)

    def evaluate(bundle: Path, data: Path) -> dict[str, Any]:
        chosen = canonical if completion_history.found(data) else public
        return chosen.evaluate(bundle, data)

    return Task(train, evaluate)


TASKS: dict[str, Task] = {
    "amount-completion": by_format(
        Task(claims_amounts.train, claims_amounts.evaluate),
        Task(amount_completion.train, amount_completion.evaluate),
    ),
    "anomaly": Task(anomaly.train, anomaly.evaluate),
    "denial": Task(denial.train, denial.evaluate),
    "diagnosis-completion": by_format(
        Task(claims_diagnoses.train, claims_diagnoses.evaluate),
        Task(diagnosis_completion.train, diagnosis_completion.evaluate),
    ),
    "provider-fraud": Task(provider_fraud.train, provider_fraud.evaluate),
}


def find(name: str) -> Task:
    """Return the task of this name; raises NotFound `task.unknown`, which lists those there are."""
    if name not in TASKS:
        raise errors.NotFound("task.unknown", f"There is no task {name}; there are {', '.join(TASKS)}.")
    return TASKS[name]
