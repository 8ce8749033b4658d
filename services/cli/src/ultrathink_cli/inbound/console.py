"""How the commands speak: results on stdout, everything else on stderr, faults with field and remedy."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer
from rich import console as rich_console
from rich import progress, text

from chassis import errors

EXIT_REFUSED = 2

# No markup and no emoji: names of files may hold [brackets] and :colons:.
out = rich_console.Console(highlight=False, markup=False, emoji=False)
err = rich_console.Console(stderr=True, highlight=False, markup=False, emoji=False)


class Voice:
    """Lines for the person in front of the terminal."""

    def say(self, message: str) -> None:
        """Show one line on stderr, so that results on stdout stay clean."""
        err.print(text.Text(message), soft_wrap=True)


def tell(message: str | text.Text) -> None:
    """Print one line of result; never broken by us, so that a script or a person can copy a path whole."""
    out.print(message, soft_wrap=True)


def show(fault: errors.Fault) -> None:
    """Print a fault: what, why, and each field that is wrong."""
    told = text.Text.assemble(("error ", "bold red"), f"{fault.message} ", (f"[{fault.reason}]", "dim"))
    err.print(told, soft_wrap=True)
    for violation in fault.violations:
        head, mark, rest = violation.message.partition("\n")  # behind it a line of text and a caret
        err.print(
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
        err.print("stopped")
        raise typer.Exit(130) from None


def bar(unit: str) -> progress.Progress:
    """Return a progress bar on stderr that counts `unit`."""
    return progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.TextColumn("{task.completed:,.0f} of {task.total:,.0f} " + unit),
        progress.TimeRemainingColumn(),
        console=err,
        transient=True,
    )
