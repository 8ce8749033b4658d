"""The money of a claim: exact sums in minor units, and the amounts a decision shows.

Details are never added: a line's net already contains them. `net` includes tax and the patient's share, so
the payer's exposure is net − patient_share.
"""

import msgspec

from claims.domain import decisions
from formats import model, money


class LineSums(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One line in minor units; None where the sender gave none."""

    net: int | None
    patient_share: int | None
    exposure: int | None


class Sums(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A claim in minor units of `currency`; `lines` in the order of the claim's lines."""

    currency: str | None
    lines: list[LineSums]
    submitted: int | None
    tax: int | None
    patient_share: int | None
    payer_share: int | None


def add_up(claim: model.Claim) -> Sums:
    """Return the sums of a claim whose amounts are known to fit its currency.

    `submitted` is the claim's total, else the sum of the nets. A sum over lines is None when no line has the
    amount; the payer's share is None unless every line has a net.
    """
    unit = money.units(claim.currency)
    lines: list[LineSums] = []
    nets: int | None = 0
    taxes: int | None = None
    shares: int | None = None
    for line in claim.lines:  # one pass without helpers: it is done for every line of every claim
        net = None if line.net is None else int(line.net * unit)  # exact: readers refuse more decimals
        share = None if line.patient_share is None else int(line.patient_share * unit)
        exposure = None if net is None else net - (share or 0)
        lines.append(LineSums(net=net, patient_share=share, exposure=exposure))
        nets = None if net is None or nets is None else nets + net
        if share is not None:
            shares = (shares or 0) + share
        if line.tax is not None:
            taxes = (taxes or 0) + int(line.tax * unit)
    return Sums(
        currency=claim.currency,
        lines=lines,
        submitted=nets if claim.total is None else int(claim.total * unit),
        tax=taxes,
        patient_share=shares,
        payer_share=None if nets is None else nets - (shares or 0),
    )


def shown(sums: Sums) -> decisions.Amounts:
    """Return the sums as decimals of major units, exact, with the currency's decimals."""
    unit = money.quantum_of(sums.currency)
    submitted, tax, patient, payer = sums.submitted, sums.tax, sums.patient_share, sums.payer_share
    return decisions.Amounts(
        submitted=None if submitted is None else submitted * unit,
        tax=None if tax is None else tax * unit,
        patient_share=None if patient is None else patient * unit,
        payer_share=None if payer is None else payer * unit,
    )
