"""Claims of one batch as each other's past: storage is asked before any of them is recorded.

Room: domain. Without this a file that holds a service twice would be judged otherwise than the same claims
sent one after the other. Claims of other batches in flight at the same moment stay unknown to each other.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal

import msgspec

from claims.domain import histories


class _Kept(msgspec.Struct, frozen=True, gc=False):
    """A row that the claim of this number in the batch leaves, with what the claim itself was asked by."""

    number: int
    question: histories.Question
    left: histories.Left

    def row(self) -> histories.Row:
        """Return the row as storage would tell it."""
        return histories.Row(
            id=f"batch:{self.number}",  # as good as an id: it tells one claim from another
            claim_id=self.question.claim_id,
            line=self.left.line,
            day=self.left.day,
            mark=self.left.mark,
            provider_id=self.question.provider_id,
            payer_id=self.question.payer_id,
        )


def strangers(left: Sequence[Sequence[histories.Left]]) -> bool:
    """Tell whether no two claims, by what each leaves, share a key: they also ask by what they leave."""
    if len(left) < 2:  # noqa: PLR2004 - nobody is a neighbour of itself
        return True
    seen: set[bytes] = set()
    for mine in left:
        own = {one.key for one in mine}
        if not seen.isdisjoint(own):
            return False
        seen |= own
    return True


class Neighbours:
    """What the claims of a batch that were judged so far leave behind, tenant by tenant."""

    def __init__(self) -> None:
        self._left: dict[str, dict[bytes, list[_Kept]]] = {}
        self._claims = 0

    def add(self, tenant: str, question: histories.Question, leaves: Iterable[histories.Left]) -> None:
        """Remember what a claim leaves that will be recorded and stand; the next ones are asked beside it."""
        self._claims += 1
        kept = self._left.setdefault(tenant, {})
        for left in leaves:
            kept.setdefault(left.key, []).append(_Kept(self._claims, question, left))

    def beside(self, tenant: str, question: histories.Question, known: histories.Known) -> histories.Known:
        """Return what is known with what the neighbours add to it, the latest of a day first."""
        left = self._left.get(tenant)
        if not left or len(known.past) != len(question.keys):
            return known
        found = [_others(left[key.key], question, key) if key.key in left else [] for key in question.keys]
        if not any(found):
            return known
        told = [
            _with(key, one, more) if more else one
            for key, one, more in zip(question.keys, known.past, found, strict=True)
        ]
        return msgspec.structs.replace(known, past=told)


def _others(left: Sequence[_Kept], question: histories.Question, key: histories.Key) -> list[_Kept]:
    """Return what neighbours left under a key, the latest first; a claim is no neighbour of itself."""
    own = (question.claim_id, question.provider_id)
    return [
        kept
        for kept in reversed(left)
        if key.from_day <= kept.left.day <= key.to_day
        and (kept.question.claim_id, kept.question.provider_id) != own
    ]


def _with(key: histories.Key, told: histories.Told, found: list[_Kept]) -> histories.Told:
    rows = sorted([*(kept.row() for kept in found), *told.rows], key=lambda row: -row.day)
    quantity = sum((kept.left.quantity or Decimal(0) for kept in found), told.quantity)
    return histories.Told(rows=rows[: key.most], quantity=quantity)
