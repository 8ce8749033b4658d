"""What services cost: list prices, how they rise, and what a contract allows. Amounts in minor units."""

from payersim.domain import catalogue, population

RIYALS_PER_DOLLAR = 3.75
YEARLY_RISE = 0.03  # senders raise their prices every month by a twelfth of it
CONTRACT_RISE_MONTHS = (6, 18)  # payers only in January, by the whole of it


def listed(service: catalogue.Service, payer: population.Payer, month: int) -> float:
    """Return what senders ask for a unit before their own markup: the payer's discount is known to them."""
    price = service.price_minor * (1 + YEARLY_RISE * month / 12)
    return price * (1 - payer.discounts[service.group]) / _rate(payer)


def agreed(service: catalogue.Service, payer: population.Payer, month: int) -> float:
    """Return what the contract pays for a unit."""
    rises = sum(month >= risen for risen in CONTRACT_RISE_MONTHS)
    price = service.price_minor * (1 + YEARLY_RISE) ** rises
    return price * (1 - payer.discounts[service.group]) / _rate(payer)


def _rate(payer: population.Payer) -> float:
    return RIYALS_PER_DOLLAR if payer.country == "us" else 1.0
