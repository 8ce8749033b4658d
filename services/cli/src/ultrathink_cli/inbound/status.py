"""status: what runs, since when, how busy."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import typer
from rich import box, table

from chassis import errors
from ultrathink_cli.inbound import console, options
from ultrathink_cli.outbound import gateway_client, run_file


def status(data: options.Data = None) -> None:
    """Say what runs on the data directory, since when, and in what state each room is."""
    with console.faults_shown():
        running = options.running(data)
        if running is None:
            console.out.print(
                f"nothing runs on {options.layout_of(data).data}; start it with `ultrathink up`"
            )
            raise typer.Exit(1)
        health = asyncio.run(_health(running))
    since = datetime.fromisoformat(running.started_at)
    age = str(datetime.now(UTC) - since).split(".", maxsplit=1)[0]
    console.out.print(f"{running.mode}, pid {running.pid}, up {age}, auth {running.auth}")
    view = table.Table("room", "address", "state", box=box.SIMPLE_HEAD)
    states: dict[str, Any] = health.get("rooms", {})
    view.add_row("gateway", running.http, str(health.get("status", "")))
    for room, address in running.targets.items():
        view.add_row(room, address, str(states.get(room, "")))
    console.out.print(view)


async def _health(running: run_file.Running) -> dict[str, Any]:
    async with gateway_client.GatewayClient(running.http, "") as gateway:
        try:
            return await gateway.health()
        except errors.Fault as fault:
            return {"status": f"{fault.reason}"}
