"""The hidden rule families of the simulated payers, each worded as a judgement of one line.

An *edit* is a payer's machine: it bites nearly always. A *review* is a person's: how often it bites depends
on the payer's strictness, its zeal in this family, its policy, the month and the mood of the day. Some
families begin late (`since`): a model trained on earlier months has never seen them, which is the point.
Codes are nphies' reason and the CARC a payer would use; the crosswalk is our suggestion.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from payersim.domain import catalogue, generator, population, tariffs, visits

LATE_MONTH = 18  # families since then exist only in the last quarter of the simulated time
PRICE_TOLERANCE = 1.06  # simulated contracts pay up to six per cent above their tariff
FOLLOW_UP_DAYS, REFILL_DAYS = 14, 28
MEMORY_DAYS = 60  # how long a payer's machine remembers a service; a multiple of all windows
URGENT_ABOVE_MINOR = 6_000  # what an acute visit may cost without proof of urgency
DOCUMENTED_ABOVE_MINOR = 60_000  # dear lines need a history on file
DEAR_MINOR = 100_000  # lines above are looked at twice for necessity
CERTAIN = 0.985  # how often a machine's edit bites: now and then somebody lifts it by hand


@dataclass(slots=True)
class History:
    """What the payer remembers of a member: the day and provider of each service, of the last weeks."""

    last: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)

    def remember(self, drawn: generator.Drawn) -> None:
        """Note the services of a claim."""
        for service in drawn.services:
            self.last[drawn.patient.id, service.code] = (drawn.service_day.toordinal(), drawn.provider.id)

    def forget(self, today: date) -> None:
        """Drop what no window reaches, so that memory does not grow with the years."""
        oldest = today.toordinal() - MEMORY_DAYS
        self.last = {key: seen for key, seen in self.last.items() if seen[0] >= oldest}


@dataclass(frozen=True, slots=True)
class Judged:
    """One line under judgement with everything the payer knows."""

    drawn: generator.Drawn
    index: int
    history: History

    @property
    def service(self) -> catalogue.Service:
        """The service behind the line."""
        return self.drawn.services[self.index]

    @property
    def payer(self) -> population.Payer:
        """The member's insurer."""
        return self.drawn.patient.payer

    @property
    def quantity(self) -> int:
        """Units billed."""
        return int(self.drawn.claim.lines[self.index].quantity or 0)

    @property
    def net_minor(self) -> int:
        """Net of the line, in minor units."""
        return int((self.drawn.claim.lines[self.index].net or 0) * 100)

    @property
    def riyals_minor(self) -> float:
        """Net of the line in halalas, whatever it is billed in."""
        return self.net_minor * (tariffs.RIYALS_PER_DOLLAR if self.payer.country == "us" else 1.0)

    @property
    def price_minor(self) -> float:
        """Unit price billed, in minor units; where only a charge is billed, the charge of one unit."""
        price = self.drawn.claim.lines[self.index].unit_price
        return self.net_minor / max(self.quantity, 1) if price is None else int(price * 100)

    @property
    def papers(self) -> set[str | None]:
        """The categories of supporting information on the claim."""
        return {info.category for info in self.drawn.claim.supporting_info}

    @property
    def medical(self) -> bool:
        """Whether it is care for which papers are read; US claims carry none."""
        kinds = {"professional", "emergency", "institutional"}
        return self.drawn.visit.kind in kinds and self.drawn.provider.regime != "x12-us"

    @property
    def waited(self) -> int | None:
        """Days since the payer last saw this service for this member; negative when out of order."""
        last = self.history.last.get((self.drawn.patient.id, self.service.code))
        return None if last is None else self.drawn.service_day.toordinal() - last[0]


@dataclass(frozen=True, slots=True)
class Family:
    """`rate` is the share of hits denied by a payer of strictness 1; `drift` its change per month."""

    name: str
    nphies: str
    carc: str
    rate: float
    applies: Callable[[Judged], bool]
    drift: float = 0.0
    since: int = 0
    partial: bool = False
    edit: bool = False
    papers: bool = False

    def bite(self, judged: Judged, mood: float) -> float:
        """Return the true probability that the family denies the line."""
        month, payer = judged.drawn.month, judged.payer
        if month < self.since or not self.applies(judged):
            return 0.0
        if self.edit:
            return self.rate
        policy = payer.policy if self.papers and month >= payer.policy_month else 1.0
        rate = (self.rate + self.drift * month) * payer.strictness * payer.zeal[self.name] * policy * mood
        return min(rate, CERTAIN)


def _out_of_network(judged: Judged) -> bool:
    return judged.payer.id in judged.drawn.provider.out_of_network


def _not_covered_yet(judged: Judged) -> bool:
    return judged.drawn.patient.covered > judged.drawn.service_day or "cover" in judged.drawn.faults


def _excluded(judged: Judged) -> bool:
    return (judged.drawn.patient.plan, judged.service.group) in judged.payer.excluded


def _unlisted(judged: Judged) -> bool:
    return (judged.drawn.patient.plan, judged.service.code) in judged.payer.unlisted


def _repeated(judged: Judged) -> bool:
    return "duplicate" in judged.drawn.faults and judged.waited == 0


def _miscalculated(judged: Judged) -> bool:
    line, claim = judged.drawn.claim.lines[judged.index], judged.drawn.claim
    summed = sum((one.net for one in claim.lines if one.net is not None), Decimal(0))
    off = line.unit_price is not None and line.net != line.unit_price * (line.quantity or 0)
    return off or (judged.index == 0 and claim.total != summed)


def _no_permission(judged: Judged) -> bool:
    return judged.service.preauth and not judged.drawn.claim.insurance[0].preauth_refs


def _over_tariff(judged: Judged) -> bool:
    allowed = tariffs.agreed(judged.service, judged.payer, judged.drawn.month)
    return judged.price_minor > allowed * PRICE_TOLERANCE


def _unrelated(judged: Judged) -> bool:
    groups = {judged.drawn.visit.group} | _named(judged)
    return judged.service.group not in groups and judged.service is not catalogue.VISIT


def _named(judged: Judged) -> set[str]:
    """Return the specialties that the claim's diagnoses belong to."""
    codes = [one.code for one in judged.drawn.claim.diagnoses if one.code]
    return set().union(*(catalogue.DIAGNOSIS_GROUPS.get(code, frozenset()) for code in codes))


def _wrong_specialist(judged: Judged) -> bool:
    return judged.drawn.claim.care_team[0].qualification != judged.drawn.visit.group


def _too_many(judged: Judged) -> bool:
    return judged.quantity > judged.service.limit


def _late(judged: Judged) -> bool:
    return (judged.drawn.created_day - judged.drawn.service_day).days > judged.payer.filing_days


def _share_not_taken(judged: Judged) -> bool:
    share = judged.drawn.claim.lines[judged.index].patient_share
    return judged.payer.copay > 0 and share == 0 and judged.net_minor > 0


def _no_history(judged: Judged) -> bool:
    return (
        judged.medical
        and judged.riyals_minor > DOCUMENTED_ABOVE_MINOR
        and "history-of-present-illness" not in judged.papers
    )


def _no_complaint(judged: Judged) -> bool:
    return (judged.medical or judged.drawn.visit.kind == "oral") and "chief-complaint" not in judged.papers


def _no_vitals(judged: Judged) -> bool:
    watched = judged.drawn.visit.kind in {"emergency", "institutional"}
    return watched and judged.medical and "vital-sign-systolic" not in judged.papers


def _no_results(judged: Judged) -> bool:
    tested = {"oncology", "renal", "cardiac"}
    return judged.medical and judged.service.group in tested and "investigation-result" not in judged.papers


def _too_soon(judged: Judged) -> bool:
    waited = judged.waited
    kept = judged.service is catalogue.VISIT or judged.drawn.visit.kind == "pharmacy"
    return waited is not None and 0 < waited <= FOLLOW_UP_DAYS and not kept


def _refilled(judged: Judged) -> bool:
    waited = judged.waited
    return judged.drawn.visit.kind == "pharmacy" and waited is not None and 0 < waited <= REFILL_DAYS


def _follow_up(judged: Judged) -> bool:
    waited = judged.waited
    return judged.service is catalogue.VISIT and waited is not None and 0 < waited <= FOLLOW_UP_DAYS


def _wrong_sex(judged: Judged) -> bool:
    return judged.service.sex not in {"", judged.drawn.patient.sex}


def _wrong_diagnosis(judged: Judged) -> bool:
    linked = set(judged.drawn.claim.lines[judged.index].diagnosis_sequences) or {1}
    sex = judged.drawn.patient.sex
    return any(
        catalogue.DIAGNOSIS_SEX.get(one.code or "", sex) != sex
        for one in judged.drawn.claim.diagnoses
        if one.sequence in linked
    )


def _wrong_age(judged: Judged) -> bool:
    years = visits.age(judged.drawn.patient.birth, judged.drawn.service_day)
    return not judged.service.min_age <= years <= judged.service.max_age


def _bundled(judged: Judged) -> bool:
    others = {service.code for service in judged.drawn.services}
    return any(part == judged.service.code and whole in others for whole, part in catalogue.BUNDLED)


def _wrong_setting(judged: Judged) -> bool:
    return judged.service.inpatient and not judged.drawn.visit.inpatient


def _not_urgent(judged: Judged) -> bool:
    return judged.service.group == "acute" and judged.riyals_minor > URGENT_ABOVE_MINOR


def _dear(judged: Judged) -> bool:
    return judged.riyals_minor > DEAR_MINOR


FAMILIES: tuple[Family, ...] = (
    Family("out-of-network", "CV-1-1", "242", CERTAIN, _out_of_network, edit=True),
    Family("cover", "AD-2-3", "26", CERTAIN, _not_covered_yet, edit=True),
    Family("duplicate", "AD-2-4", "18", CERTAIN, _repeated, edit=True),
    Family("filing-limit", "AD-2-5", "29", CERTAIN, _late, edit=True),
    Family("calculation", "BE-1-6", "16", CERTAIN, _miscalculated, edit=True),
    Family("service-sex", "AD-3-8", "7", CERTAIN, _wrong_sex, edit=True),
    Family("diagnosis-sex", "AD-3-6", "10", CERTAIN, _wrong_diagnosis, edit=True),
    Family("not-covered", "CV-1-4", "96", CERTAIN, _excluded, edit=True),
    Family("formulary", "CV-4-5", "96", CERTAIN, _unlisted, edit=True),
    Family("permission", "BE-1-4", "197", 0.96, _no_permission, edit=True),
    Family("diagnosis-service", "AD-1-4", "11", 0.6, _unrelated, drift=0.004),
    Family("specialty-service", "AD-1-6", "172", 0.55, _wrong_specialist),
    Family("quantity", "SE-1-9", "151", 0.85, _too_many, partial=True),
    Family("history", "SE-1-2", "252", 0.4, _no_history, papers=True),
    Family("complaint", "SE-1-3", "252", 0.12, _no_complaint, drift=0.003, papers=True),
    Family("vitals", "SE-1-1", "252", 0.2, _no_vitals, papers=True),
    Family("too-soon", "CV-3-2", "151", 0.7, _too_soon),
    Family("follow-up", "CV-1-9", "119", 0.8, _follow_up),
    Family("contract-price", "BE-1-3", "45", 0.2, _over_tariff, partial=True),
    Family("share", "BE-1-1", "3", 0.5, _share_not_taken, partial=True),
    Family("service-age", "AD-3-7", "6", CERTAIN, _wrong_age, since=LATE_MONTH, edit=True),
    Family("bundled", "CV-4-9", "97", 0.95, _bundled, since=LATE_MONTH, edit=True),
    Family("setting", "AD-1-7", "5", 0.8, _wrong_setting, since=LATE_MONTH),
    Family("urgency", "CV-1-5", "40", 0.4, _not_urgent, since=LATE_MONTH),
    Family("refill", "CV-4-8", "154", 0.9, _refilled, since=LATE_MONTH),
    Family("results", "SE-1-6", "252", 0.3, _no_results, since=LATE_MONTH, papers=True),
    # Judgement that no sender can foresee: clinical necessity as a matter of opinion.
    Family("necessity-dear", "MN-1-1", "50", 0.04, _dear),
    Family("necessity", "MN-1-1", "50", 0.015, lambda _: True),
)
NAMES: tuple[str, ...] = tuple(family.name for family in FAMILIES)
