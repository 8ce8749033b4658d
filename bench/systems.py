"""The systems under measurement: started as a user would start them, ended by their own process id."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import children

from storage import compose as storage_compose
from ultrathink_cli.outbound import loopback

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class System:
    """One system with its door: HTTP, and of ours gRPC and the launcher's process too."""

    name: str
    port: int
    path: str
    token: str = ""
    grpc: int = 0
    pid: int = 0


@contextmanager
def database(folder: Path) -> Iterator[str]:
    """A PostgreSQL of the same build and settings as ours, for the peers; yields its DSN."""
    with storage_compose.embedded_database(folder) as running:
        yield running.owner_dsn


@contextmanager
def monolith(dsn: str, model: Path) -> Iterator[System]:
    """The naive monolith on one worker."""
    (port,) = loopback.free(1)
    settings = {"PEER_DSN": dsn, "PEER_MODEL": str(model), "PEER_PORT": str(port)}
    name = "naive monolith"
    with children.running(name, [sys.executable, "-m", "peers.monolith"], settings, HERE) as running:
        children.ready(_address(port), running)
        yield System(name, port, "/claims")


@contextmanager
def chain(dsn: str, model: Path) -> Iterator[System]:
    """The naive three-service chain."""
    http, claims, scoring = loopback.free(3)
    settings = {"PEER_DSN": dsn, "PEER_MODEL": str(model), "PEER_PORT": str(http)}
    settings |= {"PEER_CLAIMS_PORT": str(claims), "PEER_SCORING_PORT": str(scoring)}
    command = [sys.executable, "-m", "peers.chain"]
    with ExitStack() as stack:
        parts = [
            stack.enter_context(children.running(f"naive chain's {part}", [*command, part], settings, HERE))
            for part in ("scoring", "claims", "http")
        ]
        children.ready(_address(http), *parts)
        yield System("naive chain", http, "/claims")


@contextmanager
def ours(folder: Path, *, single: bool) -> Iterator[System]:
    """Our platform with the defaults of `ultrathink up`."""
    http, grpc = loopback.free(2)
    command = [str(Path(sys.executable).with_name("ultrathink"))]
    arguments = ["up", "--port", str(http), "--grpc-port", str(grpc), "--data", str(folder)]
    name = "ours --single" if single else "ours"
    with children.running(name, [*command, *arguments, *(["--single"] if single else [])], {}) as running:
        children.ready(_address(http), running)
        yield System(name, http, "/api/v1/claims", token(folder), grpc, running.pid)


def token(folder: Path, tenant: str = "demo") -> str:
    """Return a biller's token of a platform's own issuer."""
    command = [str(Path(sys.executable).with_name("ultrathink")), "token", "--data", str(folder)]
    done = subprocess.run(
        [*command, "--role", "biller", "--tenant", tenant], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def bulk_peer(kind: str, file: Path, dsn: str, model: Path) -> float:
    """Run a bulk peer over a file; return claims per second."""
    environment = {**os.environ, "PEER_DSN": dsn, "PEER_MODEL": str(model)}
    done = subprocess.run(
        [sys.executable, "-m", "peers.bulk", kind, str(file)],
        cwd=HERE, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    result = json.loads(done.stdout.splitlines()[-1])
    return float(result["claims"] / result["seconds"])


def _address(port: int) -> str:
    return f"http://127.0.0.1:{port}/readyz"
