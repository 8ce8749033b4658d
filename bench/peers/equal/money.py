"""Rules about amounts: signs, sums, what is missing."""

import re
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal

from peers.equal import shapes, texts

CURRENCY = re.compile("[A-Z]{3}")
ZERO, ONE = Decimal(0), Decimal(1)
CENT = Decimal("0.01")
# ISO 4217: currencies whose smallest unit is not a hundredth.
UNITS = {
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), Decimal("0.001")),
    **dict.fromkeys(("CLP", "ISK", "JPY", "KRW", "UGX", "VND", "XAF", "XOF", "XPF"), ONE),
}
SIGNS = (  # (rule, field) of what may not be negative
    ("BASE-103", "tax"),
    ("BASE-104", "patient_share"),
    ("BASE-105", "quantity"),
    ("BASE-106", "net"),
    ("BASE-107", "unit_price"),
)


def check(claim: shapes.Claim, say: texts.Say) -> None:
    """Say what is wrong with the amounts of a claim."""
    _head(claim, say)
    _amounts(claim, say)
    unit = UNITS.get(claim.currency or "", CENT)
    for at, line in enumerate(claim.lines):
        path = f"lines[{at}]"
        _signs(line, path, say)
        _shares(line, path, say)
        expected = _expected(line, unit)
        if line.net is not None and expected is not None and line.net != expected:
            say("BASE-101", f"{path}.net", line, expected=expected)
        if claim.use == "claim":
            _asked(line, path, say)
        if line.unit_price is not None and line.quantity is None:
            say("BASE-112", f"{path}.quantity", line)
        if line.details:
            _details(line, path, unit, say)
        elif line.package:
            say("BASE-124", f"{path}.package", line)


def _head(claim: shapes.Claim, say: texts.Say) -> None:
    nets = [line.net for line in claim.lines if line.net is not None]
    if claim.total is not None and len(nets) == len(claim.lines) and claim.total != sum(nets):
        say("BASE-102", "total", claim, expected=sum(nets))
    if claim.currency is None:
        say("BASE-111", "currency", claim)
    elif not CURRENCY.fullmatch(claim.currency):
        say("BASE-122", "currency", claim)
    if claim.total is None and claim.use == "claim":
        say("BASE-117", "total", claim)


def _amounts(claim: shapes.Claim, say: texts.Say) -> None:
    paid = claim.amounts
    if paid is None:
        return
    if claim.total is not None:
        if paid.patient_paid is not None and paid.patient_paid > claim.total:
            say("BASE-116", "amounts.patient_paid", paid, total=claim.total)
        if paid.prior_payer_paid is not None and paid.prior_payer_paid > claim.total:
            say("BASE-120", "amounts.prior_payer_paid", paid, total=claim.total)
    every = (paid.patient_paid, paid.patient_estimated, paid.prior_payer_paid)
    if any(amount is not None and amount < 0 for amount in every):
        say("BASE-119", "amounts.patient_paid", paid)


def _signs(line: shapes.Line, path: str, say: texts.Say) -> None:
    for rule, name in SIGNS:
        value = getattr(line, name)
        if value is not None and value < 0:
            say(rule, f"{path}.{name}", line)
    if line.factor is not None and line.factor <= 0:
        say("BASE-109", f"{path}.factor", line)


def _shares(line: shapes.Line, path: str, say: texts.Say) -> None:
    if line.net is None or line.net < 0:
        return
    if line.patient_share is not None and line.patient_share > line.net:
        say("BASE-108", f"{path}.patient_share", line)
    if line.tax is not None and line.tax > 0 and line.tax > line.net:
        say("BASE-115", f"{path}.tax", line)


def _asked(line: shapes.Line, path: str, say: texts.Say) -> None:
    if line.net is None:
        say("BASE-110", f"{path}.net", line)
    if line.quantity is not None and line.quantity == 0:
        say("BASE-118", f"{path}.quantity", line)


def _details(line: shapes.Line, path: str, unit: Decimal, say: texts.Say) -> None:
    expected = _sum(line.details)
    if not line.package and line.net is not None and expected is not None and line.net != expected:
        say("BASE-114", f"{path}.net", line, expected=expected)
    for detail, inner, level in _inside(line, path):
        amounts = (detail.net, detail.tax, detail.quantity, detail.unit_price, detail.patient_share)
        if any(amount is not None and amount < 0 for amount in amounts):
            say("BASE-121", f"{inner}.net", detail)
        expected = _expected(detail, unit)
        if detail.net is None:
            continue
        if expected is not None and detail.net != expected:
            say("BASE-113", f"{inner}.net", detail, expected=expected)
        expected = _sum(detail.details) if level == 1 and not detail.package else None
        if expected is not None and detail.net != expected:
            say("BASE-123", f"{inner}.net", detail, expected=expected)


def _inside(line: shapes.Line, path: str) -> Iterator[tuple[shapes.Detail, str, int]]:
    """Yield the details of a line and theirs, each with its path and level."""
    for at, detail in enumerate(line.details):
        yield detail, f"{path}.details[{at}]", 1
        for below, inner in enumerate(detail.details):
            yield inner, f"{path}.details[{at}].details[{below}]", 2


def _sum(details: list[shapes.Detail]) -> Decimal | None:
    nets = [detail.net for detail in details if detail.net is not None]
    return sum(nets, ZERO) if nets else None


def _expected(line: shapes.Detail, unit: Decimal) -> Decimal | None:
    if line.quantity is None or line.unit_price is None:
        return None
    amount = line.quantity * line.unit_price * (ONE if line.factor is None else line.factor)
    return amount.quantize(unit, ROUND_HALF_UP) + (line.tax or ZERO)
