"""The cyclic collector of a serving process."""

import gc

from chassis import collecting


def test_what_lives_when_the_doors_open_is_left_alone_and_cycles_of_later_are_still_freed() -> None:
    """Settling ends the rest of the start, freezes what was built and looks less often."""
    before = gc.get_threshold()
    try:
        collecting.rest()
        assert not gc.isenabled()
        collecting.settle()
        assert gc.get_freeze_count() > 0
        assert gc.get_threshold() == (collecting.YOUNG, collecting.MIDDLE, collecting.OLD)
        assert gc.isenabled()
        loop: list[object] = []
        loop.append(loop)
        del loop
        assert gc.collect() >= 1
    finally:
        gc.enable()
        gc.unfreeze()
        gc.set_threshold(*before)
