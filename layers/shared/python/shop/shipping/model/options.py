"""The goods of one shipment, and the shipping options for them."""

from datetime import datetime

from shop.kernel.errors import InvalidRequest, Problem
from shop.kernel.frozen import frozen
from shop.kernel.money import Money


@frozen
class ConsignmentItem:
    """A quantity of one article. Sizes (millimetres) and weight (grams) are of one unit."""

    quantity: int
    weight_g: int | None = None
    length_mm: int | None = None
    width_mm: int | None = None
    height_mm: int | None = None


@frozen
class Consignment:
    """Goods that are shipped together.

    ``value`` is the price of the goods after discounts; free shipping depends on it.
    ``distance_km`` is the measured distance, if it is known. Otherwise the distances of the table
    apply (:class:`shop.places.model.zones.Distance`).
    """

    items: tuple[ConsignmentItem, ...]
    value: Money
    distance_km: int | None = None

    def validate(self) -> None:
        """Raise InvalidRequest with every quantity below 1 and every negative measure."""
        problems = []
        for index, item in enumerate(self.items):
            if item.quantity < 1:
                problems.append(
                    Problem(
                        "quantity_invalid",
                        f"Quantity must be 1 or more, not {item.quantity}.",
                        f"$.items[{index}].quantity",
                    )
                )
            for name in ("weight_g", "length_mm", "width_mm", "height_mm"):
                measure = getattr(item, name)
                if measure is not None and measure < 0:
                    problems.append(
                        Problem(
                            "measure_invalid",
                            f"{name} must be 0 or more, not {measure}.",
                            f"$.items[{index}].{name}",
                        )
                    )
        if problems:
            raise InvalidRequest(problems[0].detail, code=problems[0].code, problems=problems)


@frozen
class ShippingOption:
    """A shipping method with its price for certain goods.

    ``earliest`` and ``latest`` limit the expected delivery (UTC). ``parcels`` is the number of
    parcels. ``carbon_g`` is grams of CO2e, if the method defines them.
    """

    id: str
    title: str
    price: Money
    earliest: datetime
    latest: datetime
    carrier: str
    parcels: int = 1
    carbon_g: int | None = None
