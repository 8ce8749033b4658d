"""The command `ultrathink`: every verb in one list, of which the one that is asked for is loaded."""

import importlib
import sys
from collections.abc import Iterable, Mapping

import typer

# Verb → the module of `inbound` that holds it, in the order of the list that a person sees.
VERBS: Mapping[str, str] = {
    "up": "up",
    "demo": "demo",
    "check": "check",
    "replay": "replay",
    "submit": "submit",
    "remit": "remit",
    "status": "status",
    "token": "tokens",
    "simulate": "models",
    "train": "models",
    "evaluate": "models",
    "drift": "models",
    "verify-audit": "audit",
    "export": "audit",
    "backup": "audit",
    "restore": "audit",
}
GROUPS = ("tenant", "tables", "arms", "rules")  # modules of `inbound` with verbs of their own


def app(words: Iterable[str] = (*VERBS, *GROUPS)) -> typer.Typer:
    """Return the command with these verbs and groups; loading all of them takes a quarter of a second."""
    made = typer.Typer(
        name="ultrathink",
        help="Health-insurance claims: check, submit, follow. Start with `up`, or `check FILE`.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        callback=_nothing,
    )
    for word in words:
        module = importlib.import_module(f"ultrathink_cli.inbound.{VERBS.get(word, word)}")
        if word in VERBS:
            made.command(word)(getattr(module, word.replace("-", "_")))
        else:
            made.add_typer(module.app)
    return made


def main() -> None:
    """Run the command line."""
    asked = sys.argv[1:2]
    app(asked if {*VERBS, *GROUPS}.issuperset(asked) and asked else (*VERBS, *GROUPS))()


def _nothing() -> None:
    # With it one verb alone is still a verb of a command.
    pass


if __name__ == "__main__":
    main()
