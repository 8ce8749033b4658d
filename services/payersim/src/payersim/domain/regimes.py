"""What an exchange asks of a claim beyond the plain one: nphies of version 5.2, and X12 837 as the US use it.

Written so that the scrub packs find no error in a claim without faults; numbers of houses and practitioners
are invented and only look like what the exchange expects.
"""

from datetime import timedelta
from typing import Any

import msgspec

from formats import model
from payersim.domain import catalogue, population, visits

PROFILE = "http://nphies.sa/fhir/ksa/nphies-fs/StructureDefinition/{kind}-claim|5.2.0"
RIYADH = "+03:00"
ADDRESS = model.Address(lines=["1 High Street"], city="Ames", state="IA", postal_code="500101234")
CLINIC_REVENUE = "0510"


def dress(claim: model.Claim, visit: visits.Visit, billed: tuple[catalogue.Service, ...]) -> model.Claim:
    """Return the claim in its sender's regime."""
    if visit.provider.regime == "nphies":
        return _nphies(claim, visit, billed)
    return _american(claim, visit) if visit.provider.regime == "x12-us" else claim


def _nphies(claim: model.Claim, visit: visits.Visit, billed: tuple[catalogue.Service, ...]) -> model.Claim:
    number = (claim.claim_id or "")[-8:]
    permitted = bool(claim.insurance[0].preauth_refs)
    return msgspec.structs.replace(
        claim,
        regime="nphies",
        profile=[PROFILE.format(kind=claim.type)],
        created=(claim.created or "").replace("Z", RIYADH),
        episode=model.Episode(value=f"EP-{number}"),
        eligibility=model.Eligibility(response=f"ELG-{number}"),
        authorization=model.Authorization(prior_auth_response=f"PAR-{number}") if permitted else None,
        encounter=_nphies_encounter(visit, number),
        diagnoses=[_icd10(row) for row in claim.diagnoses],
        lines=[
            msgspec.structs.replace(
                line, maternity=False, patient_invoice=f"INV-{number}-{line.sequence}",
                emergency=True if visit.kind == "emergency" else None, **_nphies_code(visit, service, line),
            )
            for line, service in zip(claim.lines, billed, strict=True)
        ],
    )  # fmt: skip


def _icd10(row: model.Diagnosis) -> model.Diagnosis:
    return msgspec.structs.replace(
        row, system="icd-10-am", code=catalogue.shared_diagnosis(row.code) if row.code else None
    )


def _nphies_code(visit: visits.Visit, service: catalogue.Service, line: model.Line) -> dict[str, Any]:
    if visit.kind == "oral":
        tooth = f"1{line.sequence}"
        return {
            "system": "nphies-oral-op", "code": service.code, "tooth": tooth, "body_site": tooth,
            "sub_site": ["M"],
        }  # fmt: skip
    if visit.kind == "pharmacy":
        return {"system": "gtin", "code": catalogue.trade_number(service)}
    return {"system": "sbs", "code": catalogue.procedure_number(service)}


def _nphies_encounter(visit: visits.Visit, number: str) -> model.Encounter | None:
    """Return the encounter with what its class calls for."""
    if visit.kind in {"pharmacy", "vision"}:
        return None
    day = visit.day.isoformat()
    common = {"id": f"ENC-{number}", "status": "finished", "start": f"{day}T08:00:00{RIYADH}"}
    if visit.inpatient:
        end = (visit.day + timedelta(days=2)).isoformat()
        return model.Encounter(
            class_="IMP", **common, end=f"{end}T12:00:00{RIYADH}", admit_source="AA",
            specialty=visit.group, intended_length_of_stay="AS", discharge_disposition="home",
            discharge_specialty=visit.group,
        )  # fmt: skip
    closed = common | {"end": f"{day}T08:40:00{RIYADH}"}
    if visit.kind == "emergency":
        return model.Encounter(
            class_="EMER", **closed, triage_category="U", triage_date=f"{day}T08:05:00{RIYADH}",
            emergency_arrival="EMS", emergency_service_start=f"{day}T08:10:00{RIYADH}",
            emergency_disposition="DWT",
        )  # fmt: skip
    return model.Encounter(class_="AMB", **closed, service_type="acute-care", service_event_type="ICSE")


def _american(claim: model.Claim, visit: visits.Visit) -> model.Claim:
    """Return the claim as an 837P, or of a hospital an 837I, says it: charges, no prices, no papers."""
    house = int(visit.provider.id)
    dressed = msgspec.structs.replace(
        claim,
        regime="x12-us",
        subtype=None, status=None, priority=None, payee=None, encounter=None, frequency_code="1",
        provider=msgspec.structs.replace(
            claim.provider, name="Simulated house", taxonomy="261QP2300X", address=ADDRESS,
            identifiers=[
                model.Identifier(type="EI", value=f"{house % 10**9:09d}"),
            ],
        ),
        patient=msgspec.structs.replace(claim.patient, name="Simulated", occupation=None, address=ADDRESS),
        insurance=[
            msgspec.structs.replace(one, responsibility="P", claim_filing_indicator="CI")
            for one in claim.insurance
        ],
        care_team=[
            msgspec.structs.replace(
                one, practitioner=_staff(one), taxonomy="207Q00000X", responsible=None,
                role="attending" if visit.inpatient else "rendering",
            )
            for one in claim.care_team
        ],
        lines=[_charge(line, visit) for line in claim.lines],
    )  # fmt: skip
    return _stay(dressed, visit) if visit.inpatient else dressed


def _staff(one: model.CareTeamMember) -> str:
    """Return the invented NPI of a practitioner, by the house's number and its own."""
    house, _, own = (one.practitioner or "").partition("-D")
    return population.npi(int(house[5:9]) * 10 + int(own) + 1_000_000)


def _charge(line: model.Line, visit: visits.Visit) -> model.Line:
    return msgspec.structs.replace(
        line,
        unit_price=None, factor=None, tax=None, patient_share=None, unit_of_measure="UN",
        line_control_number=f"L{line.sequence}",
        place_of_service=None if visit.inpatient else "11",
        revenue_code=CLINIC_REVENUE if visit.inpatient else None,
        diagnosis_sequences=[] if visit.inpatient else line.diagnosis_sequences,
        information_sequences=[],
    )  # fmt: skip


def _stay(claim: model.Claim, visit: visits.Visit) -> model.Claim:
    """Return the claim as a hospital's outpatient bill: a day of care, each service with its revenue code."""
    day = visit.day.isoformat()
    return msgspec.structs.replace(
        claim,
        billable_period=model.Period(start=day, end=day),
        institutional=model.Institutional(
            type_of_bill="0131", admission_type="3", admission_source="1", patient_status="01"
        ),
    )
