"""arms: which models answer on a running platform, how a shadow compares, promotion and roll back."""

import asyncio
import json
from collections.abc import Sequence
from typing import Annotated

import typer
from google.protobuf import json_format
from rich import box
from rich import table as rich_table

from ultrathink_cli.compose import doors
from ultrathink_cli.inbound import console, options
from ultrathink_cli.outbound import scoring_client

app = typer.Typer(
    name="arms", help="Scoring models in service: list, compare, promote, roll back.", no_args_is_help=True
)

SHORT = 12  # characters of a revision that tell it from others
QUANTILES = ("1 %", "25 %", "50 %", "75 %", "99 %")
SHOWN = (0, 2, 3, 4, 6)  # places of those among the quantiles that scoring tells

AsJson = Annotated[bool, typer.Option("--json", help="one JSON document instead of text")]


@app.command("list")
def listed(*, data: options.Data = None, as_json: AsJson = False) -> None:
    """List the arms: model, state, share, and how many claims each scored or failed to."""
    with console.faults_shown():
        found = asyncio.run(_listed(data))
    _show(found, as_json=as_json)


@app.command()
def compare(*, data: options.Data = None, as_json: AsJson = False) -> None:
    """Compare the shadow with what was answered: differences, ranks, share that would change side."""
    with console.faults_shown():
        found = asyncio.run(_compared(data))
    if as_json:
        typer.echo(json.dumps(json_format.MessageToDict(found, preserving_proto_field_name=True)))
        return
    names = f"{found.shadow.revision[:SHORT]} (shadow) minus {found.stable.revision[:SHORT]} (stable)"
    console.tell(f"{names}: {found.seen:,} claims seen by both, figures of the latest {found.all.pairs:,}")
    shown = rich_table.Table(
        "of", "claims", "mean", "mean size", *QUANTILES, "rank corr.", "change side", box=box.SIMPLE_HEAD
    )
    for kind, groups in (("", [found.all]), ("payer ", found.payers), ("type ", found.types)):
        for one in groups:
            shown.add_row(f"{kind}{one.name}" if one.name else "all", *_cells(one))
    console.out().print(shown)


@app.command()
def promote(
    arm: Annotated[str, typer.Argument(help="canary or shadow")],
    revision: Annotated[str, typer.Option(help="its revision, so that no other is promoted")] = "",
    data: options.Data = None,
) -> None:
    """Make the model of an arm the one that answers; `arms roll-back` returns to the one before."""
    with console.faults_shown():
        found, durable = asyncio.run(_promoted(data, arm, revision))
    _decided(found, durable=durable)


@app.command("roll-back")
def roll_back(data: options.Data = None) -> None:
    """Return to the stable model of before, and give a canary no claims."""
    with console.faults_shown():
        found, durable = asyncio.run(_rolled_back(data))
    _decided(found, durable=durable)


def _decided(found: Sequence[scoring_client.Arm], *, durable: bool) -> None:
    if not durable:
        console.err().print("Lasts until scoring restarts: ULTRATHINK_ARMS_STATE_DIR names no folder.")
    _show(found, as_json=False)


def _show(found: Sequence[scoring_client.Arm], *, as_json: bool) -> None:
    if as_json:
        told = [json_format.MessageToDict(arm, preserving_proto_field_name=True) for arm in found]
        typer.echo(json.dumps(told))
        return
    shown = rich_table.Table(
        "arm", "state", "model", "share", "scored", "failed", "dropped", box=box.SIMPLE_HEAD
    )
    for arm in found:
        state = scoring_client.STATES.get(arm.state, "unknown")
        shown.add_row(
            arm.arm,
            f"{state}: {arm.reason}" if arm.reason else state,
            f"{arm.model.name} {arm.model.revision[:SHORT]}".strip() or "none",
            f"{arm.share_percent:g} %",
            *(f"{count:,}" for count in (arm.scored, arm.failed, arm.dropped)),
        )
    console.out().print(shown)


def _cells(one: scoring_client.Figures) -> list[str]:
    quantiles = [f"{one.quantiles[place]:+.3f}" if one.quantiles else "–" for place in SHOWN]
    ranks = f"{one.rank_correlation:.3f}" if one.HasField("rank_correlation") else "–"
    means = [f"{one.mean_difference:+.4f}", f"{one.mean_absolute_difference:.4f}"]
    return [f"{one.pairs:,}", *means, *quantiles, ranks, f"{one.changed_side:.1%}"]


async def _listed(data: options.Data) -> list[scoring_client.Arm]:
    async with doors.scoring(options.layout_of(data)) as channel:
        return await scoring_client.arms(channel)


async def _compared(data: options.Data) -> scoring_client.Comparison:
    async with doors.scoring(options.layout_of(data)) as channel:
        return await scoring_client.compare(channel)


async def _promoted(data: options.Data, arm: str, revision: str) -> tuple[list[scoring_client.Arm], bool]:
    async with doors.scoring(options.layout_of(data)) as channel:
        return await scoring_client.promote(channel, arm, revision)


async def _rolled_back(data: options.Data) -> tuple[list[scoring_client.Arm], bool]:
    async with doors.scoring(options.layout_of(data)) as channel:
        return await scoring_client.roll_back(channel)
