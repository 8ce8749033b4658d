"""The training tasks by name, as the command line offers them: one signature for all."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from chassis import errors
from training import amount_completion, anomaly, denial, diagnosis_completion, provider_fraud

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


TASKS: dict[str, Task] = {
    "amount-completion": Task(amount_completion.train, amount_completion.evaluate),
    "anomaly": Task(anomaly.train, anomaly.evaluate),
    "denial": Task(denial.train, denial.evaluate),
    "diagnosis-completion": Task(diagnosis_completion.train, diagnosis_completion.evaluate),
    "provider-fraud": Task(provider_fraud.train, provider_fraud.evaluate),
}


def find(name: str) -> Task:
    """Return the task of this name; raises NotFound `task.unknown`, which lists those there are."""
    if name not in TASKS:
        raise errors.NotFound("task.unknown", f"There is no task {name}; there are {', '.join(TASKS)}.")
    return TASKS[name]
