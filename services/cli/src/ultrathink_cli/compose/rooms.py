"""The platform's processes: what each is started with, and which can start before there is a database."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from chassis import identity
from ultrathink_cli import ports
from ultrathink_cli.domain import addresses, layout
from ultrathink_cli.outbound import database, folders, processes

if TYPE_CHECKING:
    from storage.outbound import embedded

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


@contextmanager
def embedded_database(files: layout.Layout) -> Iterator["embedded.EmbeddedDatabase | None"]:
    """Yield the running embedded database, or None when DATABASE_URL names another."""
    if os.environ.get("DATABASE_URL") or os.environ.get("DATABASE_URL_FILE"):
        yield None
        return
    from storage.outbound import roles  # noqa: PLC0415 - see the package; its compose would cost a second more

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
