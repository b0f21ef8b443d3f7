"""The table a new shop begins with."""

from datetime import UTC, datetime

from shop.kernel.money import Money
from shop.shipping.actions import options
from shop.shipping.model import Address, Consignment, Item

FRIDAY = datetime(2026, 11, 20, 12, tzinfo=UTC)


def ways(
    country: str, value: int, currency: str = "USD", region: str | None = None
) -> list[tuple[str, int]]:
    goods = Consignment((Item(1, 500),), Money(value, currency))
    return [(o.id, o.price.minor) for o in options(goods, Address(country, region), at=FRIDAY)]


def test_standard_shipping_is_free_from_the_threshold_on() -> None:
    assert ways("US", 7499) == [("us-standard", 599), ("us-express", 1999)]
    assert ways("US", 7500) == [("us-standard", 0), ("us-express", 1999)]


def test_each_part_of_the_world_has_its_ways() -> None:
    assert [way for way, _ in ways("FR", 1000, "EUR")] == ["eu-standard", "eu-express"]
    assert [way for way, _ in ways("CN", 1000, "CNY")] == ["cn-standard", "cn-express"]
    assert [way for way, _ in ways("BR", 1000)] == ["world-standard", "world-express"]


def test_where_the_shop_cannot_deliver_there_is_no_option() -> None:
    assert ways("KP", 1000) == []
    assert ways("US", 1000, region="AP") == []
    assert ways("", 1000) == []


def test_the_estimate_counts_working_days() -> None:
    goods = Consignment((Item(1),), Money(1000, "USD"))
    (standard, express) = options(goods, Address("US", "CA"), at=FRIDAY)
    assert express.earliest.date().isoformat() == "2026-11-23"
    assert (standard.earliest.date().isoformat(), standard.latest.date().isoformat()) == (
        "2026-11-25",
        "2026-11-27",
    )
