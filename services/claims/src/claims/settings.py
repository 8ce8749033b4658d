"""Settings of the claims service; see chassis.settings for those that every service has."""

from pathlib import Path

import pydantic

from chassis import settings


class ClaimsSettings(settings.ServiceSettings):
    """Frozen once read; each field is the environment variable ULTRATHINK_ and its name in capitals."""

    packs_dir: Path
    """Directory of rule packs and code sets. No default: a service without rules would accept everything."""

    patient_key_file: Path
    """File with the secret, at least 32 bytes, under which patients are hashed. No default: a well-known
    key would let anyone who sees a hash find the patient. A new key makes earlier duplicates unfindable."""

    scoring_target: str = "127.0.0.1:50053"
    """Address of scoring, host:port or a gRPC name. Default: loopback."""

    storage_target: str = "127.0.0.1:50052"
    """Address of storage, host:port or a gRPC name. Default: loopback."""

    scoring_streams: str = ""
    """Scoring's door for batch streams, host:port. Default empty: they go to scoring_target."""

    storage_streams: str = ""
    """Storage's door for batch streams, host:port. Default empty: they go to storage_target."""

    development_keys_file: Path | None = None
    """JWKS of the development issuer (`ultrathink up` writes it). Default none: its tokens are refused."""

    oidc_issuer: str = ""
    """URL of the OIDC issuer whose tokens are accepted. Default empty: none; services alone may call."""

    oidc_audience: str = "ultrathink"
    """Audience a token of the OIDC issuer must name. Default ultrathink: tokens for others are refused."""

    default_deadline_seconds: float = pydantic.Field(default=10.0, gt=0, le=300)
    """Seconds for a call whose sender gave no context. Default 10: a thousand times the usual answer."""

    max_deadline_seconds: float = pydantic.Field(default=60.0, gt=0, le=300)
    """Most seconds a sender may ask for. Default 60: longer waits only hide that a room is away."""

    support_seconds: float = pydantic.Field(default=0.5, gt=0, le=30)
    """Seconds a claim waits for its history, and then for its score, before it is decided without (a person
    is asked). Default 0.5: fifty times the usual answer, and short beside what a sender waits for."""

    file_support_seconds: float = pydantic.Field(default=10.0, gt=0, le=300)
    """The same for claims of a file. Default 10: nobody waits for one of them, and a file decided without
    scores would fill a list for people."""

    max_batch_items: int = pydantic.Field(default=1_000, ge=1, le=10_000)
    """Claims in one batch. Default 1000: larger ones save nothing and delay their neighbours."""

    max_in_flight: int = pydantic.Field(default=8_192, ge=1)
    """Claims at work at once; more are refused as exhausted. Default 8192: about two seconds of work of one
    process, some 200 MB at most for ordinary claims."""

    max_file_bytes: int = pydantic.Field(default=16 * 1024**3, ge=1)
    """Bytes of one file. Default 16 GiB: a year of a large hospital; memory does not grow with it."""

    spool_bytes: int = pydantic.Field(default=256 * 1024**2, ge=4 * 1024**2)
    """Bytes of answers a client may leave unread on disk while it sends a file. Default 256 MiB: some
    100,000 decisions; beyond it the client's file is read no further until it reads."""

    spool_stall_seconds: float = pydantic.Field(default=60.0, gt=0)
    """Seconds a client with a full spool may read nothing before the call ends. Default 60: a client that
    reads at all takes an answer sooner."""

    spool_dir: Path | None = None
    """Directory of the spools. Default none: the system's temporary directory."""

    rescore: bool = True
    """Whether claims recorded without a score are scored later. Default true; false in a process that
    should only answer."""
