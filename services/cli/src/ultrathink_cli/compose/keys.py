"""The data directory's keys and secrets, and tokens of its development issuer."""

import os
import secrets

from chassis import clock as clocks
from chassis import errors, identity, tokens
from ultrathink_cli.domain import layout

PATIENT_KEY_BYTES = 32


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
