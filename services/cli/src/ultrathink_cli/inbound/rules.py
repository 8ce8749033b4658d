"""rules: list, lint, test, explain, coverage, diff; the tools of somebody who writes rules."""

import asyncio
import contextlib
import datetime as dt
import json
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import text

from chassis import errors
from ultrathink_cli.compose import doors, judging
from ultrathink_cli.domain import exits, layout, remarks, words
from ultrathink_cli.inbound import console, options, rule_texts
from ultrathink_cli.outbound import storage_client

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
Packs = Annotated[
    list[Path] | None,
    typer.Option("--pack", help="folder of packs, or a pack; default: ours", exists=True, file_okay=False),
]
AsOf = Annotated[str | None, typer.Option("--as-of", help="judge as of this day, YYYY-MM-DD; default today")]
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
        found = judging.workbench(folders or [], tables or []).rules(regime)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    language = options.language(lang)
    for rule in found:
        regimes = ",".join(rule["regimes"])
        kind = f"{rule['severity']:<8}{rule['scope']:<12}{regimes:<20}"
        console.tell(f"{rule['id']:<16}{kind}{rule['title'][language]}")
    console.tell(words.counted(len(found), "rule"))


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
        found = judging.workbench(folders or [], tables or []).lint(day)
    wrong = sum(remark["level"] == "error" for remark in found)
    if form == "json":
        typer.echo(json.dumps(found, ensure_ascii=False))
    elif form == "sarif":
        typer.echo(json.dumps(remarks.sarif(found, version=metadata.version("ultrathink-cli"))))
    else:
        for remark in found:
            console.tell(_shown(remark))
        advice = words.counted(len(found) - wrong, "piece of advice", "pieces of advice")
        console.tell(f"{words.counted(wrong, 'error')}, {advice}")
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
        bench = judging.workbench(folders or [], tables or [])
        with console.bar("rules") as bar:
            task = bar.add_task("examples", total=1)
            told = bench.trial(lambda done, total: bar.update(task, completed=done, total=total))
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False))
    else:
        for mistake in told["mistakes"]:
            place = f"{mistake['rule']} {mistake['example']}"
            console.tell(text.Text.assemble((place, "bold red"), f": {mistake['problem']}"))
        counted = f"{words.counted(told['examples'], 'example')} of {words.counted(told['rules'], 'rule')}"
        console.tell(f"{counted}, {len(told['mistakes'])} not as they say")
    raise typer.Exit(EXIT_WRONG if told["mistakes"] else 0)


@app.command()
def explain(
    rule: Annotated[str, typer.Argument(help="id of the rule")],
    *,
    claim: Annotated[
        list[Path] | None, typer.Option(help="file of claims to try it on", exists=True, dir_okay=False)
    ] = None,
    pack: Packs = None,
    tables: Tables = None,
    as_of: AsOf = None,
    lang: options.Lang = "en",
    as_json: AsJson = False,
) -> None:
    """Show a rule with all it reads and, on claims, which of its parts were true, false or unknown."""
    with console.faults_shown():
        language = options.language(lang)
        day = options.day(as_of) if as_of else None
        told = judging.workbench(pack or [], tables or []).explain(rule, claim or [], as_of=day, now=_now())
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False, default=str))
        return
    for line in rule_texts.portrait(told, language):
        console.tell(line)


@app.command()
def coverage(
    files: Annotated[
        list[Path] | None, typer.Argument(help="files of claims", exists=True, dir_okay=False)
    ] = None,
    *,
    stored: Annotated[bool, typer.Option("--stored", help="the claims a platform has stored")] = False,
    tenant: Annotated[str, typer.Option(help="whose stored claims")] = "demo",
    data: options.Data = None,
    pack: Packs = None,
    tables: Tables = None,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Count over a corpus which rules fired, were satisfied, stayed undecided, or had nothing to judge.

    Exit 2 when some claims could not be read.
    """
    with console.faults_shown():
        if stored == bool(files):
            raise errors.Invalid(
                "corpus.missing", "name files of claims, or --stored for those of a platform"
            )
        day = options.day(as_of) if as_of else None
        bench = judging.workbench(pack or [], tables or [])
        with _counting("claims") as progress:
            if files:
                told = bench.coverage(files, as_of=day, now=_now(), progress=progress)
            else:
                counted = bench.covering(day)
                asyncio.run(_covered(options.layout_of(data), tenant, counted, progress))
                told = counted.document()
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False))
    else:
        for line in rule_texts.coverage(told):
            console.tell(line)
    raise typer.Exit(exits.UNREADABLE if told["unreadable"] else exits.CLEAN)


async def _covered(
    place: layout.Layout, tenant: str, counted: Any, progress: Callable[[int, int], None]
) -> None:
    """Count every stored claim of a tenant; storage records that they were read."""
    async with doors.storage(place) as channel:
        parts = storage_client.read_claims(channel, tenant, after="", received_from="", received_to="")
        async for part in parts:
            for _, claim, decision in part:
                counted.add_stored(claim, decision)
            progress(counted.claims, 0)


@app.command()
def diff(
    before: Annotated[
        Path, typer.Argument(help="folder of packs as they were", exists=True, file_okay=False)
    ],
    after: Annotated[Path, typer.Argument(help="folder of packs as they are", exists=True, file_okay=False)],
    *,
    on: Annotated[
        list[Path] | None,
        typer.Option(help="file of claims to judge by both", exists=True, dir_okay=False),
    ] = None,
    tables: Tables = None,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Show what changed between two folders of packs, by meaning; exit 0 when nothing did, else 1.

    With --on also what the change makes of claims: findings, verdicts, money; exit 2 when some could not be
    read.
    """
    with console.faults_shown():
        day = options.day(as_of) if as_of else None
        old, new = (judging.workbench([folder], tables or []) for folder in (before, after))
        told = old.diff(new)
        if on:
            with _counting("claims") as progress:
                told["claims"] = old.compared(new, on, as_of=day, now=_now(), progress=progress)
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False, default=str))
    else:
        for line in rule_texts.difference(told):
            console.tell(line)
    if told.get("claims", {}).get("unreadable"):
        raise typer.Exit(exits.UNREADABLE)
    raise typer.Exit(EXIT_WRONG if told["differ"] else 0)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


@contextlib.contextmanager
def _counting(unit: str) -> Iterator[Callable[[int, int], None]]:
    """Yield a progress function whose total is not known beforehand."""
    with console.err().status(unit) as shown:
        yield lambda done, _: shown.update(f"{done:,} {unit}")
