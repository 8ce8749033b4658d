"""status: what runs, since when, how busy."""

import asyncio
from datetime import UTC, datetime

import typer
from rich import box, table

from ultrathink_cli.inbound import console, options
from ultrathink_cli.outbound import gateway_client, health_client, run_file


def status(data: options.Data = None) -> None:
    """Say what runs on the data directory, since when, and in what state each room is."""
    with console.faults_shown():
        running = options.running(data)
        if running is None:
            console.tell(f"nothing runs on {options.layout_of(data).data}; start it with `ultrathink up`")
            raise typer.Exit(1)
        states = asyncio.run(_states(running))
    since = datetime.fromisoformat(running.started_at)
    age = str(datetime.now(UTC) - since).split(".", maxsplit=1)[0]
    console.tell(f"{running.mode}, pid {running.pid}, up {age}, auth {running.auth}")
    view = table.Table("room", "address", "state", box=box.SIMPLE_HEAD)
    for room, (address, state) in states.items():
        view.add_row(room, address, state)
    console.out().print(view)


async def _states(running: run_file.Running) -> dict[str, tuple[str, str]]:
    """Return address and state of each room, asked of the room itself."""
    ready = await gateway_client.GatewayClient(running.http, "").ready()
    states = {"gateway": (running.http, "ready" if ready else "not ready")}
    for room, address in running.targets.items():
        states[room] = (address, await health_client.state(address))
    return states
