"""submit: send files to a running platform."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from chassis import errors
from formats import media
from ultrathink_cli.inbound import console, options
from ultrathink_cli.outbound import gateway_client
from ultrathink_cli.usecases import submit as submitting

LOCAL_ROLE = "biller"


def submit(
    files: Annotated[
        list[Path], typer.Argument(help="claims: NDJSON, CSV, JSON or FHIR", exists=True, dir_okay=False)
    ],
    url: options.Url = None,
    token: options.Token = None,
    data: options.Data = None,
    tenant: Annotated[str, typer.Option(help="tenant of the token made for a local platform")] = "demo",
) -> None:
    """Send files of claims; keep every receipt beside its file; go on where an earlier run stopped."""
    with console.faults_shown():
        gateway, bearer = door(url, token, data, tenant)
        refused = sum(_send(file, gateway, bearer) for file in files)
    raise typer.Exit(1 if refused else 0)


def door(url: str | None, token: str | None, data: Path | None, tenant: str) -> tuple[str, str]:
    """Return address and bearer token of the platform that is meant; Unavailable, Denied."""
    here = options.running(data)
    address = url or (here.http if here else "")
    if not address:
        raise errors.Unavailable(
            "platform.not_running",
            "no platform runs on this data directory; start one (ultrathink up) or name --url",
        )
    if token is None and here is not None and here.auth == "dev" and address == here.http:
        from ultrathink_cli.compose import keys  # noqa: PLC0415 - a tenth of a second, to sign a token

        token = keys.token(options.layout_of(data), tenant=tenant, roles=(LOCAL_ROLE,), subject="cli")
    if token is None:
        raise errors.Denied("token.missing", "name a bearer token with --token or in ULTRATHINK_TOKEN")
    return address, token


def _send(file: Path, url: str, token: str) -> int:
    with file.open("rb") as opened:
        media_type = media.detect(file.name, opened.read(media.DETECTED_BYTES))
    with console.bar("bytes") as bar:
        task = bar.add_task(file.name, total=file.stat().st_size)
        tally = asyncio.run(
            _stream(file, media_type, url, token, lambda done: bar.update(task, completed=done))
        )
    known = f", {tally.resumed} of them from an earlier run" if tally.resumed else ""
    console.tell(
        f"{file}: {tally.total} claims{known}: {tally.accepted} accept, {tally.review} review, "
        f"{tally.rejected} reject, {tally.refused} refused; receipts in {submitting.receipts_path(file)}"
    )
    return tally.refused


async def _stream(
    file: Path, media_type: str, url: str, token: str, sent: Callable[[int], None]
) -> submitting.Tally:
    return await submitting.submit(gateway_client.GatewayClient(url, token), file, media_type, sent)
