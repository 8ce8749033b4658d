"""A file of claims sent to us by each of the ways in; told in claims answered well per second."""

import decimal
import io
import json
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pyarrow as pa
import systems

from ultrathink.claims.v1 import claims_pb2, claims_pb2_grpc
from ultrathink.common.v1 import common_pb2

NDJSON = "application/x-ndjson"
ARROW = "application/vnd.apache.arrow.stream"
ARROW_BATCH = 1_000  # claims of one record batch, as the peer takes them
CHUNK = 256 * 1024  # of a file on a gRPC stream: what `ultrathink submit` reads at a time
SECONDS = 600.0

AMOUNTS = frozenset({"total", "quantity", "unit_price", "factor", "tax", "net", "patient_share", "value"})

type Figures = dict[str, float]


def renamed(lines: bytes, mark: str) -> bytes:
    """Return NDJSON claims under new ids of claims and patients: nobody comes back who was there before."""
    named = lines.replace(b'"claim_id":"SIM-', b'"claim_id":"%s-' % mark.encode())
    return named.replace(b'"patient":{"id":"SIM-', b'"patient":{"id":"%s-' % mark.encode())


def arrow(lines: bytes) -> bytes:
    """Return NDJSON claims as an Arrow IPC stream with amounts as decimals."""
    claims = [_exact(json.loads(line, parse_float=decimal.Decimal)) for line in lines.splitlines()]
    table = pa.Table.from_pylist(claims)
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        for batch in table.to_batches(max_chunksize=ARROW_BATCH):
            writer.write_batch(batch)
    return sink.getvalue()


def _exact(value: Any, name: str = "") -> Any:
    """Return a value whose whole amounts are decimals as the others are: a column has one type."""
    if isinstance(value, dict):
        return {key: _exact(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [_exact(inner) for inner in value]
    return decimal.Decimal(value) if name in AMOUNTS and isinstance(value, int) else value


def http(system: systems.System, body: bytes) -> Figures:
    """Send NDJSON over HTTP; its answers come while it is read."""
    answered = failed = 0
    began = time.perf_counter()
    with _posted(system, body, NDJSON) as answer:
        for line in answer:
            answered += 1
            failed += b'"verdict"' not in line
    return _figures(answered, failed, began)


def http_arrow(system: systems.System, body: bytes) -> Figures:
    """Send an Arrow stream over HTTP; the answer is one too."""
    began = time.perf_counter()
    with _posted(system, body, ARROW) as answer:
        told = answer.read()
    seconds = time.perf_counter() - began
    verdicts = pa.ipc.open_stream(told).read_all().column("verdict")
    return {"per_second": (len(verdicts) - verdicts.null_count) / seconds, "failed": verdicts.null_count}


def stream(system: systems.System, body: bytes) -> Figures:
    """Send NDJSON on one gRPC stream, as another system of the house does."""
    answered = failed = 0
    bearer = (("authorization", f"Bearer {system.token}"),)
    began = time.perf_counter()
    with grpc.insecure_channel(f"127.0.0.1:{system.grpc}") as channel:
        stub = claims_pb2_grpc.ClaimIntakeStub(channel)
        for told in stub.StreamFile(_chunks(body), metadata=bearer, timeout=SECONDS):
            answered += len(told.results)
            failed += sum(result.HasField("error") for result in told.results)
    return _figures(answered, failed, began)


def submit(system: systems.System, body: bytes, folder: Path) -> Figures:
    """Send NDJSON by `ultrathink submit`, its own start and its receipts included."""
    file = folder / "submit.ndjson"
    file.write_bytes(body)
    program = str(Path(sys.executable).with_name("ultrathink"))
    address = ("--url", f"http://127.0.0.1:{system.port}", "--token", system.token)
    began = time.perf_counter()
    done = subprocess.run(
        [program, "submit", str(file), *address], capture_output=True, text=True, check=True
    )
    told = re.search(r": ([\d,]+) claims.* ([\d,]+) refused", done.stdout)
    if told is None:
        raise SystemExit(f"`ultrathink submit` said: {done.stdout}")
    answered, failed = (int(number.replace(",", "")) for number in told.groups())
    figures = _figures(answered, failed, began)
    file.unlink()
    file.with_name(f"{file.name}.receipts.ndjson").unlink()
    return figures


def _posted(system: systems.System, body: bytes, media_type: str) -> io.BufferedIOBase:
    headers = {"Content-Type": media_type, "Accept": media_type, "Authorization": f"Bearer {system.token}"}
    request = urllib.request.Request(f"http://127.0.0.1:{system.port}{system.path}", body, headers)
    answer = urllib.request.urlopen(request, timeout=SECONDS)  # noqa: S310 - our own loopback address
    assert isinstance(answer, io.BufferedIOBase)
    return answer


def _chunks(body: bytes) -> Iterator[claims_pb2.FileChunk]:
    context = common_pb2.Context(item_id="bench", remaining_ms=int(SECONDS * 1000))
    yield claims_pb2.FileChunk(context=context, media_type=NDJSON, accept="application/json")
    for at in range(0, len(body), CHUNK):
        yield claims_pb2.FileChunk(data=body[at : at + CHUNK])


def _figures(answered: int, failed: int, began: float) -> Figures:
    return {"per_second": (answered - failed) / (time.perf_counter() - began), "failed": failed}
