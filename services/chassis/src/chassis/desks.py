"""The batches of one served stream: read while there are places, answered as they get ready."""

import asyncio
from collections import deque
from collections.abc import AsyncIterable, Awaitable, Callable

from chassis import errors, links


def _given_up() -> errors.Unavailable:
    return errors.Unavailable("batch.cancelled", "The batch was given up.")


class Desk[Req: links.Batch, Res: links.Batch]:
    """The batches of one served stream: at work, and ready to be taken by the transport."""

    def __init__(self, handle: Callable[[Req], Awaitable[Res]], in_flight: int) -> None:
        self._handle = handle
        self._slots = asyncio.Semaphore(in_flight)
        self.ready: deque[Res] = deque()
        self.working: set[asyncio.Task[Res]] = set()
        self.reader: asyncio.Task[None]
        self.failure: BaseException | None = None
        self._signal: asyncio.Future[None] | None = None
        self._leaving = False
        self._form: type[Res] | None = None  # Of answers; known from the first one on.
        self._farewell: Res | None = None

    async def read(self, requests: AsyncIterable[Req]) -> None:
        """Put each request to work while there are slots."""
        await self._slots.acquire()
        async for request in requests:
            task = asyncio.get_running_loop().create_task(self._work(request))
            self.working.add(task)
            task.add_done_callback(self._worked)
            await self._slots.acquire()

    async def _work(self, request: Req) -> Res:
        answer = await self._handle(request)
        answer.batch_id = request.batch_id
        return answer

    def _worked(self, task: asyncio.Task[Res]) -> None:
        self.working.discard(task)
        failure = _given_up() if task.cancelled() else task.exception()
        if failure is None:
            self.ready.append(task.result())
            self._leave()
        else:
            self.failure = self.failure or failure
            self.reader.cancel()
        self.wake()

    def taken(self, answer: Res) -> None:
        """Let another batch be read in the place of one that the transport took."""
        if answer is not self._farewell:
            self._form = type(answer)
            self._slots.release()

    async def leave_when(self, stop: asyncio.Event) -> None:
        """Tell the other end to go elsewhere when the event is set."""
        await stop.wait()
        self._leaving = True
        self._leave()

    def _leave(self) -> None:
        """Queue the farewell once its type is known; a stream on which nothing was ever asked just ends."""
        if not self._leaving:
            return
        form = type(self.ready[-1]) if self.ready else self._form
        if form is not None:
            self._leaving = False
            self._farewell = form()
            self.ready.append(self._farewell)
            self.wake()
        elif not self.working:
            self.reader.cancel()

    def wake(self, _: object = None) -> None:
        """Let the one who waits in `woken` look again."""
        if self._signal is not None and not self._signal.done():
            self._signal.set_result(None)

    async def woken(self) -> None:
        """Wait until something became ready or ended."""
        self._signal = asyncio.get_running_loop().create_future()
        await self._signal
