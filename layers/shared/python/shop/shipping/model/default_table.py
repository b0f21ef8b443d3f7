"""The default shipping table of a new shop.

It has four zones: the United States, the European Union, China and the rest of the world.
Charges follow docs/rules/pricing.md, 9.4:

- Each parcel is charged by its real or volumetric weight. Up to 3 kg it costs the base price of
  the method; up to 5, 10 and 20 kg it costs 150 %, 230 % and 370 % of it. A parcel weighs at most
  20 kg and is at most 1.5 m long.
- Each unit after the first ten adds a small picking charge.
- Far destinations cost more, in bands of kilometres from the shop's warehouses in Ohio, Frankfurt
  and Shanghai.
"""

from shop.kernel.money import Money
from shop.places.model.countries import EU_MEMBER_STATES
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

_WEIGHT_STEPS = ((3_000, 100), (5_000, 150), (10_000, 230), (20_000, 370))
"""(grams, per cent): the price of a parcel up to that weight, in per cent of the base price."""
_PARCEL_LIMITS = ParcelLimits(weight_g=20_000, longest_mm=1_500)


def _prices(usd: int, eur: int, gbp: int, cny: int, jpy: int) -> Prices:
    return (
        Money(usd, "USD"),
        Money(eur, "EUR"),
        Money(gbp, "GBP"),
        Money(cny, "CNY"),
        Money(jpy, "JPY"),
    )


_FREE = _prices(0, 0, 0, 0, 0)


def _by_weight(base: Prices) -> WeightRate:
    # Rounded down to a minor unit, so that a band never costs more than its percentage.
    return WeightRate(
        tuple(
            RateBand(grams, tuple(Money(p.minor * percent // 100, p.currency) for p in base))
            for grams, percent in _WEIGHT_STEPS
        )
    )


def _method(
    id_: str,
    zone: str,
    title: str,
    carrier: str,
    base: Prices,
    days: tuple[int, int],
    *charges: Charge,
    divisor: int,
    free_shipping_threshold: Prices = (),
) -> ShippingMethod:
    # Picking costs 2.5 % of the base price per unit, and at least one minor unit.
    each = tuple(Money(max(1, p.minor // 40), p.currency) for p in base)
    return ShippingMethod(
        id_,
        zone,
        title,
        carrier,
        _FREE,
        days,
        free_shipping_threshold,
        (_by_weight(base), QuantityRate(each, included=10), *charges),
        _PARCEL_LIMITS,
        divisor,
    )


_ROAD_DIVISOR, _AIR_DIVISOR = 6_000, 5_000
"""Cubic millimetres that count as one gram, by road and by air.

Sources: 6,000 cm³ per kilogram (IATA), and 5,000 cm³ per kilogram (express carriers)."""

_OFFSHORE = DistanceRate(
    (
        RateBand(4_000, _FREE),
        RateBand(8_000, _prices(900, 840, 720, 6500, 1350)),
        RateBand(21_000, _prices(1800, 1680, 1440, 13000, 2700)),
    )
)
_ABROAD = DistanceRate(
    (
        RateBand(4_000, _FREE),
        RateBand(9_000, _prices(500, 460, 400, 3600, 750)),
        RateBand(21_000, _prices(1000, 930, 800, 7200, 1500)),
    )
)

_DISTANCES = (
    # From the centre of Ohio, along a great circle, rounded to 100 km.
    Distance(1_200, frozenset({"US"})),
    Distance(5_100, frozenset({"US"}), frozenset({"AK"})),
    Distance(7_200, frozenset({"US"}), frozenset({"HI"})),
    Distance(2_800, frozenset({"US"}), frozenset({"PR", "VI"})),
    Distance(12_500, frozenset({"US"}), frozenset({"GU", "MP", "AS"})),
    # From Frankfurt to the EU, and from Shanghai within China.
    Distance(900, EU_MEMBER_STATES - {"CY"}),
    Distance(2_600, frozenset({"CY"})),
    Distance(1_200, frozenset({"CN"})),
    Distance(3_300, frozenset({"CN"}), frozenset({"XJ", "XZ"})),
    # Elsewhere, from the nearest of the three warehouses.
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
        Zone("eu", EU_MEMBER_STATES),
        Zone("cn", frozenset({"CN"})),
        Zone("world", is_fallback=True),
    ),
    methods=(
        _method(
            "us-standard",
            "us",
            "Standard",
            "USPS",
            _prices(599, 559, 479, 4300, 900),
            (3, 5),
            _OFFSHORE,
            divisor=_ROAD_DIVISOR,
            free_shipping_threshold=_prices(7500, 7000, 6000, 54000, 11000),
        ),
        _method(
            "us-express",
            "us",
            "Express",
            "UPS",
            _prices(1999, 1859, 1599, 14300, 2900),
            (1, 2),
            _OFFSHORE,
            divisor=_AIR_DIVISOR,
        ),
        _method(
            "eu-standard",
            "eu",
            "Standard",
            "DHL",
            _prices(649, 599, 519, 4700, 1000),
            (3, 6),
            divisor=_ROAD_DIVISOR,
            free_shipping_threshold=_prices(8000, 7500, 6500, 58000, 12000),
        ),
        _method(
            "eu-express",
            "eu",
            "Express",
            "DHL",
            _prices(2199, 1999, 1749, 15800, 3300),
            (1, 2),
            divisor=_AIR_DIVISOR,
        ),
        _method(
            "cn-standard",
            "cn",
            "标准配送",
            "SF Express",
            _prices(250, 230, 200, 1800, 380),
            (2, 4),
            divisor=_ROAD_DIVISOR,
            free_shipping_threshold=_prices(1400, 1300, 1100, 9900, 2100),
        ),
        _method(
            "cn-express",
            "cn",
            "次日达",
            "SF Express",
            _prices(490, 450, 390, 3500, 740),
            (1, 1),
            divisor=_AIR_DIVISOR,
        ),
        _method(
            "world-standard",
            "world",
            "International",
            "DHL",
            _prices(1999, 1839, 1599, 14300, 2950),
            (7, 15),
            _ABROAD,
            divisor=_ROAD_DIVISOR,
        ),
        _method(
            "world-express",
            "world",
            "International express",
            "DHL",
            _prices(4499, 4139, 3599, 32300, 6650),
            (3, 5),
            _ABROAD,
            divisor=_AIR_DIVISOR,
        ),
    ),
    excluded_countries=frozenset({"KP", "SY"}),
    distances=_DISTANCES,
)
"""Prices are in five currencies. Standard shipping in a home market is free from a threshold on."""
