"""Rules about earlier claims of the patient: duplicates, follow-up visits, frequency, used approvals."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from peers.equal import codesets, shapes, texts, words
from peers.equal.services import ANOTHER, CONTINUES

REPLACES = {"7", "8"}  # frequency codes that say again what is recorded already
REPEATED = {"prior", "appealing"}  # relations that do
RESTATES = {"prior", "extend", "appealing"}


@dataclass(frozen=True, slots=True)
class Service:
    """A service as it is remembered, and as a line of this claim asks about it.

    `mark` is equal for lines that are the same service in every particular; empty where a repeat is meant.
    """

    claim_id: str
    provider: str | None
    payer: str | None
    system: str | None
    code: str
    day: date
    quantity: Decimal | None
    mark: str
    site: str
    reference: str | None

    @property
    def key(self) -> str:
        """The key of the service in tables."""
        return f"{self.system}|{self.code}"


type Services = Sequence[Service]


def patient(claim: shapes.Claim) -> str | None:
    """Return what the patient is remembered by, None where the claim says nothing new about one."""
    person = claim.patient
    if not person.id or claim.use != "claim" or claim.newborn or claim.frequency_code in REPLACES:
        return None
    if any(related.relationship in REPEATED for related in claim.related):
        return None
    return "|".join((person.id_system or "", person.id_type or "", person.id))


def services(claim: shapes.Claim) -> list[Service | None]:
    """Return each line as it is remembered, None where it lacks code or day."""
    payer, whole = _payer(claim), words.authorization(claim)
    people = {member.sequence: member.practitioner or "" for member in claim.care_team}
    restated = any(related.relationship in RESTATES for related in claim.related)
    alone = claim.frequency_code not in CONTINUES and not restated
    start = claim.billable_period.start if claim.billable_period else None
    found: list[Service | None] = []
    for line in claim.lines:
        code, day = line.code or line.revenue_code, words.day(line.service_date or start)
        if not code or day is None:
            found.append(None)
            continue
        site = "|".join((line.tooth or "", line.body_site or "", " ".join(line.sub_site))).strip("|")
        team = sorted(people.get(sequence, "") for sequence in line.care_team_sequences)
        modifiers = sorted(line.modifiers)
        mark = (
            f"{claim.provider.id}|{payer}|{line.service_date}|{line.system}|{code}|{modifiers}|{site}|{team}"
        )
        found.append(
            Service(
                claim_id=claim.claim_id, provider=claim.provider.id, payer=payer, system=line.system,
                code=code.upper(), day=day, quantity=line.quantity, site=site,
                mark=mark if alone and ANOTHER.isdisjoint(modifiers) else "",
                reference=line.preauth_ref or whole,
            )
        )  # fmt: skip
    return found


@dataclass(frozen=True, slots=True)
class Asked:
    """A line that is asked about: its service, and what came before in other claims (None: not asked)."""

    claim: shapes.Claim
    line: shapes.Line
    service: Service
    others: Services | None
    path: str


def check(
    claim: shapes.Claim,
    asked: Sequence[Service | None],
    earlier: Services,
    tables: codesets.Tables,
    say: texts.Say,
) -> None:
    """Say what earlier services mean for the lines of a claim for money."""
    if claim.use != "claim":
        return
    own = (claim.claim_id, claim.provider.id)
    others = None
    if patient(claim) is not None:
        others = [service for service in earlier if (service.claim_id, service.provider) != own]
    for at, (line, service) in enumerate(zip(claim.lines, asked, strict=True)):
        if service is None or line.code is None or line.service_date is None:
            continue
        one = Asked(claim, line, service, others, f"lines[{at}]")
        if others:
            _duplicates(one, others, say)
        if line.system is not None:
            _approval(one, tables, say)
            if others is not None:
                _visits(one, others, tables, say)
                _frequency(one, others, tables, say)


def _duplicates(one: Asked, others: Services, say: texts.Say) -> None:
    asked = one.service
    if not asked.mark:
        return
    same = (asked.day, asked.code, asked.system or "")
    found = {
        _strength(asked, service)
        for service in others
        if (service.day, service.code, service.system or "") == same
        and service.mark
        and not (asked.payer and service.payer and asked.payer != service.payer)
    }
    for rule in ("HIST-101", "HIST-103", "HIST-104"):  # the surest alone
        if rule in found:
            say(rule, f"{one.path}.code", one.line)
            return


def _strength(asked: Service, service: Service) -> str:
    """Return the rule for two services of one day: the same, the same provider's, another provider's."""
    if asked.mark == service.mark:
        return "HIST-101"
    if asked.site and service.site and asked.site != service.site:
        return ""  # two teeth, two sides are two services
    if asked.provider == service.provider:
        return "HIST-103"
    return "HIST-104" if asked.provider and service.provider else ""


def _visits(one: Asked, others: Services, tables: codesets.Tables, say: texts.Say) -> None:
    asked, visits = one.service, tables["visits"]
    row = visits.row(asked.key, asked.day)
    if row is None or not asked.provider:
        return
    since = asked.day - timedelta(days=row["follow_up_days"])
    claims = {
        service.claim_id
        for service in others
        if service.provider == asked.provider
        and since <= service.day <= asked.day
        and visits.row(service.key, service.day) is not None
    }
    if claims:
        say("HIST-201", f"{one.path}.code", one.line, visits_in_window=len(claims))


def _frequency(one: Asked, others: Services, tables: codesets.Tables, say: texts.Say) -> None:
    asked, line = one.service, one.line
    row = tables["frequency"].row(asked.key, asked.day)
    if row is None:
        return
    since = asked.day - timedelta(days=row["days"] - 1)
    before = _quantity(
        service
        for service in others
        if (service.code, service.system) == (asked.code, asked.system) and since <= service.day <= asked.day
    )
    here = _quantity(
        other
        for other in one.claim.lines
        if (other.code, other.system) == (line.code, line.system)
        and (on := words.day(other.service_date)) is not None
        and since <= on <= asked.day
    )
    if before + here > row["quantity"]:
        say("HIST-301", f"{one.path}.quantity", line, claimed_quantity=before, expected=row["quantity"])


def _approval(one: Asked, tables: codesets.Tables, say: texts.Say) -> None:
    asked, line = one.service, one.line
    row = tables["preauthorizations"].row(f"{asked.reference}|{asked.key}", asked.day)
    if row is None:
        return
    first, last = row.get("first") or date.min, row.get("last") or date.max
    if not first <= asked.day <= last:
        say("HIST-402", f"{one.path}.service_date", line)
    if one.others is None:
        return
    same = (asked.payer, asked.reference, asked.code, asked.system)
    used = _quantity(
        service
        for service in one.others
        if (service.payer, service.reference, service.code, service.system) == same
    )
    here = _quantity(
        other
        for other in one.claim.lines
        if (other.code, other.system, other.preauth_ref) == (line.code, line.system, line.preauth_ref)
    )
    if used + here > row["quantity"]:
        say("HIST-401", f"{one.path}.quantity", line, authorized_used=used, expected=row["quantity"])


def _quantity(rows: Iterable[Service | shapes.Line]) -> Decimal:
    return sum((row.quantity for row in rows if row.quantity is not None), Decimal(0))


def _payer(claim: shapes.Claim) -> str | None:
    for insurance in claim.insurance:
        if insurance.focal and insurance.coverage is not None:
            return insurance.coverage.payer
    first = claim.insurance[0].coverage if claim.insurance else None
    return first.payer if first is not None else None
