"""Look up what history knows about claims that are being judged."""

from collections.abc import Mapping, Sequence

from chassis import clock as clocks
from chassis import errors
from storage import ports
from storage.domain import ids, records, views
from storage.usecases import know_tenants

QUESTIONS_MAX = 20_000
KEYS_MAX = 1_000  # lines of one claim
PAST_MAX = 3 * KEYS_MAX  # keys of one claim: a line asks by service, visit and authorisation


async def look_up(
    questions: Sequence[records.Question],
    *,
    ledger: ports.Ledger,
    tenants: know_tenants.Tenants,
    clock: clocks.Clock,
) -> list[records.Answer | errors.Fault]:
    """Return one answer or fault per question, in order.

    Faults: Denied `tenant.unknown`, Invalid `lookup.too_many`, `lookup.past` and `id.invalid`, Unavailable.
    More than QUESTIONS_MAX are Invalid as a whole.
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
        fault = _fault(question, tenant)
        answers.append(fault or _NOTHING)
        if fault is None:
            good.append(question)
            places.append(place)
    if good:
        now_ms = int(clock.now().timestamp() * 1000)
        for place, answer in zip(places, await ledger.lookup(good, now_ms), strict=True):
            answers[place] = answer
    return answers


def _fault(question: records.Question, tenant: views.Tenant | None) -> errors.Fault | None:
    if tenant is None or not tenant.active:
        return errors.Denied("tenant.unknown", "There is no such active tenant.")
    if len(question.service_keys) > KEYS_MAX or len(question.past) > PAST_MAX:
        return errors.Invalid("lookup.too_many", f"At most {KEYS_MAX} lines of one claim.")
    if not all(map(_answerable, question.past)):
        return errors.Invalid(
            "lookup.past", f"A key or party has {records.KEY_BYTES} bytes, days fit 32 bits."
        )
    if question.before and not ids.is_canonical(question.before):
        return errors.Invalid("id.invalid", "An id is a UUID in small letters, with its four hyphens.")
    return None


def _answerable(past: records.Past) -> bool:
    return (
        len(past.key) == records.KEY_BYTES
        and (not past.party or len(past.party) == records.KEY_BYTES)
        and -records.DAY_MAX <= past.from_day <= records.DAY_MAX
        and -records.DAY_MAX <= past.to_day <= records.DAY_MAX
    )


_NOTHING = records.Answer([], records.Aggregate(), records.Aggregate())
