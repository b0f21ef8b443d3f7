"""Products and stock for tests, and the request bodies of a buyer."""

from datetime import UTC, datetime
from typing import Any

from shop.catalog.model import Product, ProductStatus, Variant
from shop.kernel.money import Money

FIXED_NOW = datetime(2026, 8, 25, 12, tzinfo=UTC)

ADDRESS = {
    "first_name": "Jane",
    "last_name": "Doe",
    "street_address": "123 Main St",
    "address_locality": "Springfield",
    "address_region": "IL",
    "postal_code": "62701",
    "address_country": "US",
}
ZIP_CODES = {
    "CA": "94107",
    "FL": "33101",
    "HI": "96813",
    "IL": "62701",
    "NJ": "07030",
    "NY": "10001",
    "TX": "78701",
    "WA": "98101",
}
"""A ZIP code of each state in which tests sell."""


def address_in(region: str, country: str = "US") -> dict[str, str]:
    """Return an address in a region; in the US with a ZIP code of the state."""
    address = {**ADDRESS, "address_country": country, "address_region": region}
    if country == "US":
        address["postal_code"] = ZIP_CODES[region]
    return address


def mug(
    product_id: str = "mug", *, price: int = 1299, status: ProductStatus = ProductStatus.PUBLISHED
) -> Product:
    """Return a mug in red (``mug.1``, SKU MUG-RED) and blue (``mug.2``, SKU MUG-BLUE)."""
    return Product(
        id=product_id,
        title="Enamel Mug",
        handle=product_id,
        variants=(
            Variant(
                id=f"{product_id}.1",
                sku=f"{product_id.upper()}-RED",
                title="Red",
                price=Money(price, "USD"),
                weight_g=300,
            ),
            Variant(
                id=f"{product_id}.2",
                sku=f"{product_id.upper()}-BLUE",
                title="Blue",
                price=Money(price + 100, "USD"),
                weight_g=300,
            ),
        ),
        created_at=FIXED_NOW,
        updated_at=FIXED_NOW,
        status=status,
    )


def publish_with_stock(product: Product, *, pieces: int) -> Product:
    """Save a product, with this many pieces of each variant in stock."""
    from shop.catalog.store import DynamoProductCatalog
    from shop.inventory.store import DynamoStockRepository

    counts = {variant.sku: pieces for variant in product.variants}
    DynamoStockRepository().create_levels(counts, actor="test", reason="opening", at=FIXED_NOW)
    return DynamoProductCatalog().save(product, expected_version=product.version)


def lines(*wanted: tuple[str, int]) -> list[dict[str, Any]]:
    """Return UCP line items of ``(variant id, quantity)``."""
    return [{"item": {"id": item}, "quantity": quantity} for item, quantity in wanted]


def checkout_body(
    *wanted: tuple[str, int], option: str | None = None, **more: Any
) -> dict[str, Any]:
    """Return the body of a checkout that is ready to complete: lines, buyer, address."""
    method: dict[str, Any] = {"type": "shipping", "destinations": [ADDRESS]}
    if option:
        method["groups"] = [{"id": "all", "selected_option_id": option}]
    return {
        "line_items": lines(*wanted),
        "buyer": {"email": "jane@example.com", "first_name": "Jane", "last_name": "Doe"},
        "fulfillment": {"methods": [method]},
        **more,
    }


def payment_body(token: str) -> dict[str, Any]:
    """Return the body that completes a checkout with a sandbox token."""
    return {
        "payment": {
            "instruments": [
                {
                    "id": "instrument_1",
                    "handler_id": "sandbox",
                    "type": "token",
                    "selected": True,
                    "credential": {"type": "token", "token": token},
                }
            ]
        }
    }
