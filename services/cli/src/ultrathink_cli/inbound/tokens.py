"""token: a token of the development issuer."""

from typing import Annotated

import typer

from ultrathink_cli.compose import keys
from ultrathink_cli.inbound import console, options


def token(
    role: Annotated[
        list[str], typer.Option(help="biller, reviewer, manager, payer, integrator, operator, …")
    ],
    tenant: Annotated[str, typer.Option(help="tenant the token speaks for")] = "demo",
    subject: Annotated[str, typer.Option(help="who holds it")] = "developer",
    data: options.Data = None,
) -> None:
    """Print a token of the development issuer; its key lies in the data directory (only with --auth dev)."""
    with console.faults_shown():
        made = keys.token(options.layout_of(data), tenant=tenant, roles=tuple(role), subject=subject)
    typer.echo(made)
