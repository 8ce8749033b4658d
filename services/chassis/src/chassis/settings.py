"""Settings every service has; a service's own settings extend this class and nothing is read elsewhere.

Each comes from an environment variable: `ULTRATHINK_` and the field's name in capitals. Secrets are named
by the path of a file, never given as a value, so that they show in no process list and no crash report.
"""

from pathlib import Path
from typing import Literal

import pydantic
import pydantic_settings


class ServiceSettings(pydantic_settings.BaseSettings):
    """What the plumbing needs to know; frozen once read."""

    model_config = pydantic_settings.SettingsConfigDict(
        env_prefix="ULTRATHINK_",
        frozen=True,
        extra="ignore",
        use_attribute_docstrings=True,
        validate_default=True,
        env_ignore_empty=True,
    )

    grpc_bind: str = "127.0.0.1:0"
    """Address the gRPC door listens on, host:port. Default 127.0.0.1:0: loopback only and a free port, so
    that nothing is exposed by accident; a container sets 0.0.0.0:50051."""

    streams_bind: str = ""
    """Address of the second door, host:port: batch streams of other rooms, and unary calls. Default empty:
    they come in at grpc_bind, where a message costs four times as much."""

    grpc_address_file: Path | None = None
    """File that receives the bound host:port once the door is open. Default none; a supervisor that lets the
    system choose the port reads it here, because a process writes nothing but logs."""

    service_key_file: Path | None = None
    """PEM file of this service's private key, with which it signs its calls. Default none: it cannot call
    others."""

    service_keys_file: Path | None = None
    """JWKS file of all services' public keys, kid = service name. Default none: every service is refused."""

    metrics_bind: str = ""
    """Address of the Prometheus endpoint, host:port. Default empty: none is opened."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severity that is logged. Default info: one line per event an operator may need."""

    trace_ratio: float = pydantic.Field(default=0.01, ge=0, le=1)
    """Share of requests traced from their start, 0 to 1. Default 0.01: enough to see the shape of a day at a
    cost that does not show; a single request can still be forced."""

    drain_seconds: float = pydantic.Field(default=10.0, ge=0, le=300)
    """Seconds that work in flight may take to finish after SIGTERM. Default 10: longer than any request's
    deadline, shorter than the 30 s after which Kubernetes kills."""

    max_concurrent_calls: int = pydantic.Field(default=1_024, ge=1)
    """Calls in flight at once, streams included; one more is refused as exhausted. Default 1024: peers hold
    a few long-lived streams each, so more means a flood of single calls."""
