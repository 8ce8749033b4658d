"""The gateway's ports for callers and for the room behind: one suite for each twin and its real one."""

from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import msgspec
import pytest

import gateway_rooms as rooms
import gateway_support as support
from chassis import clock as clocks
from chassis import errors, tokens
from chassis import testing as plumbing
from gateway import ports, testing
from gateway.domain import callers, exchanges
from gateway.outbound import bearers, neighbours

BILAL = callers.Caller("demo", "bilal", ("biller", "manager"), "riyadh")


class Known(msgspec.Struct):
    """An authenticator and the headers of somebody it knows."""

    authenticator: ports.Authenticator
    headers: Mapping[str, str]


@pytest.fixture(params=["twin", "bearer"])
def known(request: pytest.FixtureRequest, tmp_path: Path) -> Known:
    """Return the twin or the real authenticator, both knowing one caller."""
    if request.param == "twin":
        return Known(testing.MemoryAuthenticator({"bilal": BILAL}), {"authorization": "Bearer bilal"})
    clock = clocks.SystemClock()
    issuer = tokens.DevelopmentIssuer(tmp_path / "issuer.pem", clock)
    token = issuer.issue(tenant="demo", subject="bilal", roles=("biller", "manager"), branch="riyadh")
    verifier = tokens.development_verifier(issuer.public_file, clock)
    return Known(bearers.BearerAuthenticator(verifier), {"authorization": f"Bearer {token}"})


async def test_a_known_caller_is_who_the_proof_says(known: Known) -> None:
    """Tenant, subject, roles and branch come from the proof, every time the same."""
    for _ in range(2):
        assert await known.authenticator.authenticate(known.headers) == BILAL


async def test_other_headers_change_nothing(known: Known) -> None:
    """No other header adds a role or moves a caller to another tenant."""
    invented = {"x-tenant": "other", "x-roles": "operator", "forwarded": "for=1.1.1.1"}
    assert await known.authenticator.authenticate({**invented, **known.headers}) == BILAL


async def test_without_proof_nobody_is_known(known: Known) -> None:
    """A request without credentials is Denied `token.missing`."""
    with pytest.raises(errors.Denied) as refusal:
        await known.authenticator.authenticate({"x-tenant": "demo"})
    assert refusal.value.reason == "token.missing"


@pytest.mark.parametrize(
    "credential", ["Bearer nobody", "Bearer e30.e30.e30", "Bearer", "Basic YTpi", "bilal2"]
)
async def test_a_false_proof_is_refused(known: Known, credential: str) -> None:
    """What does not prove anything is Denied with a reason of the credential's family."""
    with pytest.raises(errors.Denied) as refusal:
        await known.authenticator.authenticate({"authorization": credential})
    assert refusal.value.reason.startswith("token.")


async def test_a_changed_proof_is_refused(known: Known) -> None:
    """One character more makes another token."""
    with pytest.raises(errors.Denied):
        await known.authenticator.authenticate({"authorization": known.headers["authorization"] + "A"})


class Behind(msgspec.Struct):
    """A neighbour, and how to make it ill."""

    neighbour: ports.Neighbour
    fail: Callable[[], None]


@pytest.fixture(params=["twin", "local", "grpc"])
async def behind(request: pytest.FixtureRequest) -> AsyncIterator[Behind]:
    """Yield the twin, a room in this process, and a room behind a socket."""
    far = testing.MemoryClaims()

    def fail() -> None:
        far.failure = errors.Unavailable("storage.away", "Away.")

    if request.param == "twin":
        twin = testing.MemoryNeighbour()

        def turn() -> None:
            twin.now = exchanges.State(ok=False, detail="claims: not serving")

        yield Behind(twin, turn)
    elif request.param == "local":
        yield Behind(neighbours.LocalNeighbour(rooms.room(far).ready), fail)
    else:
        async with plumbing.serve(rooms.room(far), caller="gateway") as channel:
            yield Behind(neighbours.GrpcNeighbour(channel), fail)


async def test_a_room_that_serves_is_up(behind: Behind) -> None:
    """Up is the room's own word, without complaint."""
    state = await behind.neighbour.state()
    assert state == exchanges.State(ok=True, detail="")


async def test_a_room_that_fails_is_down_with_a_word_why(behind: Behind) -> None:
    """Once it cannot serve, the state turns, and says something for the engineer at night."""
    behind.fail()
    state = await support.until(behind.neighbour.state, lambda told: not told.ok)
    assert state.detail
