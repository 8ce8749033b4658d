"""Training says what the machine lacks, and how to get it."""

import pytest

from chassis import errors
from training import ready


def test_a_machine_without_openmp_is_told_what_to_install() -> None:
    """LightGBM would say "cannot open shared object file"."""

    def absent(name: str) -> object:
        raise OSError(name)

    with pytest.raises(errors.Unavailable, match="install libgomp1") as told:
        ready.find("denial", absent)
    assert told.value.reason == "training.openmp"


def test_where_openmp_is_there_tasks_are_found_by_name() -> None:
    """And an unknown one is refused with the names that exist."""
    assert callable(ready.find("denial").train)
    with pytest.raises(errors.NotFound, match="denial"):
        ready.find("no-such-task")
