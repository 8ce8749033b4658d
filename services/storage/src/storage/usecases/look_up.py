"""Look up what history knows about claims that are being judged."""

from collections.abc import Mapping, Sequence

from chassis import clock as clocks
from chassis import errors
from storage import ports
from storage.domain import records, views
from storage.usecases import know_tenants

QUESTIONS_MAX = 20_000
KEYS_MAX = 1_000  # lines of one claim


async def look_up(
    questions: Sequence[records.Question],
    *,
    ledger: ports.Ledger,
    tenants: know_tenants.Tenants,
    clock: clocks.Clock,
) -> list[records.Answer | errors.Fault]:
    """Return one answer or fault per question, in order.

    Faults: Denied `tenant.unknown`, Invalid `lookup.too_many`, Unavailable. More than QUESTIONS_MAX are
    Invalid as a whole.
    """
    if len(questions) > QUESTIONS_MAX:
        raise errors.Invalid("lookup.too_many", f"At most {QUESTIONS_MAX} questions at once.")
    try:
        known = await tenants.among({question.tenant for question in questions})
        return await _answers(questions, known, ledger, clock)
    except errors.Unavailable as fault:
        return [fault] * len(questions)


async def _answers(
    questions: Sequence[records.Question],
    known: Mapping[str, views.Tenant],
    ledger: ports.Ledger,
    clock: clocks.Clock,
) -> list[records.Answer | errors.Fault]:
    answers: list[records.Answer | errors.Fault] = []
    good: list[records.Question] = []
    places: list[int] = []
    for place, question in enumerate(questions):
        tenant = known.get(question.tenant)
        if tenant is None or not tenant.active:
            answers.append(errors.Denied("tenant.unknown", "There is no such active tenant."))
        elif len(question.service_keys) > KEYS_MAX:
            answers.append(
                errors.Invalid("lookup.too_many", f"At most {KEYS_MAX} service keys of one claim.")
            )
        else:
            answers.append(_NOTHING)
            good.append(question)
            places.append(place)
    if good:
        now_ms = int(clock.now().timestamp() * 1000)
        for place, answer in zip(places, await ledger.lookup(good, now_ms), strict=True):
            answers[place] = answer
    return answers


_NOTHING = records.Answer([], records.Aggregate(), records.Aggregate())
