"""How a waiting caller is told that its work was refused; shared by all that answer through futures."""

from typing import Protocol

from chassis import errors


class Promise[R](Protocol):
    """Where one outcome goes: a future, or whoever takes it in the very turn that knows."""

    def done(self) -> bool:
        """Return whether no outcome is wanted any more."""
        ...

    def set_result(self, result: R, /) -> None:
        """Take the answer; raises nothing."""
        ...

    def set_exception(self, fault: errors.Fault, /) -> None:
        """Take the fault in its place; raises nothing."""
        ...


def late() -> errors.Unavailable:
    """Return the fault of an answer that did not come before its deadline."""
    return errors.Unavailable("deadline.exceeded", "The answer did not come in time.")


def again(fault: errors.Fault) -> errors.Fault:
    """Return an equal fault with the first as its cause.

    One instance raised by many tasks would gather the frames of them all.
    """
    copy = type(fault)(
        fault.reason, fault.message, violations=fault.violations, retry_after_ms=fault.retry_after_ms
    )
    copy.__cause__ = fault
    return copy


def refuse[R](future: Promise[R], fault: errors.Fault) -> None:
    """Raise an equal fault at whoever awaits `future`; nothing happens when it has its outcome already."""
    if not future.done():
        future.set_exception(again(fault))
