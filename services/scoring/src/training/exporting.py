"""Writes an export file after file: an interrupted run goes on behind its last whole file; memory stays flat.

Whole claims and exported lines come as two streams in the order of claims' ids and are read side by side.
What is written is kept in the state beside the files; a finished export begins anew, because outcomes change.
"""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from chassis import errors
from formats import canonical
from scoring.domain import prints
from training import exports

FILE_CLAIMS = 20_000  # of one file: some megabytes, and the most that an interruption costs
GROUP_CLAIMS = 2_000  # held in memory at once; a row group of a file

type Line = dict[str, Any]  # of the record: values by name as in exports.SCHEMA, `feature_hash` a number
type Rows = AsyncIterator[list[Line]]
type Claims = AsyncIterator[list[tuple[str, bytes, bytes]]]


class Whole(NamedTuple):
    """A claim with its lines, in order."""

    lines: list[Line]
    claim_json: bytes


class Record(Protocol):
    """The record of one tenant, as it is read in both ways, behind a claim's id and in the order of ids."""

    def rows(self, after: str) -> Rows:
        """Yield exported lines, claims whole."""
        ...

    def claims(self, after: str) -> Claims:
        """Yield (id, claim, decision)."""
        ...


async def export(
    record: Record,
    out: Path,
    tenant: str,
    *,
    simulated: bool = True,
    told: Callable[[int], None] = lambda _: None,
    file_claims: int = FILE_CLAIMS,
) -> exports.State:
    """Write the tenant's claims into `out` and return what was written over all runs.

    `told` hears of the claims written so far. Raises the fault that ended reading; files that were whole by
    then stay, and the next run goes on behind them.
    """
    writing = _Writing(_begin(out, tenant, simulated=simulated), out, told, file_claims)
    async with contextlib.aclosing(_joined(record, writing.state.after)) as found:
        while await writing.file(found):
            pass
    writing.state.complete = True
    writing.keep()
    return writing.state


class _Writing:
    """The files of one export and the state that knows of them."""

    def __init__(
        self, state: exports.State, out: Path, told: Callable[[int], None], file_claims: int
    ) -> None:
        self.state = state
        self._out, self._told, self._file_claims = out, told, file_claims

    async def file(self, found: AsyncIterator[Whole]) -> bool:
        """Write one file, which is whole before the state knows of it; return False when nothing came.

        Without a claim at all there is one file of columns.
        """
        name = f"{self.state.tenant}-{len(self.state.files) + 1:05}{exports.SUFFIX}"
        part = (self._out / name).with_suffix(".part")
        grown = msgspec.structs.replace(self.state, files=[*self.state.files, name])
        before = grown.claims
        try:
            with pq.ParquetWriter(part, exports.SCHEMA) as writer:
                while group := await _some(found, self._room(grown.claims - before)):
                    _write(writer, group, grown)
                    self._told(grown.claims)
            if grown.claims == before and self.state.files:
                return False
            part.replace(self._out / name)
        finally:
            part.unlink(missing_ok=True)
        self.state = grown
        self.keep()
        return grown.claims > before

    def keep(self) -> None:
        """Write the state, whole or not at all."""
        part = self._out / f"{self.state.tenant}{exports.STATE}.part"
        part.write_bytes(msgspec.json.format(msgspec.json.encode(self.state), indent=1) + b"\n")
        part.replace(self._out / f"{self.state.tenant}{exports.STATE}")

    def _room(self, written: int) -> int:
        return min(GROUP_CLAIMS, self._file_claims - written)


async def _some(found: AsyncIterator[Whole], most: int) -> list[Whole]:
    """Return up to `most` of what comes; the rest stays to come."""
    group: list[Whole] = []
    while len(group) < most and (one := await anext(found, None)) is not None:
        group.append(one)
    return group


def _write(writer: pq.ParquetWriter, group: list[Whole], state: exports.State) -> None:
    written, agree = table(group)
    writer.write_table(written)
    state.claims += len(group)
    state.lines += written.num_rows
    state.agree += agree.count(True)
    state.disagree += agree.count(False)
    state.unchecked += agree.count(None)
    state.after = group[-1].lines[0]["id"]


def table(part: Sequence[Whole]) -> tuple[pa.Table, list[bool | None]]:
    """Return the rows of claims, and of each claim whether its features are those that were scored.

    None where it was not scored, or by a release that kept no print. Raises Invalid for a claim that this
    release cannot read.
    """
    claims = [canonical.decode(whole.claim_json) for whole in part]
    heads = [whole.lines[0] for whole in part]
    found = exports.featured(claims, [_history(head) for head in heads])
    agree = [
        None if head["feature_hash"] is None else head["feature_hash"] == printed
        for head, printed in zip(heads, found.prints, strict=True)
    ]
    told: dict[str, list[Any]] = {name: [] for name in exports.SCHEMA.names if name not in found.columns}
    for place, whole in enumerate(part):
        served = heads[place]["feature_hash"]
        apart = {
            "feature_hash": None if served is None else prints.text(served),
            "features_agree": agree[place],
            "created_day": found.created[place],
            "patient_bucket": found.patient[place],
        }
        for line in whole.lines:
            for name, value in (line | apart).items():
                told[name].append(value)
    return pa.table(told | found.columns, schema=exports.SCHEMA), agree


def _history(head: Line) -> tuple[int, ...]:
    """Return the history that the claim was scored with; a missing count was missing to the model."""
    return tuple(exports.MISSING if head[name] is None else head[name] for name in exports.COUNTS)


async def _joined(record: Record, after: str) -> AsyncGenerator[Whole]:
    """Yield claims with their lines; one that came while the streams were opened is left to the next run."""
    async with (
        contextlib.aclosing(_by_claim(record.rows(after))) as rows,
        contextlib.aclosing(_flat(record.claims(after))) as claims,
    ):
        async for lines in rows:
            whole = await anext(claims, None)
            while whole is not None and whole[0] < lines[0]["id"]:
                whole = await anext(claims, None)
            if whole is None:
                return
            if whole[0] != lines[0]["id"]:
                raise errors.Internal("export.unpaired", f"The claim {lines[0]['id']} was not read whole.")
            yield Whole(lines, whole[1])


async def _by_claim(parts: Rows) -> AsyncGenerator[list[Line]]:
    lines: list[Line] = []
    async for part in parts:
        for row in part:
            if lines and lines[0]["id"] != row["id"]:
                yield lines
                lines = []
            lines.append(row)
    if lines:
        yield lines


async def _flat(parts: Claims) -> AsyncGenerator[tuple[str, bytes, bytes]]:
    async for part in parts:
        for one in part:
            yield one


def _begin(out: Path, tenant: str, *, simulated: bool) -> exports.State:
    """Return the state to go on with: of an interrupted run of the same kind, else a new one."""
    out.mkdir(parents=True, exist_ok=True)
    known = _known(out, tenant)
    fresh = exports.State(tenant=tenant, simulated=simulated)
    kind = (False, fresh.row_schema, simulated)
    if known is not None and (known.complete, known.row_schema, known.simulated) == kind:
        return known
    for stale in _stale(out, tenant):
        stale.unlink(missing_ok=True)
    return fresh


def _known(out: Path, tenant: str) -> exports.State | None:
    try:
        return msgspec.json.decode((out / f"{tenant}{exports.STATE}").read_bytes(), type=exports.State)
    except (OSError, msgspec.DecodeError):
        return None


def _stale(out: Path, tenant: str) -> Iterator[Path]:
    """Yield what earlier exports of the tenant left, those of earlier releases too."""
    yield out / f"{tenant}{exports.STATE}"
    yield out / f"{tenant}{exports.SUFFIX}"
    for file in out.glob(f"{tenant}-*{exports.SUFFIX}"):
        if file.stem.removeprefix(f"{tenant}-").isdecimal():
            yield file
