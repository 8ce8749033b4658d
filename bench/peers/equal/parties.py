"""Rules about who pays, who asks, who was treated, and what is said beside."""

from peers.equal import shapes, texts, words

SAID = (
    "code", "text", "reason", "start", "end", "timing_date", "value_string", "value_boolean",
    "value_quantity", "value_reference", "value_attachment",
)  # fmt: skip


def check(claim: shapes.Claim, say: texts.Say) -> None:
    """Say which parties are missing, doubtful or listed twice."""
    _insurances(claim, say)
    _persons(claim, say)
    _information(claim, say)
    if claim.status is not None and claim.status.lower() != "active":
        say("BASE-611", "status", claim)
    for at, member in enumerate(claim.care_team):
        if member.practitioner is None:
            say("BASE-606", f"care_team[{at}].practitioner", member)
    for at, related in enumerate(claim.related):
        if related.claim_id is None and related.reference is None:
            say("BASE-607", f"related[{at}].claim_id", related)


def _insurances(claim: shapes.Claim, say: texts.Say) -> None:
    focal = sum(insurance.focal is True for insurance in claim.insurance)
    if len(claim.insurance) > 1 and focal != 1:
        say("BASE-601", "insurance", expected=focal)
    if len(claim.insurance) == 1:
        if claim.insurance[0].focal is False:
            say("BASE-602", "insurance")
        return
    firsts: dict[tuple[object, ...], int] = {}
    for insurance in claim.insurance:
        same = _card(insurance)
        firsts[same] = min(insurance.sequence, firsts.get(same, insurance.sequence))
    for at, insurance in enumerate(claim.insurance):
        payer, member, _ = card = _card(insurance)
        if payer is not None and member is not None and firsts[card] < insurance.sequence:
            say("BASE-612", f"insurance[{at}].coverage.member_id", insurance)


def _card(insurance: shapes.Insurance) -> tuple[str | None, str | None, str | None]:
    coverage = insurance.coverage
    return (None, None, None) if coverage is None else (coverage.payer, coverage.member_id, coverage.policy)


def _persons(claim: shapes.Claim, say: texts.Say) -> None:
    coverage = words.addressed(claim)
    if coverage is None or coverage.payer is None:
        say("BASE-603", "insurance.coverage.payer")
    if claim.patient.id is None and (coverage is None or coverage.member_id is None):
        say("BASE-604", "patient.id")
    if claim.provider.id is None:
        say("BASE-605", "provider.id")
    if claim.patient.sex is None:
        say("BASE-613", "patient.sex")
    if claim.patient.birth_date is None:
        say("BASE-614", "patient.birth_date")


def _information(claim: shapes.Claim, say: texts.Say) -> None:
    for at, information in enumerate(claim.supporting_info):
        path = f"supporting_info[{at}]"
        attached = information.value_attachment
        if attached is not None and attached.content_type is None:
            say("BASE-608", f"{path}.value_attachment.content_type", information)
        if information.category is None:
            say("BASE-610", f"{path}.category", information)
        elif all(getattr(information, name) is None for name in SAID):
            say("BASE-609", f"{path}.category", information)
