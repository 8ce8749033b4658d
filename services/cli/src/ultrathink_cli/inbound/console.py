"""How the commands speak: results on stdout, everything else on stderr, faults with field and remedy."""

import functools
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

import typer

from chassis import errors

if TYPE_CHECKING:  # rich takes a twentieth of a second to load: who only sends a file does not wait for it
    from rich import console as rich_console
    from rich import text

EXIT_REFUSED = 2


@functools.cache
def out() -> "rich_console.Console":
    """Return standard output as what draws tables."""
    return _console(stderr=False)


@functools.cache
def err() -> "rich_console.Console":
    """Return standard error as what draws progress and colours."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> "rich_console.Console":
    from rich import console as rich_console  # noqa: PLC0415 - see above

    # No markup and no emoji: names of files may hold [brackets] and :colons:.
    return rich_console.Console(stderr=stderr, highlight=False, markup=False, emoji=False)


class Voice:
    """Lines for the person in front of the terminal."""

    def say(self, message: str) -> None:
        """Show one line on stderr, so that results on stdout stay clean."""
        typer.echo(message, err=True)


def tell(message: "str | text.Text") -> None:
    """Print one line of result; never broken by us, so that a script or a person can copy a path whole."""
    if isinstance(message, str):
        typer.echo(message)
    else:
        out().print(message, soft_wrap=True)


def show(fault: errors.Fault) -> None:
    """Print a fault: what, why, and each field that is wrong."""
    from rich import text  # noqa: PLC0415 - see above

    told = text.Text.assemble(("error ", "bold red"), f"{fault.message} ", (f"[{fault.reason}]", "dim"))
    err().print(told, soft_wrap=True)
    for violation in fault.violations:
        head, mark, rest = violation.message.partition("\n")  # behind it a line of text and a caret
        err().print(
            text.Text.assemble(
                "  ", (violation.path, "bold"), f"  {head} ", (violation.code, "dim"), mark + rest
            ),
            soft_wrap=True,
        )


def refuse(fault: errors.Fault, status: int = EXIT_REFUSED) -> NoReturn:
    """Print a fault and leave with `status`."""
    show(fault)
    raise typer.Exit(status)


@contextmanager
def faults_shown() -> Iterator[None]:
    """Turn a fault into words and an exit status, and Ctrl-C into a quiet end."""
    try:
        yield
    except errors.Fault as fault:
        refuse(fault)
    except KeyboardInterrupt:
        typer.echo("stopped", err=True)
        raise typer.Exit(130) from None


class Bar(Protocol):
    """Shows how far something is."""

    def add_task(self, description: str, *, total: float | None) -> Any:
        """Begin to show something of this size; return its name for `update`."""
        ...

    def update(self, task_id: Any, *, completed: float | None = None, total: float | None = None) -> None:
        """Show how much of it is done."""
        ...


class _Unseen:
    """A bar where nobody looks."""

    def add_task(self, description: str, *, total: float | None) -> Any:
        """Begin nothing."""

    def update(self, task_id: Any, *, completed: float | None = None, total: float | None = None) -> None:
        """Show nothing."""


def bar(unit: str) -> AbstractContextManager[Bar]:
    """Return a progress bar that counts `unit` on standard error, where that is a terminal."""
    if not sys.stderr.isatty():
        return nullcontext(_Unseen())
    from rich import progress  # noqa: PLC0415 - see above

    return progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.TextColumn("{task.completed:,.0f} of {task.total:,.0f} " + unit),
        progress.TimeRemainingColumn(),
        console=err(),
        transient=True,
    )
