"""Help for tests of the pseudo-payer: one blameless claim, and the same with one thing changed."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Literal

from formats import model
from payersim.domain import catalogue, families, generator, population

DAY = date(2025, 3, 2)
PAYER = population.Payer("PAYER-01", strictness=1.0, filing_days=30, discount=0.1, copay=0.2)


def judged(
    code: str = "G0108",
    *,
    others: tuple[str, ...] = (),
    quantity: int = 1,
    markup: float = 0.0,
    diagnoses: tuple[str, ...] = ("E11.9",),
    information: tuple[str, ...] = ("chief-complaint", "history-of-present-illness"),
    permission: bool = True,
    waited: int = 5,
    sex: Literal["female", "male"] = "female",
    birth: date = date(1980, 5, 18),
    claim_type: str = "professional",
    subtype: str = "op",
    excluded: tuple[str, ...] = (),
    month: int = 8,
    seen: dict[str, date] | None = None,
) -> families.Judged:
    """Return the first line of a claim under judgement; as it stands no family applies to it."""
    services = tuple(catalogue.BY_CODE[each] for each in (code, *others))
    patient = population.Patient("SIM-1", sex, birth, "metabolic", PAYER, "M-1", "gold")
    provider = population.Provider(
        "PR-1", "hospital", "riyadh", catalogue.GROUPS, 1.0, 0.0, 3.0, frozenset(excluded)
    )
    lines = [_line(service, number, quantity, markup) for number, service in enumerate(services, 1)]
    claim = model.Claim(
        claim_id="C-1",
        type=claim_type,
        subtype=subtype,
        use="claim",
        provider=model.Provider(id="PR-1"),
        patient=model.Patient(id="SIM-1"),
        insurance=[
            model.Insurance(
                sequence=1,
                focal=True,
                coverage=model.Coverage(member_id="M-1", payer=PAYER.id),
                preauth_refs=["PA-1"] if permission else [],
            )
        ],
        diagnoses=[
            model.Diagnosis(sequence=number, code=each, system="icd-10-cm", type=["principal"])
            for number, each in enumerate(diagnoses, 1)
        ],
        supporting_info=[
            model.SupportingInfo(sequence=number, category=each, value_string="x")
            for number, each in enumerate(information, 1)
        ],
        lines=lines,
        total=sum((line.net or Decimal(0) for line in lines), Decimal(0)),
    )
    drawn = generator.Drawn(claim, patient, provider, services, DAY, DAY + timedelta(days=waited), month)
    last = {("SIM-1", each): when.toordinal() for each, when in (seen or {}).items()}
    return families.Judged(drawn, 0, families.History(last))


def _line(service: catalogue.Service, sequence: int, quantity: int, markup: float) -> model.Line:
    price = Decimal(round(service.price_minor * (1 - PAYER.discount) * (1 + markup))).scaleb(-2)
    net = price * quantity
    return model.Line(
        sequence=sequence,
        code=service.code,
        system="hcpcs",
        quantity=Decimal(quantity),
        unit_price=price,
        net=net,
        patient_share=(net * Decimal("0.2")).quantize(Decimal("0.01")),
    )
