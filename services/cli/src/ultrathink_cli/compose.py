"""The one module of the command line that sees the services: every other works through it.

Heavy rooms are imported where they are needed: `ultrathink token` must not wait for a model library.
"""

import os
import secrets
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc

from chassis import channels, errors, identity, local, tokens
from chassis import clock as clocks
from ultrathink_cli import ports
from ultrathink_cli.domain import addresses, layout
from ultrathink_cli.outbound import database, folders, processes, run_file, storage_client

if TYPE_CHECKING:
    from datetime import date

    from claims.outbound import replays
    from claims.outbound import workbench as benches
    from payersim.usecases import simulate as simulating
    from scoring.usecases import drift as drifting
    from storage.outbound import embedded, registry
    from training import exports

CALLER = "cli"  # how the command line signs its calls
PATIENT_KEY_BYTES = 32
# Only what a room needs of the person's environment; storage alone gets data credentials.
PASSED = ("PATH", "HOME", "LANG", "TZ", "TMPDIR", "OPENBLAS_NUM_THREADS")
# One thread per process: numpy's own would wait for work that is never large enough, and take memory.
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}
PASSED_PREFIXES = ("OTEL_", "ULTRATHINK_", "PYTHON", "GRPC_")
KEPT = "ULTRATHINK_TOKEN"  # the person's own credential; no room has a use for it
DATA_CREDENTIALS = (
    "DATABASE_URL",
    "DATABASE_URL_FILE",
    "DATABASE_OWNER_URL",
    "DATABASE_OWNER_URL_FILE",
    "OBJECT_STORE_URL",
)
STORE_PREFIXES = ("AWS_", "GOOGLE_")  # where the object stores' own libraries look for credentials


def prepare(files: layout.Layout, auth: str) -> identity.KeyFiles:
    """Make the data directory with its keys and secrets; what is there stays."""
    files.data.mkdir(parents=True, exist_ok=True)
    keys = identity.create_keys(files.keys, layout.IDENTITIES)
    for folder in (files.objects, files.logs, files.spool):
        folder.mkdir(mode=0o700, exist_ok=True)  # claims and answers are for their owner alone
    if not files.patient_key.exists():
        descriptor = os.open(files.patient_key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as secret:
            secret.write(secrets.token_hex(PATIENT_KEY_BYTES))
    if auth == "dev":
        tokens.DevelopmentIssuer(files.issuer_key, clocks.SystemClock())
    return keys


def token(files: layout.Layout, *, tenant: str, roles: tuple[str, ...], subject: str) -> str:
    """Return a token of the data directory's development issuer; NotFound when there is none."""
    if not files.issuer_key.exists():
        raise errors.NotFound(
            "issuer.not_found",
            f"no development issuer in {files.data}; start `ultrathink up` there once, or name its --data",
        )
    issuer = tokens.DevelopmentIssuer(files.issuer_key, clocks.SystemClock())
    return issuer.issue(tenant=tenant, subject=subject, roles=roles)


@contextmanager
def embedded_database(files: layout.Layout) -> Iterator["embedded.EmbeddedDatabase | None"]:
    """Yield the running embedded database, or None when DATABASE_URL names another."""
    if os.environ.get("DATABASE_URL") or os.environ.get("DATABASE_URL_FILE"):
        yield None
        return
    from storage.outbound import roles  # noqa: PLC0415 - see the module; its compose would cost a second more

    with roles.furnished(files.data) as postgres:
        yield postgres


def environments(
    files: layout.Layout, keys: identity.KeyFiles, doors: addresses.Addresses, auth: str
) -> dict[str, dict[str, str]]:
    """Return each room's environment: what all share, and what it alone may have."""
    common = {
        name: value
        for name, value in os.environ.items()
        if name != KEPT and (name in PASSED or name.startswith(PASSED_PREFIXES))
    }
    common["ULTRATHINK_SERVICE_KEYS_FILE"] = str(keys.public)
    public = str(files.issuer_key.with_suffix(".jwks.json"))
    issuer = {"ULTRATHINK_DEVELOPMENT_KEYS_FILE": public} if auth == "dev" else {}
    # Where a person names a room's target, the others reach it there: through a proxy or a mesh of theirs.
    names = {room: f"ULTRATHINK_{room.upper()}_TARGET" for room in doors.targets}
    targets = {names[room]: common.get(names[room], address) for room, address in doors.targets.items()}
    for room, address in doors.stream_targets.items():
        aside = f"ULTRATHINK_{room.upper()}_STREAMS"
        targets[aside] = common.get(aside, "" if names[room] in common else address)
    spool = {"ULTRATHINK_SPOOL_DIR": str(files.spool)}
    own = {
        "gateway": {"ULTRATHINK_HTTP_BIND": f"127.0.0.1:{doors.http}", **targets, **issuer, **spool},
        "claims": {
            "ULTRATHINK_PATIENT_KEY_FILE": str(files.patient_key),
            "ULTRATHINK_PACKS_DIR": str(folders.packs()),
            **targets,
            **issuer,
            **spool,
        },
        "scoring": {
            "ULTRATHINK_BUNDLE_DIR": str(folders.bundle()),
            "ULTRATHINK_COMPLETION_BUNDLES": folders.completion_bundles(),
            "ULTRATHINK_ANOMALY_BUNDLE_DIR": str(folders.anomaly_bundle()),
            "ULTRATHINK_ARMS_STATE_DIR": str(files.arms),
        },
        "storage": {
            name: value
            for name, value in os.environ.items()
            if name in DATA_CREDENTIALS or name.startswith(STORE_PREFIXES)
        },
    }
    own["storage"].setdefault("OBJECT_STORE_URL", files.objects.as_uri())
    for room, address in doors.targets.items():
        own[room]["ULTRATHINK_GRPC_BIND"] = address
    for room, address in doors.stream_targets.items():
        own[room]["ULTRATHINK_STREAMS_BIND"] = address
    return {
        room: {**ONE_THREAD, **common, "ULTRATHINK_SERVICE_KEY_FILE": str(keys.private[room]), **settings}
        for room, settings in own.items()
    }


def rooms_without_data(
    files: layout.Layout, settings: dict[str, dict[str, str]], *, single: bool
) -> list[ports.Child]:
    """Return the processes that can start before there is a database, in the order of their dependence."""
    rooms = () if single else ("scoring", "claims", "gateway")
    return [_process(room, room, settings[room], files) for room in rooms]


def rooms_with_data(
    files: layout.Layout,
    postgres: "embedded.EmbeddedDatabase | None",
    settings: dict[str, dict[str, str]],
    *,
    single: bool,
) -> list[ports.Child]:
    """Return the database and what cannot start without it."""
    started: list[ports.Child] = []
    if postgres is not None:
        settings["storage"] |= postgres.environment()
        started.append(database.DatabaseChild(postgres))
    if single:
        whole = settings["gateway"] | settings["scoring"] | settings["storage"] | settings["claims"]
        # One process calls nobody: a target is where it listens itself.
        for room in ("scoring", "storage"):
            whole[f"ULTRATHINK_{room.upper()}_TARGET"] = settings[room]["ULTRATHINK_GRPC_BIND"]
        return [*started, _process("platform", "ultrathink_cli.inbound.single", whole, files)]
    return [*started, _process("storage", "storage", settings["storage"], files)]


def _process(name: str, module: str, settings: dict[str, str], files: layout.Layout) -> ports.Child:
    return processes.ServiceProcess(
        name, (sys.executable, "-m", module), settings, files.logs / f"{name}.log"
    )


@asynccontextmanager
async def single() -> AsyncIterator[str]:
    """Compose every room in this process, from its environment; yields host:port of the HTTP door.

    The rooms call each other through chassis.local, so that the same doors, tables of callers and faults
    hold as between processes; claims' gRPC door is open to internal systems here too.
    """
    from chassis import server  # noqa: PLC0415 - see the module
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


def workbench(directories: Sequence[Path], tables: Sequence[Path]) -> "benches.Workbench":
    """Return the tools over the packs of these folders, or over ours, with tables of other folders."""
    from claims.outbound import workbench  # noqa: PLC0415 - see the module

    return workbench.Workbench(folders.packs(), directories, tables)


def shelf(packs_dir: Path | None, tenant: str) -> ports.Shelf:
    """Return the tables of a folder of packs, or of ours, as they judge a tenant's claims."""
    from claims.outbound import shelf  # noqa: PLC0415 - see the module

    return shelf.Shelf(packs_dir or folders.packs(), tenant)


@asynccontextmanager
async def offline(
    clock: clocks.Clock, packs_dir: Path | None, over: Sequence[Path] = ()
) -> AsyncIterator[grpc.aio.Channel]:
    """Yield a channel to a claims room that checks without a platform, scored by the bundle at hand.

    `over` are folders of tables and packs laid over the common ones.
    """
    from claims import compose as claims  # noqa: PLC0415 - see the module
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
        yield local.LocalChannel(app, caller=CALLER)


def replay_plan(
    packs_dir: Path | None, over: Sequence[Path], tenant: str, as_of: "date | None"
) -> "replays.Plan":
    """Return what stored claims are judged again by; ours where no folder of packs is named."""
    from claims.outbound import replays  # noqa: PLC0415 - see the module

    laid = tuple(str(folder.resolve()) for folder in over)
    return replays.Plan(
        directory=str((packs_dir or folders.packs()).resolve()), over=laid, tenant=tenant, as_of=as_of
    )


def replay_about(plan: "replays.Plan") -> dict[str, Any]:
    """Return what a plan judges by, after loading it once."""
    from claims.outbound import replays  # noqa: PLC0415 - see the module

    return replays.about(plan)


async def replay(
    parts: AsyncIterator[list[tuple[str, bytes, bytes]]], plan: "replays.Plan", workers: int
) -> "AsyncIterator[replays.Progress]":
    """Yield the growing report of claims judged again."""
    from claims.domain import replaying  # noqa: PLC0415 - see the module
    from claims.outbound import replays  # noqa: PLC0415

    async def recorded() -> AsyncIterator[list[replaying.Recorded]]:
        async for part in parts:
            yield [replaying.Recorded(*one) for one in part]

    async for progress in replays.replay(recorded(), plan, workers=workers):
        yield progress


@asynccontextmanager
async def storage_door(files: layout.Layout) -> AsyncIterator[grpc.aio.Channel]:
    """Yield a channel to the storage of a data directory, whether its platform runs or not."""
    running = run_file.read(files.run_file)
    if running is not None:
        signer = identity.signer(CALLER, files.keys / f"{CALLER}.pem", clocks.SystemClock())
        channel = channels.open_channel(running.targets["storage"], signer=signer)
        try:
            yield channel
        finally:
            await channel.close()
        return
    from storage import compose as storage  # noqa: PLC0415 - see the module

    async with storage.open_stopped(files.data) as app:
        yield local.LocalChannel(app, caller=CALLER)


@asynccontextmanager
async def tenants(files: layout.Layout) -> "AsyncIterator[registry.Registry]":
    """Yield the tenants of a platform, whether it runs or not, for the owner of its database."""
    from storage import compose as storage  # noqa: PLC0415 - see the module

    async with storage.tenants(files.data) as found:
        yield found


type Exported = exports.State


async def export(files: layout.Layout, tenant: str, out: Path, **how: Any) -> Exported:
    """Write a tenant's claims for data scientists, as `how` tells training.exporting.export."""
    from training import exporting  # noqa: PLC0415 - see the module

    async with storage_door(files) as channel:
        record = storage_client.Record(channel, tenant)
        return await exporting.export(record, out, tenant, **how)


@asynccontextmanager
async def scoring_door(files: layout.Layout) -> AsyncIterator[grpc.aio.Channel]:
    """Yield a channel to the scoring room of a running platform; NotFound when none runs."""
    running = run_file.read(files.run_file)
    if running is None:
        raise errors.NotFound(
            "platform.not_running", f"no platform runs on {files.data}; start `ultrathink up` there"
        )
    signer = identity.signer(CALLER, files.keys / f"{CALLER}.pem", clocks.SystemClock())
    channel = channels.open_channel(running.targets["scoring"], signer=signer)
    try:
        yield channel
    finally:
        await channel.close()


def backup(files: layout.Layout, destination: Path) -> None:
    """Write an archive of a data directory; the platform may run meanwhile."""
    from storage import compose as storage  # noqa: PLC0415 - see the module

    if run_file.read(files.run_file) is not None:
        storage.backup(files.data, destination, layout.KEPT)
        return
    with storage.embedded_database(files.data):
        storage.backup(files.data, destination, layout.KEPT)


def restore(archive: Path, files: layout.Layout) -> None:
    """Make a new data directory out of an archive."""
    from storage import compose as storage  # noqa: PLC0415 - see the module

    storage.restore(archive, files.data)


def simulate(claims: int, seed: int, out: Path, progress: Callable[[int], None]) -> "simulating.Summary":
    """Write a simulated history (payersim)."""
    from payersim.usecases import simulate as simulating  # noqa: PLC0415 - see the module

    return simulating.simulate(claims, seed, out, progress)


def train(task: str, data: Path, seed: int, out: Path, progress: Callable[[int], None]) -> dict[str, Any]:
    """Train the named task's model; return its metrics."""
    from training import ready  # noqa: PLC0415 - see the module

    return ready.find(task).train(data, seed, out, progress)


def evaluate(task: str, folder: Path, data: Path) -> dict[str, Any]:
    """Measure a bundle on labelled data."""
    from training import ready  # noqa: PLC0415 - see the module

    return ready.find(task).evaluate(folder, data)


type DriftReport = drifting.Report


def drift(data: Path, folder: Path | None) -> DriftReport:
    """Compare exported claims with what a bundle, or the one at hand, was trained on."""
    from scoring.outbound import bundles  # noqa: PLC0415 - see the module
    from scoring.usecases import drift as drifting  # noqa: PLC0415
    from ultrathink_cli.outbound import exports  # noqa: PLC0415

    found = bundles.load(folder or folders.bundle())
    aucs = [bundles.trained_auc(found, of) for of in ("", "lines")]
    trained = drifting.Trained(found.model.revision, found.reference, *aucs)
    return drifting.drift(exports.read(data), trained)
