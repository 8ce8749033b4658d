"""The command `ultrathink`: every verb in one list."""

import typer

from ultrathink_cli.inbound import (
    arms,
    audit,
    check,
    demo,
    models,
    remit,
    replay,
    rules,
    status,
    submit,
    tables,
    tokens,
    up,
)

app = typer.Typer(
    name="ultrathink",
    help="Health-insurance claims: check, submit, follow. Start with `up`, or `check FILE`.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
VERBS = (
    up.up,
    demo.demo,
    check.check,
    replay.replay,
    submit.submit,
    remit.remit,
    status.status,
    tokens.token,
    models.simulate,
    models.train,
    models.evaluate,
    models.drift,
    audit.verify_audit,
    audit.export,
    audit.backup,
    audit.restore,
)
for verb in VERBS:
    app.command()(verb)
app.add_typer(tables.app)
app.add_typer(arms.app)
app.add_typer(rules.app)


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
