"""Claims for tests: one sample of ours, its JSON, and a Hypothesis strategy of readable claims."""

from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import strategies as st

from formats import canonical, model

CURRENCIES = {"SAR": 2, "USD": 2, "KWD": 3, "JOD": 3, "JPY": 0}

_SAMPLE: dict[str, Any] = {
    "claim_id": "CLM-7700-0042",
    "claim_id_system": "https://clinic.example/claims",
    "type": "professional",
    "subtype": "op",
    "use": "claim",
    "regime": "base",
    "created": "2026-05-11T10:15:00Z",
    "currency": "SAR",
    "provider": {"id": "PV-501", "type": "clinic", "branch": "jeddah"},
    "patient": {
        "id": "1098765432", "id_type": "national_id", "birth_date": "1979-11-23", "sex": "female",
    },
    "insurance": [
        {
            "sequence": 1,
            "focal": True,
            "coverage": {
                "member_id": "MB-3310", "policy": "PL-9", "payer": "PY-20", "relationship": "self",
            },
        }
    ],
    "encounter": {
        "class": "AMB", "start": "2026-05-10T09:00:00+03:00", "end": "2026-05-10T09:35:00+03:00",
    },
    "episode": {"value": "EP-210"},
    "diagnoses": [
        {"sequence": 1, "code": "J45.20", "system": "icd-10-cm", "type": ["principal"]},
        {"sequence": 2, "code": "I10", "system": "icd-10-cm", "type": ["secondary"]},
    ],
    "care_team": [
        {"sequence": 1, "practitioner": "DR-77", "role": "primary", "qualification": "01.10"},
    ],
    "supporting_info": [{"sequence": 1, "category": "chief-complaint", "text": "wheezing"}],
    "lines": [
        {
            "sequence": 1, "code": "G0442", "system": "hcpcs", "service_date": "2026-05-10", "quantity": 1,
            "unit_price": Decimal("120.00"), "factor": 1, "tax": Decimal("18.00"),
            "net": Decimal("138.00"), "patient_share": Decimal("20.00"), "diagnosis_sequences": [1],
            "care_team_sequences": [1], "information_sequences": [1],
        },
        {
            "sequence": 2, "code": "J7613", "system": "hcpcs", "service_date": "2026-05-10", "quantity": 2,
            "unit_price": Decimal("15.50"), "factor": 1, "tax": Decimal("0.00"), "net": Decimal("31.00"),
            "patient_share": Decimal("0.00"), "diagnosis_sequences": [1, 2], "care_team_sequences": [1],
        },
    ],
    "total": Decimal("169.00"),
}  # fmt: skip


def sample_dict(**changes: Any) -> dict[str, Any]:
    """Return the sample as plain data, with top-level fields replaced."""
    plain: dict[str, Any] = msgspec.msgpack.decode(msgspec.msgpack.encode(_SAMPLE))
    return {**plain, **changes}


def claim_json(**changes: Any) -> bytes:
    """Return the sample as canonical JSON text, with top-level fields replaced (also by wrong ones)."""
    return msgspec.json.Encoder(decimal_format="number").encode({**_SAMPLE, **changes})


def sample_claim(**changes: Any) -> model.Claim:
    """Return the sample claim, with fields of the struct replaced."""
    return msgspec.structs.replace(canonical.decode(claim_json()), **changes)


def texts(max_size: int = 12) -> st.SearchStrategy[str]:
    """Return texts as claims carry them: any script, no control characters, no surrogates, not blank."""
    letters = st.characters(exclude_categories=("C", "Z"))
    return st.text(letters, min_size=1, max_size=max_size)


def amounts(digits: int) -> st.SearchStrategy[Decimal]:
    """Return amounts with at most so many decimals, some written with trailing zeros, some without."""
    return st.decimals(0, 10**6, places=digits, allow_nan=False, allow_infinity=False) | st.integers(
        0, 10**6
    ).map(Decimal)


def quantities() -> st.SearchStrategy[Decimal]:
    """Return quantities of up to four decimals."""
    return st.integers(1, 10**6).map(lambda units: Decimal(units) / 10_000)


def claim_days() -> st.SearchStrategy[str]:
    """Return days as claims write them."""
    return st.dates(min_value=_day("1990-01-01"), max_value=_day("2030-12-31")).map(str)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return None or a value."""
    return st.none() | strategy


@st.composite
def claims(draw: st.DrawFn) -> model.Claim:
    """Return readable claims of one to six lines, optional parts present or not."""
    currency, digits = draw(st.sampled_from(sorted(CURRENCIES.items())))
    diagnoses = draw(st.lists(_diagnoses(), max_size=4))
    claim = model.Claim(
        claim_id=draw(texts(20)),
        claim_id_source="sender",
        type=draw(st.sampled_from(["professional", "institutional", "oral", "pharmacy", "vision"])),
        subtype=draw(maybe(st.sampled_from(["op", "ip", "emr"]))),
        use=draw(st.sampled_from(["claim", "preauthorization", "predetermination"])),
        created=draw(maybe(claim_days())),
        currency=currency,
        provider=model.Provider(id=draw(texts()), branch=draw(maybe(texts()))),
        patient=model.Patient(
            id=draw(maybe(texts())),
            birth_date=draw(maybe(claim_days())),
            sex=draw(maybe(st.sampled_from(["male", "female", "other", "unknown"]))),
        ),
        insurance=[_insurance(draw, number) for number in range(1, draw(st.integers(1, 3)) + 1)],
        encounter=draw(maybe(st.builds(model.Encounter, class_=texts(), start=maybe(claim_days())))),
        diagnoses=_numbered(diagnoses),
        care_team=_numbered(draw(st.lists(_members(), max_size=2))),
        supporting_info=_numbered(draw(st.lists(_infos(), max_size=3))),
        lines=_numbered(draw(st.lists(_lines(digits), min_size=1, max_size=6))),
        total=draw(maybe(amounts(digits))),
    )
    return canonical.validate(claim)


def _day(text: str) -> Any:
    from datetime import date  # noqa: PLC0415 - used here only

    return date.fromisoformat(text)


def _numbered(nodes: list[Any]) -> list[Any]:
    return [msgspec.structs.replace(node, sequence=position) for position, node in enumerate(nodes, start=1)]


def _insurance(draw: st.DrawFn, number: int) -> model.Insurance:
    coverage = st.builds(model.Coverage, member_id=texts(), payer=maybe(texts()), plan=maybe(texts()))
    return model.Insurance(
        sequence=number,
        focal=number == 1,
        coverage=draw(coverage),
        preauth_refs=draw(st.lists(texts(), max_size=2)),
    )


def _diagnoses() -> st.SearchStrategy[model.Diagnosis]:
    kinds = st.lists(st.sampled_from(["principal", "secondary", "admitting"]), max_size=2)
    return st.builds(model.Diagnosis, sequence=st.just(1), code=texts(), system=maybe(texts()), type=kinds)


def _members() -> st.SearchStrategy[model.CareTeamMember]:
    return st.builds(model.CareTeamMember, sequence=st.just(1), practitioner=texts(), role=maybe(texts()))


def _infos() -> st.SearchStrategy[model.SupportingInfo]:
    return st.builds(
        model.SupportingInfo,
        sequence=st.just(1),
        category=texts(),
        value_boolean=maybe(st.booleans()),
    )


def _lines(digits: int) -> st.SearchStrategy[model.Line]:
    return st.builds(
        model.Line,
        sequence=st.just(1),
        code=texts(),
        system=maybe(texts()),
        service_date=maybe(claim_days()),
        quantity=maybe(quantities()),
        unit_price=maybe(amounts(digits)),
        net=maybe(amounts(digits)),
        tax=maybe(amounts(digits)),
        patient_share=maybe(amounts(digits)),
        diagnosis_sequences=st.lists(st.integers(1, 4), max_size=3),
        modifiers=st.lists(texts(4), max_size=2),
        maternity=maybe(st.booleans()),
    )
