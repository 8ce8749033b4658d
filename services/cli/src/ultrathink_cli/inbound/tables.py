"""tables: which dated tables there are, what one says of a key, and a customer's file made one of them."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import table as rich_table

from chassis import clock as clocks
from chassis import errors
from ultrathink_cli.compose import judging
from ultrathink_cli.domain import exits
from ultrathink_cli.inbound import console, options

app = typer.Typer(
    name="tables", help="Dated tables: list, look up, add a customer's file.", no_args_is_help=True
)

Pack = Annotated[
    Path | None, typer.Option("--pack", help="folder of rule packs and tables", exists=True, file_okay=False)
]
Tenant = Annotated[str, typer.Option("--tenant", help="the tables that judge this tenant's claims")]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON document instead of text")]


@app.command("list")
def listed(*, tenant: Tenant = "", pack: Pack = None, as_json: AsJson = False) -> None:
    """List tables with revision, window, rows and hash; a table without issue is declared only."""
    with console.faults_shown():
        found = judging.shelf(pack, tenant).listed()
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    shown = rich_table.Table("table", "revision+sha256", "from", "to", "rows", box=None)
    shown.columns[0].no_wrap = True
    for entry in found:
        for issue in entry["issues"] or [{}]:
            shown.add_row(entry["name"], *_cells(issue))
    console.out().print(shown)


@app.command()
def look(
    name: Annotated[str, typer.Argument(help="the table, as `list` calls it")],
    key: Annotated[list[str], typer.Argument(help="the key: its parts one after the other, or joined by |")],
    *,
    on: Annotated[str | None, typer.Option("--on", help="the day, YYYY-MM-DD; default today")] = None,
    tenant: Tenant = "",
    pack: Pack = None,
    as_json: AsJson = False,
) -> None:
    """Say what a table holds for a key: exit 0 found, 1 not in the table, 2 no issue covers the day."""
    with console.faults_shown():
        day = options.day(on, option="--on") if on else clocks.SystemClock().now().date()
        told = judging.shelf(pack, tenant).entry(name, key, day)
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False))
    else:
        _tell(told)
    statuses = {"found": exits.CLEAN, "absent": exits.FINDINGS, "unknown": exits.UNREADABLE}
    raise typer.Exit(statuses[told["state"]])


@app.command()
def add(
    file: Annotated[Path, typer.Argument(help="CSV (UTF-8) or YAML", exists=True, dir_okay=False)],
    *,
    kind: Annotated[str, typer.Option("--kind", help="which table: tariff, sbs, icd-10-am, gtin …")],
    tenant: Annotated[str, typer.Option("--tenant", help="whose table it is")],
    revision: Annotated[str, typer.Option("--revision", help="name of this issue, as 2026-07")],
    first: Annotated[str, typer.Option("--from", help="first day it is valid, YYYY-MM-DD")],
    last: Annotated[str | None, typer.Option("--to", help="last day; default until the next issue")] = None,
    fixed: Annotated[
        list[str] | None, typer.Option("--set", help="value of a column the file lacks, as system=sbs")
    ] = None,
    title: Annotated[str, typer.Option("--title", help="what it is, in any language")] = "",
    source: Annotated[
        str, typer.Option("--source", help="where it comes from; default the file's name")
    ] = "",
    extends: Annotated[
        bool | None,
        typer.Option("--extends/--replaces", help="whether keys it lacks are looked up in the issue below"),
    ] = None,
    dry: Annotated[
        bool, typer.Option("--dry-run", help="read the file, tell what is wrong, add nothing")
    ] = False,
    pack: Pack = None,
) -> None:
    """Make a customer's file a table of one tenant; everything wrong in the file is told at once."""
    with console.faults_shown():
        issue = {
            "revision": revision, "title": title, "source": source, "extends": extends,
            "first": options.day(first, option="--from"),
            "last": options.day(last, option="--to") if last else None,
            "defaults": _pairs(fixed or []),
        }  # fmt: skip
        added = judging.shelf(pack, tenant).add(file, kind, issue, dry=dry)
    if dry:
        console.tell(f"{added['rows']} rows are well formed; nothing was added.")
        return
    console.tell(f"{added['rows']} rows are in {added['folder']}.")
    console.err().print("A running platform takes them when it is started again.", soft_wrap=True)


def _cells(issue: dict[str, Any]) -> list[str]:
    if not issue:
        return ["declared, no data", "", "", ""]
    return [issue["revision"], issue["from"], issue["to"] or "open", f"{issue['rows']:,}"]


def _tell(told: dict[str, Any]) -> None:
    where = f"{told['table']} {told['key']} on {told['on']}"
    if told["state"] == "unknown":
        console.tell(f"{where}: no issue of the table covers that day, so rules say not checked.")
        return
    issue = told["issue"]
    place = f"{issue['revision']}, {issue['from']} to {issue['to'] or 'open'}"
    if told["state"] == "absent":
        console.tell(f"{where}: not in the table ({place}).")
        if told["near"]:
            console.tell(f"  near it: {', '.join(told['near'])}")
        return
    console.tell(f"{where}: in the table ({place}).")
    for name, value in told["values"].items():
        console.tell(f"  {name}: {value}")


def _pairs(texts: list[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    for name, sign, value in pairs:
        if not (name and sign and value):
            raise errors.Invalid(
                "set.invalid", f"--set is column=value, as system=sbs, not {name}{sign}{value}"
            )
    return {name: value for name, _, value in pairs}
