"""The committed packs say the same of many claims at once as of each alone: examples and sound claims."""

import msgspec

import rules_support as support
import sound_claims
from claims.domain.rules import examples
from formats import canonical

OF_EACH = 70  # sound claims of a kind, so that a kind's program is judged by columns


def test_many_claims_at_once_and_one_by_one_say_the_same():
    """Findings and undecided rules of every example and sound claim are equal in both forms."""
    judge = support.judging()
    cases = [
        examples.build(partial)
        for pack in support.committed()[0]
        for rule in pack.rules
        for partial in (*rule.examples.violates, *rule.examples.satisfies)
    ]
    cases += [
        (canonical.decode(msgspec.json.encode(claim)), sound_claims.AS_OF)
        for _, claim in sound_claims.every(of_each=OF_EACH)
    ]
    alone = [judge.evaluate(claim, as_of=day) for claim, day in cases]
    together = judge.evaluate_batch([claim for claim, _ in cases], as_of=[day for _, day in cases])
    wrong = [at for at, pair in enumerate(zip(alone, together, strict=True)) if pair[0] != pair[1]]
    assert wrong == []
