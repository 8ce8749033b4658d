"""replay: what other rules, or the rules of another day, would have said about the claims that are stored."""

import asyncio
import dataclasses
import json
import os
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from ultrathink_cli.compose import doors, judging
from ultrathink_cli.domain import layout
from ultrathink_cli.inbound import console, options, rule_texts
from ultrathink_cli.outbound import storage_client

EXIT_INTERRUPTED = 130
WORKERS = os.cpu_count() or 1
NOTHING: dict[str, Any] = {
    "claims": 0, "unreadable": 0, "refused": [], "changed": 0, "verdicts": [], "rules": [], "examples": [],
}  # fmt: skip  # the report of a tenant without claims


@dataclasses.dataclass(slots=True)
class _Walk:
    """Which claims are read, and how far it got."""

    tenant: str
    after: str
    received_from: str
    received_to: str
    workers: int
    interrupted: bool = False
    claims: int = 0
    last: str = ""
    report: Any = None  # what the comparison has summed up so far


def replay(
    as_of: Annotated[
        str | None,
        typer.Option(help="judge as of this day; default: the day each claim was decided"),
    ] = None,
    *,
    pack: Annotated[
        Path | None, typer.Option(help="folder of rule packs; default: ours", exists=True, file_okay=False)
    ] = None,
    tables: Annotated[
        list[Path] | None,
        typer.Option(help="folder of tables and packs laid over them", exists=True, file_okay=False),
    ] = None,
    tenant: Annotated[str, typer.Option(help="whose claims")] = "demo",
    received_from: Annotated[str, typer.Option("--from", help="received on or after this day")] = "",
    received_to: Annotated[str, typer.Option("--to", help="received on or before this day")] = "",
    after: Annotated[str, typer.Option(help="go on behind this claim id, as a partial report names it")] = "",
    workers: Annotated[int, typer.Option(help="processes beside each other", min=1, max=64)] = os.cpu_count()
    or 1,
    data: options.Data = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> None:
    """Judge stored claims again and report what would have changed, in findings, verdicts and money.

    Nothing is written but the audit entries that the claims were read. Ctrl-C ends with a partial report.
    """
    with console.faults_shown():
        day = options.day(as_of) if as_of else None
        walk = _Walk(tenant, after, received_from, received_to, workers)
        plan = judging.replay_plan(pack, tables or [], tenant, day)
        told = judging.replay_about(plan)
        begun = time.monotonic()
        asyncio.run(_replayed(options.layout_of(data), walk, plan))
    told |= {
        "interrupted": walk.interrupted,
        "last": walk.last,
        "seconds": round(time.monotonic() - begun, 3),
    }
    told |= walk.report.document() if walk.report is not None else NOTHING
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False))
    else:
        for line in rule_texts.replayed(told):
            console.tell(line)
    raise typer.Exit(EXIT_INTERRUPTED if walk.interrupted else 0)


async def _replayed(files: layout.Layout, walk: _Walk, plan: Any) -> None:
    """Follow the walk to its end, or to Ctrl-C: what is done until then is in `walk`."""
    begun = time.monotonic()
    with console.err().status("claims") as shown:
        try:
            async with doors.storage(files) as channel:
                parts = storage_client.read_claims(
                    channel, walk.tenant, after=walk.after, received_from=walk.received_from,
                    received_to=walk.received_to,
                )  # fmt: skip
                async for progress in judging.replay(parts, plan, walk.workers):
                    walk.claims, walk.last = progress.claims, progress.last
                    walk.report = progress.report
                    rate = walk.claims / max(time.monotonic() - begun, 0.001)
                    shown.update(f"{walk.claims:,} claims, {rate:,.0f} a second")
        except asyncio.CancelledError:
            walk.interrupted = True
