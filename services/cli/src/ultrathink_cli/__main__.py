"""The command `ultrathink`: every verb in one list."""

import typer

from ultrathink_cli.inbound import models, submit, tokens, up

app = typer.Typer(
    name="ultrathink",
    help="Health-insurance claims: check, submit, follow. Start with `up`, or `check FILE`.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for verb in (up.up, submit.submit, tokens.token, models.simulate, models.train, models.evaluate):
    app.command()(verb)


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
