"""Claims judged without a platform: the tools over packs and tables, checks, replays."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc

from chassis import clock as clocks
from chassis import local
from ultrathink_cli import ports
from ultrathink_cli.compose import doors
from ultrathink_cli.outbound import folders

if TYPE_CHECKING:
    from datetime import date

    from claims.outbound import replays
    from claims.outbound import workbench as benches


def workbench(directories: Sequence[Path], tables: Sequence[Path]) -> "benches.Workbench":
    """Return the tools over the packs of these folders, or over ours, with tables of other folders."""
    from claims.outbound import workbench  # noqa: PLC0415 - see the package

    return workbench.Workbench(folders.packs(), directories, tables)


def shelf(packs_dir: Path | None, tenant: str) -> ports.Shelf:
    """Return the tables of a folder of packs, or of ours, as they judge a tenant's claims."""
    from claims.outbound import shelf  # noqa: PLC0415 - see the package

    return shelf.Shelf(packs_dir or folders.packs(), tenant)


@asynccontextmanager
async def offline(
    clock: clocks.Clock, packs_dir: Path | None, over: Sequence[Path] = ()
) -> AsyncIterator[grpc.aio.Channel]:
    """Yield a channel to a claims room that checks without a platform, scored by the bundle at hand.

    `over` are folders of tables and packs laid over the common ones.
    """
    from claims import compose as claims  # noqa: PLC0415 - see the package
    from scoring import compose as scoring  # noqa: PLC0415
    from scoring import settings as scoring_settings  # noqa: PLC0415

    bounds = scoring_settings.ScoringSettings(
        bundle_dir=folders.bundle(),
        anomaly_bundle_dir=folders.anomaly_bundle(),
        completion_bundles=(),  # a check suggests nothing
    )
    async with (
        scoring.compose(bounds) as scorer,
        claims.offline(
            packs_dir or folders.packs(),
            over=over,
            clock=clock,
            scoring_channel=local.LocalChannel(scorer, caller="claims"),
        ) as app,
    ):
        yield local.LocalChannel(app, caller=doors.CALLER)


def replay_plan(
    packs_dir: Path | None, over: Sequence[Path], tenant: str, as_of: "date | None"
) -> "replays.Plan":
    """Return what stored claims are judged again by; ours where no folder of packs is named."""
    from claims.outbound import replays  # noqa: PLC0415 - see the package

    laid = tuple(str(folder.resolve()) for folder in over)
    return replays.Plan(
        directory=str((packs_dir or folders.packs()).resolve()), over=laid, tenant=tenant, as_of=as_of
    )


def replay_about(plan: "replays.Plan") -> dict[str, Any]:
    """Return what a plan judges by, after loading it once."""
    from claims.outbound import replays  # noqa: PLC0415 - see the package

    return replays.about(plan)


async def replay(
    parts: AsyncIterator[list[tuple[str, bytes, bytes]]], plan: "replays.Plan", workers: int
) -> "AsyncIterator[replays.Progress]":
    """Yield the growing report of claims judged again."""
    from claims.domain import replaying  # noqa: PLC0415 - see the package
    from claims.outbound import replays  # noqa: PLC0415

    async def recorded() -> AsyncIterator[list[replaying.Recorded]]:
        async for part in parts:
            yield [replaying.Recorded(*one) for one in part]

    async for progress in replays.replay(recorded(), plan, workers=workers):
        yield progress
