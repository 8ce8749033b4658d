"""demo: the platform, sample claims of four formats through all of it, and a table a biller understands."""

import asyncio
import json
import signal
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import text

from chassis import errors
from formats import media
from ultrathink_cli.compose import keys
from ultrathink_cli.domain import addresses, expectations
from ultrathink_cli.inbound import console, decisions, options, up
from ultrathink_cli.outbound import gateway_client

SAMPLES = Path(__file__).parents[1] / "samples"
ROLE = "biller"


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="stop after the table; exit 0 only if all is as expected")
    ] = False,
    port: options.Port = addresses.HTTP_PORT,
    grpc_port: options.GrpcPort = addresses.GRPC_PORT,
    data: options.Data = None,
    lang: options.Lang = "en",
) -> None:
    """Start the platform, send sample claims, show findings and risk, keep running until Ctrl-C."""
    with console.faults_shown():
        fits = asyncio.run(_demo(data, port, grpc_port, once=once, lang=lang))
    raise typer.Exit(0 if fits else 1)


async def _demo(data: Path | None, port: int, grpc_port: int, *, once: bool, lang: str) -> bool:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    files = options.layout_of(data)
    console.Voice().say(f"starting the platform on {files.data}")
    async with up.running(files, port, grpc_port, single=False, auth="dev", stopping=stopping) as url:
        if not url:
            return False
        token = keys.token(files, tenant="demo", roles=(ROLE,), subject="demo")
        fits = await _show(url, token, lang)
        console.tell(f"API and its documentation: {url}/docs · a token: ultrathink token --role biller")
        if not once:
            console.tell("running until Ctrl-C")
            await stopping.wait()
    return fits


async def _show(url: str, token: str, lang: str) -> bool:
    expected = expectations.read((SAMPLES / "expected.json").read_bytes())
    decided: list[dict[str, Any]] = []
    gateway = gateway_client.GatewayClient(url, token)
    for name, body in ((name, (SAMPLES / name).read_bytes()) for name in expected.files):
        decided += await _send(gateway, name, body)
    console.out().print(decisions.claims_table(decided, lang=lang))
    deviations = expected.deviations(decided)
    for deviation in deviations:
        console.tell(text.Text(f"unexpected: {deviation}", style="bold red"))
    if not deviations:
        console.tell(f"all {len(decided)} sample claims got the expected verdict and rules")
    return not deviations


async def _send(gateway: gateway_client.GatewayClient, name: str, body: bytes) -> list[dict[str, Any]]:
    """Send one sample; return its decisions. A sample that is refused is a defect and raised."""
    media_type = media.detect(name, body[: media.DETECTED_BYTES])
    if media_type in {"application/json", "application/fhir+json"}:
        return [await gateway.submit(body, media_type, {"accept": "application/json"})]

    async def whole() -> Any:
        yield body

    answers = [
        json.loads(line) async for lines in gateway.submit_stream(whole(), media_type) for line in lines
    ]
    for answer in answers:
        if "verdict" not in answer:
            raise errors.Internal("demo.refused", f"{name}: {json.dumps(answer)}")
    return answers
