"""Sample products."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from shop.catalog.model import (
    Category,
    Media,
    Option,
    OptionChoice,
    Product,
    ProductStatus,
    Variant,
)
from shop.kernel.money import Money

THEN = datetime(2026, 8, 25, 12, tzinfo=UTC)
LATER = datetime(2026, 8, 26, 12, tzinfo=UTC)


def simple(product_id: str, title: str, *, price: int = 1000, **more: Any) -> Product:
    """Return a published product with one variant and no options."""
    return Product(
        **{
            "id": product_id,
            "title": title,
            "handle": product_id,
            "variants": (
                Variant(
                    id=f"{product_id}.1", sku=product_id, title=title, price=Money(price, "USD")
                ),
            ),
            "created_at": THEN,
            "updated_at": THEN,
            "status": ProductStatus.PUBLISHED,
            **more,
        }
    )


def shirt(product_id: str = "shirt", **more: Any) -> Product:
    """Return a shirt in blue and red, in S, M and L, without a red L."""
    pairs = [("Blue", "S"), ("Blue", "M"), ("Blue", "L"), ("Red", "S"), ("Red", "M")]
    defaults: dict[str, Any] = {
        "description": "A light shirt for warm days.",
        "brand": "Fabrikam",
        "categories": (Category("Apparel > Shirts"),),
        "tags": ("summer",),
        "media": (Media("https://cdn.example/shirt.jpg", alt="A shirt"),),
        "options": (Option("Color", ("Blue", "Red")), Option("Size", ("S", "M", "L"))),
        "variants": tuple(
            Variant(
                id=f"{product_id}.{n}",
                sku=f"{product_id}-{color}-{size}".upper(),
                title=f"{color} / {size}",
                price=Money(4000 if size == "L" else 3500, "USD"),
                list_price=Money(5000, "USD") if color == "Red" else None,
                choices=(OptionChoice("Color", color), OptionChoice("Size", size)),
                weight_g=200,
            )
            for n, (color, size) in enumerate(pairs, 1)
        ),
    }
    return replace(simple(product_id, "Linen Shirt"), **{**defaults, **more})
