"""Pairs batches with their answers on one long-lived bidirectional stream, on both of its ends.

Opening a call costs as much as many messages, so a stream lives long and carries one batch after another; a
`batch_id` pairs each answer with its request and answers come in any order. What one end promises the other:

- a server that is about to go sends an answer with `batch_id` 0 and goes on reading and answering; the other
  end half-closes and opens the next call, as it does when a call reached its age. Ending the call from the
  server's side instead would meet batches on their way, which gRPC reports as it reports a broken connection;
- a stream that ends with OK has answered every batch its server read. Batches left unanswered were never
  seen, so they are sent again on the next stream whatever they are;
- a stream that breaks leaves its batches in doubt. They are sent again only where the receiver recognises
  what it has seen (`resend=True`), and fail with `stream.broken` otherwise;
- faults of items travel inside answers. A fault of a whole batch ends the stream with its status after the
  other batches read have been answered; batches in doubt then fail with that fault and are not sent again,
  because the same batch would end the next stream too.

Between rooms that are processes messages go over `chassis.http2`; over a stub of grpc.aio or of
`chassis.local` they go out through a request iterator and come in through `async for`.
"""

import asyncio
import contextvars
import random
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable

from chassis import clock as clocks
from chassis import desks, errors, links, outcomes, timers

MAX_WAITING = 64  # Exchanges that wait for the window; a Coalescer in front lets no more than it through.
LANES = 8  # Copies of a service that one process keeps at work at once; opened when needed.
BACK_OFF_FIRST_SECONDS = 0.05  # A restarted process listens again within a few of these.
BACK_OFF_LIMIT_SECONDS = 2.0  # The supervisor restarts a process in under two seconds.
MAX_AGE_SECONDS = 240.0  # Below the servers' connection age and grace: our end rotates before theirs breaks.
CLOSE_SECONDS = 1.0  # A server that has answered everything ends the call at once; a hung one is given up.
IN_FLIGHT = 4  # Batches of one stream at work: two that the other end may have out, and two that follow.
GOING_AWAY = 0  # The batch id of an answer to nothing: send what follows on another call.

# Set by the server for each call it serves; the event tells that the process is about to go.
draining: contextvars.ContextVar[asyncio.Event | None] = contextvars.ContextVar("draining", default=None)


class _Pending[Req: links.Batch, Res: links.Batch]:
    """One batch until its outcome is known."""

    __slots__ = ("deadline", "future", "link", "request")

    def __init__(self, request: Req, deadline: float, future: asyncio.Future[Res]) -> None:
        self.request, self.deadline, self.future = request, deadline, future
        self.link: _Link[Req, Res] | None = None


class _Link[Req: links.Batch, Res: links.Batch]:
    """One open call as its stream sees it: passes on what is heard."""

    def __init__(
        self,
        opened: float,
        heard: "Callable[[_Link[Req, Res], Res], None]",
        over: "Callable[[_Link[Req, Res], errors.Fault | None], None]",
    ) -> None:
        self.opened = opened
        self.age: timers.Timer
        self.line: links.Line[Req]
        self.answered = False
        self.flying = 0
        self._heard, self._over = heard, over

    def answer(self, response: Res) -> None:
        """Pass an answer on."""
        self.answered = True
        self._heard(self, response)

    def ended(self, fault: errors.Fault | None) -> None:
        """Pass the end on."""
        self._over(self, fault)


class BatchStream[Req: links.Batch, Res: links.Batch]:
    """Exchanges batches on calls that it opens when needed and opens again when they end.

    At most `window` batches are unanswered at once on each of at most `lanes` calls. A batch goes where
    fewest are unanswered; another call is opened when all open ones have some, and goes to the next copy of
    the service. `resend` declares that the receiver recognises a batch it has seen, so that one in doubt is
    sent again instead of failing; an answer is delivered once in any case.
    `max_age` is in seconds: an older call is half-closed and a new one takes over, which spreads the load
    over servers that came later. `jitter` returns numbers in [0, 1). Belongs to one event loop.
    """

    def __init__(
        self,
        call: links.Call[Req, Res],
        *,
        clock: clocks.Clock,
        window: int = 2,
        lanes: int = LANES,
        resend: bool = False,
        max_age: float = MAX_AGE_SECONDS,
        jitter: Callable[[], float] = random.random,
        wakes: timers.Timers | None = None,
    ) -> None:
        self._dialling, self._now, self._wakes = links.dialling(call), clock.monotonic, wakes
        self._alarm = timers.Alarm(self._sweep, self._now, wakes)
        self._window, self._lanes = window, lanes
        self._resend, self._max_age, self._jitter = resend, max_age, jitter
        self._context = contextvars.copy_context()  # A stream serves many callers: it runs in none's context.
        self._last_id = 0
        self._waiting: deque[_Pending[Req, Res]] = deque()
        self._flying: dict[int, _Pending[Req, Res]] = {}
        self._open: list[_Link[Req, Res]] = []  # Take batches.
        self._links: set[_Link[Req, Res]] = set()  # These, and those that answer their last.
        self._failures = 0  # Links that broke young, one after another.
        self._resting: timers.Timer | None = None
        self._closed = False
        self._idle: asyncio.Future[None] | None = None
        self._last: asyncio.Future[None] | None = None  # Done when no link is left.

    async def exchange(self, request: Req, *, deadline: float) -> Res:
        """Return the answer to `request`, whose `batch_id` is set here; `deadline` is in monotonic seconds.

        Raises Unavailable `deadline.exceeded` (a later answer is dropped), `stream.broken` and
        `stream.closed`, Exhausted `stream.full` when too many exchanges wait, and the fault that a server
        ended the stream with. While a broken stream rests, only exchanges that may be sent again wait for it.
        """
        self._admit(deadline)
        self._last_id += 1
        request.batch_id = self._last_id
        pending: _Pending[Req, Res] = _Pending(request, deadline, asyncio.get_running_loop().create_future())
        self._waiting.append(pending)
        self._alarm.watch(deadline)
        try:
            self._pump()
            return await pending.future
        except BaseException:
            if self._landed(request.batch_id) is None and pending in self._waiting:
                self._waiting.remove(pending)
            self._pump()
            raise
        finally:
            if self._idle is not None and not (self._waiting or self._flying or self._idle.done()):
                self._idle.set_result(None)

    async def aclose(self) -> None:
        """Refuse new exchanges, wait for the outcome of those accepted, and end the call."""
        self._closed = True
        if self._waiting or self._flying:
            if self._idle is None:
                self._idle = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._idle)
        self._alarm.stop()
        if self._resting is not None:
            self._resting.cancel()
        for link in self._open:
            link.line.finish()
        if self._links:
            self._last = asyncio.get_running_loop().create_future()
            await asyncio.wait([self._last], timeout=CLOSE_SECONDS)
            for link in tuple(self._links):
                link.line.cancel()

    def _admit(self, deadline: float) -> None:
        if self._closed:
            raise errors.Unavailable("stream.closed", "The service is shutting down.")
        if deadline <= self._now():
            raise outcomes.late()
        if self._resting is not None and not self._open and not self._resend:
            raise links.broken()
        if len(self._waiting) >= MAX_WAITING:
            raise errors.Exhausted("stream.full", "Too much is waiting; try again later.", retry_after_ms=100)

    def _sweep(self, now: float) -> list[float]:
        """Tell every exchange past its deadline, and return the deadlines that are left."""
        for pending in (every := [*self._waiting, *self._flying.values()]):
            if pending.deadline <= now:
                outcomes.refuse(pending.future, outcomes.late())
        return [pending.deadline for pending in every if pending.deadline > now]

    def _landed(self, batch_id: int) -> _Pending[Req, Res] | None:
        """Return the batch that flies under this number, which its call may now take another for."""
        pending = self._flying.pop(batch_id, None)
        if pending is not None and pending.link is not None:
            pending.link.flying -= 1
        return pending

    def _pump(self) -> None:
        """Send what waits while a call has room."""
        while self._waiting:
            pending = self._waiting[0]
            if pending.future.done():
                self._waiting.popleft()
                continue
            link = self._roomiest()
            if link is None:
                return
            self._waiting.popleft()
            self._flying[pending.request.batch_id] = pending
            pending.link = link
            link.flying += 1
            link.line.send(pending.request)

    def _roomiest(self) -> "_Link[Req, Res] | None":
        """Return the call that the next batch goes to, opening one where that is due; None: it waits."""
        best = None
        for link in self._open:
            if best is None or link.flying < best.flying:
                best = link
        busy = best is None or best.flying > 0
        if busy and len(self._open) < self._lanes and self._resting is None:
            return self._dial()
        return None if best is None or best.flying >= self._window else best

    def _dial(self) -> "_Link[Req, Res]":
        age = self._max_age * (1 + self._jitter()) / 2  # Streams opened together do not turn over together.
        link = _Link(self._now(), self._answered, self._ended)
        link.line = self._context.copy().run(self._dialling.dial, link)  # First: what fails leaves no link.
        link.age = timers.running(self._wakes).call_later(age, self._rotate, link)
        self._links.add(link)
        self._open.append(link)
        return link

    def _rotate(self, link: "_Link[Req, Res]") -> None:
        """Let a call that reached its age answer what it has; the next batch opens another."""
        if link in self._open:
            self._open.remove(link)
        link.line.finish()

    def _answered(self, link: "_Link[Req, Res]", answer: Res) -> None:
        if answer.batch_id == GOING_AWAY:
            self._rotate(link)
            return
        pending = self._landed(answer.batch_id)
        if pending is not None and not pending.future.done():
            pending.future.set_result(answer)
            if self._waiting:
                self._pump()

    def _ended(self, link: "_Link[Req, Res]", fault: errors.Fault | None) -> None:
        self._links.discard(link)
        link.age.cancel()
        if link in self._open:
            self._open.remove(link)
        left = [pending for pending in self._flying.values() if pending.link is link]
        for pending in left:
            self._landed(pending.request.batch_id)
        if fault is None or (self._resend and isinstance(fault, errors.Unavailable)):
            self._waiting.extendleft(reversed(left))
        else:
            for pending in left:
                outcomes.refuse(pending.future, fault)
        if (fault is None and link.answered) or self._now() - link.opened > BACK_OFF_LIMIT_SECONDS:
            self._failures = 0
        elif self._resting is None:
            self._rest()
        self._pump()
        if self._last is not None and not self._links and not self._last.done():
            self._last.set_result(None)

    def _rest(self) -> None:
        delay = min(BACK_OFF_LIMIT_SECONDS, BACK_OFF_FIRST_SECONDS * 2**self._failures)
        self._failures = min(self._failures + 1, 16)  # Far beyond the limit, and the power stays small.
        self._resting = timers.running(self._wakes).call_later(delay * (1 + self._jitter()) / 2, self._rested)

    def _rested(self) -> None:
        self._resting = None
        self._pump()


def serve_batches[Req: links.Batch, Res: links.Batch](
    requests: AsyncIterable[Req], handle: Callable[[Req], Awaitable[Res]], *, in_flight: int = IN_FLIGHT
) -> "Served[Req, Res]":
    """Return the answers of `handle` to each request as they get ready, `batch_id` copied.

    At most `in_flight` batches are read and not yet taken by the transport. What `handle` raises is raised
    here, and so becomes the status of the stream, when the other batches read have been answered. When the
    event in `draining` is set, the other end is told to go elsewhere and is served until it half-closes.
    Closing it cancels the batches at work. A transport that hands over messages itself takes `handle` and
    `in_flight` and iterates over nothing.
    """
    return Served(requests, handle, in_flight)


class Served[Req: links.Batch, Res: links.Batch]:
    """The serving half of one stream, as an iterator of answers; its work begins with the first one asked."""

    def __init__(
        self, requests: AsyncIterable[Req], handle: Callable[[Req], Awaitable[Res]], in_flight: int
    ) -> None:
        self.handle, self.in_flight = handle, in_flight
        self._answers = _serve(requests, handle, in_flight)

    def __aiter__(self) -> AsyncGenerator[Res]:
        return self._answers

    async def __anext__(self) -> Res:
        return await anext(self._answers)

    async def aclose(self) -> None:
        """Cancel the batches at work."""
        await self._answers.aclose()


async def _serve[Req: links.Batch, Res: links.Batch](
    requests: AsyncIterable[Req], handle: Callable[[Req], Awaitable[Res]], in_flight: int
) -> AsyncGenerator[Res]:
    desk = desks.Desk[Req, Res](handle, in_flight)
    reader = desk.reader = asyncio.get_running_loop().create_task(desk.read(requests))
    reader.add_done_callback(desk.wake)
    stop = draining.get()
    helpers = [reader] if stop is None else [reader, asyncio.create_task(desk.leave_when(stop))]
    try:
        while desk.ready or desk.working or not reader.done():
            while desk.ready:
                answer = desk.ready.popleft()
                yield answer
                desk.taken(answer)
            if desk.working or not reader.done():
                await desk.woken()
        if desk.failure is not None:
            raise desk.failure
        if not reader.cancelled():
            reader.result()
    finally:
        for task in (*helpers, *desk.working):
            task.cancel()
        await asyncio.gather(*helpers, *desk.working, return_exceptions=True)
