"""Explain a claim's risk: the model that serves now, on the stored claim, line by line."""

from typing import Any

import msgspec

from chassis import contexts, errors
from claims import ports
from claims.domain import documents, histories, identities, risk, roles
from formats import canonical, model

EVENT = "claim.explained"


class Explain:
    """Asks scoring for exact contributions; says which model answered."""

    def __init__(
        self, archive: ports.Archive, store: ports.Store, scorer: ports.Scorer, *, patient_key: bytes
    ) -> None:
        self._archive, self._store, self._scorer = archive, store, scorer
        self._patient_key = patient_key

    async def __call__(self, context: contexts.CallContext, identifier: str) -> bytes:
        """Return canonical JSON {id, model, state, simulated, claim, lines, anomaly_model}.

        Where the model has no number for a claim, its lines are told by what is unusual among their peers.

        Raises Denied, NotFound, and Unavailable when scoring does not answer.
        """
        roles.require(context.roles, "read")
        stored = await self._archive.claim(context, identifier)
        await self._archive.note_read(context, identifier, EVENT)
        claim = canonical.decode(stored.claim)
        known = await self._known(context, stored, claim)
        score = await self._scorer.explain(ports.Case(context=context, claim=claim, known=known))
        return msgspec.json.encode(
            {
                "id": identifier,
                "model": score.model,
                "simulated": score.simulated,
                "state": score.state,
                "reason": score.reason,
                "claim": {
                    "probability": score.probability,
                    "reasons": score.contributions,
                    "anomaly": score.anomaly,
                },
                "lines": _lines(claim, score),
                "anomaly_model": score.anomaly_model,
            }
        )

    async def _known(
        self, context: contexts.CallContext, stored: ports.Stored, claim: model.Claim
    ) -> histories.Known | None:
        """Return what history knew before the claim was recorded."""
        identity = identities.identify(claim, tenant=context.tenant, key=self._patient_key)
        try:
            answers = await self._store.lookup(
                [(context, histories.ask_counts(claim, identity, before=stored.id))],
                deadline=context.deadline,
            )
        except errors.Unavailable:
            return None
        told = answers[0]
        if not isinstance(told, histories.Known):
            return None
        return histories.without(told, documents.decode(stored.decision))


def _lines(claim: model.Claim, score: risk.Score) -> list[dict[str, Any]]:
    """Return what is said of each line; none when nothing is said of any."""
    reasons = {reason.row: reason for reason in score.line_reasons}
    unusual, chances = score.line_anomalies or {}, score.line_probabilities
    return [
        {
            "sequence": line.sequence,
            "probability": chances[row] if row < len(chances) else None,
            "reasons": reasons[row].contributions if row in reasons else [],
            "likely_reasons": reasons[row].guesses if row in reasons else [],
            "anomaly": unusual.get(row),
        }
        for row, line in enumerate(claim.lines)
        if row < len(chances) or row in unusual
    ]
