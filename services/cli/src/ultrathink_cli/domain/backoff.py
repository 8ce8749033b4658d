"""How long to wait before a process that died is started again."""

from dataclasses import dataclass

FIRST_DELAY_S = 0.1  # a single crash is mended at once: the promise is under two seconds to be back
LONGEST_DELAY_S = 10.0
STEADY_AFTER_S = 30.0  # a process that lived this long has proved itself; its next death counts as the first


@dataclass(slots=True)
class Backoff:
    """Doubles with every early death, starts over after a steady life."""

    delay_s: float = FIRST_DELAY_S

    def after(self, lived_s: float) -> float:
        """Return the seconds to wait after a life of `lived_s` seconds."""
        if lived_s >= STEADY_AFTER_S:
            self.delay_s = FIRST_DELAY_S
        waits = self.delay_s
        self.delay_s = min(self.delay_s * 2, LONGEST_DELAY_S)
        return waits
