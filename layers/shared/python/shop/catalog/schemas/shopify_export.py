"""Products as Shopify's CSV, so that an import of the file changes nothing.

Each product is read back before it is written: what an import would make of it must equal the
product. A product that the format cannot hold is omitted, with the fields that would change.
"""

import csv
import html
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import fields

from pydantic import BaseModel

from shop.catalog.actions.importing import ImportEntry, import_content
from shop.catalog.model import Product, ProductStatus, Variant, VariantStatus
from shop.catalog.model.csv_rows import neutralize_formula
from shop.catalog.model.export_job import ExportedProduct
from shop.catalog.model.import_content import UNTAXED_CLASS
from shop.catalog.model.import_options import ImportOptions
from shop.catalog.model.row_places import ID_COLUMN
from shop.catalog.schemas.shopify import read_csv
from shop.kernel.errors import InvalidRequest

COLUMNS = (
    *("Handle", "Title", "Body (HTML)", "Vendor", "Product Category", "Type", "Tags", "Published"),
    *(f"Option{n} {part}" for n in (1, 2, 3) for part in ("Name", "Value")),
    *("Variant SKU", "Variant Grams", "Variant Inventory Tracker", "Variant Inventory Qty"),
    *("Variant Price", "Variant Compare At Price"),
    *(
        "Variant Taxable",
        "Tax Class",
        "Variant Barcode",
        "Image Src",
        "Image Position",
        "Image Alt Text",
    ),
    *("Variant Image", "Status", ID_COLUMN.title()),
)
_STATUS = {
    ProductStatus.PUBLISHED: "active",
    ProductStatus.DRAFT: "draft",
    ProductStatus.IN_REVIEW: "draft",
    ProductStatus.ARCHIVED: "archived",
}

_FIELD = re.compile(r"[\w -]{1,40}")
"""The name of a field before the reason of a rejection; a sentence has other signs."""


class ProductExportView(BaseModel):
    """A product as a file, or the reason why the format cannot hold it."""

    id: str
    """Id of the product."""
    csv: str | None = None
    """File in Shopify's format with a line of column names. Files can be joined without this line.
    Example: Handle,Title,Variant SKU,Variant Price"""
    omitted: str | None = None
    """Reason why there is no file, in words.
    Example: Its prices are in EUR. Export that currency."""


class ProductExportListView(BaseModel):
    """A page of exported products."""

    products: list[ProductExportView]
    """Products of this page."""
    cursor: str | None = None
    """Cursor of the next page; absent on the last page."""


def export_product(
    product: Product, currency: str, units: Mapping[str, int] | None = None
) -> ProductExportView:
    """Write a product with prices in this currency; ``units`` are those on hand by SKU."""
    if product.currency != currency:
        reason = f"Its prices are in {product.currency}. Export that currency."
        return ProductExportView(id=product.id, omitted=reason)
    text = _csv(_rows(product, units or {}))
    parsed = read_csv(text, ImportOptions(product.currency), max_products=1)
    if not parsed.entries:
        return ProductExportView(id=product.id, omitted=_rejection(parsed.rejected[0].reason))
    if changed := _changed_fields(product, parsed.entries[0]):
        return ProductExportView(id=product.id, omitted=_cannot_hold(", ".join(changed)))
    return ProductExportView(id=product.id, csv=text)


def export_rows(product: Product, currency: str, units: Mapping[str, int]) -> ExportedProduct:
    """Return the rows of a product without the line of column names."""
    view = export_product(product, currency, units)
    rows = None if view.csv is None else view.csv.partition("\n")[2]
    return ExportedProduct(product.id, rows, view.omitted)


def header_line() -> str:
    """Return the line of column names of every export."""
    return _csv([])


def _csv(rows: Iterable[dict[str, str]]) -> str:
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({n: neutralize_formula(text) for n, text in row.items()} for row in rows)
    return file.getvalue()


def _rows(product: Product, units: Mapping[str, int]) -> list[dict[str, str]]:
    """Return the rows of a product: one per active variant, and per image beyond these."""
    variants = [v for v in product.variants if v.status is VariantStatus.ACTIVE]
    rows = []
    for n in range(max(len(variants), len(product.media), 1)):
        row = {"Handle": product.handle, ID_COLUMN.title(): product.id}
        if n == 0:
            row |= _head(product)
        if n < len(variants):
            row |= _variant(variants[n], units.get(variants[n].sku))
        if n < len(product.media):
            medium = product.media[n]
            row |= {"Image Src": medium.url, "Image Position": str(n + 1)}
            row["Image Alt Text"] = medium.alt or ""
        rows.append(row)
    return rows


def _head(product: Product) -> dict[str, str]:
    merchant = [c.value for c in product.categories if c.taxonomy == "merchant"]
    shopify = [c.value for c in product.categories if c.taxonomy == "shopify"]
    return {
        "Title": product.title,
        # A plain description with signs of HTML is written as HTML.
        "Body (HTML)": product.html or html.escape(product.description, quote=False),
        "Vendor": product.brand or "",
        "Product Category": shopify[0] if shopify else "",
        "Type": merchant[0] if merchant else "",
        "Tags": ", ".join(product.tags),
        "Published": "TRUE" if product.status is ProductStatus.PUBLISHED else "FALSE",
        "Status": _STATUS[product.status],
        **{f"Option{n} Name": o.name for n, o in enumerate(product.options[:3], 1)},
    }


def _variant(variant: Variant, units: int | None) -> dict[str, str]:
    return {
        "Variant SKU": variant.sku,
        "Variant Grams": "" if variant.weight_g is None else str(variant.weight_g),
        # Every article of the shop is counted; one without stock has no count yet.
        "Variant Inventory Tracker": "shopify",
        "Variant Inventory Qty": "" if units is None else str(units),
        "Variant Price": f"{variant.price.decimal:f}",
        "Variant Compare At Price": f"{variant.list_price.decimal:f}" if variant.list_price else "",
        "Variant Taxable": "FALSE" if variant.tax_class == UNTAXED_CLASS else "TRUE",
        "Tax Class": variant.tax_class,
        "Variant Barcode": variant.barcode or "",
        "Variant Image": variant.media.url if variant.media else "",
        **{f"Option{n} Value": c.value for n, c in enumerate(variant.choices[:3], 1)},
    }


def _cannot_hold(names: str) -> str:
    return f"Shopify's format cannot hold its {names}. Read it by the API."


def _rejection(reason: str) -> str:
    """Return the reason for a product whose rows an import rejects, with a field or as a whole."""
    name, colon, _ = reason.partition(": ")
    if colon and _FIELD.fullmatch(name):
        return _cannot_hold(name)
    return f"An import of its rows would reject it. {reason} Read it by the API."


def _changed_fields(product: Product, entry: ImportEntry) -> list[str]:
    """Return the names of the fields that an import of the product's own rows would change."""
    if entry.product_id != product.id:
        return ["id"]
    try:
        imported = import_content(entry, product, at=product.updated_at)
    except InvalidRequest as error:
        return [(p.path or "").removeprefix("$.") for p in error.problems]
    # The source is the digest of the file, which an import does not compare.
    names = [f.name for f in fields(Product) if f.name != "source"]
    return [name for name in names if getattr(imported, name) != getattr(product, name)]
