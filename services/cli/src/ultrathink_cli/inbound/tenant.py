"""tenant: who the customers of a platform are, and one more of them."""

import asyncio
import json
from typing import Annotated, Any

import msgspec
import typer
from rich import box
from rich import table as rich_table

from ultrathink_cli.compose import doors
from ultrathink_cli.domain import layout
from ultrathink_cli.inbound import console, options

app = typer.Typer(name="tenant", help="Customers of the platform: list, add.", no_args_is_help=True)

DATA_HELP = "the owner of the database alone may: --data of the platform, or DATABASE_OWNER_URL"


@app.command("list", epilog=DATA_HELP)
def listed(
    *,
    data: options.Data = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON document instead of text")] = False,
) -> None:
    """List the tenants with the defaults of their claims; the platform may run or not."""
    with console.faults_shown():
        found = asyncio.run(_listed(options.layout_of(data)))
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    shown = rich_table.Table("tenant", "name", "review from", "regime", "active", box=box.SIMPLE_HEAD)
    for one in found:
        state = "yes" if one["active"] else "no"
        threshold = f"{one['review_threshold']:g}"
        shown.add_row(one["tenant"], one["display_name"], threshold, one["default_regime"], state)
    console.out().print(shown)


@app.command(epilog=DATA_HELP)
def add(
    name: Annotated[str, typer.Argument(help="how tokens name it: small letters, digits, '.', '_', '-'")],
    *,
    display_name: Annotated[
        str, typer.Option("--display-name", help="how people call it, in any language; default NAME")
    ] = "",
    regime: Annotated[
        str, typer.Option("--regime", help="rules for claims that name none: base, nphies or x12-us")
    ] = "base",
    threshold: Annotated[
        float, typer.Option("--review-threshold", help="probability of denial from which a person looks")
    ] = 0.5,
    data: options.Data = None,
) -> None:
    """Add a tenant; a running platform takes its claims without a restart."""
    how = {
        "display_name": display_name or name,
        "review_threshold": threshold,
        "default_regime": regime,
    }
    with console.faults_shown():
        asyncio.run(_add(options.layout_of(data), name, how))
    console.tell(f"{name} is a tenant. A token: ultrathink token --tenant {name} --role biller")


async def _listed(files: layout.Layout) -> list[dict[str, Any]]:
    async with doors.tenants(files) as found:
        return [msgspec.to_builtins(one) for one in await found.listed()]


async def _add(files: layout.Layout, name: str, how: dict[str, Any]) -> None:
    async with doors.tenants(files) as found:
        await found.add(name, **how)
