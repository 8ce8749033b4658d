"""Fixtures of the contract suites: the same test over PostgreSQL and over the twin."""

import contextlib
import functools
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import pytest

import claims_rooms
import lending
import storage_support as support
from chassis import clock as clocks
from storage.domain import views

type Make = Callable[..., AbstractAsyncContextManager[support.Stubs]]

OTHER = views.Tenant(tenant="other", display_name="Another", default_regime="nphies")
IDLE = views.Tenant(tenant="idle", display_name="Gone", active=False)


@pytest.fixture(scope="session")
def lender(embedded_postgres: support.Server) -> lending.Lender:
    """Databases of the session's server, used again."""
    return lending.Lender(embedded_postgres)


@pytest.fixture(params=["twin", pytest.param("postgres", marks=pytest.mark.xdist_group("postgres"))])
def make_storage(request: pytest.FixtureRequest) -> Make:
    """A maker of storage services with the tenants demo, other and idle (inactive)."""
    if request.param == "twin":
        return lambda clock=None: support.twin(clock, OTHER, IDLE)
    server: support.Server = request.getfixturevalue("embedded_postgres")
    lender: lending.Lender = request.getfixturevalue("lender")

    @contextlib.asynccontextmanager
    async def made(clock: clocks.Clock | None = None) -> AsyncIterator[support.Stubs]:
        async with lender.lend() as name:
            await server.add_tenants(name, OTHER, IDLE)
            async with support.service(server, clock, name) as stubs:
                yield stubs

    return made


@pytest.fixture
async def storage(make_storage: Make) -> AsyncIterator[support.Stubs]:
    """A storage service on the system's clock."""
    async with make_storage() as stubs:
        yield stubs


@pytest.fixture
def two_tenants(storage: support.Stubs) -> support.Stubs:
    """The same; named where a test is about more than one tenant."""
    return storage


@pytest.fixture(
    params=["memory", "twin", pytest.param("postgres", marks=pytest.mark.xdist_group("postgres"))]
)
def make_rooms(request: pytest.FixtureRequest) -> claims_rooms.Make:
    """What stands behind claims: its own twin, storage on its twin, storage on PostgreSQL."""
    if request.param == "memory":
        return None
    if request.param == "twin":
        return claims_rooms.twin
    server: support.Server = request.getfixturevalue("embedded_postgres")
    return functools.partial(claims_rooms.postgres, server, request.getfixturevalue("lender"))


@pytest.fixture
async def rooms(make_rooms: claims_rooms.Make) -> AsyncIterator[claims_rooms.Rooms]:
    """The rooms behind claims, real ones over a socket."""
    async with claims_rooms.opened(make_rooms) as opened:
        yield opened
