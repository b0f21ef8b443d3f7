"""What shipping is made of. Standard library and kernel; no input, no output, no clock."""

from shop.shipping.model.options import Address, Consignment, Item, Place, ShippingOption
from shop.shipping.model.standard import STANDARD
from shop.shipping.model.table import Method, ShippingTable, Zone

__all__ = [
    "STANDARD",
    "Address",
    "Consignment",
    "Item",
    "Method",
    "Place",
    "ShippingOption",
    "ShippingTable",
    "Zone",
]
