"""Product files: detect the format and parse the products into import entries.

An invalid product is rejected with its line, and the others are imported. Data that the shop does
not support is reported once, in a notice.
"""

import re
from collections.abc import Mapping

from shop.catalog.model.import_options import ImportOptions
from shop.catalog.schemas.file_numbers import DECIMAL_SIGNS
from shop.catalog.schemas.file_parsing import FileParseResult
from shop.kernel.errors import InvalidRequest, Unprocessable
from shop.kernel.money import CURRENCIES
from shop.kernel.text_files import decode_text, detect_wrong_file_type

CSV_MEDIA_TYPES = frozenset({"text/csv", "application/csv"})
YAML_MEDIA_TYPES = frozenset({"application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml"})
MAX_FILE_BYTES = 4_000_000
"""Bytes: a Lambda accepts 6 MB, and base64 turns 3 bytes into 4."""
MAX_PRODUCTS_PER_FILE = 1_000
"""Products in one call; clients split larger files."""


def parse_product_file(raw: bytes, kind: str, options: ImportOptions) -> FileParseResult:
    """Parse a product file: ``text/csv`` in Shopify's format, or ``application/yaml``.

    Raises :class:`InvalidRequest` for another media type or a wrong encoding, and
    :class:`Unprocessable` for another type of file, no products or too many products.
    """
    if kind not in CSV_MEDIA_TYPES and kind not in YAML_MEDIA_TYPES:
        raise InvalidRequest(
            "Send text/csv (Shopify's product file) or application/yaml.",
            code="content_type_unsupported",
            path="Content-Type",
        )
    text = decode_text(raw, options.encoding)
    if (wrong_type := detect_wrong_file_type(text)) is not None:
        raise Unprocessable(
            f"{wrong_type} Send Shopify's product CSV or a YAML list of products.",
            code="file_empty" if not text.strip() else "file_unknown",
            path="$",
        )
    if kind in CSV_MEDIA_TYPES:
        from shop.catalog.schemas.shopify import read_csv  # lazy: a file is of one kind

        result = read_csv(text, options, max_products=MAX_PRODUCTS_PER_FILE)
    else:
        from shop.catalog.schemas import retail_demo_store  # lazy: loads PyYAML

        result = retail_demo_store.read_retail_demo_yaml(
            text, options, max_products=MAX_PRODUCTS_PER_FILE
        )
    if not result.entries and not result.rejected:
        raise Unprocessable(
            "The file contains no products. Send at least one.", code="file_empty", path="$"
        )
    return without_duplicates(result)


def parse_file_currency(currency: str | None) -> str:
    """Return the currency of a file's prices. Raises :class:`InvalidRequest` without one."""
    if not currency:
        raise InvalidRequest(
            "The currency of the prices is required. Add it to the query, as in ?currency=USD.",
            code="missing",
            path="currency",
        )
    if currency not in CURRENCIES:
        raise InvalidRequest(
            "Currency must be an ISO 4217 code such as USD.",
            code="currency_unknown",
            path="currency",
        )
    return currency


MEDIA_DETAIL = "Media must be an http(s) URL that ends in '/'."


def is_media_base(text: str) -> bool:
    """Return whether a text can be the base URL of images."""
    return re.fullmatch(r"https?://[^\s/?#]+/(?:[^\s?#]*/)?", text) is not None


def import_options_from_query(query: Mapping[str, str]) -> ImportOptions:
    """Parse ``?currency=USD&decimal=point&media=https://…/&first_line=1&encoding=utf-8``.

    Raises :class:`InvalidRequest` for an invalid value, and without a currency: no file format
    names it, and a price in the wrong currency would be sold.
    """
    currency = parse_file_currency(query.get("currency"))
    decimal = query.get("decimal", "point")
    if decimal not in DECIMAL_SIGNS:
        raise InvalidRequest(
            f"Decimal must be one of {', '.join(DECIMAL_SIGNS)}.",
            code="value_unknown",
            path="decimal",
        )
    media = query.get("media")
    if media is not None and not is_media_base(media):
        raise InvalidRequest(MEDIA_DETAIL, code="url_invalid", path="media")
    first_line = query.get("first_line", "1")
    if not re.fullmatch(r"[1-9][0-9]{0,8}", first_line):
        raise InvalidRequest(
            "First line must be a whole number from 1 to 999999999.",
            code="out_of_range",
            path="first_line",
        )
    encoding = query.get("encoding", "utf-8").lower()
    return ImportOptions(currency, media, int(first_line), encoding, decimal)


def without_duplicates(result: FileParseResult) -> FileParseResult:
    """Return the result with only the first of several products with the same id or SKU."""
    ids: dict[str, int] = {}
    skus: dict[str, int] = {}
    unique = []
    for entry in result.entries:
        own = {v.sku or entry.product_id for v in entry.draft.variants}
        duplicate = next((sku for sku in own if sku in skus), None)
        if entry.product_id in ids:
            reason = f"id: Must be unique: line {ids[entry.product_id]} has the same product."
            result.reject(entry.line, reason, entry.product_id)
        elif duplicate is not None:
            reason = (
                f"SKU {duplicate} belongs to the product of line {skus[duplicate]}. Choose another."
            )
            result.reject(entry.line, reason, entry.product_id)
        else:
            ids[entry.product_id] = entry.line
            skus.update(dict.fromkeys(own, entry.line))
            unique.append(entry)
    result.entries = unique
    return result
