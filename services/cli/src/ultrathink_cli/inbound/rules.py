"""rules: list, lint, test, explain, coverage, diff; the tools of somebody who writes rules."""

import datetime as dt
import json
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import text

from chassis import errors
from ultrathink_cli import compose
from ultrathink_cli.domain import remarks
from ultrathink_cli.inbound import console, options

EXIT_WRONG = 1
FORMATS = ("text", "json", "sarif")

Folders = Annotated[
    list[Path] | None,
    typer.Argument(help="folders of packs, or packs; default: ours", exists=True, file_okay=False),
]
Tables = Annotated[
    list[Path] | None,
    typer.Option("--tables", help="folder with more tables (its code-sets)", exists=True, file_okay=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON instead of text")]

app = typer.Typer(
    name="rules", help="Write rules and live with them; docs/guides/writing-rules.md leads through.",
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
)  # fmt: skip


@app.command("list")
def list_rules(
    folders: Folders = None,
    regime: Annotated[str, typer.Option(help="only of this regime: nphies, x12-us, base")] = "",
    tables: Tables = None,
    lang: options.Lang = "en",
    as_json: AsJson = False,
) -> None:
    """List every rule with its severity, scope and title."""
    with console.faults_shown():
        found = compose.workbench(folders or [], tables or []).rules(regime)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    words = options.language(lang)
    for rule in found:
        regimes = ",".join(rule["regimes"])
        kind = f"{rule['severity']:<8}{rule['scope']:<12}{regimes:<20}"
        console.tell(f"{rule['id']:<16}{kind}{rule['title'][words]}")
    console.tell(f"{len(found)} rules")


@app.command()
def lint(
    folders: Folders = None,
    tables: Tables = None,
    form: Annotated[str, typer.Option("--format", help="text, json or sarif")] = "text",
    today: Annotated[str | None, typer.Option(help="the day expiry is judged by; default today")] = None,
) -> None:
    """Tell everything wrong or doubtful in packs, with its place: exit 0 when all of them load, else 1."""
    with console.faults_shown():
        if form not in FORMATS:
            raise errors.Invalid("format.unknown", f"--format is one of {', '.join(FORMATS)}, not {form}")
        day = options.day(today, option="--today") if today else dt.datetime.now(dt.UTC).date()
        found = compose.workbench(folders or [], tables or []).lint(day)
    wrong = sum(remark["level"] == "error" for remark in found)
    if form == "json":
        typer.echo(json.dumps(found, ensure_ascii=False))
    elif form == "sarif":
        typer.echo(json.dumps(remarks.sarif(found, version=metadata.version("ultrathink-cli"))))
    else:
        for remark in found:
            console.tell(_shown(remark))
        console.tell(f"{wrong} errors, {len(found) - wrong} pieces of advice")
    raise typer.Exit(EXIT_WRONG if wrong else 0)


def _shown(remark: dict[str, Any]) -> text.Text:
    style = {"error": "bold red", "advice": "yellow"}[remark["level"]]
    told = text.Text.assemble(
        (remarks.place(remark), "bold"), " ", (remark["level"], style), f" {remark['message']}"
    )
    told.append(f" {remark['remedy']}", style="green").append(f" [{remark['code']}]", style="dim")
    for line in remarks.caret(remark):
        told.append(f"\n    {line}")
    return told


@app.command("test")
def run_examples(folders: Folders = None, tables: Tables = None, as_json: AsJson = False) -> None:
    """Run every rule's examples: exit 0 when each does what it is there for, else 1."""
    with console.faults_shown():
        bench = compose.workbench(folders or [], tables or [])
        with console.bar("rules") as bar:
            task = bar.add_task("examples", total=1)
            told = bench.trial(lambda done, total: bar.update(task, completed=done, total=total))
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False))
    else:
        for mistake in told["mistakes"]:
            place = f"{mistake['rule']} {mistake['example']}"
            console.tell(text.Text.assemble((place, "bold red"), f": {mistake['problem']}"))
        counted = f"{told['examples']:,} examples of {told['rules']:,} rules"
        console.tell(f"{counted}, {len(told['mistakes'])} not as they say")
    raise typer.Exit(EXIT_WRONG if told["mistakes"] else 0)
