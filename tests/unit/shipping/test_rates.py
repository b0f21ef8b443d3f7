"""Charges of a shipping method, and packing of goods into parcels."""

from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest

from shop.checkout.model.messages import GOODS_UNDELIVERABLE
from shop.kernel.errors import InvalidRequest
from shop.kernel.money import Money
from shop.places.model.destination import Destination
from shop.places.model.zones import Zone
from shop.shipping.actions import shipping_options
from shop.shipping.model import (
    DEFAULT_TABLE,
    Charge,
    Consignment,
    ConsignmentItem,
    DistanceRate,
    ExcessRate,
    ParcelLimits,
    ParcelRate,
    QuantityRate,
    RateBand,
    ShippingMethod,
    ShippingTable,
    Undeliverable,
    ValueBand,
    ValueRate,
    WeightRate,
    pack,
)

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
US = Destination("US", "CA", "90001")


def usd(minor: int) -> tuple[Money, ...]:
    return (Money(minor, "USD"),)


def price(
    *charges: Charge,
    items: tuple[ConsignmentItem, ...] = (ConsignmentItem(1, 400),),
    value: int = 1000,
    distance_km: int | None = None,
    **method: Any,
) -> int | None:
    table = ShippingTable(
        (Zone("us", frozenset({"US"})),),
        (ShippingMethod("m", "us", "M", "X", usd(100), (1, 2), charges=charges, **method),),
    )
    goods = Consignment(items, Money(value, "USD"), distance_km)
    found = shipping_options(goods, US, table=table, at=AT)
    return found[0].price.minor if found else None


WEIGHT = WeightRate((RateBand(500, usd(300)), RateBand(1000, usd(500))), ExcessRate(1000, usd(200)))


def test_the_limit_of_a_weight_band_belongs_to_that_band() -> None:
    assert price(WEIGHT, items=(ConsignmentItem(1, 500),)) == 400
    assert price(WEIGHT, items=(ConsignmentItem(1, 501),)) == 600
    assert price(WEIGHT, items=(ConsignmentItem(1, 1000),)) == 600
    assert price(WEIGHT, items=(ConsignmentItem(1, 1001),)) == 800
    assert price(WEIGHT, items=(ConsignmentItem(1, 2001),)) == 1000


def test_weight_and_quantity_rates_count_every_unit() -> None:
    assert price(WEIGHT, items=(ConsignmentItem(2, 400),)) == 600
    assert (
        price(
            QuantityRate(usd(50), included=1),
            items=(ConsignmentItem(3, 400), ConsignmentItem(1, 0)),
        )
        == 250
    )


def test_an_item_without_a_weight_has_the_default_weight() -> None:
    assert price(WEIGHT, items=(ConsignmentItem(2),)) == 600


def test_value_distance_and_parcel_rates() -> None:
    value = ValueRate(
        (ValueBand(Money(700, "USD"), Money(5000, "USD")), ValueBand(Money(0, "USD")))
    )
    assert price(value, value=5000) == 800
    assert price(value, value=5001) == 100
    distance = DistanceRate((RateBand(10, usd(200)), RateBand(50, usd(900))))
    assert price(distance, distance_km=10) == 300
    assert price(distance, distance_km=11) == 1000
    assert price(distance, distance_km=51) is None
    assert price(distance) is None, "the distance is unknown"
    assert (
        price(ParcelRate(usd(30)), items=(ConsignmentItem(5, 400),), parcel=ParcelLimits(units=2))
        == 190
    )


def test_goods_that_fit_no_parcel_have_no_option() -> None:
    assert (
        price(WEIGHT, items=(ConsignmentItem(1, 5001),), parcel=ParcelLimits(weight_g=5000)) is None
    )
    assert (
        price(items=(ConsignmentItem(1, 10, 2000, 10, 10),), parcel=ParcelLimits(longest_mm=1500))
        is None
    )


def test_a_charge_without_a_price_in_the_currency_removes_the_option() -> None:
    assert price(QuantityRate((Money(50, "EUR"),))) is None


def test_shipping_is_free_from_the_threshold_on() -> None:
    assert price(WEIGHT, value=5000, free_shipping_threshold=usd(5000)) == 0
    assert price(WEIGHT, value=4999, free_shipping_threshold=usd(5000)) == 400


def test_packing_keeps_every_unit_and_respects_the_limits() -> None:
    for seed in range(500):
        rng = Random(seed)
        limits = ParcelLimits(
            weight_g=rng.choice([None, 1000, 1700]), units=rng.choice([None, 1, 3, 10])
        )
        items = tuple(
            ConsignmentItem(
                rng.randint(1, 12), rng.choice([None, 0, 1, 100, 333, 900, 1000]), 10, 10, 10
            )
            for _ in range(rng.randint(1, 5))
        )
        goods = Consignment(items, Money(100, "USD"))
        parcels = pack(goods, limits, divisor=5000, assumed_g=500)
        assert parcels is not None
        assert sum(p.count * p.units for p in parcels) == sum(i.quantity for i in items)
        weight = sum(i.quantity * (500 if i.weight_g is None else i.weight_g) for i in items)
        assert sum(p.count * p.weight_g for p in parcels) == weight
        assert all(p.count > 0 and p.units > 0 for p in parcels)
        assert all(limits.weight_g is None or p.weight_g <= limits.weight_g for p in parcels)
        assert all(limits.units is None or p.units <= limits.units for p in parcels)
        assert sum(p.count for p in parcels) == parcels_unit_by_unit(items, limits)


def parcels_unit_by_unit(items: tuple[ConsignmentItem, ...], limits: ParcelLimits) -> int:
    """Count parcels by first fit decreasing, unit by unit: the reference for ``pack``."""
    parcels: list[tuple[int, int]] = []
    units = sorted(
        (500 if item.weight_g is None else item.weight_g)
        for item in items
        for _ in range(item.quantity)
    )
    for weight in reversed(units):
        for position, (count, grams) in enumerate(parcels):
            if (limits.units is None or count < limits.units) and (
                limits.weight_g is None or grams + weight <= limits.weight_g
            ):
                parcels[position] = (count + 1, grams + weight)
                break
        else:
            parcels.append((1, weight))
    return len(parcels)


def test_a_million_units_pack_into_few_groups() -> None:
    goods = Consignment(
        (ConsignmentItem(1_000_000, 300), ConsignmentItem(500_000, 700)), Money(1, "USD")
    )
    parcels = pack(goods, ParcelLimits(weight_g=1000), divisor=None, assumed_g=0)
    assert parcels is not None
    assert sum(p.count * p.units for p in parcels) == 1_500_000
    assert len(parcels) < 10


def test_a_weight_rate_never_falls_with_quantity() -> None:
    prices = [price(WEIGHT, items=(ConsignmentItem(n, 170),)) for n in range(1, 60)]
    known = [p for p in prices if p is not None]
    assert len(known) == len(prices)
    assert known == sorted(known)


def test_an_option_has_the_carbon_of_its_method() -> None:
    table = ShippingTable(
        (Zone("us", frozenset({"US"})),),
        (ShippingMethod("m", "us", "M", "X", usd(1), (1, 2), carbon_g_per_kg=500),),
    )
    goods = Consignment((ConsignmentItem(2, 300),), Money(1, "USD"))
    assert shipping_options(goods, US, table=table, at=AT)[0].carbon_g == 300


def test_a_zone_may_leave_out_regions_and_postal_codes() -> None:
    zone = Zone("de", frozenset({"DE"}), excluded_postal_prefixes=("27498",))
    assert zone.contains(Destination("DE", None, "10115"))
    assert not zone.contains(Destination("DE", None, "27498"))
    table = ShippingTable(
        (zone, Zone("all", is_fallback=True)),
        (ShippingMethod("m", "all", "M", "X", usd(1), (1, 1)),),
    )
    goods = Consignment((ConsignmentItem(1),), Money(1, "USD"))
    assert shipping_options(goods, Destination("DE", None, "27498"), table=table, at=AT) == ()
    assert len(shipping_options(goods, Destination("FR"), table=table, at=AT)) == 1


@pytest.mark.parametrize(
    ("method", "code"),
    [
        ({"zone": "excluded_countries"}, "zone_unknown"),
        ({"days": [3, 1]}, "days_invalid"),
        ({"flat": []}, "missing"),
        ({"divisor": 0}, "measure_invalid"),
        ({"parcel": {"units": 0}}, "measure_invalid"),
        (
            {
                "charges": [
                    {"kind": "by_weight", "bands": [{"up_to": 5, "price": []}] * 2},
                ]
            },
            "bands_order",
        ),
        ({"charges": [{"kind": "by_weight", "bands": []}]}, "missing"),
        ({"charges": [{"kind": "by_magic"}]}, "value_unknown"),
    ],
)
def test_an_invalid_table_is_rejected(method: dict[str, Any], code: str) -> None:
    data: dict[str, Any] = {
        "zones": [{"id": "us", "countries": ["US"]}],
        "methods": [
            {
                "id": "m",
                "zone": "us",
                "title": "M",
                "carrier": "X",
                "flat": [{"amount": 1, "currency": "USD"}],
                "days": [1, 2],
                **method,
            }
        ],
    }
    with pytest.raises(InvalidRequest) as raised:
        ShippingTable.from_dict(data)
    assert code in {problem.code for problem in raised.value.problems}


def test_a_table_survives_serialization() -> None:
    assert ShippingTable.from_dict(DEFAULT_TABLE.to_dict()) == DEFAULT_TABLE
    assert not DEFAULT_TABLE.problems()


def test_invalid_quantities_and_measures_are_rejected() -> None:
    for item in (ConsignmentItem(0), ConsignmentItem(1, -1), ConsignmentItem(1, 1, -5)):
        with pytest.raises(InvalidRequest):
            shipping_options(Consignment((item,), Money(1, "USD")), US, at=AT)


@pytest.mark.parametrize(
    ("currencies", "weight_g", "reason"),
    [
        (["EUR"], 400, Undeliverable.CURRENCY),
        (["EUR", "JPY"], 400, Undeliverable.CURRENCY),
        (["EUR", "USD"], 40_000, Undeliverable.WEIGHT),
        ([], 400, Undeliverable.GOODS),
    ],
)
def test_the_reason_without_options_is_that_of_the_methods_with_a_price(
    currencies: list[str], weight_g: int, reason: Undeliverable
) -> None:
    methods = tuple(
        ShippingMethod(
            code, "us", "M", "X", (Money(1, code),), (1, 2), parcel=ParcelLimits(weight_g=1_000)
        )
        for code in currencies
    )
    table = ShippingTable((Zone("us", frozenset({"US"})),), methods)
    goods = Consignment((ConsignmentItem(1, weight_g),), Money(1000, "USD"))
    assert shipping_options(goods, US, table=table, at=AT) == ()
    assert table.undeliverable_reason(goods, US) is reason
    assert table.undeliverable_reason(goods, Destination("DE")) is Undeliverable.PLACE


def test_every_reason_about_goods_has_a_text() -> None:
    assert set(GOODS_UNDELIVERABLE) == set(Undeliverable) - {
        Undeliverable.PLACE,
        Undeliverable.UNLOCATED,
    }
