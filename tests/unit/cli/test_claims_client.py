"""A file goes to the claims room in pieces; decisions and refusals come back in its order."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest

import partial_servicers
from chassis import apps, errors, faults, local, settings, testing
from ultrathink.claims.v1 import claims_pb2, claims_pb2_grpc
from ultrathink_cli.outbound import claims_client, health_client, loopback

METHOD = "/ultrathink.claims.v1.ClaimIntake/StreamFile"


class _Intake(partial_servicers.Intake):
    """Takes a file in and answers as told."""

    def __init__(self, results: list[claims_pb2.SubmitResult], fault: errors.Fault | None = None) -> None:
        self.chunks: list[claims_pb2.FileChunk] = []
        self._results, self._fault = results, fault

    async def StreamFile(  # noqa: N802 - gRPC's name
        self, requests: AsyncIterator[claims_pb2.FileChunk], context: Any
    ) -> AsyncIterator[claims_pb2.SubmitResponse]:
        del context
        self.chunks = [chunk async for chunk in requests]
        if self._fault is not None:
            raise self._fault
        yield claims_pb2.SubmitResponse(results=self._results)


def _app(intake: _Intake, *, ready: bool = True) -> apps.App:
    def register(server: grpc.aio.Server) -> None:
        claims_pb2_grpc.add_ClaimIntakeServicer_to_server(intake, server)

    async def readiness() -> apps.Readiness:
        return apps.Readiness(ok=ready)

    return apps.App("claims", register, (), {METHOD: frozenset({"cli"})}, readiness)


def _decided(body: bytes) -> claims_pb2.SubmitResult:
    return claims_pb2.SubmitResult(rendered=claims_pb2.Rendered(body=body, media_type="application/json"))


async def _checked(intake: _Intake, file: Path) -> list[dict[str, Any]]:
    async with local.LocalChannel(_app(intake), caller="cli") as channel:
        return [answer async for answer in claims_client.check(channel, file, "application/x-ndjson")]


async def test_the_first_piece_says_how_and_the_rest_only_carry_bytes(tmp_path: Path) -> None:
    """A dry run of one media type; what arrives is the file, byte for byte."""
    body = bytes(range(256)) * 3000
    (file := tmp_path / "claims.ndjson").write_bytes(body)
    intake = _Intake([])
    assert await _checked(intake, file) == []
    first, *rest = intake.chunks
    assert first.dry_run
    assert (first.media_type, first.accept) == ("application/x-ndjson", "application/json")
    assert first.context.tenant == claims_client.TENANT
    assert rest
    assert not [chunk for chunk in rest if chunk.HasField("context") or chunk.media_type]
    assert b"".join(chunk.data for chunk in intake.chunks) == body


async def test_an_empty_file_is_sent_as_such(tmp_path: Path) -> None:
    """The claims room, not the command line, says what an empty file means."""
    (file := tmp_path / "empty").write_bytes(b"")
    intake = _Intake([])
    await _checked(intake, file)
    assert [chunk.data for chunk in intake.chunks] == [b""]


async def test_decisions_and_refusals_keep_their_order(tmp_path: Path) -> None:
    """A claim that cannot be read stands at its place with every field that is wrong."""
    (file := tmp_path / "two").write_bytes(b"x")
    violation = errors.Violation("lines", "field.missing", "This field is required.")
    fault = errors.Invalid("claim.unreadable", "The claim cannot be read.", violations=(violation,))
    refused = claims_pb2.SubmitResult(position=2, error=faults.to_wire(fault))
    decided, told = await _checked(_Intake([_decided(b'{"claim_id":"C-1"}'), refused]), file)
    assert decided == {"claim_id": "C-1"}
    assert told["position"] == 2
    assert told["error"] == {
        "reason": "claim.unreadable",
        "message": "The claim cannot be read.",
        "violations": [{"path": "lines", "code": "field.missing", "message": "This field is required."}],
    }


async def test_a_file_refused_as_a_whole_raises_its_fault(tmp_path: Path) -> None:
    """An unknown format is one fault, not one per claim."""
    (file := tmp_path / "x").write_bytes(b"x")
    with pytest.raises(errors.Invalid, match=r"format\.unknown"):
        await _checked(_Intake([], errors.Invalid("format.unknown", "No format of ours.")), file)


@pytest.mark.parametrize(("ready", "state"), [(True, "ready"), (False, "not ready")])
async def test_a_rooms_state_is_what_it_says_of_itself(ready: bool, state: str) -> None:  # noqa: FBT001
    """Status asks the room, not the process table."""
    (port,) = loopback.free(1)
    config = settings.ServiceSettings(grpc_bind=f"127.0.0.1:{port}", drain_seconds=0.1)
    async with testing.serve(_app(_Intake([]), ready=ready), caller="cli", config=config):
        seen = await health_client.state(f"127.0.0.1:{port}")
    assert seen == state


async def test_a_room_that_is_gone_gives_no_answer() -> None:
    """A dead room is told apart from a busy one."""
    assert await health_client.state(f"127.0.0.1:{loopback.free(1)[0]}") == "no answer"
