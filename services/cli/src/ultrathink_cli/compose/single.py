"""The platform in one process."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from chassis import local


@asynccontextmanager
async def platform() -> AsyncIterator[str]:
    """Compose every room in this process, from its environment; yields host:port of the HTTP door.

    The rooms call each other through chassis.local, so that the same doors, tables of callers and faults
    hold as between processes; claims' gRPC door is open to internal systems here too.
    """
    from chassis import server  # noqa: PLC0415 - see the package
    from claims import compose as claims  # noqa: PLC0415
    from claims import settings as claims_settings  # noqa: PLC0415
    from gateway import compose as gateway  # noqa: PLC0415
    from gateway import settings as gateway_settings  # noqa: PLC0415
    from scoring import compose as scoring  # noqa: PLC0415
    from scoring import settings as scoring_settings  # noqa: PLC0415
    from storage import compose as storage  # noqa: PLC0415
    from storage import settings as storage_settings  # noqa: PLC0415

    deciding = claims_settings.ClaimsSettings()
    facing = gateway_settings.Settings()
    async with AsyncExitStack() as stack:
        keeping = storage_settings.Settings(grpc_bind=deciding.storage_target)
        keeper = await stack.enter_async_context(storage.compose(keeping))
        await stack.enter_async_context(server.serving(keeper, keeping))  # for verify-audit and export
        judging = scoring_settings.ScoringSettings(grpc_bind=deciding.scoring_target)
        scorer = await stack.enter_async_context(scoring.compose(judging))
        await stack.enter_async_context(server.serving(scorer, judging))  # for arms
        claimed = await stack.enter_async_context(
            claims.compose(
                deciding,
                scoring_channel=local.LocalChannel(scorer, caller="claims"),
                storage_channel=local.LocalChannel(keeper, caller="claims"),
            )
        )
        await stack.enter_async_context(server.serving(claimed, deciding))
        door = local.LocalChannel(claimed, caller="gateway")
        app = await stack.enter_async_context(
            gateway.compose(facing, claims_channel=door, claims_ready=claimed.ready)
        )
        port = await stack.enter_async_context(gateway.serve(app, facing))
        yield f"127.0.0.1:{port}"
