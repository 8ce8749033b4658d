"""check: scrub claims of any supported format offline."""

import asyncio
import dataclasses
import json
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import typer

from chassis import clock as clocks
from chassis import errors
from formats import media
from ultrathink_cli.compose import judging
from ultrathink_cli.domain import days, exits, sarif
from ultrathink_cli.inbound import console, decisions, options
from ultrathink_cli.outbound import claims_client

FORMATS = ("text", "json", "sarif")


def check(
    files: Annotated[list[Path], typer.Argument(help="claims: JSON, NDJSON, CSV, FHIR; - is not read")],
    form: Annotated[
        str, typer.Option("--format", help="text, json (one decision per line) or sarif")
    ] = "text",
    as_of: Annotated[str | None, typer.Option(help="judge as of this day, YYYY-MM-DD; default today")] = None,
    pack: Annotated[
        Path | None, typer.Option(help="folder of rule packs", exists=True, file_okay=False)
    ] = None,
    lang: options.Lang = "en",
    *,
    tables: Annotated[
        list[Path] | None,
        typer.Option(
            help="folder of one's own tables and packs, laid over the common ones",
            exists=True,
            file_okay=False,
        ),
    ] = None,
) -> None:
    """Scrub claims offline: exit 0 clean, 1 findings of severity error, 2 unreadable input."""
    with console.faults_shown():
        _refuse_unknown(form, lang)
        clock = days.AsOf(options.day(as_of)) if as_of else clocks.SystemClock()
        files = list(dict.fromkeys(files))
        told = asyncio.run(_check(files, clock, pack, tables or (), rules=form == "sarif"))
    checked, status = told.decisions, told.status
    if form == "sarif":
        version = metadata.version("ultrathink-cli")
        log = sarif.log(checked, lang=lang, version=version, rules=told.rules)
        typer.echo(json.dumps(log, ensure_ascii=False))
    elif form == "json":
        for decision in checked:
            typer.echo(json.dumps(decision, ensure_ascii=False))
    else:
        for file in files:
            mine = [decision for decision in checked if decision["file"] == str(file)]
            if mine:
                console.out().print(decisions.claims_table(mine, lang=lang, title=str(file)))
    raise typer.Exit(status)


def _refuse_unknown(form: str, lang: str) -> None:
    if form not in FORMATS:
        raise errors.Invalid("format.unknown", f"--format is one of {', '.join(FORMATS)}, not {form}")
    options.language(lang)


@dataclasses.dataclass(slots=True)
class _Checked:
    """All decisions with their file, the highest exit status, and the rules that fired where wanted."""

    decisions: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    status: int = exits.CLEAN
    rules: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)


async def _check(
    files: list[Path], clock: clocks.Clock, pack: Path | None, tables: Sequence[Path], *, rules: bool
) -> _Checked:
    """Check every file; refusals are shown as they come."""
    told = _Checked()
    async with judging.offline(clock, pack, tables) as channel:
        for file in files:
            try:
                found, refused = await _file(channel, file)
            except errors.Fault as fault:
                console.err().print(f"{file}:", style="bold", soft_wrap=True)
                console.show(fault)
                told.status = exits.UNREADABLE
                continue
            told.decisions += found
            told.status = max(told.status, exits.UNREADABLE if refused else exits.of_decisions(found))
        if rules:
            fired = {finding["rule"] for decision in told.decisions for finding in decision["findings"]}
            told.rules = await claims_client.rules(channel, sorted(fired))
    return told


async def _file(channel: Any, file: Path) -> tuple[list[dict[str, Any]], bool]:
    try:
        with file.open("rb") as opened:
            media_type = media.detect(file.name, opened.read(media.DETECTED_BYTES))
    except OSError as cause:
        raise errors.NotFound("file.unreadable", f"cannot open {file}: {cause.strerror}") from cause
    found, refused = [], False
    async for result in claims_client.check(channel, file, media_type):
        if "error" in result:
            refused = True
            console.err().print(f"{file}, claim {result['position']}:", style="bold", soft_wrap=True)
            _show(result["error"])
        else:
            found.append({"file": str(file), **result})
    if not found and not refused:
        raise errors.Invalid("file.empty", f"{file} holds no claim")
    return found, refused


def _show(error: dict[str, Any]) -> None:
    violations = tuple(errors.Violation(**violation) for violation in error["violations"])
    console.show(errors.Invalid(error["reason"], error["message"], violations=violations))
