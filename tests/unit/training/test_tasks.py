"""The registry of tasks, as the command line asks it."""

import pytest

from chassis import errors
from training import tasks


@pytest.mark.parametrize("name", list(tasks.TASKS))
def test_tasks_are_found_by_name(name: str):
    """Each task of the registry has both halves."""
    assert callable(tasks.find(name).train)
    assert callable(tasks.find(name).evaluate)


def test_an_unknown_task_lists_the_known():
    """The refusal says which tasks there are."""
    with pytest.raises(errors.NotFound, match="provider-fraud") as refused:
        tasks.find("weather")
    assert refused.value.reason == "task.unknown"
