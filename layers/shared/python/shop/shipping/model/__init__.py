"""What shipping is made of. Standard library and kernel; no input, no output, no clock."""

from shop.shipping.model.estimates import Dispatch
from shop.shipping.model.options import Address, Consignment, Item, Place, ShippingOption
from shop.shipping.model.parcels import Limits, Parcel, pack
from shop.shipping.model.places import Distance, Zone
from shop.shipping.model.rates import (
    Band,
    Beyond,
    ByDistance,
    ByParcel,
    ByQuantity,
    ByValue,
    ByWeight,
    Charge,
    ValueBand,
)
from shop.shipping.model.standard import STANDARD
from shop.shipping.model.table import Method, ShippingTable, Undeliverable

__all__ = [
    "STANDARD",
    "Address",
    "Band",
    "Beyond",
    "ByDistance",
    "ByParcel",
    "ByQuantity",
    "ByValue",
    "ByWeight",
    "Charge",
    "Consignment",
    "Dispatch",
    "Distance",
    "Item",
    "Limits",
    "Method",
    "Parcel",
    "Place",
    "ShippingOption",
    "ShippingTable",
    "Undeliverable",
    "ValueBand",
    "Zone",
    "pack",
]
