"""Product files: which kind it is, and its products as entries to import.

A product that cannot be understood is rejected with its line; the others are kept. What a file
says and the shop has no place for is told once, as a notice, not dropped in silence.
"""

import re
from collections.abc import Mapping

from shop.catalog.schemas.file_parsing import FileParseResult, ImportOptions
from shop.kernel.errors import InvalidRequest, Unprocessable
from shop.kernel.money import CURRENCIES
from shop.kernel.text_files import decode_text, detect_wrong_file_type

CSV_MEDIA_TYPES = frozenset({"text/csv", "application/csv"})
YAML_MEDIA_TYPES = frozenset({"application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml"})
MAX_FILE_BYTES = 4_000_000
"""Bytes; a Lambda is handed 6 MB at most, and base64 makes 4 of 3."""
MAX_PRODUCTS_PER_FILE = 1_000
"""Products of one file that are taken in one call; whoever has more sends them in parts."""


def parse_product_file(raw: bytes, kind: str, terms: ImportOptions) -> FileParseResult:
    """Read a product file: ``text/csv`` as Shopify writes it, or ``application/yaml``.

    Raises :class:`Invalid` for another kind or for bytes that are not the text they should be, and
    :class:`Unprocessable` for a file that holds no products at all.
    """
    if kind not in CSV_MEDIA_TYPES and kind not in YAML_MEDIA_TYPES:
        raise InvalidRequest(
            "send text/csv (Shopify's product file) or application/yaml",
            code="content_type_unsupported",
            path="Content-Type",
        )
    text = decode_text(raw, terms.encoding)
    if (other := detect_wrong_file_type(text)) is not None:
        raise Unprocessable(
            f"{other} Send Shopify's product CSV or a YAML list of products.",
            code="file_empty" if not text.strip() else "file_unknown",
            path="$",
        )
    if kind in CSV_MEDIA_TYPES:
        from shop.catalog.schemas.shopify import read_csv  # lazy: one format per request

        reading = read_csv(text, terms)
    else:
        from shop.catalog.schemas.retail_demo_store import (
            read_retail_demo_yaml,  # lazy: one format per request
        )

        reading = read_retail_demo_yaml(text, terms)
    if not reading.entries and not reading.rejected:
        raise Unprocessable("there is no product in this file", code="file_empty", path="$")
    if len(reading.entries) > MAX_PRODUCTS_PER_FILE:
        raise Unprocessable(
            f"Send {MAX_PRODUCTS_PER_FILE} products at most; this file has {len(reading.entries)}.",
            code="too_many_products",
            path="$",
        )
    reading.add_line_notices()
    return _each_once(reading)


def import_options_from_query(query: Mapping[str, str]) -> ImportOptions:
    """``?currency=USD&media=https://…/&first_line=1&encoding=utf-8`` of an import."""
    currency = query.get("currency", "USD")
    if currency not in CURRENCIES:
        raise InvalidRequest("a currency is an ISO 4217 code, such as USD", path="currency")
    media = query.get("media")
    if media is not None and not re.fullmatch(r"https?://[^\s/?#]+/(?:[^\s?#]*/)?", media):
        raise InvalidRequest("media is an http(s) URL that ends in '/'", path="media")
    first_line = query.get("first_line", "1")
    if not re.fullmatch(r"[1-9][0-9]{0,8}", first_line):
        raise InvalidRequest("first_line is a whole number from 1", path="first_line")
    return ImportOptions(currency, media, int(first_line), query.get("encoding", "utf-8").lower())


def _each_once(reading: FileParseResult) -> FileParseResult:
    """Keep the first of two products with one id, or with one SKU."""
    ids: dict[str, int] = {}
    skus: dict[str, int] = {}
    stored = []
    for entry in reading.entries:
        own = {v.sku or entry.product_id for v in entry.draft.variants}
        taken = next((s for s in own if s in skus), None)
        if entry.product_id in ids:
            reason = f"the product of line {ids[entry.product_id]} has the same id"
            reading.reject(entry.line, reason, entry.product_id)
        elif taken is not None:
            reason = f"SKU {taken} belongs to the product of line {skus[taken]}"
            reading.reject(entry.line, reason, entry.product_id)
        else:
            ids[entry.product_id] = entry.line
            skus.update(dict.fromkeys(own, entry.line))
            stored.append(entry)
    reading.entries = stored
    return reading
