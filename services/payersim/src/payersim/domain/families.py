"""The hidden rule families of the simulated payers, each worded as a judgement of one line.

A family bites with a probability that depends on the payer's strictness and drifts over the months. Some
families begin late (`since`): a model trained on earlier months has never seen them, which is the point.
Reason codes are the nphies family code and the CARC a payer would use; the crosswalk is our suggestion.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from payersim.domain import catalogue, generator

LATE_MONTH = 18  # families since then exist only in the last quarter of the simulated time
PRICE_TOLERANCE = 1.06  # simulated contracts pay up to six per cent above their tariff
FOLLOW_UP_DAYS = 14
URGENT_ABOVE_MINOR = 10_000  # what an acute visit may cost without proof of urgency
DOCUMENTED_ABOVE_MINOR = 60_000  # dear lines need a history on file


@dataclass(slots=True)
class History:
    """What the payer remembers of a member: the last day of each service."""

    last: dict[tuple[str, str], int] = field(default_factory=dict)


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
    def quantity(self) -> int:
        """Units billed."""
        return int(self.drawn.claim.lines[self.index].quantity or 0)

    @property
    def price_minor(self) -> int:
        """Unit price billed, in halalas."""
        return int((self.drawn.claim.lines[self.index].unit_price or 0) * 100)

    @property
    def net_minor(self) -> int:
        """Net of the line, in halalas."""
        return int((self.drawn.claim.lines[self.index].net or 0) * 100)


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


def _no_permission(judged: Judged) -> bool:
    return judged.service.preauth and not judged.drawn.claim.insurance[0].preauth_refs


def _over_tariff(judged: Judged) -> bool:
    tariff = judged.service.price_minor * (1 - judged.drawn.patient.payer.discount)
    return judged.price_minor > tariff * PRICE_TOLERANCE


def _unrelated(judged: Judged) -> bool:
    groups = set().union(
        *(catalogue.DIAGNOSIS_GROUPS[d.code] for d in judged.drawn.claim.diagnoses if d.code)
    )
    return judged.service.group not in groups and judged.service is not catalogue.VISIT


def _too_many(judged: Judged) -> bool:
    return judged.quantity > judged.service.limit


def _late(judged: Judged) -> bool:
    waited = (judged.drawn.created_day - judged.drawn.service_day).days
    return waited > judged.drawn.patient.payer.filing_days


def _undocumented(judged: Judged) -> bool:
    present = {info.category for info in judged.drawn.claim.supporting_info}
    return judged.net_minor > DOCUMENTED_ABOVE_MINOR and "history-of-present-illness" not in present


def _no_complaint(judged: Judged) -> bool:
    present = {info.category for info in judged.drawn.claim.supporting_info}
    return judged.drawn.claim.type != "pharmacy" and "chief-complaint" not in present


def _too_soon(judged: Judged) -> bool:
    last = judged.history.last.get((judged.drawn.patient.id, judged.service.code))
    return last is not None and 0 <= judged.drawn.service_day.toordinal() - last <= FOLLOW_UP_DAYS


def _wrong_sex(judged: Judged) -> bool:
    return judged.service.sex not in {"", judged.drawn.patient.sex}


def _wrong_age(judged: Judged) -> bool:
    years = generator.age(judged.drawn.patient.birth, judged.drawn.service_day)
    return not judged.service.min_age <= years <= judged.service.max_age


def _bundled(judged: Judged) -> bool:
    others = {service.code for service in judged.drawn.services}
    return any(part == judged.service.code and whole in others for whole, part in catalogue.BUNDLED)


def _out_of_network(judged: Judged) -> bool:
    return judged.drawn.patient.payer.id in judged.drawn.provider.out_of_network


def _wrong_setting(judged: Judged) -> bool:
    return judged.service.inpatient and judged.drawn.claim.subtype != "ip"


def _not_urgent(judged: Judged) -> bool:
    return judged.service.group == "acute" and judged.net_minor > URGENT_ABOVE_MINOR


FAMILIES: tuple[Family, ...] = (
    Family("out-of-network", "CV-1-1", "242", 0.9, _out_of_network),
    Family("permission-missing", "BE-1-4", "197", 0.88, _no_permission, drift=0.004),
    Family("filing-limit", "AD-2-5", "29", 0.85, _late),
    Family("service-sex", "AD-3-8", "7", 0.95, _wrong_sex),
    Family("diagnosis-service", "AD-1-4", "11", 0.6, _unrelated, drift=0.005),
    Family("quantity", "SE-1-9", "151", 0.75, _too_many, partial=True),
    Family("history-missing", "SE-1-2", "252", 0.55, _undocumented),
    Family("complaint-missing", "SE-1-3", "252", 0.1, _no_complaint, drift=0.006),
    Family("too-soon", "CV-3-2", "151", 0.6, _too_soon),
    Family("contract-price", "BE-1-3", "45", 0.25, _over_tariff, partial=True),
    Family("service-age", "AD-3-7", "6", 0.9, _wrong_age, since=LATE_MONTH),
    Family("bundled", "CV-4-9", "97", 0.85, _bundled, since=LATE_MONTH),
    Family("setting", "AD-1-7", "5", 0.8, _wrong_setting, since=LATE_MONTH),
    Family("urgency", "CV-1-5", "40", 0.4, _not_urgent, since=LATE_MONTH),
)

# Judgement that no sender can foresee: clinical necessity as a matter of opinion.
NECESSITY = Family("necessity", "MN-1-1", "50", 0.012, lambda _: True)
