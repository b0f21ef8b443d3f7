"""The shipping table a new shop begins with: the United States, the European Union, China,
elsewhere.
"""

from shop.kernel.money import Money
from shop.shipping.model.table import Method, ShippingTable, Zone

_UNION = frozenset(
    {
        "AT",
        "BE",
        "BG",
        "CY",
        "CZ",
        "DE",
        "DK",
        "EE",
        "ES",
        "FI",
        "FR",
        "GR",
        "HR",
        "HU",
        "IE",
        "IT",
        "LT",
        "LU",
        "LV",
        "MT",
        "NL",
        "PL",
        "PT",
        "RO",
        "SE",
        "SI",
        "SK",
    }
)


def _prices(usd: int, eur: int, gbp: int, cny: int, jpy: int) -> tuple[Money, ...]:
    return (
        Money(usd, "USD"),
        Money(eur, "EUR"),
        Money(gbp, "GBP"),
        Money(cny, "CNY"),
        Money(jpy, "JPY"),
    )


STANDARD = ShippingTable(
    zones=(
        Zone("us", frozenset({"US"}), not_regions=frozenset({"AA", "AE", "AP"})),
        Zone("eu", _UNION),
        Zone("cn", frozenset({"CN"})),
        Zone("world", elsewhere=True),
    ),
    methods=(
        Method(
            "us-standard",
            "us",
            "Standard",
            "USPS",
            _prices(599, 559, 479, 4300, 900),
            (3, 5),
            free_over=_prices(7500, 7000, 6000, 54000, 11000),
        ),
        Method(
            "us-express", "us", "Express", "UPS", _prices(1999, 1859, 1599, 14300, 2900), (1, 2)
        ),
        Method(
            "eu-standard",
            "eu",
            "Standard",
            "DHL",
            _prices(649, 599, 519, 4700, 1000),
            (3, 6),
            free_over=_prices(8000, 7500, 6500, 58000, 12000),
        ),
        Method(
            "eu-express", "eu", "Express", "DHL", _prices(2199, 1999, 1749, 15800, 3300), (1, 2)
        ),
        Method(
            "cn-standard",
            "cn",
            "标准配送",
            "SF Express",
            _prices(250, 230, 200, 1800, 380),
            (2, 4),
            free_over=_prices(1400, 1300, 1100, 9900, 2100),
        ),
        Method(
            "cn-express", "cn", "次日达", "SF Express", _prices(490, 450, 390, 3500, 740), (1, 1)
        ),
        Method(
            "world-standard",
            "world",
            "International",
            "DHL",
            _prices(2499, 2299, 1999, 17900, 3700),
            (7, 15),
        ),
        Method(
            "world-express",
            "world",
            "International express",
            "DHL",
            _prices(4999, 4599, 3999, 35900, 7400),
            (3, 5),
        ),
    ),
    nowhere=frozenset({"KP", "SY"}),
)
"""Prices in five currencies, free above a value of goods for the standard way at home."""
