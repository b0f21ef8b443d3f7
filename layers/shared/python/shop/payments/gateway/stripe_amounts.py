"""Conversion between minor units (ISO 4217) and Stripe's units.

Source: https://docs.stripe.com/currencies.
"""

from shop.kernel.errors import InvalidRequest
from shop.kernel.money import Money, exponent

_NO_DECIMALS = frozenset("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split())
_TWO_DECIMALS = frozenset({"ISK", "UGX"})
"""Currencies without decimals in ISO 4217; Stripe's API still counts two."""

_POWERS_OF_TEN = (1, 10, 100, 1_000, 10_000)


def stripe_decimals(currency: str) -> int:
    """Return the number of decimals at Stripe, which can differ from ISO 4217."""
    if currency in _NO_DECIMALS:
        return 0
    return 2 if currency in _TWO_DECIMALS else exponent(currency)


def to_stripe(amount: Money) -> int:
    """Convert an amount to Stripe's units. Raises InvalidRequest if that is not exact.

    Stripe takes currencies with three decimals in multiples of ten units. A total is never rounded
    here, because the customer agreed to the exact amount.
    """
    decimals, iso_decimals = stripe_decimals(amount.currency), exponent(amount.currency)
    units, remainder = divmod(amount.minor * _POWERS_OF_TEN[decimals], _POWERS_OF_TEN[iso_decimals])
    if remainder or (decimals == 3 and units % 10):
        raise InvalidRequest(
            f"The payment provider cannot charge exactly {amount}. Choose another currency.",
            code="payment_amount_unsupported",
        )
    return units


def from_stripe(units: int, currency: str) -> int:
    """Convert Stripe's units to minor units."""
    return units * _POWERS_OF_TEN[exponent(currency)] // _POWERS_OF_TEN[stripe_decimals(currency)]
