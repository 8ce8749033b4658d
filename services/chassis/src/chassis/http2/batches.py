"""A served batch stream: a message that arrives whole becomes a batch at work in the turn that read it.

Its answer is written by the turn that made it: no iterator, no queue, no thread.
"""

import asyncio
from collections import deque
from typing import Any, Final

from chassis import errors, faults, handlers
from chassis import streams as exchanges
from chassis.http2 import served, status

_FAREWELL: Final = b""  # An answer whose batch_id is GOING_AWAY: in protobuf the message without any field.


class Call(served.Call):
    """Batches at work until the peer half-closes."""

    def __init__(self, *told: Any) -> None:
        super().__init__(*told)
        self._served: exchanges.Served[Any, Any] | None = None
        self._held: deque[bytes] = deque()  # Read and not begun: the peer's window bounds them.
        self._working = 0
        self._untaken = 0  # Answers that the transport has not taken.
        self._failure: errors.Fault | None = None
        self._leaving = False

    async def serve(self) -> None:
        """Begin with what came meanwhile; a method that answers with anything but batches is not served."""
        found = handlers.behaviour(self._handler)((), None)
        if not isinstance(found, exchanges.Served):
            self.refuse(status.UNSERVED, "unserved")
            return
        self._served = found
        if self._server.leaving:
            self.leave()
        self._next()

    def message(self, data: bytes) -> None:
        """Begin a batch, or hold it until there is a place."""
        self._held.append(data)
        self._next()

    def half_closed(self) -> None:
        """End when everything that was read has been answered."""
        self._half_closed = True
        self._rest()

    def drained(self) -> None:
        """Let batches begin in the places of answers that the transport has taken."""
        super().drained()
        self._untaken = 0
        self._next()

    def refused(self, fault: errors.Fault) -> None:
        """Read nothing more; the status follows when what is at work has been answered."""
        self._failure = self._failure or fault
        self._held.clear()
        self._rest()

    def leave(self) -> None:
        """Tell the peer to go elsewhere with what follows."""
        if self._served is not None and not self._leaving and not self._over:
            self._leaving = True
            self._send(_FAREWELL)

    def _next(self) -> None:
        """Put held batches to work while there are places."""
        desk = self._served
        if desk is None:
            return
        while self._held and not self._over and self._failure is None:
            if self._working + self._untaken >= desk.in_flight:
                return
            data = self._held.popleft()
            self._stream.consumed(len(data))
            try:
                request = handlers.read(self._handler, data)
            except errors.Invalid as fault:
                self.refused(fault)
                return
            self._working += 1
            self.run(self._work(request, desk), self._context.copy())
        if not self._working:
            self._rest()

    async def _work(self, request: Any, desk: "exchanges.Served[Any, Any]") -> None:
        try:
            response = await desk.handle(request)
            response.batch_id = request.batch_id
            self._send(handlers.written(self._handler, response))
        except asyncio.CancelledError:
            self.refused(errors.Unavailable("batch.cancelled", "The batch was given up."))
            raise
        except Exception as error:  # noqa: BLE001 - the door answers for everything behind it
            self.refused(faults.of_exception(error, self._method))
        finally:
            self._working -= 1
            if self.worked():
                self._next()

    def _send(self, answer: bytes) -> None:
        if self._over:
            return
        if not self._begun:
            self._begun = True
            self._stream.send_headers(served.ANSWER)
        self._stream.send(answer)
        if self._stream.backlog:
            self._untaken += 1

    def _rest(self) -> None:
        """End the call when nothing is left to do."""
        if self._working or self._over:
            return
        if self._failure is not None:
            self.end(self._failure)
        elif self._half_closed and not self._held and self._served is not None:
            self.end(None)
