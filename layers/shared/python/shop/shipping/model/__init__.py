"""What shipping is made of. Standard library and kernel; no input, no output, no clock."""

from shop.shipping.model.options import Address, Consignment, Item, Place, ShippingOption
from shop.shipping.model.parcels import Limits, Parcel, pack
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
from shop.shipping.model.table import Method, ShippingTable, Zone

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
    "Item",
    "Limits",
    "Method",
    "Parcel",
    "Place",
    "ShippingOption",
    "ShippingTable",
    "ValueBand",
    "Zone",
    "pack",
]
