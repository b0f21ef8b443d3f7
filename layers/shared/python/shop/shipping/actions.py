"""What is done with shipping: offer the ways a basket can travel."""

from datetime import datetime

from shop.shipping.model.options import Consignment, Place, ShippingOption
from shop.shipping.model.standard import STANDARD
from shop.shipping.model.table import ShippingTable


def options(
    goods: Consignment, destination: Place, *, table: ShippingTable = STANDARD, at: datetime
) -> tuple[ShippingOption, ...]:
    """The ways these goods can get there, cheapest first; an empty tuple where the shop cannot
    deliver.

    Raises :class:`shop.kernel.errors.Invalid` for a quantity below 1 or a negative measure.
    """
    return table.options(goods, destination, at)
