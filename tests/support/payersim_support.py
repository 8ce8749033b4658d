"""Help for tests of the pseudo-payer: one blameless claim, and the same with one thing changed."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Literal

from formats import model
from payersim.domain import catalogue, families, generator, population, visits

DAY = date(2024, 12, 15)  # before contracts rise for the first time: prices are those of the list
PAYER = population.Payer(
    id="PAYER-01",
    country="sa",
    filing_days=30,
    copay=0.2,
    discounts=dict.fromkeys((*catalogue.GROUPS, "visit"), 0.1),
    strictness=1.0,
    zeal=dict.fromkeys(families.NAMES, 1.0),
    policy_month=99,
    policy=1.0,
    excluded=frozenset(),
    unlisted=frozenset(),
)
PAPERS = ("chief-complaint", "history-of-present-illness", "vital-sign-systolic", "investigation-result")


def judged(
    code: str = "G0108",
    *,
    others: tuple[str, ...] = (),
    quantity: int = 1,
    markup: float = 0.0,
    diagnoses: tuple[str, ...] = ("E11.9",),
    information: tuple[str, ...] = PAPERS,
    permission: bool = True,
    waited: int = 5,
    sex: Literal["female", "male"] = "female",
    birth: date = date(1980, 5, 18),
    kind: str = "professional",
    group: str | None = None,
    specialty: str | None = None,
    excluded: tuple[str, ...] = (),
    payer: population.Payer = PAYER,
    month: int | None = None,
    seen: dict[str, date] | None = None,
    covered: date = date(2024, 1, 1),
    faults: tuple[str, ...] = (),
    share: Decimal = Decimal("0.2"),
    off: Decimal = Decimal(0),
) -> families.Judged:
    """Return the first line of a claim under judgement; as it stands no family applies to it."""
    services = tuple(catalogue.BY_CODE[each] for each in (code, *others))
    own = group or next(iter(sorted(catalogue.DIAGNOSIS_GROUPS[diagnoses[0]])))
    patient = population.Patient("SIM-1", sex, birth, "metabolic", payer, "M-1", "gold", covered)
    provider = population.Provider(
        id="PR-1", type="hospital", branch="riyadh", regime="base", groups=catalogue.GROUPS, care=1.0,
        slips=0.0, markup=0.0, generosity=0.0, lag_days=3.0, out_of_network=frozenset(excluded),
    )  # fmt: skip
    when = visits.month_of(DAY) if month is None else month
    visit = visits.Visit(patient, provider, kind, own, when, DAY, DAY + timedelta(days=waited), set(faults))
    lines = [_line(service, n, quantity, markup, share) for n, service in enumerate(services, 1)]
    claim = model.Claim(
        claim_id="C-1",
        type="professional",
        use="claim",
        provider=model.Provider(id="PR-1"),
        patient=model.Patient(id="SIM-1"),
        insurance=[
            model.Insurance(
                sequence=1,
                focal=True,
                coverage=model.Coverage(member_id="M-1", payer=payer.id),
                preauth_refs=["PA-1"] if permission else [],
            )
        ],
        diagnoses=[
            model.Diagnosis(sequence=number, code=each, system="icd-10-cm", type=["principal"])
            for number, each in enumerate(diagnoses, 1)
        ],
        care_team=[model.CareTeamMember(sequence=1, qualification=specialty or own)],
        supporting_info=[
            model.SupportingInfo(sequence=number, category=each, value_string="x")
            for number, each in enumerate(information, 1)
        ],
        lines=lines,
        total=sum((line.net or Decimal(0) for line in lines), Decimal(0)) + off,
    )
    drawn = generator.Drawn(claim, visit, services, visit.created, frozenset(faults))
    last = {("SIM-1", each): (when.toordinal(), "PR-1") for each, when in (seen or {}).items()}
    return families.Judged(drawn, 0, families.History(last))


def payer(**changes: Any) -> population.Payer:
    """Return the payer that always looks, with something changed."""
    return replace(PAYER, **changes)


def _line(
    service: catalogue.Service, sequence: int, quantity: int, markup: float, share: Decimal
) -> model.Line:
    price = Decimal(round(service.price_minor * 0.9 * (1 + markup))).scaleb(-2)
    net = price * quantity
    return model.Line(
        sequence=sequence,
        code=service.code,
        system="hcpcs",
        quantity=Decimal(quantity),
        unit_price=price,
        net=net,
        patient_share=(net * share).quantize(Decimal("0.01")),
        diagnosis_sequences=[1],
    )
