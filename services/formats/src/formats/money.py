"""Money at the border of columns and contracts: exact decimals in major units to int64 minor units and back.

Room: formats; pure. Minor digits follow ISO 4217 ("exponent" in its table A.1). Only currencies whose
exponent is not 2 are listed; a code that is absent, unknown or missing counts as 2, so that a new code never
stops a claim. Whether a payer accepts a currency is a rule's question, not this module's.
"""

from decimal import Context, Decimal, DecimalException, Inexact, InvalidOperation

from chassis import errors

DEFAULT_MINOR_DIGITS = 2

# 15 digits of minor units are exact in a float64, and the sum of 1,000 such lines still fits an int64.
MAX_MINOR_DIGITS_OF_AMOUNT = 15

_OTHER_MINOR_DIGITS = {
    "BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3,
    "BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "ISK": 0, "JPY": 0, "KMF": 0, "KRW": 0, "PYG": 0,
    "RWF": 0, "UGX": 0, "UYI": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
    "CLF": 4, "UYW": 4,
}  # fmt: skip
_QUANTA = {digits: Decimal(1).scaleb(-digits) for digits in range(5)}
_UNITS = {digits: Decimal(10**digits) for digits in range(5)}
# By currency: they are asked for with every claim, some of them several times.
_QUANTA_OF = {currency: _QUANTA[digits] for currency, digits in _OTHER_MINOR_DIGITS.items()}
_UNITS_OF = {currency: _UNITS[digits] for currency, digits in _OTHER_MINOR_DIGITS.items()}
_USUAL_QUANTUM, _USUAL_UNITS = _QUANTA[DEFAULT_MINOR_DIGITS], _UNITS[DEFAULT_MINOR_DIGITS]
_EXACT = Context(prec=MAX_MINOR_DIGITS_OF_AMOUNT, traps=[Inexact, InvalidOperation])


def minor_digits(currency: str | None) -> int:
    """Return how many decimals an amount of this ISO 4217 currency has; 2 for an unknown or missing code."""
    return _OTHER_MINOR_DIGITS.get(currency or "", DEFAULT_MINOR_DIGITS)


def quantum(digits: int) -> Decimal:
    """Return the smallest amount with so many decimals (0 to 4), for example 0.01 for 2."""
    return _QUANTA[digits]


def quantum_of(currency: str | None) -> Decimal:
    """Return the smallest amount of this currency, for example 0.01 for SAR."""
    return _QUANTA_OF.get(currency or "", _USUAL_QUANTUM)


def units(currency: str | None) -> Decimal:
    """Return how many minor units are one major unit, for example 100 for SAR."""
    return _UNITS_OF.get(currency or "", _USUAL_UNITS)


def problem(amount: Decimal, digits: int) -> str | None:
    """Return the violation code of an amount: too many decimals, out of range, or None when it is exact."""
    try:
        exact = _EXACT.quantize(amount, _QUANTA[digits])
    except Inexact:
        return "money.too_many_decimals"
    except DecimalException:
        return "money.out_of_range"
    return None if exact.is_finite() else "money.out_of_range"


def to_minor(amount: Decimal, currency: str | None) -> int:
    """Return an amount in minor units; raise Invalid where that is not exact or too large."""
    digits = minor_digits(currency)
    code = problem(amount, digits)
    if code is not None:
        raise errors.Invalid(code, f"An amount must have at most {digits} decimals and 15 digits in all.")
    return int(amount.scaleb(digits))


def from_minor(minor: int, currency: str | None) -> Decimal:
    """Return minor units as an exact amount in major units, with all decimals of the currency."""
    return minor * quantum_of(currency)
