"""Export and verification as the command line asks storage for them."""

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
import typer

import partial_servicers
from chassis import apps, errors, local, testing
from ultrathink.storage.v1 import storage_pb2, storage_pb2_grpc
from ultrathink_cli.inbound import audit, console
from ultrathink_cli.outbound import export_rows, storage_client

PATH = "/ultrathink.storage.v1"


def _row(line: int, **changes: Any) -> storage_pb2.ExportRow:
    row = storage_pb2.ExportRow(
        claim_id="C-1", id="018f", line=line, use="claim", type="professional", code="83600-00-00",
        system="sbs", service_day=20_000, net_minor=12_345, currency="SAR", verdict="accept",
        business_status="recorded", probability=0.25, model_revision="r1", payer_id="P", provider_id="V",
    )  # fmt: skip
    row.MergeFrom(storage_pb2.ExportRow(**changes))
    return row


class _Reader(partial_servicers.Reader):
    """Answers with what it was given; fails after it with `fault`."""

    def __init__(self, answers: list[list[storage_pb2.ExportRow]], fault: errors.Fault | None) -> None:
        self.asked: list[storage_pb2.ExportRequest] = []
        self._answers, self._fault = answers, fault

    async def Export(  # noqa: N802 - gRPC's name
        self, request: storage_pb2.ExportRequest, context: Any
    ) -> AsyncIterator[storage_pb2.ExportResponse]:
        del context
        self.asked.append(request)
        for rows in self._answers:
            yield storage_pb2.ExportResponse(rows=rows)
        if self._fault is not None:
            raise self._fault


class _Auditor(partial_servicers.Audit):
    """Walks as told."""

    def __init__(self, told: list[storage_pb2.VerifyResponse]) -> None:
        self._told = told

    async def Verify(  # noqa: N802 - gRPC's name
        self, request: storage_pb2.VerifyRequest, context: Any
    ) -> AsyncIterator[storage_pb2.VerifyResponse]:
        del request, context
        for message in self._told:
            yield message


def _app(reader: _Reader | None = None, auditor: _Auditor | None = None) -> apps.App:
    def register(server: grpc.aio.Server) -> None:
        storage_pb2_grpc.add_ClaimReaderServicer_to_server(reader or _Reader([], None), server)
        storage_pb2_grpc.add_AuditLogServicer_to_server(auditor or _Auditor([]), server)

    async def ready() -> apps.Readiness:
        return apps.Readiness(ok=True)

    callers = {
        f"{PATH}.ClaimReader/Export": frozenset({"cli"}),
        f"{PATH}.AuditLog/Verify": frozenset({"cli"}),
    }
    return apps.App("storage", register, (), callers, ready)


@asynccontextmanager
async def _channel(kind: str, app: apps.App) -> AsyncIterator[grpc.aio.Channel]:
    if kind == "socket":
        async with testing.serve(app, caller="cli") as channel:
            yield channel
    else:
        async with local.LocalChannel(app, caller="cli") as channel:
            yield channel


both = pytest.mark.parametrize("kind", ["socket", "local"])


@both
async def test_lines_are_told_by_the_names_of_an_export(kind: str) -> None:
    """Absent texts, integers and numbers are None, nought is nought, whichever way storage was reached."""
    inputs = storage_pb2.Inputs(feature_hash=-5, provider_claims=0, patient_net_minor=-(2**63))
    absent = _row(3, inputs=storage_pb2.Inputs(feature_hash=-(2**63)))
    absent.probability, absent.service_day, absent.code = math.nan, -(2**63), ""
    reader = _Reader([[_row(1, inputs=inputs), _row(2)], [], [absent]], None)
    async with _channel(kind, _app(reader)) as channel:
        parts = [part async for part in storage_client.export_lines(channel, "demo", after="018e")]
    assert [len(part) for part in parts] == [2, 0, 1]
    first, last = parts[0][0], parts[2][0]
    assert (first["line"], first["net_minor"], first["probability"]) == (1, 12_345, 0.25)
    assert (first["feature_hash"], first["provider_claims"], first["patient_net_minor"]) == (-5, 0, None)
    assert (last["probability"], last["service_day"], last["code"], last["feature_hash"]) == (None,) * 4
    assert (reader.asked[0].context.tenant, reader.asked[0].after) == ("demo", "018e")


@pytest.mark.parametrize(
    ("payer", "reviewer", "expected"),
    [
        ("", "", (None, None, None, None)),
        ("approved", "", (0, "approved", "payer", None)),
        ("partial", "", (1, "partial", "payer", "MN-1-1")),
        ("denied", "approved", (1, "denied", "payer", "MN-1-1")),
        ("", "denied", (1, "denied", "reviewer", None)),
    ],
)
def test_the_payers_word_goes_before_the_reviewers(
    payer: str, reviewer: str, expected: tuple[object, ...]
) -> None:
    """A line cut counts as denied; who said so stands beside it, and both words are kept."""
    changes: dict[str, Any] = {}
    if payer:
        nphies = "" if payer == "approved" else "MN-1-1"
        changes["payer"] = storage_pb2.LineOutcome(outcome=payer, nphies=nphies, carc="", paid_minor=0)
    if reviewer:
        changes["reviewer"] = storage_pb2.LineOutcome(outcome=reviewer)
    told = export_rows.line(_row(1, **changes))
    names = ("denied", "outcome", "outcome_source", "outcome_reason")
    assert tuple(told[name] for name in names) == expected
    assert (told["payer_outcome"], told["reviewer_outcome"]) == (payer or None, reviewer or None)


@both
async def test_a_reading_that_breaks_says_why(kind: str) -> None:
    """What came before it is given out; the fault is the storage's own."""
    broken = _Reader([[_row(1)]], errors.Unavailable("database.unavailable", "The database does not answer."))
    async with _channel(kind, _app(broken)) as channel:
        rows = storage_client.Record(channel, "demo").rows("")
        assert [line["line"] for line in await anext(rows)] == [1]
        with pytest.raises(errors.Unavailable, match=r"database\.unavailable"):
            await anext(rows)


@both
async def test_a_door_that_does_not_know_us_denies(kind: str) -> None:
    """Another service's name does not open the export."""
    app = _app()
    closed = apps.App(app.name, app.register, (), {f"{PATH}.AuditLog/Verify": frozenset({"cli"})}, app.ready)
    async with _channel(kind, closed) as channel:
        with pytest.raises(errors.Denied):
            [part async for part in storage_client.export_lines(channel, "demo", after="")]


async def _followed(told: list[storage_pb2.VerifyResponse]) -> storage_pb2.VerifyResponse:
    async with local.LocalChannel(_app(auditor=_Auditor(told)), caller="cli") as channel:
        with console.bar("entries") as bar:
            return await audit._followed(storage_client.verify(channel, ""), bar)


async def test_the_walks_last_word_counts() -> None:
    """Progress on the way, root and heads at the end."""
    last = storage_pb2.VerifyResponse(checked=2, total=2, done=True, merkle_root=b"\x01")
    assert await _followed([storage_pb2.VerifyResponse(checked=1, total=2), last]) == last


@pytest.mark.parametrize("told", [[], [storage_pb2.VerifyResponse(checked=1, total=2)]])
async def test_a_walk_that_stops_early_is_never_taken_for_whole(
    told: list[storage_pb2.VerifyResponse],
) -> None:
    """Silence is no proof."""
    with pytest.raises(errors.Unavailable, match=r"audit\.incomplete"):
        await _followed(told)


def test_a_broken_chain_is_named_with_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    """The auditor reads tenant, chain, entry and what does not fit."""
    broken = storage_pb2.BrokenLink(tenant="demo", chain="[claims]", sequence=7, reason="previous_hash")
    assert not audit._told(storage_pb2.VerifyResponse(checked=6, done=True, broken=broken))
    assert "broken demo [claims] entry 7: previous_hash" in capsys.readouterr().out


def test_a_whole_chain_is_told_with_heads_and_root(capsys: pytest.CaptureFixture[str]) -> None:
    """What an auditor writes down to compare with next year, one line each, uncut."""
    head = storage_pb2.ChainHead(tenant="demo", chain="claims", entries=3, head=b"\xab" * 32)
    root = b"\xcd" * 32
    assert audit._told(storage_pb2.VerifyResponse(checked=1234, done=True, heads=[head], merkle_root=root))
    shown = capsys.readouterr().out.splitlines()
    assert shown == [
        f"demo  claims  3 entries  head {'ab' * 32}",
        f"verified 1,234 entries, Merkle root {'cd' * 32}",
    ]


def test_an_export_of_an_unknown_format_asks_nobody(tmp_path: Path) -> None:
    """A slip in --format costs nothing."""
    with pytest.raises(typer.Exit) as ended:
        audit.export(tmp_path / "out", "csv", "demo", data=tmp_path)
    assert ended.value.exit_code == 2
    assert not (tmp_path / "out").exists()
