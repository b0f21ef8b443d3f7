"""Money is a whole number of minor units and a currency; every split sums to its whole.

The exponents are ISO 4217's (list of 2026-01-01): two decimals unless named here.
"""

import re
from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal
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
"""The currencies people pay with; ISO 4217's funds, metals and test codes are left out."""


MAX_SAFE_INTEGER = 2**53 - 1
"""Minor units beyond which an amount is not the same number in every JSON reader (RFC 7493)."""


def exponent(currency: str) -> int:
    """How many decimals the currency's minor unit has: USD 2, JPY 0, KWD 3."""
    return _EXPONENTS.get(currency, 2)


@frozen
class Money:
    """An amount in whole minor units of an ISO 4217 currency (``Money(1299, "USD")`` is $12.99).

    Adding or comparing two currencies raises ``ValueError``: it is a programming error, never a
    refusal, for the shop decides the currency of a basket before it adds anything up.
    """

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if not isinstance(self.minor, int) or isinstance(self.minor, bool):
            raise TypeError("minor units are whole numbers")
        if len(self.currency) != 3 or not self.currency.isascii() or not self.currency.isupper():
            raise ValueError(f"not an ISO 4217 code: {self.currency!r}")

    def _same(self, other: "Money") -> None:
        if self.currency != other.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not mix")

    def __add__(self, other: "Money") -> "Money":
        self._same(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        self._same(other)
        return Money(self.minor - other.minor, self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.minor, self.currency)

    def __mul__(self, times: int) -> "Money":
        if not isinstance(times, int) or isinstance(times, bool):
            raise TypeError("money is multiplied by whole numbers; use apportion for shares")
        return Money(self.minor * times, self.currency)

    def __lt__(self, other: "Money") -> bool:
        self._same(other)
        return self.minor < other.minor

    def __le__(self, other: "Money") -> bool:
        self._same(other)
        return self.minor <= other.minor

    def __bool__(self) -> bool:
        return self.minor != 0

    @property
    def decimal(self) -> Decimal:
        """The amount in major units, exact."""
        return Decimal(self.minor).scaleb(-exponent(self.currency))

    def __str__(self) -> str:
        return f"{self.decimal:f} {self.currency}"


_WRITTEN = re.compile(r"[0-9]{1,16}(?:\.[0-9]{0,16})?|\.[0-9]{1,16}")


def parse_money(text: str | int | float | Decimal, currency: str) -> Money:
    """Read a price as people write it in files (``"129.99"``) into minor units.

    Raises :class:`Invalid` where the text is no number in plain digits, is negative, has more
    decimals than the currency knows (``"10.5"`` yen) or is beyond :data:`LARGEST`: a price is never
    rounded silently, and ``1,299``, ``1_299`` and ``1e3`` are never guessed at.
    """
    plain = str(text).strip()
    if not _WRITTEN.fullmatch(plain):
        raise InvalidRequest(f"{text!r} is not a price", code="price_invalid")
    minor = Decimal(plain).scaleb(exponent(currency))
    if minor != minor.to_integral_value():
        raise InvalidRequest(
            f"{text!r} has more decimals than {currency} knows", code="price_invalid"
        )
    if minor > MAX_SAFE_INTEGER:
        raise InvalidRequest(f"{text!r} is more than the shop can count", code="price_invalid")
    return Money(int(minor), currency)


def rounded(amount: Decimal) -> int:
    """Round half to even to whole minor units: the shop's one rounding policy by default."""
    return int(amount.to_integral_value(rounding=ROUND_HALF_EVEN))


class Rounding(StrEnum):
    """How exactly half a minor unit is decided; stored on the order beside the amounts it made."""

    HALF_EVEN = "half_even"
    HALF_UP = "half_up"
    HALF_DOWN = "half_down"


def ratio(numerator: int, denominator: int, rounding: Rounding = Rounding.HALF_EVEN) -> int:
    """``numerator / denominator`` in whole minor units, exactly rounded, in integers only.

    Neither may be negative and the denominator not zero: amounts are not, and a sign would make
    "half up" mean two things.
    """
    whole, rest = divmod(numerator, denominator)
    twice = 2 * rest
    if twice > denominator:
        return whole + 1
    if twice < denominator or rounding is Rounding.HALF_DOWN:
        return whole
    if rounding is Rounding.HALF_UP:
        return whole + 1
    return whole + (whole & 1)


def apportion(total: int, weights: Sequence[int]) -> list[int]:
    """Split ``total`` minor units over ``weights`` by largest remainder; the parts sum to it.

    Ties go to the earlier part, so the split is deterministic. All-zero weights split evenly.
    Source: Hamilton's method; other shops mis-sum here by giving the last part the remainder.
    """
    if not weights:
        if total:
            raise ValueError("nothing to split over")
        return []
    if any(w < 0 for w in weights):
        raise ValueError("weights are not negative")
    shares = list(weights) if any(weights) else [1] * len(weights)
    whole = sum(shares)
    sign = -1 if total < 0 else 1
    exact = [divmod(abs(total) * share, whole) for share in shares]
    parts = [part for part, _ in exact]
    left = abs(total) - sum(parts)
    if left:
        rests = [rest for _, rest in exact]
        # Sorting is stable in reverse, too: equal remainders stay in order.
        for i in sorted(range(len(parts)), key=rests.__getitem__, reverse=True)[:left]:
            parts[i] += 1
    return parts if sign > 0 else [-part for part in parts]
