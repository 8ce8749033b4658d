"""What an operator can set on the gateway; nothing else is read from the environment."""

from pathlib import Path
from typing import Annotated

import pydantic
import pydantic_settings

from chassis import settings

MIB = 1024 * 1024
GIB = 1024 * MIB


class Settings(settings.ServiceSettings):
    """Each from `ULTRATHINK_<NAME>`; sizes in bytes, times in seconds."""

    http_bind: str = "127.0.0.1:8080"
    """Address the HTTP door listens on, host:port; port 0 takes a free one. Default loopback 8080: nothing is
    exposed by accident; a container sets 0.0.0.0:8080."""

    http_address_file: Path | None = None
    """File that receives the bound host:port once the door is open. Default none; a supervisor reads it."""

    notice_seconds: float = pydantic.Field(default=0.0, ge=0, le=60)
    """Time between readiness saying no and the door closing at the end. Default 0: nobody routes to a single
    machine by its readiness; Kubernetes needs about 5, until every node knows."""

    claims_target: str = "127.0.0.1:50051"
    """Where claims listens, host:port or a gRPC name. Default: the public gRPC port of one machine."""

    claims_streams: str = ""
    """Claims' door for batch streams, host:port. Default empty: they go to claims_target."""

    development_keys_file: Path | None = None
    """JWKS of the development issuer (`ultrathink up` writes it). Default none; this or OIDC is needed."""

    oidc_issuer: str = ""
    """URL of the OIDC issuer whose tokens are accepted. Default empty; without an issuer nothing starts."""

    oidc_audience: str = "ultrathink"
    """Audience a token of the OIDC issuer must name. Default ultrathink: tokens for others are refused."""

    schema_file: Path | None = None
    """JSON Schema of a claim, served at /api/v1/schemas/claim.json. Default: docs/schemas/claim.json of the
    checkout this runs from; where there is neither, the route does not exist."""

    cors_origins: Annotated[tuple[str, ...], pydantic_settings.NoDecode] = ()
    """Origins whose pages may call the API, separated by commas. Default none: the web page comes from the
    same origin. `*` is refused, because calls carry credentials."""

    message_bytes: int = pydantic.Field(default=10_000_000, ge=1024, le=15_000_000)
    """Largest single claim or message. Default 10 MB, as nphies has it; below gRPC's 16 MiB."""

    memory_bytes: int = pydantic.Field(default=256 * MIB, ge=16 * MIB)
    """What all bodies being received may hold together. Default 256 MiB: half of a small container."""

    body_seconds: float = pydantic.Field(default=30.0, gt=0, le=600)
    """Time for one whole body. Default 30: 10 MB over a 3 Mbit/s line."""

    deadline_seconds: float = pydantic.Field(default=10.0, gt=0, le=300)
    """Time from body to answer. Default 10: a person waits no longer, and hops shrink it by margins."""

    claim_seconds: float = pydantic.Field(default=0.07, gt=0, le=10)
    """How long a single claim may be under way when more are sent than can be answered; what is answered in
    that time is how many are let in at once, the rest get 429. Default 0.07: a little more than what a claim
    of a crowd of 64 takes; more makes batches somewhat cheaper and everybody's latency as much longer."""

    upload_bytes: int = pydantic.Field(default=16 * GIB, ge=MIB)
    """Largest file. Default 16 GiB: a year of a large hospital; nothing of it is kept here."""

    upload_idle_seconds: float = pydantic.Field(default=60.0, gt=0, le=3600)
    """Longest silence inside a file. Default 60: longer than a mobile line's gaps."""

    upload_seconds: float = pydantic.Field(default=4 * 3600.0, gt=0)
    """Longest time of one file. Default 4 hours: 16 GiB at a megabyte per second."""

    uploads: int = pydantic.Field(default=16, ge=1)
    """Files received at once. Default 16: each may hold a spool file and several MiB."""

    spool_bytes: int = pydantic.Field(default=GIB, ge=MIB)
    """Answers of one file that wait on disk for a caller who sends first and reads later. Default 1 GiB."""

    spool_dir: Path | None = None
    """Where those answers wait. Default none: the system's directory for temporary files."""

    watches: int = pydantic.Field(default=1_000, ge=1)
    """Event streams open at once. Default 1,000: each holds a connection and a call."""

    heartbeat_seconds: float = pydantic.Field(default=15.0, gt=0, le=300)
    """Pause after which a quiet event stream says that it lives. Default 15: proxies close at 30 and more."""

    watch_seconds: float = pydantic.Field(default=900.0, gt=0)
    """Age at which an event stream ends, so that its client shows a token again. Default 15 minutes."""

    requests: int = pydantic.Field(default=4_096, ge=1)
    """Requests served at once; one more gets 429. Default 4,096: beyond it waiting only adds latency."""

    header_bytes: int = pydantic.Field(default=32 * 1024, ge=1024)
    """Largest head of a request. Default 32 KiB: four tokens of the largest kind."""

    header_seconds: float = pydantic.Field(default=10.0, gt=0)
    """Time for the head of a request. Default 10: slow heads only hold connections open."""

    keepalive_seconds: int = pydantic.Field(default=75, ge=1)
    """How long an idle connection stays open. Default 75: longer than the 60 s of common load balancers, so
    that they close first and never send into a closing connection."""

    backlog: int = pydantic.Field(default=2_048, ge=1)
    """Connections that wait to be accepted. Default 2,048: a burst of a deployment's clients."""

    @pydantic.field_validator("cors_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return (
            tuple(part.strip() for part in value.split(",") if part.strip())
            if isinstance(value, str)
            else value
        )

    @pydantic.model_validator(mode="after")
    def _checked(self) -> "Settings":
        if "*" in self.cors_origins:
            raise ValueError("cors_origins must name origins; * would open credentials to every page")
        if self.development_keys_file is not None and self.oidc_issuer:
            raise ValueError("development_keys_file and oidc_issuer exclude each other")
        return self
