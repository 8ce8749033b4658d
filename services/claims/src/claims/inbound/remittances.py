"""Payers' answers in chunks of NDJSON: framed, joined in groups, told one by one in the order of the file.

Memory stays flat: one group is at work, and the next chunk is read when its answers were taken.
"""

from collections.abc import AsyncIterator, Sequence

import msgspec

from chassis import contexts, errors, faults, identity
from claims.inbound import callers, converters
from claims.usecases import adjudicate
from formats import adjudications, frames, framing, media
from ultrathink.claims.v1 import claims_pb2

GROUP = 64  # answers looked up and written together: one call each


class Remittances:
    """Takes one file of answers per call."""

    def __init__(self, verb: adjudicate.Adjudicate, who: callers.Callers, *, max_bytes: int) -> None:
        self._verb, self._callers, self._max_bytes = verb, who, max_bytes

    async def answer(
        self, chunks: AsyncIterator[claims_pb2.FileChunk], who: identity.Caller
    ) -> AsyncIterator[claims_pb2.SubmitResponse]:
        """Yield one result per answer in the order of the file, those of a group together.

        Raises Invalid `file.empty` and `media_type.unsupported`, Exhausted `file.too_large`, Denied.
        """
        first = await anext(chunks, None)
        if first is None:
            raise errors.Invalid("file.empty", "The first message names media type and context.")
        framer = _framer(first.media_type)
        self._context(first, who)  # an unknown caller is refused before anything is read
        seen = 0
        chunk: claims_pb2.FileChunk | None = first
        while chunk is not None:
            seen += len(chunk.data)
            if seen > self._max_bytes:
                raise errors.Exhausted("file.too_large", f"A file has at most {self._max_bytes:,} bytes.")
            async for group in self._groups(framer.feed(chunk.data), first, who):
                yield group
            chunk = await anext(chunks, None)
        async for group in self._groups(framer.close(), first, who):
            yield group

    async def _groups(
        self, found: Sequence[frames.Frame], first: claims_pb2.FileChunk, who: identity.Caller
    ) -> AsyncIterator[claims_pb2.SubmitResponse]:
        for start in range(0, len(found), GROUP):
            group = found[start : start + GROUP]
            context = self._context(first, who)
            answers = await self._answers(group, context)
            results = [
                _result(context.item_id, frame.position, answer)
                for frame, answer in zip(group, answers, strict=True)
            ]
            yield claims_pb2.SubmitResponse(results=results)

    async def _answers(
        self, group: Sequence[frames.Frame], context: contexts.CallContext
    ) -> Sequence[adjudicate.Joined | errors.Fault]:
        try:
            return await self._verb(context, [_read(frame) for frame in group])
        except (errors.Unavailable, errors.Exhausted) as fault:
            return [fault] * len(group)

    def _context(self, first: claims_pb2.FileChunk, who: identity.Caller) -> contexts.CallContext:
        """Return the context of a group framed now: the file's time is each group's own."""
        return self._callers.context(first.context, who, given=first.HasField("context"))


def _framer(media_type: str) -> frames.Framer:
    if media.essence(media_type) != media.NDJSON:
        raise errors.Invalid("media_type.unsupported", f"Answers are sent as {media.NDJSON}.")
    return framing.framer(media_type)


def _read(frame: frames.Frame) -> adjudicate.Said:
    if frame.fault is not None:
        return frame.fault
    try:
        return adjudications.decode(frame.body)
    except errors.Invalid as fault:
        return fault


def _result(item_id: str, position: int, answer: adjudicate.Joined | errors.Fault) -> claims_pb2.SubmitResult:
    if isinstance(answer, errors.Fault):
        return claims_pb2.SubmitResult(item_id=item_id, error=faults.to_wire(answer), position=position)
    return claims_pb2.SubmitResult(
        item_id=item_id,
        position=position,
        claim_id=answer.id,
        replayed=answer.replayed,
        rendered=claims_pb2.Rendered(body=msgspec.json.encode(answer), media_type=converters.JSON),
    )
