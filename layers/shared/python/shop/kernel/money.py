"""Money as whole minor units of a currency; every split sums to its total.

Exponents follow ISO 4217 (list of 2026-01-01): two decimals unless listed here.
"""

import re
from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum

from shop.kernel.errors import InvalidRequest
from shop.kernel.frozen import frozen

_EXPONENTS: dict[str, int] = {
    **dict.fromkeys(
        [
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ],
        0,
    ),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
    **dict.fromkeys(["CLF", "UYW"], 4),
}


CURRENCIES: frozenset[str] = frozenset(
    (
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN "
        "BZD CAD CDF CHF CLF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP "
        "GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES "
        "KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU "
        "MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON "
        "RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND "
        "TOP TRY TTD TWD TZS UAH UGX USD UYI UYU UYW UZS VED VES VND VUV WST XAF XCD XCG XOF XPF "
        "YER ZAR ZMW ZWG"
    ).split()
)
"""Accepted currencies: ISO 4217 without its codes for funds, metals and tests."""


MAX_SAFE_INTEGER = 2**53 - 1
"""Largest integer that every JSON reader parses exactly (RFC 7493); the limit of amounts."""


def exponent(currency: str) -> int:
    """Return the number of decimals of a currency: USD 2, JPY 0, KWD 3."""
    return _EXPONENTS.get(currency, 2)


@frozen
class Money:
    """An amount in whole minor units of an ISO 4217 currency (``Money(1299, "USD")`` is $12.99).

    Adding or comparing two currencies raises ``ValueError``, never a domain error: the shop decides
    the currency of a basket before it calculates, so a mixture is a programming error.
    """

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if not isinstance(self.minor, int) or isinstance(self.minor, bool):
            raise TypeError("Minor units must be an integer.")
        if len(self.currency) != 3 or not self.currency.isascii() or not self.currency.isupper():
            raise ValueError(f"{self.currency!r} is not an ISO 4217 code.")

    def _require_same_currency(self, other: "Money") -> None:
        if self.currency != other.currency:
            raise ValueError(f"Cannot combine {self.currency} and {other.currency}.")

    def __add__(self, other: "Money") -> "Money":
        self._require_same_currency(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        self._require_same_currency(other)
        return Money(self.minor - other.minor, self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.minor, self.currency)

    def __mul__(self, factor: int) -> "Money":
        if not isinstance(factor, int) or isinstance(factor, bool):
            raise TypeError("Multiply money by an integer, or split it with apportion().")
        return Money(self.minor * factor, self.currency)

    def __lt__(self, other: "Money") -> bool:
        self._require_same_currency(other)
        return self.minor < other.minor

    def __le__(self, other: "Money") -> bool:
        self._require_same_currency(other)
        return self.minor <= other.minor

    def __bool__(self) -> bool:
        return self.minor != 0

    @property
    def decimal(self) -> Decimal:
        """The exact amount in major units."""
        return Decimal(self.minor).scaleb(-exponent(self.currency))

    def __str__(self) -> str:
        return f"{self.decimal:f} {self.currency}"


_PLAIN_DECIMAL = re.compile(r"[0-9]{1,16}(?:\.[0-9]{0,16})?|\.[0-9]{1,16}")


def parse_money(text: str | int | float | Decimal, currency: str) -> Money:
    """Parse a price in major units, as written in files (``"129.99"``), into minor units.

    Raises :class:`InvalidRequest` (``price_invalid``) for a text that is not in plain digits, is
    negative, has more decimals than the currency (``"10.5"`` yen), or exceeds
    :data:`MAX_SAFE_INTEGER` minor units. A price is never rounded, and ``1,299``, ``1_299`` and
    ``1e3`` are never interpreted.
    """
    plain = str(text).strip()
    if not _PLAIN_DECIMAL.fullmatch(plain):
        raise _invalid_price(f"{text!r} is not a price. Write digits only, as in 129.99.")
    minor = Decimal(plain).scaleb(exponent(currency))
    if minor != minor.to_integral_value():
        raise _invalid_price(f"{text!r} has more decimals than {currency} allows.")
    if minor > MAX_SAFE_INTEGER:
        raise _invalid_price(f"{text!r} is larger than {MAX_SAFE_INTEGER} minor units.")
    return Money(int(minor), currency)


def _invalid_price(detail: str) -> InvalidRequest:
    return InvalidRequest(detail, code="price_invalid")


class Rounding(StrEnum):
    """How exactly half a minor unit is rounded; stored on the order with its amounts."""

    HALF_EVEN = "half_even"
    HALF_UP = "half_up"
    HALF_DOWN = "half_down"


def ratio(numerator: int, denominator: int, rounding: Rounding = Rounding.HALF_EVEN) -> int:
    """Return ``numerator / denominator`` rounded to an integer, without floating point.

    Neither number may be negative and the denominator must not be zero: amounts are not negative,
    and "half up" is ambiguous for negative numbers.
    """
    quotient, remainder = divmod(numerator, denominator)
    doubled = 2 * remainder
    if doubled > denominator:
        return quotient + 1
    if doubled < denominator or rounding is Rounding.HALF_DOWN:
        return quotient
    if rounding is Rounding.HALF_UP:
        return quotient + 1
    # Half even: an odd quotient is one below the even neighbour.
    return quotient + (quotient & 1)


def apportion(total: int, weights: Sequence[int]) -> list[int]:
    """Split ``total`` minor units by weight; the parts sum to the total.

    The method is that of the largest remainder (Hamilton). Equal remainders favour the earlier
    part, so the split is deterministic. If all weights are zero, the split is even.
    """
    if not weights:
        if total:
            raise ValueError("At least one weight is required.")
        return []
    if any(w < 0 for w in weights):
        raise ValueError("Weights must be 0 or more.")
    shares = list(weights) if any(weights) else [1] * len(weights)
    weight_sum = sum(shares)
    # Split the absolute amount, so that a refund is the exact mirror image of a payment.
    sign = -1 if total < 0 else 1
    quotients = [divmod(abs(total) * share, weight_sum) for share in shares]
    parts = [part for part, _ in quotients]
    undistributed = abs(total) - sum(parts)
    if undistributed:
        remainders = [remainder for _, remainder in quotients]
        # sorted() is stable with reverse=True: equal remainders stay in order.
        ranking = sorted(range(len(parts)), key=remainders.__getitem__, reverse=True)
        for i in ranking[:undistributed]:
            parts[i] += 1
    return parts if sign > 0 else [-part for part in parts]
