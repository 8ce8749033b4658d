"""Complete a claim: what could stand in its open places, or why nothing is said; the claim stays as it is."""

import msgspec

from chassis import contexts
from claims import ports
from claims.domain import completions, roles
from formats import canonical

NOTHING = completions.Told(answers=(), models=())


class Complete:
    """Asks the models for what a claim leaves open; stores nothing and fills nothing in."""

    def __init__(self, tenants: ports.Tenants, completer: ports.Completer) -> None:
        self._tenants, self._completer = tenants, completer

    async def __call__(self, context: contexts.CallContext, body: bytes) -> bytes:
        """Return canonical JSON {claim_id, regime, open, suggestions, refusals, models}.

        Raises Denied, Invalid for a claim that cannot be read, and Unavailable when no model can be asked:
        an answer without suggestions always says why.
        """
        roles.require(context.roles, "check")
        tenant = await self._tenants.find(context.tenant)
        claim = canonical.decode(body)
        if not claim.regime:
            claim = msgspec.structs.replace(claim, regime=tenant.default_regime)
        opened = completions.places(claim)
        known = [refusal for place in opened if (refusal := completions.stated(claim, place))]
        settled = {refusal.path for refusal in known}
        asked = [place for place in opened if place.path not in settled]
        told = await self._completer.complete(context, claim, asked) if asked else NOTHING
        return completions.document(claim, opened, completions.merged(opened, known, told))
