"""verify-audit and export: the auditor's and the data scientist's look into the record."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

import typer
from rich import text

from chassis import errors
from ultrathink_cli.compose import archives, doors
from ultrathink_cli.domain import layout
from ultrathink_cli.inbound import console, options
from ultrathink_cli.outbound import storage_client

EXIT_BROKEN = 1


def verify_audit(
    tenant: Annotated[str, typer.Option(help="one tenant; default all")] = "",
    data: options.Data = None,
) -> None:
    """Walk every audit chain: exit 0 with Merkle root and heads, 1 with the first broken entry."""
    with console.faults_shown():
        whole = asyncio.run(_verify(options.layout_of(data), tenant))
    raise typer.Exit(0 if whole else EXIT_BROKEN)


async def _verify(files: layout.Layout, tenant: str) -> bool:
    async with doors.storage(files) as channel:
        with console.bar("entries") as bar:
            last = await _followed(storage_client.verify(channel, tenant), bar)
    return _told(last)


def _told(last: storage_client.Progress) -> bool:
    """Show where the chain is broken, or heads and root; return whether it is whole."""
    if last.HasField("broken"):
        broken = last.broken
        place = f"{broken.tenant} {broken.chain} entry {broken.sequence}: {broken.reason}"
        console.tell(text.Text.assemble(("broken ", "bold red"), place))
        return False
    for head in last.heads:
        typer.echo(f"{head.tenant}  {head.chain}  {head.entries} entries  head {head.head.hex()}")
    typer.echo(f"verified {last.checked:,} entries, Merkle root {last.merkle_root.hex()}")
    return True


async def _followed(
    walk: AsyncIterator[storage_client.Progress], bar: console.Bar
) -> storage_client.Progress:
    task = bar.add_task("verifying", total=1)
    last: storage_client.Progress | None = None
    async for told in walk:
        bar.update(task, completed=told.checked, total=told.total or 1)
        last = told
    if last is None or not last.done:
        raise errors.Unavailable("audit.incomplete", "storage ended the walk before its end; try again")
    return last


def export(
    out: Annotated[Path, typer.Option(help="folder to write into", file_okay=False)],
    form: Annotated[str, typer.Option("--format", help="parquet")] = "parquet",
    tenant: Annotated[str, typer.Option(help="whose claims")] = "demo",
    real: Annotated[
        bool,
        typer.Option("--real", help="the payers are real: models of it do not call themselves simulated"),
    ] = False,
    data: options.Data = None,
) -> None:
    """Write lines with scores, outcomes and served features for data scientists; no patient's data."""
    with console.faults_shown(), console.err().status("exporting") as shown:
        if form != "parquet":
            raise errors.Invalid("format.unknown", f"--format is parquet, not {form}")
        state = asyncio.run(
            archives.export(
                options.layout_of(data),
                tenant,
                out,
                simulated=not real,
                told=lambda claims: shown.update(f"exporting: {claims:,} claims"),
            )
        )
    _told_export(state, out)
    raise typer.Exit(EXIT_BROKEN if state.disagree else 0)


def _told_export(state: archives.Exported, out: Path) -> None:
    console.tell(f"{state.claims:,} claims, {state.lines:,} lines → {out} ({len(state.files)} files)")
    console.tell(
        f"features as they were scored: {state.agree:,} claims; not scored, or before prints were kept: "
        f"{state.unchecked:,}"
    )
    if state.disagree:
        console.tell(
            f"{state.disagree:,} claims have other features than were scored: `features_agree` is false, and "
            "training leaves them out"
        )


def backup(
    file: Annotated[Path, typer.Argument(help="archive to write", dir_okay=False)],
    data: options.Data = None,
) -> None:
    """Write database and objects of a data directory into one archive; the platform may run."""
    with console.faults_shown():
        archives.backup(options.layout_of(data), file)
    console.tell(f"backup in {file}")


def restore(
    file: Annotated[Path, typer.Argument(help="archive to read", exists=True, dir_okay=False)],
    data: options.Data = None,
) -> None:
    """Make a new data directory out of an archive, then verify its audit chains."""
    with console.faults_shown():
        files = options.layout_of(data)
        archives.restore(file, files)
        whole = asyncio.run(_verify(files, ""))
    raise typer.Exit(0 if whole else EXIT_BROKEN)
