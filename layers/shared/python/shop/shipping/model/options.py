"""What goes out, where to, and the ways it can travel."""

from datetime import datetime

from shop.kernel.errors import InvalidRequest, Problem
from shop.kernel.frozen import frozen
from shop.kernel.money import Money


@frozen
class ConsignmentItem:
    """A quantity of something to be packed. Sizes and weight are of one unit: millimetres and
    grams.
    """

    quantity: int
    weight_g: int | None = None
    length_mm: int | None = None
    width_mm: int | None = None
    height_mm: int | None = None


@frozen
class Consignment:
    """What is shipped together. ``value`` is what the goods cost after reductions: free-over looks
    at it.

    ``distance_km`` is set where somebody measured this very way; otherwise the table's distances
    tell it (:class:`shop.places.model.zones.Distance`).
    """

    items: tuple[ConsignmentItem, ...]
    value: Money
    distance_km: int | None = None

    def validate(self) -> None:
        """Raise :class:`Invalid` with every problem unless this can be packed."""
        problems = []
        for place, item in enumerate(self.items):
            if item.quantity < 1:
                problems.append(
                    Problem(
                        "quantity_invalid",
                        f"a quantity is at least 1, not {item.quantity}",
                        f"$.items[{place}].quantity",
                    )
                )
            for name in ("weight_g", "length_mm", "width_mm", "height_mm"):
                measure = getattr(item, name)
                if measure is not None and measure < 0:
                    problems.append(
                        Problem(
                            "measure_invalid",
                            f"{name} is not negative",
                            f"$.items[{place}].{name}",
                        )
                    )
        if problems:
            raise InvalidRequest(problems[0].detail, code=problems[0].code, problems=problems)


@frozen
class ShippingOption:
    """One way it can travel. The estimate is two instants (UTC), the first and the last expected.

    ``parcels`` is how many are sent; ``carbon_g`` the place for grams of CO2e where somebody knows
    them.
    """

    id: str
    title: str
    price: Money
    earliest: datetime
    latest: datetime
    carrier: str
    parcels: int = 1
    carbon_g: int | None = None
