"""Domain model of shipping. Pure: no input or output, no clock."""

from shop.shipping.model.default_table import DEFAULT_TABLE
from shop.shipping.model.delivery_estimates import DispatchSchedule
from shop.shipping.model.options import Consignment, ConsignmentItem, ShippingOption
from shop.shipping.model.packing import PackedParcel, ParcelLimits, pack
from shop.shipping.model.rate_table import ShippingMethod, ShippingTable, Undeliverable
from shop.shipping.model.rates import (
    Charge,
    DistanceRate,
    ExcessRate,
    ParcelRate,
    QuantityRate,
    RateBand,
    ValueBand,
    ValueRate,
    WeightRate,
)

__all__ = [
    "DEFAULT_TABLE",
    "Charge",
    "Consignment",
    "ConsignmentItem",
    "DispatchSchedule",
    "DistanceRate",
    "ExcessRate",
    "PackedParcel",
    "ParcelLimits",
    "ParcelRate",
    "QuantityRate",
    "RateBand",
    "ShippingMethod",
    "ShippingOption",
    "ShippingTable",
    "Undeliverable",
    "ValueBand",
    "ValueRate",
    "WeightRate",
    "pack",
]
