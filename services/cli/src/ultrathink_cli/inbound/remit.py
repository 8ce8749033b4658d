"""remit: send payers' answers to a running platform."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from ultrathink_cli.inbound import console, options
from ultrathink_cli.inbound import submit as submitting
from ultrathink_cli.outbound import gateway_client
from ultrathink_cli.usecases import remit as remitting
from ultrathink_cli.usecases import submit as receipts


def remit(
    files: Annotated[
        list[Path],
        typer.Argument(help="payers' answers, one JSON object per line", exists=True, dir_okay=False),
    ],
    url: options.Url = None,
    token: options.Token = None,
    data: options.Data = None,
    tenant: Annotated[str, typer.Option(help="tenant of the token made for a local platform")] = "demo",
) -> None:
    """Join payers' answers to recorded claims; exit 1 when some found none. Sending again is safe."""
    with console.faults_shown():
        gateway, bearer = submitting.door(url, token, data, tenant)
        refused = sum(_send(file, gateway, bearer) for file in files)
    raise typer.Exit(1 if refused else 0)


def _send(file: Path, url: str, token: str) -> int:
    with console.bar("bytes") as bar:
        task = bar.add_task(file.name, total=file.stat().st_size)
        tally = asyncio.run(_stream(file, url, token, lambda done: bar.update(task, completed=done)))
    outcomes = ", ".join(f"{tally.outcomes[name]} {name}" for name in ("approved", "partial", "rejected"))
    known = f", {tally.known} of them known before" if tally.known else ""
    console.tell(
        f"{file}: {tally.joined} answers joined to {tally.lines} lines{known}: {outcomes}; "
        f"{tally.refused.total()} refused; receipts in {receipts.receipts_path(file)}"
    )
    for reason, count in tally.refused.most_common():
        console.tell(f"  {count} {reason}")
    return tally.refused.total()


async def _stream(file: Path, url: str, token: str, sent: Callable[[int], None]) -> remitting.Tally:
    return await remitting.remit(gateway_client.GatewayClient(url, token), file, sent)
