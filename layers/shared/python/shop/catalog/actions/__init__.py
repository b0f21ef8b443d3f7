"""What people do with the catalogue: shoppers find and choose, staff keep it, files fill it."""

from shop.catalog.actions.importing import Entry, Imported, Rejected, import_entries
from shop.catalog.actions.keeping import (
    Draft,
    DraftVariant,
    change_product,
    create_product,
    list_products,
    move_product,
    product_from,
)
from shop.catalog.actions.shopping import Found, Shown, find_products, look_up, show

__all__ = [
    "Draft",
    "DraftVariant",
    "Entry",
    "Found",
    "Imported",
    "Rejected",
    "Shown",
    "change_product",
    "create_product",
    "find_products",
    "import_entries",
    "list_products",
    "look_up",
    "move_product",
    "product_from",
    "show",
]
