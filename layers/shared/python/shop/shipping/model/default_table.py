"""The shipping table a new shop begins with: the United States, the European Union, China,
elsewhere.

How it charges, in the words of docs/rules/pricing.md, 9.4:

- Each parcel by what it weighs, or would weigh for its volume: up to 3 kg the way's own price, then
  150 %, 230 % and 370 % of it, up to 5, 10 and 20 kg. Nothing over 20 kg, or longer than 1.5 m.
- Each unit after the first ten costs a little to pick.
- Far destinations cost more, in bands of kilometres from the shop's houses in Ohio, Frankfurt and
  Shanghai.
"""

from shop.kernel.money import Money
from shop.places.model.zones import Distance, Zone
from shop.shipping.model.packing import ParcelLimits
from shop.shipping.model.rate_table import ShippingMethod, ShippingTable
from shop.shipping.model.rates import (
    Charge,
    DistanceRate,
    Prices,
    QuantityRate,
    RateBand,
    WeightRate,
)

_UNION = frozenset(
    """AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK""".split()
)
_STEPS = ((3_000, 100), (5_000, 150), (10_000, 230), (20_000, 370))
"""Grams up to which a parcel costs so many per cent of the way's price."""
_PARCEL = ParcelLimits(weight_g=20_000, longest_mm=1_500)


def _prices(usd: int, eur: int, gbp: int, cny: int, jpy: int) -> Prices:
    return (
        Money(usd, "USD"),
        Money(eur, "EUR"),
        Money(gbp, "GBP"),
        Money(cny, "CNY"),
        Money(jpy, "JPY"),
    )


_NOTHING = _prices(0, 0, 0, 0, 0)


def _by_weight(base: Prices) -> WeightRate:
    return WeightRate(
        tuple(
            RateBand(grams, tuple(Money(p.minor * percent // 100, p.currency) for p in base))
            for grams, percent in _STEPS
        )
    )


def _way(
    id_: str,
    zone: str,
    title: str,
    carrier: str,
    base: Prices,
    days: tuple[int, int],
    *more: Charge,
    divisor: int,
    free_shipping_threshold: Prices = (),
) -> ShippingMethod:
    each = tuple(Money(max(1, p.minor // 40), p.currency) for p in base)
    return ShippingMethod(
        id_,
        zone,
        title,
        carrier,
        _NOTHING,
        days,
        free_shipping_threshold,
        (_by_weight(base), QuantityRate(each, included=10), *more),
        _PARCEL,
        divisor,
    )


_GROUND, _AIR = 6_000, 5_000
"""Cubic millimetres that weigh a gram: on the road, and in the air (IATA's 6,000 and the integrated
carriers' 5,000 cm³ a kilogram)."""

_OFF_SHORE = DistanceRate(
    (
        RateBand(4_000, _NOTHING),
        RateBand(8_000, _prices(900, 840, 720, 6500, 1350)),
        RateBand(21_000, _prices(1800, 1680, 1440, 13000, 2700)),
    )
)
_ABROAD = DistanceRate(
    (
        RateBand(4_000, _NOTHING),
        RateBand(9_000, _prices(500, 460, 400, 3600, 750)),
        RateBand(21_000, _prices(1000, 930, 800, 7200, 1500)),
    )
)

_DISTANCES = (
    # From the middle of Ohio, along a great circle, to a hundred kilometres.
    Distance(1_200, frozenset({"US"})),
    Distance(5_100, frozenset({"US"}), frozenset({"AK"})),
    Distance(7_200, frozenset({"US"}), frozenset({"HI"})),
    Distance(2_800, frozenset({"US"}), frozenset({"PR", "VI"})),
    Distance(12_500, frozenset({"US"}), frozenset({"GU", "MP", "AS"})),
    # From Frankfurt, and from Shanghai.
    Distance(900, _UNION - {"CY"}),
    Distance(2_600, frozenset({"CY"})),
    Distance(1_200, frozenset({"CN"})),
    Distance(3_300, frozenset({"CN"}), frozenset({"XJ", "XZ"})),
    # Elsewhere, from the nearest of the three houses.
    Distance(
        900, frozenset({"CA", "GB", "CH", "NO", "LI", "MC", "SM", "AD", "VA", "GG", "JE", "IM"})
    ),
    Distance(1_900, frozenset({"JP", "KR", "TW", "HK", "MO", "UA", "RS", "BA", "ME", "AL", "MK"})),
    Distance(3_200, frozenset({"MX", "IS", "TR", "IL", "MA", "DZ", "TN", "EG", "PH", "VN", "TH"})),
    Distance(5_000, frozenset({"CO", "VE", "EC", "PE", "IN", "AE", "SA", "SG", "MY", "ID", "KZ"})),
    Distance(8_200, frozenset({"BR", "AR", "CL", "UY", "PY", "BO", "AU", "KE", "NG", "ZA"})),
    Distance(9_500, frozenset({"NZ", "FJ", "PG"})),
    Distance(8_000, is_fallback=True),
)


DEFAULT_TABLE = ShippingTable(
    zones=(
        Zone("us", frozenset({"US"}), excluded_regions=frozenset({"AA", "AE", "AP"})),
        Zone("eu", _UNION),
        Zone("cn", frozenset({"CN"})),
        Zone("world", is_fallback=True),
    ),
    methods=(
        _way(
            "us-standard",
            "us",
            "Standard",
            "USPS",
            _prices(599, 559, 479, 4300, 900),
            (3, 5),
            _OFF_SHORE,
            divisor=_GROUND,
            free_shipping_threshold=_prices(7500, 7000, 6000, 54000, 11000),
        ),
        _way(
            "us-express",
            "us",
            "Express",
            "UPS",
            _prices(1999, 1859, 1599, 14300, 2900),
            (1, 2),
            _OFF_SHORE,
            divisor=_AIR,
        ),
        _way(
            "eu-standard",
            "eu",
            "Standard",
            "DHL",
            _prices(649, 599, 519, 4700, 1000),
            (3, 6),
            divisor=_GROUND,
            free_shipping_threshold=_prices(8000, 7500, 6500, 58000, 12000),
        ),
        _way(
            "eu-express",
            "eu",
            "Express",
            "DHL",
            _prices(2199, 1999, 1749, 15800, 3300),
            (1, 2),
            divisor=_AIR,
        ),
        _way(
            "cn-standard",
            "cn",
            "标准配送",
            "SF Express",
            _prices(250, 230, 200, 1800, 380),
            (2, 4),
            divisor=_GROUND,
            free_shipping_threshold=_prices(1400, 1300, 1100, 9900, 2100),
        ),
        _way(
            "cn-express",
            "cn",
            "次日达",
            "SF Express",
            _prices(490, 450, 390, 3500, 740),
            (1, 1),
            divisor=_AIR,
        ),
        _way(
            "world-standard",
            "world",
            "International",
            "DHL",
            _prices(1999, 1839, 1599, 14300, 2950),
            (7, 15),
            _ABROAD,
            divisor=_GROUND,
        ),
        _way(
            "world-express",
            "world",
            "International express",
            "DHL",
            _prices(4499, 4139, 3599, 32300, 6650),
            (3, 5),
            _ABROAD,
            divisor=_AIR,
        ),
    ),
    excluded_countries=frozenset({"KP", "SY"}),
    distances=_DISTANCES,
)
"""Prices in five currencies, free above a value of goods for the standard way at home."""
