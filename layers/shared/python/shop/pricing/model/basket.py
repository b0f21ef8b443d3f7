"""The input of a quote: lines, customer, destination and discount codes."""

from shop.kernel.errors import InvalidRequest, Problem
from shop.kernel.frozen import frozen
from shop.kernel.money import Money
from shop.places.model.destination import Destination
from shop.tax.model.rates import STANDARD

MAX_UNITS_PER_LINE = 1_000_000
"""Highest quantity of a line; a higher one counts as a typing error."""


@frozen
class CustomerFacts:
    """The facts about a customer that rules use; all fields are empty for a guest.

    ``previous_orders`` is ``None`` if they were not counted; a first-order promotion then does not
    apply (docs/rules/pricing.md §4.1). ``vat_id`` was validated by
    :class:`shop.tax.ports.VatNumbers`.
    """

    id: str | None = None
    groups: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    previous_orders: int | None = None
    vat_id: str | None = None


@frozen
class BasketLine:
    """A quantity of one variant.

    ``unit_price`` is the catalog price before price lists. ``lowest_30_days`` is the reference
    price of a reduced article (:mod:`shop.pricing.model.price_history`). Prices, lengths in
    millimetres and weights in grams are those of one unit.
    """

    id: str
    product_id: str
    variant_id: str
    sku: str
    title: str
    unit_price: Money
    quantity: int
    categories: tuple[str, ...] = ()
    weight_g: int | None = None
    length_mm: int | None = None
    width_mm: int | None = None
    height_mm: int | None = None
    tax_class: str = STANDARD
    compare_at: Money | None = None
    lowest_30_days: Money | None = None


@frozen(slots=False)
class Basket:
    """The whole input of a quote except the rules and the instant.

    ``shipping`` is the price of the selected option (``None``: no option is selected). It includes
    tax if the prices of the market do. ``shipping_method`` is the id of the option.

    A fact that promotions need and that is calculated from the lines is a ``cached_property``: each
    of two hundred promotions asks for it.
    """

    lines: tuple[BasketLine, ...]
    currency: str
    market: str = "US"
    channel: str = "web"
    customer: CustomerFacts | None = None
    destination: Destination | None = None
    shipping: Money | None = None
    shipping_method: str | None = None
    codes: tuple[str, ...] = ()

    def validate(self) -> None:
        """Raise :class:`InvalidRequest` with every problem that prevents a quote."""
        problems: list[Problem] = []
        line_ids: set[str] = set()
        for place, line in enumerate(self.lines):
            path = f"$.lines[{place}]"
            if not 1 <= line.quantity <= MAX_UNITS_PER_LINE:
                problems.append(
                    Problem(
                        "quantity_invalid",
                        f"Quantity must be from 1 to {MAX_UNITS_PER_LINE}.",
                        f"{path}.quantity",
                    )
                )
            if line.unit_price.minor < 0:
                problems.append(
                    Problem("price_invalid", "Price must be 0 or more.", f"{path}.unit_price")
                )
            if line.id in line_ids:
                problems.append(
                    Problem("duplicate", f"Line id {line.id!r} must be unique.", f"{path}.id")
                )
            line_ids.add(line.id)
        if self.shipping is not None:
            if self.shipping.currency != self.currency:
                problems.append(
                    Problem(
                        "currency_mismatch",
                        f"Shipping is in {self.shipping.currency}; it must be in the basket's"
                        f" currency {self.currency}.",
                        "$.shipping",
                    )
                )
            elif self.shipping.minor < 0:
                problems.append(Problem("price_invalid", "Price must be 0 or more.", "$.shipping"))
        if problems:
            raise InvalidRequest(problems[0].detail, code=problems[0].code, problems=problems)
