"""The table a new shop begins with."""

from datetime import UTC, date, datetime, time

from shop.kernel.money import Money
from shop.places.model.countries import COUNTRIES
from shop.places.model.destination import Destination
from shop.shipping.actions import shipping_options
from shop.shipping.model import DEFAULT_TABLE, Consignment, ConsignmentItem, DispatchSchedule

FRIDAY = datetime(2026, 11, 20, 12, tzinfo=UTC)


def ways(
    country: str, value: int, currency: str = "USD", region: str | None = None
) -> list[tuple[str, int]]:
    goods = Consignment((ConsignmentItem(1, 500),), Money(value, currency))
    return [
        (o.id, o.price.minor)
        for o in shipping_options(goods, Destination(country, region), at=FRIDAY)
    ]


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


def charged(
    *items: ConsignmentItem,
    country: str = "US",
    region: str | None = "OH",
    way: str = "us-standard",
) -> tuple[int, int] | None:
    """Price and parcels of a way, for goods below any free-over."""
    goods = Consignment(items, Money(1000, "USD"))
    found = {o.id: o for o in shipping_options(goods, Destination(country, region), at=FRIDAY)}
    return (found[way].price.minor, found[way].parcels) if way in found else None


def test_heavier_parcels_cost_more() -> None:
    assert charged(ConsignmentItem(1, 3_000)) == (599, 1)
    assert charged(ConsignmentItem(1, 3_001)) == (898, 1)
    assert charged(ConsignmentItem(1, 10_000)) == (1377, 1)
    assert charged(ConsignmentItem(1, 20_000)) == (2216, 1)


def test_what_is_too_heavy_for_one_parcel_goes_in_two_and_costs_two() -> None:
    assert charged(ConsignmentItem(2, 12_000)) == (2 * 2216, 2)
    assert charged(ConsignmentItem(1, 20_001)) is None, "no unit is cut in two"
    assert charged(ConsignmentItem(1, 100, 1_600, 10, 10)) is None, "nor rolled up"


def test_a_pillow_is_billed_for_its_room() -> None:
    assert charged(ConsignmentItem(1, 800, 600, 400, 100)) == (
        898,
        1,
    )  # 24 litres, 4 kg on the road
    assert charged(ConsignmentItem(1, 800, 600, 400, 100), way="us-express") == (2998, 1)


def test_many_small_things_cost_more_than_one() -> None:
    assert charged(ConsignmentItem(10, 10)) == (599, 1)
    assert charged(ConsignmentItem(20, 10)) == (599 + 10 * 14, 1)


def test_what_nobody_weighed_is_taken_for_a_pound() -> None:
    assert charged(ConsignmentItem(6)) == (599, 1)
    assert charged(ConsignmentItem(7)) == (898, 1)


def test_far_away_costs_more() -> None:
    assert charged(ConsignmentItem(1, 500), region="AK") == (599 + 900, 1)
    assert charged(ConsignmentItem(1, 500), region="GU") == (599 + 1800, 1)
    near, far = (
        charged(ConsignmentItem(1, 500), country=country, region=None, way="world-standard")
        for country in ("CA", "NZ")
    )
    assert near == (1999, 1)
    assert far == (2999, 1)


def test_every_country_but_those_it_does_not_send_to_has_a_way_in_each_currency() -> None:
    for country in COUNTRIES - DEFAULT_TABLE.excluded_countries:
        for currency in ("USD", "EUR", "GBP", "CNY", "JPY"):
            assert ways(country, 100, currency), (country, currency)


def test_the_estimate_counts_working_days() -> None:
    goods = Consignment((ConsignmentItem(1),), Money(1000, "USD"))
    (standard, express) = shipping_options(goods, Destination("US", "CA"), at=FRIDAY)
    assert express.earliest.date().isoformat() == "2026-11-23"
    assert (standard.earliest.date().isoformat(), standard.latest.date().isoformat()) == (
        "2026-11-25",
        "2026-11-27",
    )


def leaves(at: str, **dispatch: object) -> str:
    return DispatchSchedule(**dispatch).ship_date(datetime.fromisoformat(at)).isoformat()  # type: ignore[arg-type]


def test_what_is_ordered_on_a_day_off_leaves_on_the_next_working_day() -> None:
    assert leaves("2026-11-21T09:00:00+00:00") == "2026-11-23"
    assert leaves("2026-11-23T23:59:00+00:00") == "2026-11-23"
    thanksgiving = frozenset({date(2026, 11, 26)})
    assert leaves("2026-11-26T09:00:00+00:00", holidays=thanksgiving) == "2026-11-27"
    goods = Consignment((ConsignmentItem(1),), Money(1000, "USD"))
    saturday = datetime(2026, 11, 21, 9, tzinfo=UTC)
    express = shipping_options(goods, Destination("US", "CA"), at=saturday)[1]
    assert express.earliest.date().isoformat() == "2026-11-24", "a working day after it left"


def test_the_cut_off_is_on_the_warehouse_s_clock() -> None:
    there = {"zone": "America/New_York", "cut_off": time(14)}
    assert leaves("2026-11-24T18:59:59+00:00", **there) == "2026-11-24"
    assert leaves("2026-11-24T19:00:00+00:00", **there) == "2026-11-25"
    assert leaves("2026-11-27T19:00:00+00:00", **there) == "2026-11-30", "Friday, too late"
    assert leaves("2026-11-25T03:00:00+00:00", **there) == "2026-11-25", "still Tuesday, too late"


def test_days_off_do_not_count_as_days_on_the_way() -> None:
    dispatch = DispatchSchedule(holidays=frozenset({date(2026, 12, 25)}))
    earliest, latest = dispatch.estimate(datetime(2026, 12, 23, 9, tzinfo=UTC), (1, 2))
    assert (earliest.date(), latest.date()) == (date(2026, 12, 24), date(2026, 12, 28))
