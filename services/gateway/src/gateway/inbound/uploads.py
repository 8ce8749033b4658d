"""Files of claims: chunks in, lines out, both at once, and nothing of it whole in memory."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from starlette.types import Receive, Scope, Send

from chassis import errors
from gateway import ports
from gateway.domain import callers, exchanges
from gateway.domain import headers as names
from gateway.inbound import arrivals, bodies, limits, lobbies, replies, reports, spools


class Uploads:
    """Answers uploads; at most so many at once as the limits say."""

    def __init__(self, door: ports.ClaimsDoor, lobby: lobbies.Lobby, bounds: limits.Limits) -> None:
        self._door, self._lobby, self._bounds = door, lobby, bounds
        self._running = 0

    async def answer(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        caller: callers.Caller,
        upload: exchanges.Upload,
    ) -> None:
        """Answer one upload: 200 and one line per message, in input order, as they are decided.

        A refusal before the first line has its own status; a later one is the last line. A caller that
        goes away cancels the upload.
        """
        self._check(scope)
        if self._running >= self._bounds.uploads:
            raise errors.Exhausted(
                "upload.too_many", "Too many files are being received.", retry_after_ms=5000
            )
        self._running += 1
        try:
            await self._serve(scope, receive, send, caller, upload)
        finally:
            self._running -= 1

    def _check(self, scope: Scope) -> None:
        headers = arrivals.of(scope).headers
        arrivals.refuse_repeated(scope)
        bodies.refuse_encoding(headers)
        bodies.announced(headers, self._bounds.upload_bytes, "upload.too_large")
        if "idempotency-key" in headers:
            raise errors.Invalid(
                "idempotency.key_on_file",
                "Idempotency-Key is for one claim; claims of a file are told apart by content.",
            )

    async def _serve(
        self, scope: Scope, receive: Receive, send: Send, caller: callers.Caller, upload: exchanges.Upload
    ) -> None:
        context = self._lobby.context(scope, caller, seconds=self._bounds.upload_seconds)
        report, ended = _report(scope, upload), asyncio.Event()
        chunks = bodies.chunks(
            receive,
            limit=self._bounds.upload_bytes,
            idle_seconds=self._bounds.upload_idle_seconds,
            ended=ended,
        )
        spool = spools.Spool(self._bounds.spool_bytes, self._bounds.spool_dir)
        pull = asyncio.create_task(_pull(self._door.submit_file(upload, chunks, context), report, spool))
        watch = asyncio.create_task(_watch(receive, ended, pull))
        try:
            await _relay(spool, pull, report, send)
        finally:
            await _stop(watch, pull)
            spool.discard()


def _report(scope: Scope, upload: exchanges.Upload) -> reports.Report:
    """Return the report asked for; without a wish the answer has the form of the file."""
    arrival = arrivals.of(scope)
    every = dict.fromkeys((upload.media_type, exchanges.NDJSON, exchanges.CSV, exchanges.ARROW))
    forms = (exchanges.NDJSON,) if upload.remittance else tuple(every)
    wanted = names.preferred(arrival.headers.get("accept", ""), forms)
    if wanted == exchanges.CSV:
        return reports.Table()
    if wanted == exchanges.ARROW:
        from gateway.inbound import tables  # noqa: PLC0415 - a third of a second, for who asks for Arrow

        return tables.Arrow()
    return reports.Lines(scope["path"], arrival.request_id)


async def _pull(
    answers: AsyncIterator[list[exchanges.FileAnswer]], report: reports.Report, spool: spools.Spool
) -> None:
    """Move answers into the spool, which is closed whatever happens."""
    try:
        async with contextlib.aclosing(answers):  # type: ignore[type-var]  # ports promise an iterator, ours are generators
            async for several in answers:
                await spool.put(report.lines(several))
    finally:
        await spool.close()


async def _watch(receive: Receive, ended: asyncio.Event, pull: asyncio.Task[None]) -> None:
    """Cancel the upload when its caller goes away after the body's end; before it, the body says so."""
    await ended.wait()
    while (await receive())["type"] != "http.disconnect":
        pass
    pull.cancel()


async def _relay(spool: spools.Spool, pull: asyncio.Task[None], report: reports.Report, send: Send) -> None:
    """Send what comes out of the spool; begin the answer only when there is something to say."""
    piece = await spool.get()
    if not piece:
        await _finished(pull)  # raises what went wrong before the first line, so that it has its own status
    await replies.start(send, report.media_type)
    piece = report.head() + piece
    while piece:
        await replies.more(send, piece)
        piece = await spool.get()
    try:
        await _finished(pull)
    except errors.Fault as fault:
        await replies.more(send, report.broken(fault))
    if tail := report.tail():
        await replies.more(send, tail)
    await replies.end(send)


async def _finished(pull: asyncio.Task[None]) -> None:
    """Raise what the pulling ended with; it is cancelled only when its caller has gone."""
    await asyncio.wait({pull})
    if pull.cancelled():
        raise bodies.Disconnected
    pull.result()


async def _stop(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
