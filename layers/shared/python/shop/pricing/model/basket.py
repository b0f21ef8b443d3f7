"""What is to be priced: lines, for whom, where to, and the codes they typed."""

from shop.kernel.errors import InvalidRequest, Problem
from shop.kernel.frozen import frozen
from shop.kernel.money import Money
from shop.places.model.destination import Destination
from shop.tax.model.rates import STANDARD

MAX_UNITS_PER_LINE = 1_000_000
"""The most units one line may ask for: beyond it a typing error, not a trade."""


@frozen
class CustomerFacts:
    """What the rules may know of a customer; a guest has an empty one, or ``None`` in the basket.

    ``orders_before`` is ``None`` where nobody counted: then "first order" does not hold.
    ``vat_id`` is set only after its form was checked (:class:`shop.tax.ports.VatNumbers`).
    """

    id: str | None = None
    groups: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    orders_before: int | None = None
    vat_id: str | None = None


@frozen
class BasketLine:
    """A quantity of one variant. ``unit_price`` is the catalogue's; price lists may replace it.

    ``seen_price`` is what the client showed the customer, ``lowest_30_days`` the reference price of
    a reduced article (:mod:`shop.pricing.model.price_history`). Sizes are millimetres, weight grams.
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
    seen_price: Money | None = None


@frozen
class Basket:
    """Everything a quote depends on, but the rules and the instant.

    ``shipping`` is the price of the option chosen, in the market's own tax mode (``None``: none
    chosen yet) and ``shipping_method`` that option's id. ``seen_total`` is what the client showed.
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
    seen_total: Money | None = None

    def validate(self) -> None:
        """Raise :class:`Invalid` with every problem, unless this basket can be priced."""
        problems: list[Problem] = []
        seen: set[str] = set()
        for place, line in enumerate(self.lines):
            path = f"$.lines[{place}]"
            if not 1 <= line.quantity <= MAX_UNITS_PER_LINE:
                problems.append(
                    Problem(
                        "quantity_invalid",
                        f"a quantity is 1 to {MAX_UNITS_PER_LINE}, not {line.quantity}",
                        f"{path}.quantity",
                    )
                )
            if line.unit_price.minor < 0:
                problems.append(
                    Problem("price_invalid", "a price is not negative", f"{path}.unit_price")
                )
            if line.id in seen:
                problems.append(
                    Problem("line_repeated", f"line {line.id!r} stands twice", f"{path}.id")
                )
            seen.add(line.id)
        if self.shipping is not None:
            if self.shipping.currency != self.currency:
                problems.append(
                    Problem(
                        "currency_mismatch",
                        f"shipping is in {self.shipping.currency}, the basket in {self.currency}",
                        "$.shipping",
                    )
                )
            elif self.shipping.minor < 0:
                problems.append(Problem("price_invalid", "a price is not negative", "$.shipping"))
        if problems:
            raise InvalidRequest(problems[0].detail, code=problems[0].code, problems=problems)
