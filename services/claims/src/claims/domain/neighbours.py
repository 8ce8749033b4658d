"""Claims of one batch as each other's past: storage is asked before any of them is recorded.

Room: domain. Without this a file that holds a service twice would be judged otherwise than the same claims
sent one after the other. Claims of other batches in flight at the same moment stay unknown to each other.
"""

from decimal import Decimal

import msgspec

from claims.domain import histories, identities
from formats import model


class _Row(msgspec.Struct, frozen=True, gc=False):
    row: histories.Row
    quantity: Decimal


class Neighbours:
    """What the claims of a batch that were judged so far leave behind, tenant by tenant."""

    def __init__(self) -> None:
        self._left: dict[tuple[str, bytes], list[_Row]] = {}
        self._claims = 0

    def add(
        self, tenant: str, claim: model.Claim, question: histories.Question, identity: identities.Identity
    ) -> None:
        """Remember a claim that will be recorded and stand; the next ones are asked beside it."""
        self._claims += 1
        for left in histories.leaves(claim, identity):
            row = histories.Row(
                id=f"batch:{self._claims}",  # as good as an id: it tells one claim from another
                claim_id=question.claim_id,
                line=left.line,
                day=left.day,
                mark=left.mark,
                provider_id=question.provider_id,
                payer_id=question.payer_id,
            )
            kept = self._left.setdefault((tenant, left.key), [])
            kept.append(_Row(row, left.quantity or Decimal(0)))

    def beside(self, tenant: str, question: histories.Question, known: histories.Known) -> histories.Known:
        """Return what is known with what the neighbours add to it, the latest of a day first."""
        if not self._left or len(known.past) != len(question.keys):
            return known
        told = [
            self._with(tenant, question, key, one) for key, one in zip(question.keys, known.past, strict=True)
        ]
        return msgspec.structs.replace(known, past=told)

    def _with(
        self, tenant: str, question: histories.Question, key: histories.Key, told: histories.Told
    ) -> histories.Told:
        own = (question.claim_id, question.provider_id)
        found = [
            kept
            for kept in reversed(self._left.get((tenant, key.key), ()))
            if key.from_day <= kept.row.day <= key.to_day and (kept.row.claim_id, kept.row.provider_id) != own
        ]
        if not found:
            return told
        rows = sorted([*(kept.row for kept in found), *told.rows], key=lambda row: -row.day)
        quantity = sum((kept.quantity for kept in found), told.quantity)
        return histories.Told(rows=rows[: key.most], quantity=quantity)
