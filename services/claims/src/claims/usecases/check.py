"""Check claims: the answer that submitting them would give, with nothing stored."""

from collections.abc import Sequence

from chassis import errors
from claims import ports
from claims.usecases import assess, submit


class Check:
    """Decides claims without recording them."""

    def __init__(self, assessing: assess.Assess) -> None:
        self._assess = assessing

    async def __call__(self, arrivals: Sequence[ports.Arrival]) -> list[submit.Answer | errors.Fault]:
        """Return one answer or fault per arrival, in order; an answer has no id."""
        return [
            item
            if isinstance(item, errors.Fault)
            else submit.Answer(claim=item.claim, document=item.document, verdict=item.decision.verdict)
            for item in await self._assess(arrivals, permission="check")
        ]
