"""Export and verification as the command line asks storage for them."""

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pyarrow.parquet as pq
import pytest
import typer

from chassis import apps, errors, local, testing
from ultrathink.storage.v1 import storage_pb2, storage_pb2_grpc
from ultrathink_cli.inbound import audit, console
from ultrathink_cli.outbound import storage_client

PATH = "/ultrathink.storage.v1"


def _row(line: int, **changes: Any) -> storage_pb2.ExportRow:
    row = storage_pb2.ExportRow(
        claim_id="C-1", id="018f", line=line, use="claim", type="professional", code="83600-00-00",
        system="sbs", service_day=20_000, net_minor=12_345, currency="SAR", verdict="accept",
        business_status="recorded", probability=0.25, model_revision="r1", payer_id="P", provider_id="V",
    )  # fmt: skip
    row.MergeFrom(storage_pb2.ExportRow(**changes))
    return row


class _Reader(storage_pb2_grpc.ClaimReaderServicer):
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


class _Auditor(storage_pb2_grpc.AuditLogServicer):
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


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


both = pytest.mark.parametrize("kind", ["socket", "local"])


@both
async def test_rows_become_typed_columns_of_one_file(kind: str, tmp_path: Path) -> None:
    """A data scientist opens it and finds every column with its type, whichever way storage was reached."""
    reader = _Reader([[_row(1), _row(2)], [], [_row(3, probability=math.nan)]], None)
    file = tmp_path / "demo.parquet"
    async with _channel(kind, _app(reader)) as channel:
        assert await storage_client.export(channel, "demo", file) == 3
    table = pq.read_table(file)
    assert table.schema.equals(storage_client.SCHEMA)
    assert table.column("line").to_pylist() == [1, 2, 3]
    assert table.column("net_minor").to_pylist() == [12_345] * 3
    assert math.isnan(table.column("probability").to_pylist()[2])
    assert reader.asked[0].context.tenant == "demo"
    assert _names(tmp_path) == [file.name]


@both
async def test_no_rows_make_an_empty_file_with_columns(kind: str, tmp_path: Path) -> None:
    """A tenant without claims gives a table without rows, not an error."""
    async with _channel(kind, _app()) as channel:
        assert await storage_client.export(channel, "demo", tmp_path / "demo.parquet") == 0
    assert pq.read_table(tmp_path / "demo.parquet").schema.equals(storage_client.SCHEMA)


@both
async def test_an_export_that_breaks_leaves_the_last_one_alone(kind: str, tmp_path: Path) -> None:
    """Half a file never passes for a whole one, and nothing lies around."""
    file = tmp_path / "demo.parquet"
    file.write_bytes(b"the last one")
    broken = _Reader([[_row(1)]], errors.Unavailable("database.unavailable", "The database does not answer."))
    async with _channel(kind, _app(broken)) as channel:
        with pytest.raises(errors.Unavailable, match=r"database\.unavailable"):
            await storage_client.export(channel, "demo", file)
    assert _names(tmp_path) == [file.name]
    assert file.read_bytes() == b"the last one"


@both
async def test_a_door_that_does_not_know_us_denies(kind: str, tmp_path: Path) -> None:
    """Another service's name does not open the export."""
    app = _app()
    closed = apps.App(app.name, app.register, (), {f"{PATH}.AuditLog/Verify": frozenset({"cli"})}, app.ready)
    async with _channel(kind, closed) as channel:
        with pytest.raises(errors.Denied):
            await storage_client.export(channel, "demo", tmp_path / "demo.parquet")
    assert not _names(tmp_path)


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
        audit.export(tmp_path / "out", "csv", "demo", tmp_path)
    assert ended.value.exit_code == 2
    assert not (tmp_path / "out").exists()
