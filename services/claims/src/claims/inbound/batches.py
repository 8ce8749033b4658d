"""One batch through a use case: every item answered, in order, within a bound on what is at work."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from chassis import clock as clocks
from chassis import errors, identity, telemetry
from claims import ports
from claims.inbound import callers, converters, messages
from claims.usecases import submit
from ultrathink.claims.v1 import claims_pb2

type Verb = Callable[[Sequence[ports.Arrival]], Awaitable[list[submit.Answer | errors.Fault]]]

LIVE_SECONDS = 0.25  # Longer than the pause of callers who send one claim after another.
RETRY_AFTER_MS = 200  # A full room of small claims is empty again in about this time.


class Batches:
    """Carries items to a use case; `max_items` per batch, `max_in_flight` over all callers."""

    def __init__(
        self, who: callers.Callers, clock: clocks.Clock, *, max_items: int, max_in_flight: int
    ) -> None:
        self._callers, self._clock = who, clock
        self._max_items, self._max_in_flight = max_items, max_in_flight
        self._in_flight, self._live_at = 0, float("-inf")
        telemetry.gauge("claims_in_flight", "Claims at work in this process.").set_function(self._at_work)

    async def answer(
        self, request: claims_pb2.SubmitRequest, verb: Verb, who: identity.Caller
    ) -> claims_pb2.SubmitResponse:
        """Return one result per item, in the order of the items."""
        items = request.items
        self._live_at = self._clock.monotonic()
        if len(items) > self._max_items:
            fault = errors.Invalid("batch.too_large", f"A batch has at most {self._max_items} items.")
            return _refused(request, fault)
        traceparents = [item.context.traceparent for item in items]
        with (
            self._door(who),
            telemetry.batch_span("claims.batch", traceparents, rows=len(items)) as onward,
        ):
            # An item that nobody follows yet is followed with the call that brought it, where that is.
            parents = {"": telemetry.current_traceparent()} if who.principal is not None else {}
            places = {**onward, **parents}
            arrivals = [self._arrival(item, who, places) for item in items]
            answers = await self.carry(arrivals, verb)
        response = claims_pb2.SubmitResponse(batch_id=request.batch_id)
        for item, answer in zip(items, answers, strict=True):
            self._tell(response.results, item, answer)
        return response

    def live(self) -> bool:
        """Tell whether somebody waited for single claims a moment ago."""
        return self._clock.monotonic() - self._live_at < LIVE_SECONDS

    async def carry(
        self, arrivals: Sequence[ports.Arrival | errors.Fault], verb: Verb
    ) -> list[submit.Answer | errors.Fault]:
        """Return one answer per arrival; refuse all as Exhausted while too much is at work."""
        if self._in_flight and self._in_flight + len(arrivals) > self._max_in_flight:
            fault = errors.Exhausted(
                "claims.busy", "Too many claims are at work; try again later.", retry_after_ms=RETRY_AFTER_MS
            )
            return [fault] * len(arrivals)
        admitted = [item for item in arrivals if isinstance(item, ports.Arrival)]
        self._in_flight += len(admitted)
        try:
            answered = iter(await verb(admitted) if admitted else [])
        finally:
            self._in_flight -= len(admitted)
        return [next(answered) if isinstance(item, ports.Arrival) else item for item in arrivals]

    def _door(self, who: identity.Caller) -> telemetry.Nothing:
        """Return the span of a call at this door: for users drawn here, for services by the gateway."""
        return telemetry.NOTHING if who.principal is None else telemetry.root_span("claims.call")

    def _at_work(self) -> float:
        return self._in_flight

    def _arrival(
        self, item: claims_pb2.SubmitItem, who: identity.Caller, onward: Mapping[str, str]
    ) -> ports.Arrival | errors.Fault:
        try:
            context = self._callers.context(item.context, who, given=item.HasField("context"), onward=onward)
        except errors.Denied as fault:
            return fault
        return converters.arrival(item, context)

    def _tell(
        self, results: converters.Results, item: claims_pb2.SubmitItem, answer: submit.Answer | errors.Fault
    ) -> None:
        told = converters.tell(results, item.context.item_id, answer, _form(item, answer))
        if messages.wanted(item.accept):
            messages.enclose(told, item.raw.body, self._clock.now())


def _refused(request: claims_pb2.SubmitRequest, fault: errors.Fault) -> claims_pb2.SubmitResponse:
    response = claims_pb2.SubmitResponse(batch_id=request.batch_id)
    for item in request.items:
        converters.tell(response.results, item.context.item_id, fault, converters.JSON)
    return response


def _form(item: claims_pb2.SubmitItem, answer: submit.Answer | errors.Fault) -> str:
    return converters.JSON if isinstance(answer, errors.Fault) else converters.accepted(item.accept)
