"""What a service hands to the server: its name, its doors, who may call them, and whether it is ready."""

import dataclasses
from collections.abc import Awaitable, Callable, Mapping

import grpc

from chassis import tokens as principals


@dataclasses.dataclass(frozen=True, slots=True)
class Readiness:
    """Whether work may be sent now; `detail` names what is missing, never with an exception's text."""

    ok: bool
    detail: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class App:
    """A composed service, independent of how it is reached: over a socket or within the process.

    `callers` maps a full method name (`/package.Service/Method`) to the names of the services that may call
    it; the name `user` stands for any verified user token. A method that is not named is closed to everyone.
    `ready` is asked repeatedly and must tell the truth quickly. `tokens` verifies user tokens, where allowed.
    """

    name: str
    register: Callable[[grpc.aio.Server], None]
    service_names: tuple[str, ...]
    callers: Mapping[str, frozenset[str]]
    ready: Callable[[], Awaitable[Readiness]]
    tokens: principals.TokenVerifier | None = None
