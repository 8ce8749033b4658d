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
PEERS = {"naive": "peers", "equal": "peers.equal"}  # equal: the peers that do the same work as we do


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
def monolith(dsn: str, model: Path, kind: str = "naive") -> Iterator[System]:
    """The monolith of a kind of PEERS on one worker."""
    (port,) = loopback.free(1)
    settings = {"PEER_DSN": dsn, "PEER_MODEL": str(model), "PEER_PORT": str(port)}
    name = f"{kind} monolith"
    command = [sys.executable, "-m", f"{PEERS[kind]}.monolith"]
    with children.running(name, command, settings, HERE) as running:
        children.ready(_address(port), running)
        yield System(name, port, "/claims")


@contextmanager
def chain(dsn: str, model: Path, kind: str = "naive") -> Iterator[System]:
    """The three-service chain of a kind of PEERS."""
    http, claims, scoring = loopback.free(3)
    settings = {"PEER_DSN": dsn, "PEER_MODEL": str(model), "PEER_PORT": str(http)}
    settings |= {"PEER_CLAIMS_PORT": str(claims), "PEER_SCORING_PORT": str(scoring)}
    name, command = f"{kind} chain", [sys.executable, "-m", f"{PEERS[kind]}.chain"]
    with ExitStack() as stack:
        parts = [
            stack.enter_context(children.running(f"{name}'s {part}", [*command, part], settings, HERE))
            for part in ("scoring", "claims", "http")
        ]
        children.ready(_address(http), *parts)
        yield System(name, http, "/claims")


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
    """Run a bulk peer over a file (`equal`: the one that does the same work); return claims per second."""
    program = ["peers.equal.bulk"] if kind == "equal" else ["peers.bulk", kind]
    environment = {**os.environ, "PEER_DSN": dsn, "PEER_MODEL": str(model)}
    done = subprocess.run(
        [sys.executable, "-m", *program, str(file)],
        cwd=HERE, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    result = json.loads(done.stdout.splitlines()[-1])
    return float(result["claims"] / result["seconds"])


def _address(port: int) -> str:
    return f"http://127.0.0.1:{port}/readyz"
