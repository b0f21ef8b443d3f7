"""The default shipping table of a new shop."""

from datetime import UTC, date, datetime, time

from shop.kernel.money import Money
from shop.places.model.countries import COUNTRIES
from shop.places.model.destination import Destination
from shop.shipping.actions import shipping_options
from shop.shipping.model import DEFAULT_TABLE, Consignment, ConsignmentItem, DispatchSchedule

FRIDAY = datetime(2026, 11, 20, 12, tzinfo=UTC)


def options(
    country: str, value: int, currency: str = "USD", region: str | None = None
) -> list[tuple[str, int]]:
    goods = Consignment((ConsignmentItem(1, 500),), Money(value, currency))
    return [
        (o.id, o.price.minor)
        for o in shipping_options(goods, Destination(country, region), at=FRIDAY)
    ]


def test_standard_shipping_is_free_from_the_threshold_on() -> None:
    assert options("US", 7499) == [("us-standard", 599), ("us-express", 1999)]
    assert options("US", 7500) == [("us-standard", 0), ("us-express", 1999)]


def test_each_zone_has_its_methods() -> None:
    assert [method for method, _ in options("FR", 1000, "EUR")] == ["eu-standard", "eu-express"]
    assert [method for method, _ in options("CN", 1000, "CNY")] == ["cn-standard", "cn-express"]
    assert [method for method, _ in options("BR", 1000)] == ["world-standard", "world-express"]


def test_an_excluded_destination_has_no_option() -> None:
    assert options("KP", 1000) == []
    assert options("US", 1000, region="AP") == []
    assert options("", 1000) == []


def charged(
    *items: ConsignmentItem,
    country: str = "US",
    region: str | None = "OH",
    method: str = "us-standard",
) -> tuple[int, int] | None:
    """Return price and parcels of a method, for goods below the free threshold."""
    goods = Consignment(items, Money(1000, "USD"))
    found = {o.id: o for o in shipping_options(goods, Destination(country, region), at=FRIDAY)}
    return (found[method].price.minor, found[method].parcels) if method in found else None


def test_heavier_parcels_cost_more() -> None:
    assert charged(ConsignmentItem(1, 3_000)) == (599, 1)
    assert charged(ConsignmentItem(1, 3_001)) == (898, 1)
    assert charged(ConsignmentItem(1, 10_000)) == (1377, 1)
    assert charged(ConsignmentItem(1, 20_000)) == (2216, 1)


def test_goods_above_the_parcel_weight_are_charged_as_two_parcels() -> None:
    assert charged(ConsignmentItem(2, 12_000)) == (2 * 2216, 2)
    assert charged(ConsignmentItem(1, 20_001)) is None, "a unit is never split"
    assert charged(ConsignmentItem(1, 100, 1_600, 10, 10)) is None, "too long for a parcel"


def test_light_bulky_goods_are_billed_by_volumetric_weight() -> None:
    assert charged(ConsignmentItem(1, 800, 600, 400, 100)) == (
        898,
        1,
    )  # 24 litres, 4 kg on the road
    assert charged(ConsignmentItem(1, 800, 600, 400, 100), method="us-express") == (2998, 1)


def test_units_above_ten_add_a_picking_charge() -> None:
    assert charged(ConsignmentItem(10, 10)) == (599, 1)
    assert charged(ConsignmentItem(20, 10)) == (599 + 10 * 14, 1)


def test_an_item_without_a_weight_counts_as_500_grams() -> None:
    assert charged(ConsignmentItem(6)) == (599, 1)
    assert charged(ConsignmentItem(7)) == (898, 1)


def test_far_destinations_cost_more() -> None:
    assert charged(ConsignmentItem(1, 500), region="AK") == (599 + 900, 1)
    assert charged(ConsignmentItem(1, 500), region="GU") == (599 + 1800, 1)
    near, far = (
        charged(ConsignmentItem(1, 500), country=country, region=None, method="world-standard")
        for country in ("CA", "NZ")
    )
    assert near == (1999, 1)
    assert far == (2999, 1)


def test_every_delivered_country_has_an_option_in_each_currency() -> None:
    for country in COUNTRIES - DEFAULT_TABLE.excluded_countries:
        for currency in ("USD", "EUR", "GBP", "CNY", "JPY"):
            assert options(country, 100, currency), (country, currency)


def test_the_estimate_counts_working_days() -> None:
    goods = Consignment((ConsignmentItem(1),), Money(1000, "USD"))
    (standard, express) = shipping_options(goods, Destination("US", "CA"), at=FRIDAY)
    assert express.earliest.date().isoformat() == "2026-11-23"
    assert (standard.earliest.date().isoformat(), standard.latest.date().isoformat()) == (
        "2026-11-25",
        "2026-11-27",
    )


def ship_date(at: str, **dispatch: object) -> str:
    return DispatchSchedule(**dispatch).ship_date(datetime.fromisoformat(at)).isoformat()  # type: ignore[arg-type]


def test_an_order_on_a_day_off_ships_on_the_next_working_day() -> None:
    assert ship_date("2026-11-21T09:00:00+00:00") == "2026-11-23"
    assert ship_date("2026-11-23T23:59:00+00:00") == "2026-11-23"
    thanksgiving = frozenset({date(2026, 11, 26)})
    assert ship_date("2026-11-26T09:00:00+00:00", holidays=thanksgiving) == "2026-11-27"
    goods = Consignment((ConsignmentItem(1),), Money(1000, "USD"))
    saturday = datetime(2026, 11, 21, 9, tzinfo=UTC)
    express = shipping_options(goods, Destination("US", "CA"), at=saturday)[1]
    assert express.earliest.date().isoformat() == "2026-11-24", "one working day after dispatch"


def test_the_cut_off_is_in_the_time_zone_of_the_warehouse() -> None:
    new_york = {"zone": "America/New_York", "cut_off": time(14)}
    assert ship_date("2026-11-24T18:59:59+00:00", **new_york) == "2026-11-24"
    assert ship_date("2026-11-24T19:00:00+00:00", **new_york) == "2026-11-25"
    assert ship_date("2026-11-27T19:00:00+00:00", **new_york) == "2026-11-30", "Friday, too late"
    assert ship_date("2026-11-25T03:00:00+00:00", **new_york) == "2026-11-25", (
        "still Tuesday, too late"
    )


def test_days_off_do_not_count_as_transit_days() -> None:
    dispatch = DispatchSchedule(holidays=frozenset({date(2026, 12, 25)}))
    earliest, latest = dispatch.estimate(datetime(2026, 12, 23, 9, tzinfo=UTC), (1, 2))
    assert (earliest.date(), latest.date()) == (date(2026, 12, 24), date(2026, 12, 28))
