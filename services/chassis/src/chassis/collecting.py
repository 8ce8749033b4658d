"""How a serving process keeps its memory; knows nothing of what lies there.

The collector walks every object it knows each time enough were made. A service keeps hundreds of thousands
for its whole life (packs, tables, models), and its answers hold no cycles: reference counts free them. So
what lives when the doors open is put out of its sight, and it looks less often at what comes after.
"""

import gc

from chassis import pages

YOUNG = 20_000  # objects made before the youngest are looked at: a few batches, where the default is 700
MIDDLE, OLD = 20, 50  # looks at the younger generation before one at the older


def rest() -> None:
    """Look at nothing while the start builds what stays; `settle` ends it."""
    gc.disable()


def settle() -> None:
    """Collect what the start left behind, leave what lives alone, in huge pages; call when all is built."""
    gc.enable()
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
    pages.gather()
